// Owns: int4 products on AVX-512 VNNI: R tiles x C columns, nibbles unpacked in registers (a 64-byte load gives two
// vpdpbusd operands for every column), the whole depth in one go.
// Must not: load past the tensor (prefetches may run past it). Spec: ARITHMETIC.md, rule 4.
// One tile in flight while memory is the limit (two tiles would be two streams); two tiles x 8 columns beyond.
#if defined(__x86_64__)
#include <immintrin.h>

#include "vial_bits.h"
#include "vial_family.h"
#include "vial_next_page.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_AVX512VNNI))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")

/// Up to this many columns one tile is kept in flight; Tests/Benchmarks/products.c finds the number.
#ifndef VIAL_SINGLE_TILE_COLUMNS
#define VIAL_SINGLE_TILE_COLUMNS 24
#endif
enum { PREFETCH_BYTES = 6144 };

/// R tiles from `tile` on, one panel of C columns. `ahead`: distance of the prefetch.
VIAL_INLINE void product(
  const int R, const int C, const int G, const int asymmetric, const int levels, const vial_tensor *w,
  const uint8_t *tile, size_t tile_bytes, uint32_t row0, const vial_panels *p, uint32_t panel, float *out, size_t out_stride,
  size_t ahead) {
  const size_t record = 8 * (size_t)G + (asymmetric ? 48 : 32);
  const uint8_t *base = p->bytes + panel * p->panel_byte_count;
  const int32_t *a = (const int32_t *)(const void *)base;
  const float *scales = (const float *)(const void *)(base + p->scale_offset);
  const int32_t *sums = (const int32_t *)(const void *)(base + p->sum_offset);
  const __m512i low_nibbles = _mm512_set1_epi8(15);
  __m512i table = _mm512_setzero_si512();  // with a codebook: level + 128, which is the level with its sign bit turned
  if (levels)
    table = _mm512_xor_si512(
      _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)w->levels)), _mm512_set1_epi8((char)0x80));
  __m512 acc[2][8];
  UNROLL for (int r = 0; r < R; r++) UNROLL for (int c = 0; c < C; c++) acc[r][c] = _mm512_setzero_ps();
  for (uint32_t g = 0; g < p->group_count; g++, tile += record, scales += C, sums += C) {
    // With few columns the low and the high nibbles have chains of their own: one chain's latency would be the limit.
    const bool split = R * C <= 4;
    __m512i dot[2][8], dot_high[2][8];
    UNROLL for (int r = 0; r < R; r++) UNROLL for (int c = 0; c < C; c++) dot_high[r][c] = _mm512_setzero_si512();
    UNROLL for (int r = 0; r < R; r++) {  // dot starts at -zero * sum: zero and |sum| <= 16256 fit in i16
      __m512i zero = low_nibbles;
      if (asymmetric)
        zero = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(tile + (size_t)r * tile_bytes + 8 * G + 32)));
      UNROLL for (int c = 0; c < C; c++) {
        __m512i m8sum = _mm512_set1_epi32(sums[c]);
        dot[r][c] = asymmetric ? _mm512_dpwssd_epi32(_mm512_setzero_si512(), zero, _mm512_srai_epi32(m8sum, 3)) : m8sum;
        if (levels) dot[r][c] = _mm512_slli_epi32(m8sum, 4);
      }
    }
    for (int k = 0; k < G / 8; k++, a += 2 * C) {
      __m512i low[2], high[2];
      UNROLL for (int r = 0; r < R; r++) {
        const uint8_t *q = tile + (size_t)r * tile_bytes + k * 64;
        if (R == 1 && C <= VIAL_STREAM_COLUMNS)
          vial_prefetch_next_page(q);
        else if (R == 1)
          _mm_prefetch((const char *)q + ahead, _MM_HINT_T0);
        else if (ahead)
          _mm_prefetch((const char *)q + ahead, _MM_HINT_T1);
        __m512i v = _mm512_loadu_si512(q);
        low[r] = _mm512_and_si512(v, low_nibbles);
        high[r] = _mm512_and_si512(_mm512_srli_epi16(v, 4), low_nibbles);
        if (levels) {
          low[r] = _mm512_shuffle_epi8(table, low[r]);
          high[r] = _mm512_shuffle_epi8(table, high[r]);
        }
      }
      UNROLL for (int c = 0; c < C; c++) {
        __m512i x = _mm512_set1_epi32(a[c]);
        UNROLL for (int r = 0; r < R; r++) dot[r][c] = _mm512_dpbusd_epi32(dot[r][c], low[r], x);
      }
      UNROLL for (int c = 0; c < C; c++) {
        __m512i x = _mm512_set1_epi32(a[C + c]);
        UNROLL for (int r = 0; r < R; r++) {
          __m512i *to = split ? &dot_high[r][c] : &dot[r][c];
          *to = _mm512_dpbusd_epi32(*to, high[r], x);
        }
      }
    }
    UNROLL for (int r = 0; r < R; r++) {
      if (R == 1 && C > VIAL_STREAM_COLUMNS)  // the line between two records
        _mm_prefetch((const char *)tile + 8 * G + ahead, _MM_HINT_T0);
      if (split)
        UNROLL for (int c = 0; c < C; c++) dot[r][c] = _mm512_add_epi32(dot[r][c], dot_high[r][c]);
      __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(tile + (size_t)r * tile_bytes + 8 * G)));
      UNROLL for (int c = 0; c < C; c++)
        acc[r][c] = _mm512_fmadd_ps(
          _mm512_cvtepi32_ps(dot[r][c]), _mm512_mul_ps(scale, _mm512_set1_ps(scales[c])), acc[r][c]);
    }
  }
  UNROLL for (int r = 0; r < R; r++) {
    uint32_t n = row0 + 16 * (uint32_t)r, left = w->rows - n;
    __mmask16 rows = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
    UNROLL for (int c = 0; c < C; c++)
      if (panel * (uint32_t)C + (uint32_t)c < p->columns)
        _mm512_mask_storeu_ps(out + ((size_t)panel * C + c) * out_stride + n, rows, acc[r][c]);
  }
}

