// Owns: int8 products on NEON's 8-bit matrix products: two steps of 4 k zipped are 2 rows x 8 k,
// one smmla operand.
// Must not: load past the tensor (prefetches may run past it).
// Source: Spec/ARITHMETIC.md, rule 4.
// One or two tokens leave nothing to a matrix instruction: sdot serves them.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "math/vial_bits.h"
#include "dispatch/vial_family.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_NEON_I8MM))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")
#define VIAL_NEON_BITS 8

enum { PREFETCH_BYTES = 4096 };

#include "matmul/vial_neon_pairs.h"

VIAL_INLINE void dot_group(
  const int W, const int C, const int Q, const int G, const int8_t *entries, const uint8_t *q, const int32_t *a,
  int32x4_t dot[4][8]) {
  (void)entries;  // int8 has no codebook
  int32x4_t pairs[4][2][4];
  UNROLL for (int i = 0; i < Q; i++)
    UNROLL for (int j = 0; j < C / 2; j++) pairs[i][0][j] = pairs[i][1][j] = vdupq_n_s32(0);
  for (int k = 0; k < G / 8; k++, a += 2 * W, q += 128) {
    int8x16_t x[4];
    load_token_pairs(W, a, x);
    __builtin_prefetch(q + PREFETCH_BYTES);
    __builtin_prefetch(q + PREFETCH_BYTES + 64);
    UNROLL for (int i = 0; i < Q; i++)
      multiply_pairs(
        C, vreinterpretq_s8_u8(vld1q_u8(q + 16 * i)), vreinterpretq_s8_u8(vld1q_u8(q + 64 + 16 * i)), x, pairs[i]);
  }
  UNROLL for (int i = 0; i < Q; i++) add_pairs(C, pairs[i], dot[i]);
}

#include "matmul/vial_neon_products.h"
VIAL_MATMUL_FROM_4(vial_matmul_q8_neon_i8mm, vial_matmul_q8_neon_dotprod)
#pragma clang attribute pop
#endif
