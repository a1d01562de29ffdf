// Owns: the reference quantisation of activations into panels.
// Must not: be fast.
// Source: Spec/ARITHMETIC.md, rule 3.
#include "math/vial_bits.h"
#include "dispatch/vial_family.h"

#pragma STDC FP_CONTRACT OFF

/// One group of one token: `valid` values, the rest of q is zero. Returns whether all values are
/// finite.
static bool quantize_group(const float *x, uint32_t valid, int8_t q[128], float *scale, int32_t *sum) {
  uint32_t largest = 0;
  for (uint32_t i = 0; i < valid; i++) {
    uint32_t magnitude = vial_float_bits(x[i]) & 0x7FFFFFFFu;
    if (magnitude > largest) largest = magnitude;
  }
  memset(q, 0, 128);
  *scale = 0.0f;
  *sum = 0;
  if (largest >= 0x7F800000u) return false;
  float amax = vial_bits_float(largest);
  if (amax < 0x1p-100f) return true;
  *scale = amax / 127.0f;
  float inverse = 127.0f / amax;
  for (uint32_t i = 0; i < valid; i++) {
    float rounded = x[i] * inverse + VIAL_ROUND_MAGIC - VIAL_ROUND_MAGIC;
    q[i] = (int8_t)rounded;
    *sum += q[i];
  }
  return true;
}

void vial_quantize_reference(
  const float *x, size_t x_stride, const vial_panels *p, uint32_t panel_begin, uint32_t panel_end,
  uint8_t *not_finite) {
  for (uint32_t panel = panel_begin; panel < panel_end; panel++) {
    uint8_t *base = p->bytes + panel * p->panel_byte_count;
    float *scales = (float *)(base + p->scale_offset);
    int32_t *sums = (int32_t *)(base + p->sum_offset);
    int32_t *zero_sums = (int32_t *)(base + p->zero_offset);
    for (uint32_t c = 0; c < p->width; c++) {
      uint32_t token = panel * p->width + c;
      for (uint32_t g = 0; g < p->group_count; g++) {
        uint32_t left = p->depth - g * p->group, valid = left < p->group ? left : p->group;
        int8_t q[128] = {0};
        float scale = 0.0f;
        int32_t sum = 0;
        if (token < p->token_count) {
          const float *values = x + token * x_stride + (size_t)g * p->group;
          if (!quantize_group(values, valid, q, &scale, &sum)) not_finite[token] = 1;
        }
        scales[(size_t)g * p->width + c] = scale;
        sums[(size_t)g * p->width + c] = -8 * sum;
        for (int32_t zero = 0; zero < 16 && p->zero_offset != 0; zero++)
          zero_sums[((size_t)g * p->width + c) * 16 + (size_t)zero] = -zero * sum;
        for (uint32_t k = 0; k < p->group; k += 4)
          memcpy(base + (((size_t)g * p->group + k) / 4 * p->width + c) * 4, q + k, 4);
      }
    }
  }
}
