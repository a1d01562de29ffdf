// Owns: int8 products on AVX-512 VNNI: one tile x C columns. vpdpbusd wants one unsigned operand: weights are offset by
// 128 (one xor) and the sum is taken off again, in integers, so exactly.
// Must not: load past the tensor (prefetches may run past it). Spec: ARITHMETIC.md, rule 4.
// Tiles, panels and prefetches as in vial_matmul_q4_avx512vnni.c.
#if defined(__x86_64__)
#include <immintrin.h>

#include "vial_bits.h"
#include "vial_family.h"
#include "vial_next_page.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_AVX512VNNI))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")

enum { PREFETCH_BYTES = 6144 };

/// One tile, one panel of C columns. `next`: `share` bytes from there on are asked for with every 64 bytes of the tile;
/// with a share of 0 the tile itself comes from memory.
VIAL_INLINE void product(
  const int C, const int G, const vial_tensor *w, const uint8_t *tile, uint32_t row0, const vial_panels *p,
  uint32_t panel, float *out, size_t out_stride, const uint8_t *next, size_t share) {
  const size_t record = 16 * (size_t)G + 32;
  const uint8_t *base = p->bytes + panel * p->panel_byte_count;
  const int32_t *a = (const int32_t *)(const void *)base;
  const float *scales = (const float *)(const void *)(base + p->scale_offset);
  const int32_t *sums = (const int32_t *)(const void *)(base + p->sum_offset);
  const __m512i offset = _mm512_set1_epi8((char)0x80);
  __m512 acc[8];
  UNROLL for (int c = 0; c < C; c++) acc[c] = _mm512_setzero_ps();
  for (uint32_t g = 0; g < p->group_count; g++, tile += record, scales += C, sums += C) {
    __m512i dot[8];
    UNROLL for (int c = 0; c < C; c++) dot[c] = _mm512_slli_epi32(_mm512_set1_epi32(sums[c]), 4);  // -128 * sum
    for (int k = 0; k < G / 4; k++, a += C) {
      const uint8_t *q = tile + k * 64;
      if (share > 0)
        _mm_prefetch((const char *)next, _MM_HINT_T0);
      else if (C <= VIAL_STREAM_COLUMNS)
        vial_prefetch_next_page(q);
      else
        _mm_prefetch((const char *)q + PREFETCH_BYTES, _MM_HINT_T0);
      next += share;
      __m512i weights = _mm512_xor_si512(_mm512_loadu_si512(q), offset);
      UNROLL for (int c = 0; c < C; c++) dot[c] = _mm512_dpbusd_epi32(dot[c], weights, _mm512_set1_epi32(a[c]));
    }
    if (share == 0 && C > VIAL_STREAM_COLUMNS)  // the line between two records
      _mm_prefetch((const char *)tile + 16 * G + PREFETCH_BYTES, _MM_HINT_T0);
    __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(tile + 16 * G)));
    UNROLL for (int c = 0; c < C; c++)
      acc[c] =
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[c]), _mm512_mul_ps(scale, _mm512_set1_ps(scales[c])), acc[c]);
  }
  uint32_t left = w->rows - row0;
  __mmask16 rows = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
  UNROLL for (int c = 0; c < C; c++)
    if (panel * (uint32_t)C + (uint32_t)c < p->columns)
      _mm512_mask_storeu_ps(out + ((size_t)panel * C + c) * out_stride + row0, rows, acc[c]);
}

/// All panels against tiles [tile_begin, tile_end). Several panels ask for the next tile, each for its share.
VIAL_INLINE void products(
  const int C, const int G, const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end,
  float *out, size_t out_stride) {
  const size_t record = 16 * (size_t)G + 32, tile_bytes = record * p->group_count;
  const uint8_t *tile = w->bytes + tile_begin * tile_bytes;
  if (C < 8 || p->panel_count == 1) {
    for (uint32_t t = tile_begin; t < tile_end; t++, tile += tile_bytes)
      product(C, G, w, tile, t * 16, p, 0, out, out_stride, tile, 0);
    return;
  }
  const size_t steps = p->panel_count * (G / 4), share = (record + steps - 1) / steps;
  for (uint32_t t = tile_begin; t < tile_end; t++, tile += tile_bytes)
    for (uint32_t panel = 0; panel < p->panel_count; panel++)
      product(
        C, G, w, tile, t * 16, p, panel, out, out_stride,
        tile + tile_bytes + panel * tile_bytes / p->panel_count, share);
}

#define ARGUMENTS w, p, tile_begin, tile_end, out, out_stride
/// One function per panel width, so that accumulators live in registers.
#define WIDTH(NAME, C)                                                                                               \
  static __attribute__((noinline)) void NAME(                                                                        \
    const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out,                  \
    size_t out_stride) {                                                                                             \
    switch (w->group) {                                                                                              \
      case 32: products(C, 32, ARGUMENTS); break;                                                                    \
      case 64: products(C, 64, ARGUMENTS); break;                                                                    \
      default: products(C, 128, ARGUMENTS);                                                                          \
    }                                                                                                                \
  }
WIDTH(products_1, 1)
WIDTH(products_2, 2)
WIDTH(products_4, 4)
WIDTH(products_8, 8)

void vial_matmul_q8_avx512vnni(
  const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out, size_t out_stride) {
  if (p->width == 8)
    products_8(ARGUMENTS);
  else if (p->width == 4)
    products_4(ARGUMENTS);
  else if (p->width == 2)
    products_2(ARGUMENTS);
  else
    products_1(ARGUMENTS);
}
#pragma clang attribute pop
#endif
