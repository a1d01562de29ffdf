// Owns: int4 products on AVX-512 VNNI: one tile x C tokens, nibbles unpacked in registers (a
// 64-byte load gives two vpdpbusd operands for every token), the whole depth in one go.
// Must not: load past the tensor (prefetches may run past it).
// Source: Spec/ARITHMETIC.md, rule 4.
// A tile is taken against all panels, one after another, from the caches; meanwhile the next tile
// is prefetched, evenly: prefetched during one panel it would have to come faster than the memory
// is.
#if defined(__x86_64__)
#include <immintrin.h>

#include "math/vial_bits.h"
#include "dispatch/vial_family.h"
#include "matmul/vial_next_page.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_AVX512VNNI))), apply_to = function)
#define UNROLL _Pragma("clang loop unroll(full)")

enum { PREFETCH_BYTES = 6144 };

/// One tile, the first C tokens of one panel of W. `next`: `portion` bytes from there on are
/// prefetched with every 64 bytes of the tile; with a portion of 0 the tile itself comes from
/// memory.
VIAL_INLINE void product(
  const int C, const int W, const int G, const int asymmetric, const int codebook, const vial_tensor *w,
  const uint8_t *tile, uint32_t row0, const vial_panels *p, uint32_t panel, float *out, size_t out_stride,
  const uint8_t *next, size_t portion) {
  const size_t record = 8 * (size_t)G + (asymmetric ? 48 : 32);
  const uint8_t *base = p->bytes + panel * p->panel_byte_count;
  const int32_t *a = (const int32_t *)(const void *)base;
  const float *scales = (const float *)(const void *)(base + p->scale_offset);
  const int32_t *sums = (const int32_t *)(const void *)(base + p->sum_offset);
  const int32_t *zeros = (const int32_t *)(const void *)(base + p->zero_offset);
  const __m512i low_nibbles = _mm512_set1_epi8(15);
  __m512i table = _mm512_setzero_si512();  // with a codebook: entry + 128, which is the entry with its sign bit turned
  if (codebook)
    table = _mm512_xor_si512(
      _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)w->entries)), _mm512_set1_epi8((char)0x80));
  __m512 acc[8];
  UNROLL for (int c = 0; c < C; c++) acc[c] = _mm512_setzero_ps();
  for (uint32_t g = 0; g < p->group_count; g++, tile += record, scales += W, sums += W, zeros += 16 * W) {
    // With few tokens the low and the high nibbles have chains of their own: one chain's latency
    // would be the limit.
    const bool split = C <= 4;
    __m512i dot[8], dot_high[8];
    UNROLL for (int c = 0; c < C; c++) dot_high[c] = _mm512_setzero_si512();
    if (asymmetric) {  // dot starts at -zero * sum
      __m512i zero = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(tile + 8 * G + 32)));
      UNROLL for (int c = 0; c < C; c++)
        dot[c] = _mm512_permutexvar_epi32(zero, _mm512_load_si512(zeros + 16 * c));
    } else {  // -8 * sum, or with a codebook -128 * sum
      UNROLL for (int c = 0; c < C; c++)
        dot[c] = codebook ? _mm512_slli_epi32(_mm512_set1_epi32(sums[c]), 4) : _mm512_set1_epi32(sums[c]);
    }
    for (int k = 0; k < G / 8; k++, a += 2 * W) {
      const uint8_t *q = tile + k * 64;
      if (portion > 0)
        _mm_prefetch((const char *)next, _MM_HINT_T1);  // a tile would push panels out of the first cache
      else if (C <= VIAL_STREAM_TOKENS)
        vial_prefetch_next_page(q);
      else
        _mm_prefetch((const char *)q + PREFETCH_BYTES, _MM_HINT_T0);
      next += portion;
      __m512i v = _mm512_loadu_si512(q);
      __m512i low = _mm512_and_si512(v, low_nibbles);
      __m512i high = _mm512_and_si512(_mm512_srli_epi16(v, 4), low_nibbles);
      if (codebook) {
        low = _mm512_shuffle_epi8(table, low);
        high = _mm512_shuffle_epi8(table, high);
      }
      UNROLL for (int c = 0; c < C; c++) dot[c] = _mm512_dpbusd_epi32(dot[c], low, _mm512_set1_epi32(a[c]));
      UNROLL for (int c = 0; c < C; c++) {
        __m512i *to = split ? &dot_high[c] : &dot[c];
        *to = _mm512_dpbusd_epi32(*to, high, _mm512_set1_epi32(a[W + c]));
      }
    }
    if (portion == 0 && C > VIAL_STREAM_TOKENS)  // the line between two records
      _mm_prefetch((const char *)tile + 8 * G + PREFETCH_BYTES, _MM_HINT_T0);
    if (split) UNROLL for (int c = 0; c < C; c++) dot[c] = _mm512_add_epi32(dot[c], dot_high[c]);
    __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(tile + 8 * G)));
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

