// Owns: quantising activations into panels, 16 lanes at a time.
// Must not: differ from vial_quantize_reference.c by a bit. Spec: ARITHMETIC.md, rule 3.
#ifndef VIAL_WIDE_QUANTIZE_H
#define VIAL_WIDE_QUANTIZE_H
#include "vial_wide.h"

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

static void wide_quantize(
  const float *x, size_t x_stride, const vial_panels *p, uint32_t panel_begin, uint32_t panel_end, uint8_t *marks) {
  const uint32_t group = p->group, width = p->width;
  for (uint32_t panel = panel_begin; panel < panel_end; panel++) {
    uint8_t *base = p->bytes + panel * p->panel_byte_count;
    float *scales = (float *)(void *)(base + p->scale_offset);
    int32_t *sums = (int32_t *)(void *)(base + p->sum_offset);
    for (uint32_t c = 0; c < width; c++) {
      uint32_t column = panel * width + c;
      for (uint32_t g = 0; g < p->group_count; g++) {
        uint32_t left = p->depth - g * group;
        const float *values = x + column * x_stride + (size_t)g * group;
        float padded[128], scale = 0.0f;
        int8_t q[128];
        int32_t sum = 0;
        if (column >= p->columns) {
          memset(q, 0, group);
        } else {
          if (left < group) {
            memset(padded, 0, sizeof padded);
            values = memcpy(padded, values, left * sizeof *padded);
          }
          if (!quantize_values(values, group, q, &scale, &sum)) marks[column] = 1;
        }
        scales[(size_t)g * width + c] = scale;
        sums[(size_t)g * width + c] = -8 * sum;
        uint8_t *to = base + ((size_t)g * group / 4 * width + c) * 4;
        if (width == 1)
          memcpy(to, q, group);
        else
          for (uint32_t k = 0; k < group; k += 4) memcpy(to + (size_t)k * width, q + k, 4);
      }
    }
  }
}
#endif
