// Owns: quantising activations into panels, 16 lanes at a time.
// Must not: differ from vial_quantize_reference.c by a bit.
// Source: Spec/ARITHMETIC.md, rule 3.
#ifndef VIAL_WIDE_QUANTIZE_H
#define VIAL_WIDE_QUANTIZE_H
#include "wide/vial_wide.h"

/// One group of `count` values (a multiple of 16). Returns whether all are finite.
VIAL_INLINE bool quantize_values(const float *x, uint32_t count, int8_t *q, float *scale, int32_t *sum) {
  v16u largest = {0};
  for (uint32_t i = 0; i < count; i += 16)
    largest = __builtin_elementwise_max(wide_magnitude(wide_load(x + i)), largest);
  uint32_t bits = wide_reduce_max_bits(largest);
  float amax = vial_bits_float(bits);
  *scale = 0.0f;
  *sum = 0;
  if (bits >= 0x7F800000u || amax < 0x1p-100f) {
    memset(q, 0, count);
    return bits < 0x7F800000u;
  }
  *scale = amax / 127.0f;
  float inverse = 127.0f / amax;
  v16i total = {0};
  for (uint32_t i = 0; i < count; i += 16) {
    v16i n = (v16i)(wide_load(x + i) * inverse + VIAL_ROUND_MAGIC) - (int32_t)VIAL_ROUND_MAGIC_BITS;
    total += n;
    v16b narrow = __builtin_convertvector(n, v16b);
    memcpy(q + i, &narrow, sizeof narrow);
  }
  *sum = __builtin_reduce_add(total);
  return true;
}

typedef uint32_t v8u __attribute__((vector_size(32)));
#define VIAL_ZIP(A, B, ...) __builtin_shufflevector(A, B, __VA_ARGS__)

/// 8 x 8 words: out[k * 8 + c] = in[c * stride + k].
VIAL_INLINE void transpose_words(const int8_t *in, size_t stride, uint8_t *out) {
  v8u r[8], s[8];
  VIAL_UNROLL for (int c = 0; c < 8; c++) memcpy(&r[c], in + (size_t)c * stride, 32);
  VIAL_UNROLL for (int c = 0; c < 8; c += 2) {  // pairs of tokens
    s[c] = VIAL_ZIP(r[c], r[c + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    s[c + 1] = VIAL_ZIP(r[c], r[c + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  VIAL_UNROLL for (int c = 0; c < 8; c += 4) {  // fours: words k and k + 4
    r[c] = VIAL_ZIP(s[c], s[c + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    r[c + 1] = VIAL_ZIP(s[c], s[c + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    r[c + 2] = VIAL_ZIP(s[c + 1], s[c + 3], 0, 1, 8, 9, 4, 5, 12, 13);
    r[c + 3] = VIAL_ZIP(s[c + 1], s[c + 3], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  VIAL_UNROLL for (int k = 0; k < 4; k++) {
    s[k] = VIAL_ZIP(r[k], r[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    s[k + 4] = VIAL_ZIP(r[k], r[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  VIAL_UNROLL for (int k = 0; k < 8; k++) memcpy(out + 32 * k, &s[k], 32);
}

/// One group of all tokens of a panel: q[token][128] to words of `width` tokens.
VIAL_INLINE void interleave(const int8_t q[8][128], uint32_t group, uint32_t width, uint8_t *to) {
  if (width == 1)
    memcpy(to, q[0], group);
  else if (width == 8)
    for (uint32_t k = 0; k < group; k += 32) transpose_words(q[0] + k, 128, to + (size_t)k * 8);
  else
    for (uint32_t k = 0; k < group; k += 4)
      for (uint32_t c = 0; c < width; c++) memcpy(to + (size_t)k * width + 4 * c, q[c] + k, 4);
}

static void wide_quantize(
  const float *x, size_t x_stride, const vial_panels *p, uint32_t panel_begin, uint32_t panel_end,
  uint8_t *not_finite) {
  const uint32_t group = p->group, width = p->width;
  for (uint32_t panel = panel_begin; panel < panel_end; panel++) {
    uint8_t *base = p->bytes + panel * p->panel_byte_count;
    float *scales = (float *)(void *)(base + p->scale_offset);
    int32_t *sums = (int32_t *)(void *)(base + p->sum_offset);
    int32_t *zero_sums = (int32_t *)(void *)(base + p->zero_offset);
    for (uint32_t g = 0; g < p->group_count; g++) {
      const uint32_t left = p->depth - g * group;
      int8_t q[8][128];
      for (uint32_t c = 0; c < width; c++) {
        const uint32_t token = panel * width + c;
        const float *values = x + token * x_stride + (size_t)g * group;
        float padded[128], scale = 0.0f;
        int32_t sum = 0;
        if (token >= p->token_count) {
          memset(q[c], 0, group);
        } else {
          if (left < group) {
            memset(padded, 0, sizeof padded);
            values = memcpy(padded, values, left * sizeof *padded);
          }
          bool finite = group == 128  ? quantize_values(values, 128, q[c], &scale, &sum)
                        : group == 64 ? quantize_values(values, 64, q[c], &scale, &sum)
                                      : quantize_values(values, 32, q[c], &scale, &sum);
          if (!finite) not_finite[token] = 1;
        }
        scales[(size_t)g * width + c] = scale;
        sums[(size_t)g * width + c] = -8 * sum;
        if (p->zero_offset != 0) {
          v16i products = wide_lane_numbers() * -sum;
          memcpy(zero_sums + ((size_t)g * width + c) * 16, &products, sizeof products);
        }
      }
      interleave(q, group, width, base + (size_t)g * group * width);
    }
  }
}
#endif
