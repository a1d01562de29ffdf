// Owns: int4 products on NEON's dot products: 16 bytes of a step are 4 rows x 4 k, exactly one sdot
// operand for the low nibbles and one for the high (0 ... 15 are valid i8; with a codebook tbl
// makes them its entries).
// Must not: load past the tensor (prefetches may run past it).
// Source: Spec/ARITHMETIC.md, rule 4.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "math/vial_bits.h"
#include "dispatch/vial_family.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_NEON_DOTPROD))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")
#define VIAL_NEON_BITS 4

enum { PREFETCH_BYTES = 4096 };

/// sdot of 4 rows x 4 k with 4 k of one token, the one in `lane` of x.
VIAL_INLINE int32x4_t dot_lane(int32x4_t dot, int8x16_t w, int8x16_t x, const int lane) {
  switch (lane) {
    case 0: return vdotq_laneq_s32(dot, w, x, 0);
    case 1: return vdotq_laneq_s32(dot, w, x, 1);
    case 2: return vdotq_laneq_s32(dot, w, x, 2);
    default: return vdotq_laneq_s32(dot, w, x, 3);
  }
}

/// 8 k of W tokens: lanes 0 ... W-1 hold the first 4 k, the next W lanes the other 4.
VIAL_INLINE void load_tokens(const int W, const int32_t *a, int8x16_t x[4]) {
  if (W == 1)
    x[0] = vreinterpretq_s8_s32(vcombine_s32(vld1_s32(a), vld1_s32(a)));
  else
    UNROLL for (int i = 0; i < W / 2; i++) x[i] = vreinterpretq_s8_s32(vld1q_s32(a + 4 * i));
}

VIAL_INLINE void dot_group(
  const int W, const int C, const int Q, const int G, const int8_t *entries, const uint8_t *q, const int32_t *a,
  int32x4_t dot[4][8]) {
  const int8x16_t table = entries ? vld1q_s8(entries) : vdupq_n_s8(0);
  const uint8x16_t low_nibbles = vdupq_n_u8(15);
  const int second = C <= 2 ? C : 0;  // few tokens: two chains per output, for the latency of sdot
  if (second)
    UNROLL for (int i = 0; i < Q; i++) UNROLL for (int c = 0; c < C; c++) dot[i][second + c] = vdupq_n_s32(0);
  for (int k = 0; k < G / 8; k++, a += 2 * W, q += 64) {
    int8x16_t x[4];
    load_tokens(W, a, x);
    __builtin_prefetch(q + PREFETCH_BYTES);
    UNROLL for (int i = 0; i < Q; i++) {
      uint8x16_t v = vld1q_u8(q + 16 * i);
      int8x16_t low = vreinterpretq_s8_u8(vandq_u8(v, low_nibbles)), high = vreinterpretq_s8_u8(vshrq_n_u8(v, 4));
      if (entries) {
        low = vqtbl1q_s8(table, vreinterpretq_u8_s8(low));
        high = vqtbl1q_s8(table, vreinterpretq_u8_s8(high));
      }
      UNROLL for (int c = 0; c < C; c++) dot[i][c] = dot_lane(dot[i][c], low, x[c / 4], c % 4);
      UNROLL for (int c = 0; c < C; c++)
        dot[i][second + c] = dot_lane(dot[i][second + c], high, x[(W + c) / 4], (W + c) % 4);
    }
  }
  if (second)
    UNROLL for (int i = 0; i < Q; i++)
      UNROLL for (int c = 0; c < C; c++) dot[i][c] = vaddq_s32(dot[i][c], dot[i][second + c]);
}

#include "matmul/vial_neon_products.h"
VIAL_MATMUL(vial_matmul_q4_neon_dotprod)
#pragma clang attribute pop
#endif
