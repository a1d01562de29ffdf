// Owns: products of f32, f16 and bf16 tiles with f32 tokens: lanes are rows, an even and an odd
// chain per output.
// Must not: load past a tile or reorder a chain.
// Source: Spec/ARITHMETIC.md, rule 5.
// The including family defines VIAL_FLOAT_TOKENS: tokens in flight (2 accumulators of 16 lanes
// each).
#ifndef VIAL_WIDE_MATMUL_FLOAT_H
#define VIAL_WIDE_MATMUL_FLOAT_H
#include "wide/vial_wide.h"

VIAL_INLINE v16f load_step(uint8_t encoding, const uint8_t *p) {
  return encoding == VIAL_ENCODING_F32   ? wide_load_single(p)
         : encoding == VIAL_ENCODING_F16 ? wide_load_half(p)
                                         : wide_load_bfloat(p);
}

/// One tile, C tokens from x on; `rows` of the tile exist.
VIAL_INLINE void tile_tokens(
  const uint8_t encoding, const int C, const uint8_t *tile, size_t depth, const float *x, size_t x_stride, float *out,
  size_t out_stride, uint32_t rows) {
  const size_t step = encoding == VIAL_ENCODING_F32 ? 64 : 32;
  v16f even[8], odd[8];
  VIAL_UNROLL for (int c = 0; c < C; c++) even[c] = odd[c] = (v16f){0};
  size_t k = 0;
  for (; k + 2 <= depth; k += 2) {
    __builtin_prefetch(tile + (k + 64) * step);
    v16f w0 = load_step(encoding, tile + k * step), w1 = load_step(encoding, tile + (k + 1) * step);
    VIAL_UNROLL for (int c = 0; c < C; c++) {
      even[c] = wide_fma(w0, wide_set(x[(size_t)c * x_stride + k]), even[c]);
      odd[c] = wide_fma(w1, wide_set(x[(size_t)c * x_stride + k + 1]), odd[c]);
    }
  }
  if (k < depth) {
    v16f w0 = load_step(encoding, tile + k * step);
    VIAL_UNROLL for (int c = 0; c < C; c++)
      even[c] = wide_fma(w0, wide_set(x[(size_t)c * x_stride + k]), even[c]);
  }
  VIAL_UNROLL for (int c = 0; c < C; c++) {
    v16f y = even[c] + odd[c];
    if (rows == 16)
      wide_store(out + (size_t)c * out_stride, y);
    else
      wide_store_part(out + (size_t)c * out_stride, rows, y);
  }
}

VIAL_INLINE void tiles_of(
  const uint8_t encoding, const vial_tensor *w, const float *x, size_t x_stride, uint32_t token_count,
  uint32_t tile_begin, uint32_t tile_end, float *out, size_t out_stride) {
  size_t tile_bytes = vial_tensor_tile_byte_count(w);
  for (uint32_t t = tile_begin; t < tile_end; t++) {
    const uint8_t *tile = w->bytes + t * tile_bytes;
    uint32_t left = w->rows - t * 16, rows = left < 16 ? left : 16, m = 0;
    float *y = out + (size_t)t * 16;
    for (; m + VIAL_FLOAT_TOKENS <= token_count; m += VIAL_FLOAT_TOKENS)
      tile_tokens(
        encoding, VIAL_FLOAT_TOKENS, tile, w->columns, x + m * x_stride, x_stride, y + m * out_stride, out_stride,
        rows);
    for (; m + 2 <= token_count; m += 2)
      tile_tokens(
        encoding, 2, tile, w->columns, x + m * x_stride, x_stride, y + m * out_stride, out_stride, rows);
    for (; m < token_count; m++)
      tile_tokens(
        encoding, 1, tile, w->columns, x + m * x_stride, x_stride, y + m * out_stride, out_stride, rows);
  }
}

static void wide_matmul_float(
  const vial_tensor *w, const float *x, size_t x_stride, uint32_t token_count, uint32_t tile_begin,
  uint32_t tile_end, float *out, size_t out_stride) {
  switch (w->encoding) {
    case VIAL_ENCODING_F32:
      tiles_of(VIAL_ENCODING_F32, w, x, x_stride, token_count, tile_begin, tile_end, out, out_stride);
      break;
    case VIAL_ENCODING_F16:
      tiles_of(VIAL_ENCODING_F16, w, x, x_stride, token_count, tile_begin, tile_end, out, out_stride);
      break;
    default:
      tiles_of(VIAL_ENCODING_BF16, w, x, x_stride, token_count, tile_begin, tile_end, out, out_stride);
  }
}
#endif
