// Owns: the 2x2 blocks of NEON's 8-bit matrix products: operands of 2 rows or 2 tokens x 8 k,
// results back to lanes = rows.
// Must not: know the encoding of weights.
// Source: Spec/ARITHMETIC.md, rule 4.
// Include inside the target region.
#ifndef VIAL_NEON_PAIRS_H
#define VIAL_NEON_PAIRS_H

/// 8 k of W tokens as smmla operands of 2 tokens x 8 k each, from the panel's [4 k][token].
VIAL_INLINE void load_token_pairs(const int W, const int32_t *a, int8x16_t x[4]) {
  UNROLL for (int i = 0; i < W / 4; i++) {
    int32x4_t first = vld1q_s32(a + 4 * i), next = vld1q_s32(a + W + 4 * i);
    x[2 * i] = vreinterpretq_s8_s32(vzip1q_s32(first, next));
    x[2 * i + 1] = vreinterpretq_s8_s32(vzip2q_s32(first, next));
  }
}

/// One quad's step of 8 k (first and last 4 k of its 4 rows): rows 0 and 1 into pairs[0], rows 2
/// and 3 into pairs[1].
VIAL_INLINE void multiply_pairs(
  const int C, int8x16_t first, int8x16_t next, const int8x16_t x[4], int32x4_t pairs[2][4]) {
  int32x4_t f = vreinterpretq_s32_s8(first), n = vreinterpretq_s32_s8(next);
  int8x16_t upper = vreinterpretq_s8_s32(vzip1q_s32(f, n)), lower = vreinterpretq_s8_s32(vzip2q_s32(f, n));
  UNROLL for (int i = 0; i < C / 2; i++) {
    pairs[0][i] = vmmlaq_s32(pairs[0][i], upper, x[i]);
    pairs[1][i] = vmmlaq_s32(pairs[1][i], lower, x[i]);
  }
}

/// Adds the 2x2 blocks {row, token} 00 01 10 11 to dot[token].
VIAL_INLINE void add_pairs(const int C, int32x4_t pairs[2][4], int32x4_t dot[8]) {
  UNROLL for (int i = 0; i < C / 2; i++) {
    dot[2 * i] = vaddq_s32(dot[2 * i], vuzp1q_s32(pairs[0][i], pairs[1][i]));
    dot[2 * i + 1] = vaddq_s32(dot[2 * i + 1], vuzp2q_s32(pairs[0][i], pairs[1][i]));
  }
}
#endif
