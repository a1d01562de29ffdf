// Owns: int8 products on AVX2: one tile (two halves of 8 rows) x C tokens.
// Must not: let an i16 saturate.
// Source: Spec/ARITHMETIC.md, rule 4.
// The weight's magnitude times the activation with the weight's sign, two per i16, is at most 128 *
// 127 * 2 = 32512 even for the weight -128 that a packer never writes.
#if defined(__x86_64__)
#include <immintrin.h>

#include "math/vial_bits.h"
#include "dispatch/vial_family.h"
#include "matmul/vial_panel_walk.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_AVX2))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")

enum { PREFETCH_BYTES = 4096 };

VIAL_INLINE void store_rows(float *out, uint32_t n, uint32_t rows, __m256 v) {
  if (n + 8 <= rows)
    _mm256_storeu_ps(out + n, v);
  else if (n < rows)
    memcpy(out + n, &v, (rows - n) * sizeof(float));
}

/// dot of 8 rows with the first C of W tokens over one group.
VIAL_INLINE void dot_group(const int W, const int C, const int G, const uint8_t *q, const int32_t *a, __m256i *dot) {
  const __m256i ones = _mm256_set1_epi16(1);
  UNROLL for (int c = 0; c < C; c++) dot[c] = _mm256_setzero_si256();
  for (int k = 0; k < G / 4; k++, a += W, q += 64) {
    _mm_prefetch((const char *)q + PREFETCH_BYTES, _MM_HINT_T0);
    __m256i v = _mm256_loadu_si256((const void *)q), magnitude = _mm256_abs_epi8(v);
    UNROLL for (int c = 0; c < C; c++) {
      __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(_mm256_set1_epi32(a[c]), v));
      dot[c] = _mm256_add_epi32(dot[c], _mm256_madd_epi16(pairs, ones));
    }
  }
}

/// One tile, the first C tokens of one panel that is W wide.
VIAL_INLINE void product(const int W, const int C, const int G, VIAL_PRODUCT_PARAMETERS) {
  const size_t record = 16 * (size_t)G + 32;
  const uint8_t *base = p->bytes + panel * p->panel_byte_count;
  const int32_t *a = (const int32_t *)(const void *)base;
  const float *scales = (const float *)(const void *)(base + p->scale_offset);
  __m256 acc[2][8];
  UNROLL for (int h = 0; h < 2; h++) UNROLL for (int c = 0; c < C; c++) acc[h][c] = _mm256_setzero_ps();
  for (uint32_t g = 0; g < p->group_count; g++, tile += record, a += G / 4 * W, scales += W)
    UNROLL for (int h = 0; h < 2; h++) {
      __m256i dot[8];
      dot_group(W, C, G, tile + h * 32, a, dot);
      __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const void *)(tile + 16 * G + h * 16)));
      UNROLL for (int c = 0; c < C; c++)
        acc[h][c] = _mm256_fmadd_ps(
          _mm256_cvtepi32_ps(dot[c]), _mm256_mul_ps(scale, _mm256_set1_ps(scales[c])), acc[h][c]);
    }
  UNROLL for (int h = 0; h < 2; h++)
    UNROLL for (int c = 0; c < C; c++)
      if (panel * (uint32_t)W + (uint32_t)c < p->token_count)
        store_rows(out + ((size_t)panel * W + c) * out_stride, row0 + (uint32_t)h * 8, w->rows, acc[h][c]);
}

#define PRODUCT(W, C)                                                        \
  switch (w->group) {                                                        \
    case 32: product(W, C, 32, VIAL_PRODUCT_ARGUMENTS); break;               \
    case 64: product(W, C, 64, VIAL_PRODUCT_ARGUMENTS); break;               \
    default: product(W, C, 128, VIAL_PRODUCT_ARGUMENTS);                     \
  }
VIAL_MATMUL(vial_matmul_q8_avx2)
#pragma clang attribute pop
#endif
