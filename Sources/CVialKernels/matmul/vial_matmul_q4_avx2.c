// Owns: int4 products on AVX2: one tile (two halves of 8 rows) x C tokens.
// Must not: let an i16 saturate.
// Source: Spec/ARITHMETIC.md, rule 4.
// A pair of vpmaddubsw is at most 15 * 127 * 2 = 3810, eight of them (32 k) are 30480, and then
// they are widened; with a codebook a pair is up to 127 * 127 * 2 = 32258, and is widened by
// itself.
#if defined(__x86_64__)
#include <immintrin.h>

#include "math/vial_bits.h"
#include "dispatch/vial_family.h"
#include "matmul/vial_next_page.h"
#include "matmul/vial_panel_walk.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_AVX2))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")

/// With many tokens; one or two are slow enough for the hardware to keep up with, and lose a tenth
/// by prefetching.
enum { PREFETCH_BYTES = 4096 };

VIAL_INLINE void store_rows(float *out, uint32_t n, uint32_t rows, __m256 v) {
  if (n + 8 <= rows)
    _mm256_storeu_ps(out + n, v);
  else if (n < rows)
    memcpy(out + n, &v, (rows - n) * sizeof(float));
}

/// dot of 8 rows with the first C of W tokens over one group, added to dot[].
VIAL_INLINE void dot_group(const int W, const int C, const int G, const uint8_t *q, const int32_t *a, __m256i *dot) {
  const __m256i low_nibbles = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
  for (int block = 0; block < G / 32; block++) {
    __m256i pairs[8];
    UNROLL for (int c = 0; c < C; c++) pairs[c] = _mm256_setzero_si256();
    UNROLL for (int k = 0; k < 4; k++, a += 2 * W, q += 64) {
      if (C > VIAL_STREAM_TOKENS) _mm_prefetch((const char *)q + PREFETCH_BYTES, _MM_HINT_T0);
      __m256i v = _mm256_loadu_si256((const void *)q);
      __m256i low = _mm256_and_si256(v, low_nibbles), high = _mm256_and_si256(_mm256_srli_epi16(v, 4), low_nibbles);
      UNROLL for (int c = 0; c < C; c++) {
        __m256i x0 = _mm256_maddubs_epi16(low, _mm256_set1_epi32(a[c]));
        __m256i x1 = _mm256_maddubs_epi16(high, _mm256_set1_epi32(a[W + c]));
        pairs[c] = _mm256_add_epi16(pairs[c], _mm256_add_epi16(x0, x1));
      }
    }
    UNROLL for (int c = 0; c < C; c++) dot[c] = _mm256_add_epi32(dot[c], _mm256_madd_epi16(pairs[c], ones));
  }
}

/// The same for entries of a codebook (at least -128). vpmaddubsw wants one unsigned operand:
/// |entry|, whose sign goes to the activations.
VIAL_INLINE void dot_group_codebook(
  const int W, const int C, const int G, __m256i table, const uint8_t *q, const int32_t *a, __m256i *dot) {
  const __m256i low_nibbles = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
  for (int k = 0; k < G / 8; k++, a += 2 * W, q += 64) {
    _mm_prefetch((const char *)q + PREFETCH_BYTES, _MM_HINT_T0);
    __m256i v = _mm256_loadu_si256((const void *)q);
    UNROLL for (int half = 0; half < 2; half++) {
      __m256i nibbles = _mm256_and_si256(half ? _mm256_srli_epi16(v, 4) : v, low_nibbles);
      __m256i entry = _mm256_shuffle_epi8(table, nibbles), magnitude = _mm256_abs_epi8(entry);
      UNROLL for (int c = 0; c < C; c++) {
        __m256i x = _mm256_sign_epi8(_mm256_set1_epi32(a[half * W + c]), entry);
        dot[c] = _mm256_add_epi32(dot[c], _mm256_madd_epi16(_mm256_maddubs_epi16(magnitude, x), ones));
      }
    }
  }
}

