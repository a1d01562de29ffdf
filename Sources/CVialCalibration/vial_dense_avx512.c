// Owns: the dense functions for 512-bit registers.
// Must not: be called on a CPU without it (vial_dense_find.c checks).
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq"))), apply_to = function)
#define VIAL_DENSE_ROWS 12
#define VIAL_DENSE_VECTORS 2
#include "vial_dense_lanes.h"
#pragma clang attribute pop

const vial_dense vial_dense_avx512 = {
  .name = "avx512", .multiply = multiply, .gptq_round = gptq_round, .coordinate_descent = coordinate_descent, .scale_search = scale_search,
  .codebook_scale_search = codebook_scale_search};
#endif