/// All panels of W against tiles [tile_begin, tile_end). Several panels prefetch the next tile,
/// each as much of it as it has of the tokens; of the last one only tokens that are there are
/// multiplied, in twos.
VIAL_INLINE void products(
  const int W, const int G, const int asymmetric, const int codebook, const vial_tensor *w, const vial_panels *p,
  uint32_t tile_begin, uint32_t tile_end, float *out, size_t out_stride) {
  const size_t record = 8 * (size_t)G + (asymmetric ? 48 : 32), tile_bytes = record * p->group_count;
  const size_t steps = p->token_count * (size_t)(G / 8), distance = tile_bytes * (size_t)W / p->token_count;
  const size_t whole_portion = p->panel_count == 1 ? 0 : (record * (size_t)W + steps - 1) / steps;
  const uint32_t rest = p->token_count % (uint32_t)W;
  const size_t rest_portion = p->panel_count == 1 ? 0 : (record * rest + steps - 1) / steps;
  const uint8_t *tile = w->bytes + tile_begin * tile_bytes;
  for (uint32_t t = tile_begin; t < tile_end; t++, tile += tile_bytes) {
    const uint8_t *next = tile + tile_bytes;
    for (uint32_t panel = 0; panel < p->panel_count; panel++, next += distance) {
      const uint32_t left = p->token_count - panel * (uint32_t)W;
      const size_t portion = left < (uint32_t)W ? rest_portion : whole_portion;
#define PRODUCT(C) product(C, W, G, asymmetric, codebook, w, tile, t * 16, p, panel, out, out_stride, next, portion)
      if (W < 8 || left > 6)
        PRODUCT(W);
      else if (left > 4)
        PRODUCT(6);
      else if (left > 2)
        PRODUCT(4);
      else
        PRODUCT(2);
#undef PRODUCT
    }
  }
}

#define ARGUMENTS w, p, tile_begin, tile_end, out, out_stride
/// One function per panel width, so that accumulators live in registers.
#define WIDTH(NAME, W)                                                                              \
  static __attribute__((noinline)) void NAME(                                                       \
    const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out, \
    size_t out_stride) {                                                                            \
    switch (VIAL_Q4_FORM(w->group, w->asymmetric, w->codebook)) {                                   \
      case VIAL_Q4_FORM(32, 0, 0): products(W, 32, 0, 0, ARGUMENTS); break;                         \
      case VIAL_Q4_FORM(32, 1, 0): products(W, 32, 1, 0, ARGUMENTS); break;                         \
      case VIAL_Q4_FORM(64, 0, 0): products(W, 64, 0, 0, ARGUMENTS); break;                         \
      case VIAL_Q4_FORM(64, 1, 0): products(W, 64, 1, 0, ARGUMENTS); break;                         \
      case VIAL_Q4_FORM(128, 0, 0): products(W, 128, 0, 0, ARGUMENTS); break;                       \
      case VIAL_Q4_FORM(128, 1, 0): products(W, 128, 1, 0, ARGUMENTS); break;                       \
      case VIAL_Q4_FORM(32, 0, 1): products(W, 32, 0, 1, ARGUMENTS); break;                         \
      case VIAL_Q4_FORM(64, 0, 1): products(W, 64, 0, 1, ARGUMENTS); break;                         \
      default: products(W, 128, 0, 1, ARGUMENTS);                                                   \
    }                                                                                               \
  }
WIDTH(products_1, 1)
WIDTH(products_2, 2)
WIDTH(products_4, 4)
WIDTH(products_8, 8)

void vial_matmul_q4_avx512vnni(
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