/// All panels against tiles [tile_begin, tile_end), R tiles at a time; with two tiles the next pair is prefetched into
/// the second-level cache during the last panel.
VIAL_INLINE void products(
  const int R, const int C, const int G, const int asymmetric, const int levels, const vial_tensor *w,
  const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out, size_t out_stride) {
  const size_t tile_bytes = (8 * (size_t)G + (asymmetric ? 48 : 32)) * p->group_count;
  uint32_t t = tile_begin;
  for (; t + (uint32_t)R <= tile_end; t += (uint32_t)R)
    for (uint32_t panel = 0; panel < p->panel_count; panel++) {
      size_t ahead = R == 1 ? PREFETCH_BYTES : panel + 1 == p->panel_count ? 2 * tile_bytes : 0;
      product(
        R, C, G, asymmetric, levels, w, w->bytes + t * tile_bytes, tile_bytes, t * 16, p, panel, out, out_stride,
        ahead);
    }
  if (R > 1)
    for (; t < tile_end; t++)
      for (uint32_t panel = 0; panel < p->panel_count; panel++)
        product(
          1, C, G, asymmetric, levels, w, w->bytes + t * tile_bytes, tile_bytes, t * 16, p, panel, out, out_stride,
          PREFETCH_BYTES);
}

#define ARGUMENTS w, p, tile_begin, tile_end, out, out_stride
/// One function per panel width, so that accumulators live in registers.
#define WIDTH(NAME, R, C)                                                                                            \
  static __attribute__((noinline)) void NAME(                                                                        \
    const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out,                  \
    size_t out_stride) {                                                                                             \
    switch (w->group * 2 + w->asymmetric + 512u * w->codebook) {                                                     \
      case 64: products(R, C, 32, 0, 0, ARGUMENTS); break;                                                           \
      case 65: products(R, C, 32, 1, 0, ARGUMENTS); break;                                                           \
      case 128: products(R, C, 64, 0, 0, ARGUMENTS); break;                                                          \
      case 129: products(R, C, 64, 1, 0, ARGUMENTS); break;                                                          \
      case 256: products(R, C, 128, 0, 0, ARGUMENTS); break;                                                         \
      case 257: products(R, C, 128, 1, 0, ARGUMENTS); break;                                                         \
      case 576: products(R, C, 32, 0, 1, ARGUMENTS); break;                                                          \
      case 640: products(R, C, 64, 0, 1, ARGUMENTS); break;                                                          \
      default: products(R, C, 128, 0, 1, ARGUMENTS);                                                                 \
    }                                                                                                                \
  }
WIDTH(products_1x1, 1, 1)
WIDTH(products_1x2, 1, 2)
WIDTH(products_1x4, 1, 4)
WIDTH(products_1x8, 1, 8)
WIDTH(products_2x8, 2, 8)

void vial_matmul_q4_avx512vnni(
  const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out, size_t out_stride) {
  if (p->columns > VIAL_SINGLE_TILE_COLUMNS)
    products_2x8(ARGUMENTS);
  else if (p->width == 8)
    products_1x8(ARGUMENTS);
  else if (p->width == 4)
    products_1x4(ARGUMENTS);
  else if (p->width == 2)
    products_1x2(ARGUMENTS);
  else
    products_1x1(ARGUMENTS);
}
#pragma clang attribute pop
#endif
