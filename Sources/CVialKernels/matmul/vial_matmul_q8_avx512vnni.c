// Owns: int8 products on AVX-512 VNNI: one tile x C tokens.
// Must not: load past the tensor (prefetches may run past it).
// Source: Spec/ARITHMETIC.md, rule 4.
// The instruction vpdpbusd wants one unsigned operand: weights are offset by 128 (one xor) and the
// sum is taken off again, in integers, so exactly. Tiles, panels and prefetches as in
// vial_matmul_q4_avx512vnni.c, partly full panels as in vial_panel_walk.h.
#if defined(__x86_64__)
#include <immintrin.h>

#include "math/vial_bits.h"
#include "dispatch/vial_family.h"
#include "matmul/vial_next_page.h"
#include "matmul/vial_panel_walk.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_AVX512VNNI))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")

enum { PREFETCH_BYTES = 6144 };

#define PARAMETERS VIAL_PRODUCT_PARAMETERS, const uint8_t *next, size_t portion
#define ARGUMENTS VIAL_PRODUCT_ARGUMENTS, next, portion

/// One tile, the first C tokens of one panel that is W wide. `ahead`: of the next tile `portion`
/// bytes from `next` on are prefetched with every 64 bytes of this one; else this one itself comes
/// from memory.
VIAL_INLINE void product(const int W, const int C, const int G, const int ahead, PARAMETERS) {
  const size_t record = 16 * (size_t)G + 32;
  const uint8_t *base = p->bytes + panel * p->panel_byte_count;
  const int32_t *a = (const int32_t *)(const void *)base;
  const float *scales = (const float *)(const void *)(base + p->scale_offset);
  const int32_t *sums = (const int32_t *)(const void *)(base + p->sum_offset);
  const __m512i offset = _mm512_set1_epi8((char)0x80);
  __m512 acc[8];
  UNROLL for (int c = 0; c < C; c++) acc[c] = _mm512_setzero_ps();
  for (uint32_t g = 0; g < p->group_count; g++, tile += record, scales += W, sums += W) {
    __m512i dot[8];
    UNROLL for (int c = 0; c < C; c++) dot[c] = _mm512_slli_epi32(_mm512_set1_epi32(sums[c]), 4);  // -128 * sum
    for (int k = 0; k < G / 4; k++, a += W) {
      const uint8_t *q = tile + k * 64;
      if (ahead)
        _mm_prefetch((const char *)next, _MM_HINT_T1);  // a tile would push panels out of the first cache
      else if (C <= VIAL_STREAM_TOKENS)
        vial_prefetch_next_page(q);
      else
        _mm_prefetch((const char *)q + PREFETCH_BYTES, _MM_HINT_T0);
      next += portion;
      __m512i weights = _mm512_xor_si512(_mm512_loadu_si512(q), offset);
      UNROLL for (int c = 0; c < C; c++) dot[c] = _mm512_dpbusd_epi32(dot[c], weights, _mm512_set1_epi32(a[c]));
    }
    if (!ahead && C > VIAL_STREAM_TOKENS)  // the line between two records
      _mm_prefetch((const char *)tile + 16 * G + PREFETCH_BYTES, _MM_HINT_T0);
    __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(tile + 16 * G)));
    UNROLL for (int c = 0; c < C; c++)
      acc[c] =
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[c]), _mm512_mul_ps(scale, _mm512_set1_ps(scales[c])), acc[c]);
  }
  uint32_t left = w->rows - row0;
  __mmask16 rows = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
  UNROLL for (int c = 0; c < C; c++)
    if (panel * (uint32_t)W + (uint32_t)c < p->token_count)
      _mm512_mask_storeu_ps(out + ((size_t)panel * W + c) * out_stride + row0, rows, acc[c]);
}

/// One function for each number of tokens, so that accumulators live in registers.
#define PART(NAME, W, C, AHEAD)                                            \
  static __attribute__((noinline)) void NAME(PARAMETERS) {                 \
    switch (w->group) {                                                    \
      case 32: product(W, C, 32, AHEAD, ARGUMENTS); break;                 \
      case 64: product(W, C, 64, AHEAD, ARGUMENTS); break;                 \
      default: product(W, C, 128, AHEAD, ARGUMENTS);                       \
    }                                                                      \
  }
PART(only_1, 1, 1, 0)
PART(only_2, 2, 2, 0)
PART(only_4, 4, 4, 0)
PART(only_6_of_8, 8, 6, 0)
PART(only_8, 8, 8, 0)
PART(last_2_of_8, 8, 2, 1)
PART(last_4_of_8, 8, 4, 1)
PART(last_6_of_8, 8, 6, 1)
PART(one_of_many, 8, 8, 1)

typedef void panel_product(PARAMETERS);

/// Of the only panel, or of the last one; both may have tokens that are not there.
static panel_product *last_product(const vial_panels *p) {
  if (p->width < 8) return p->width == 4 ? only_4 : p->width == 2 ? only_2 : only_1;
  const uint32_t tokens = vial_last_tokens(p);
  if (p->panel_count == 1) return tokens > 6 ? only_8 : only_6_of_8;
  return tokens > 6 ? one_of_many : tokens > 4 ? last_6_of_8 : tokens > 2 ? last_4_of_8 : last_2_of_8;
}

/// Several panels prefetch the next tile, each as much of it as it has of the tokens.
void vial_matmul_q8_avx512vnni(
  const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out, size_t out_stride) {
  const size_t record = vial_tensor_record_byte_count(w), tile_bytes = record * p->group_count;
  const uint32_t last = p->panel_count - 1, last_tokens = vial_last_tokens(p);
  const size_t steps = w->group / 4 * (size_t)p->token_count;
  const size_t portion = (record * p->width + steps - 1) / steps;
  const size_t last_portion = (record * last_tokens + steps - 1) / steps;
  const size_t distance = tile_bytes * p->width / p->token_count;
  panel_product *multiply_last = last_product(p);
  const uint8_t *tile = w->bytes + tile_begin * tile_bytes;
  for (uint32_t t = tile_begin; t < tile_end; t++, tile += tile_bytes) {
    const uint8_t *next = tile + tile_bytes;
    for (uint32_t panel = 0; panel < last; panel++, next += distance)
      one_of_many(w, tile, t * 16, p, panel, out, out_stride, next, portion);
    multiply_last(w, tile, t * 16, p, last, out, out_stride, next, last_portion);
  }
}
#pragma clang attribute pop
#endif
