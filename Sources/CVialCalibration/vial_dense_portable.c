// Owns: the dense functions for any CPU; fused multiply-adds are the C library's where the
// instruction set has none.
// Must not: name an instruction set.
#define VIAL_DENSE_ROWS 6
#define VIAL_DENSE_VECTORS 1
#include "vial_dense_lanes.h"

const vial_dense vial_dense_portable = {
  .name = "portable", .multiply = multiply, .gptq_round = gptq_round, .coordinate_descent = coordinate_descent, .scale_search = scale_search,
  .codebook_scale_search = codebook_scale_search};