/// Zero points of 8 rows, 0 ... 15.
VIAL_INLINE __m256i load_zeros(const uint8_t *p) {
  __m128i bytes = _mm_and_si128(_mm_loadl_epi64((const void *)p), _mm_set1_epi8(15));
  return _mm256_cvtepu8_epi32(bytes);
}

/// One tile, the first C tokens of one panel that is W wide.
VIAL_INLINE void product(
  const int W, const int C, const int G, const int asymmetric, const int codebook, VIAL_PRODUCT_PARAMETERS) {
  const size_t record = 8 * (size_t)G + (asymmetric ? 48 : 32);
  const uint8_t *base = p->bytes + panel * p->panel_byte_count;
  const int32_t *a = (const int32_t *)(const void *)base;
  const float *scales = (const float *)(const void *)(base + p->scale_offset);
  const int32_t *sums = (const int32_t *)(const void *)(base + p->sum_offset);
  __m256i table = _mm256_setzero_si256();
  if (codebook) table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)w->entries));
  __m256 acc[2][8];
  UNROLL for (int h = 0; h < 2; h++) UNROLL for (int c = 0; c < C; c++) acc[h][c] = _mm256_setzero_ps();
  for (uint32_t g = 0; g < p->group_count; g++, tile += record, a += G / 4 * W, scales += W, sums += W)
    UNROLL for (int h = 0; h < 2; h++) {
      __m256i dot[8], zero = _mm256_setzero_si256();
      if (asymmetric) zero = load_zeros(tile + 8 * G + 32 + h * 8);
      UNROLL for (int c = 0; c < C; c++) {
        __m256i eight_sums = _mm256_set1_epi32(sums[c]);
        dot[c] = asymmetric ? _mm256_mullo_epi32(zero, _mm256_srai_epi32(eight_sums, 3)) : eight_sums;
        if (codebook) dot[c] = _mm256_setzero_si256();
      }
      if (codebook)
        dot_group_codebook(W, C, G, table, tile + h * 32, a, dot);
      else
        dot_group(W, C, G, tile + h * 32, a, dot);
      __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const void *)(tile + 8 * G + h * 16)));
      UNROLL for (int c = 0; c < C; c++)
        acc[h][c] = _mm256_fmadd_ps(
          _mm256_cvtepi32_ps(dot[c]), _mm256_mul_ps(scale, _mm256_set1_ps(scales[c])), acc[h][c]);
    }
  UNROLL for (int h = 0; h < 2; h++)
    UNROLL for (int c = 0; c < C; c++)
      if (panel * (uint32_t)W + (uint32_t)c < p->token_count)
        store_rows(out + ((size_t)panel * W + c) * out_stride, row0 + (uint32_t)h * 8, w->rows, acc[h][c]);
}

#define ARGUMENTS VIAL_PRODUCT_ARGUMENTS
#define PRODUCT(W, C)                                                         \
  switch (VIAL_Q4_FORM(w->group, w->asymmetric, w->codebook)) {               \
    case VIAL_Q4_FORM(32, 0, 0): product(W, C, 32, 0, 0, ARGUMENTS); break;   \
    case VIAL_Q4_FORM(32, 1, 0): product(W, C, 32, 1, 0, ARGUMENTS); break;   \
    case VIAL_Q4_FORM(64, 0, 0): product(W, C, 64, 0, 0, ARGUMENTS); break;   \
    case VIAL_Q4_FORM(64, 1, 0): product(W, C, 64, 1, 0, ARGUMENTS); break;   \
    case VIAL_Q4_FORM(128, 0, 0): product(W, C, 128, 0, 0, ARGUMENTS); break; \
    case VIAL_Q4_FORM(128, 1, 0): product(W, C, 128, 1, 0, ARGUMENTS); break; \
    case VIAL_Q4_FORM(32, 0, 1): product(W, C, 32, 0, 1, ARGUMENTS); break;   \
    case VIAL_Q4_FORM(64, 0, 1): product(W, C, 64, 0, 1, ARGUMENTS); break;   \
    default: product(W, C, 128, 0, 1, ARGUMENTS);                             \
  }
VIAL_MATMUL(vial_matmul_q4_avx2)
#pragma clang attribute pop
#endif
