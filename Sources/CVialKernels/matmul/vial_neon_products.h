// Owns: what the integer products on Arm share: the walk over groups, and the float side of rule 4.
// Must not: know how integers are multiplied: the including file's dot_group does.
// Source: Spec/ARITHMETIC.md, rule 4.
//
// The including file, inside its target region, defines
//   VIAL_NEON_BITS          4 or 8, the bits of a weight
//   dot_group(W, C, Q, G, entries, q, a, dot)
//                           dot[i][c] += the products of quad i (4 rows, 16 bytes of each 64) of Q
//                           quads from q on with the first C of W tokens over a group of G;
//                           exact, in any order. entries: a codebook's, or NULL, known when
//                           compiling.
#ifndef VIAL_NEON_PRODUCTS_H
#define VIAL_NEON_PRODUCTS_H
#include "matmul/vial_panel_walk.h"

VIAL_INLINE float32x4_t load_scales(const uint8_t *p) {
  uint16x4_t bits;
  memcpy(&bits, p, sizeof bits);
  return vcvt_f32_f16(vreinterpret_f16_u16(bits));
}
VIAL_INLINE int32x4_t load_zeros(const uint8_t *p) {
  uint32_t bytes;
  memcpy(&bytes, p, sizeof bytes);
  bytes &= 0x0F0F0F0F;
  return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(bytes)))));
}
VIAL_INLINE void store_rows(float *out, uint32_t n, uint32_t rows, float32x4_t v) {
  if (n + 4 <= rows)
    vst1q_f32(out + n, v);
  else if (n < rows)
    memcpy(out + n, &v, (rows - n) * sizeof(float));
}

/// One tile, the first C tokens of one panel that is W wide, Q of the tile's four quads at a time:
/// Q * C accumulators fit the registers.
VIAL_INLINE void product(
  const int W, const int C, const int G, const int asymmetric, const int codebook, VIAL_PRODUCT_PARAMETERS) {
  const int Q = C > 4 ? 2 : 4;
  const size_t tail = VIAL_NEON_BITS * 2 * (size_t)G, record = tail + (asymmetric ? 48 : 32);
  const uint8_t *base = p->bytes + panel * p->panel_byte_count;
  const int32_t *a = (const int32_t *)(const void *)base;
  const float *scales = (const float *)(const void *)(base + p->scale_offset);
  const int32_t *sums = (const int32_t *)(const void *)(base + p->sum_offset);
  float32x4_t acc[4][8];
  UNROLL for (int i = 0; i < 4; i++) UNROLL for (int c = 0; c < C; c++) acc[i][c] = vdupq_n_f32(0.0f);
  for (uint32_t g = 0; g < p->group_count; g++, tile += record, a += G / 4 * W, scales += W, sums += W)
    UNROLL for (int i0 = 0; i0 < 4; i0 += Q) {
      int32x4_t dot[4][8];
      UNROLL for (int i = 0; i < Q; i++)  // the correction -zero * sum costs nothing as a start
        UNROLL for (int c = 0; c < C; c++) {
          if (VIAL_NEON_BITS == 8 || codebook)
            dot[i][c] = vdupq_n_s32(0);
          else if (asymmetric)
            dot[i][c] = vmulq_n_s32(load_zeros(tile + tail + 32 + 4 * (i0 + i)), sums[c] >> 3);
          else
            dot[i][c] = vdupq_n_s32(sums[c]);
        }
      dot_group(W, C, Q, G, codebook ? w->entries : NULL, tile + 16 * i0, a, dot);
      UNROLL for (int i = 0; i < Q; i++) {
        float32x4_t scale = load_scales(tile + tail + 8 * (i0 + i));
        UNROLL for (int c = 0; c < C; c++)
          acc[i0 + i][c] = vfmaq_f32(acc[i0 + i][c], vcvtq_f32_s32(dot[i][c]), vmulq_n_f32(scale, scales[c]));
      }
    }
  UNROLL for (int i = 0; i < 4; i++)
    UNROLL for (int c = 0; c < C; c++)
      if (panel * (uint32_t)W + (uint32_t)c < p->token_count)
        store_rows(out + ((size_t)panel * W + c) * out_stride, row0 + (uint32_t)i * 4, w->rows, acc[i][c]);
}

/// Symmetric, with zero points, with a codebook.
#define FORMS(W, C, G)                                       \
  do {                                                       \
    if (form == 2)                                           \
      product(W, C, G, 0, 1, VIAL_PRODUCT_ARGUMENTS);        \
    else if (form == 1)                                      \
      product(W, C, G, 1, 0, VIAL_PRODUCT_ARGUMENTS);        \
    else                                                     \
      product(W, C, G, 0, 0, VIAL_PRODUCT_ARGUMENTS);        \
  } while (0)
#define PRODUCT(W, C)                                                                \
  const int form = VIAL_NEON_BITS == 8 ? 0 : w->codebook ? 2 : w->asymmetric;        \
  switch (w->group) {                                                                \
    case 32: FORMS(W, C, 32); break;                                                 \
    case 64: FORMS(W, C, 64); break;                                                 \
    default: FORMS(W, C, 128);                                                       \
  }
#endif
