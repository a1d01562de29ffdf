// Owns: the reference quantisers of weights: which scale and zero point a group gets.
// Must not: pack.
// Source: Spec/ARITHMETIC.md, "Quantisers".
#include "math/vial_bits.h"
#include "dispatch/vial_family.h"
#include "layout/vial_quantizer_grid.h"

#pragma STDC FP_CONTRACT OFF

static float round_even(float x) { return x + VIAL_ROUND_MAGIC - VIAL_ROUND_MAGIC; }
static float clamp(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

/// Quantises a group with one scale: q = clamp(roundeven(x / scale), low, high); returns the
/// squared error in 16 lanes.
static float try_scale(const float *x, uint32_t count, float scale, float zero, float low, float high, float *q) {
  float lanes[16] = {0}, inverse = 1.0f / scale;
  for (uint32_t i = 0; i < count; i++) {
    float steps = clamp(round_even(x[i] * inverse) + zero, low, high) - zero;
    float error = __builtin_fmaf(-scale, steps, x[i]);
    lanes[i % 16] = __builtin_fmaf(error, error, lanes[i % 16]);
    q[i] = steps;
  }
  return vial_tree16(lanes);
}

/// Keeps the candidate if its error is smaller than the best so far.
static void consider(
  vial_group_choice *best, const float *x, uint32_t count, uint16_t bits, float zero, float low, float high) {
  float q[128];
  if ((bits & 0x7FFF) == 0 || (bits & 0x7C00) == 0x7C00) return;
  float error = try_scale(x, count, vial_half_to_float(bits), zero, low, high, q);
  if (best->found && !(error < best->error)) return;
  *best = (vial_group_choice){.error = error, .zero = zero, .scale = bits, .found = true};
}

vial_kernel_status vial_quantize_int4_row_reference(
  const float *x, uint32_t columns, uint32_t group, uint8_t *q, uint16_t *scales, uint8_t *zeros) {
  for (uint32_t begin = 0, g = 0; begin < columns; begin += group, g++) {
    const float *values = x + begin;
    uint32_t left = columns - begin, count = left < group ? left : group;
    float low = 0.0f, high = 0.0f, steps[128];
    for (uint32_t i = 0; i < count; i++) {
      if (!vial_is_finite(values[i])) return VIAL_KERNEL_NOT_FINITE;
      low = values[i] < low ? values[i] : low;
      high = values[i] > high ? values[i] : high;
    }
    vial_group_choice best = {.zero = 8.0f};
    if (!vial_grid_fits(low, high, zeros != NULL)) return VIAL_KERNEL_SCALE_OVERFLOW;
    for (int i = 0; i < VIAL_GRID_COUNT; i++) {
      vial_grid_candidate c = zeros ? vial_grid_asymmetric(low, high, i) : vial_grid_symmetric(low, high, i);
      consider(&best, values, count, c.scale, c.zero, 0.0f, 15.0f);
    }
    scales[g] = best.scale;
    if (zeros) zeros[g] = (uint8_t)best.zero;
    if (best.found) (void)try_scale(values, count, vial_half_to_float(best.scale), best.zero, 0.0f, 15.0f, steps);
    for (uint32_t i = 0; i < count; i++) q[begin + i] = (uint8_t)(best.found ? steps[i] + best.zero : best.zero);
  }
  return VIAL_KERNEL_OK;
}

/// The place of the entry nearest to x, the lower one of two equally near.
static uint8_t nearest_entry(const int8_t *entries, float x) {
  uint8_t q = 0;
  for (int i = 0; i < 15; i++) q += x > 0.5f * (float)(entries[i] + entries[i + 1]);
  return q;
}

/// Keeps the candidate if its error over the entries nearest to x / scale is smaller than the best
/// so far.
static void consider_codebook(
  vial_group_choice *best, const float *x, uint32_t count, const int8_t *entries, uint16_t bits) {
  if ((bits & 0x7FFF) == 0 || (bits & 0x7C00) == 0x7C00) return;
  float lanes[16] = {0}, scale = vial_half_to_float(bits), inverse = 1.0f / scale;
  for (uint32_t i = 0; i < count; i++) {
    float error = __builtin_fmaf(-scale, (float)entries[nearest_entry(entries, x[i] * inverse)], x[i]);
    lanes[i % 16] = __builtin_fmaf(error, error, lanes[i % 16]);
  }
  float error = vial_tree16(lanes);
  if (best->found && !(error < best->error)) return;
  *best = (vial_group_choice){.error = error, .scale = bits, .found = true};
}

vial_kernel_status vial_quantize_codebook_row_reference(
  const float *x, uint32_t columns, uint32_t group, const int8_t *entries, uint8_t *q, uint16_t *scales) {
  for (uint32_t begin = 0, g = 0; begin < columns; begin += group, g++) {
    const float *values = x + begin;
    uint32_t left = columns - begin, count = left < group ? left : group;
    float low = 0.0f, high = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
      if (!vial_is_finite(values[i])) return VIAL_KERNEL_NOT_FINITE;
      low = values[i] < low ? values[i] : low;
      high = values[i] > high ? values[i] : high;
    }
    if (!vial_grid_fits_codebook(entries, low, high)) return VIAL_KERNEL_SCALE_OVERFLOW;
    vial_group_choice best = {.found = false};
    for (int i = 0; i < VIAL_GRID_COUNT; i++)
      consider_codebook(&best, values, count, entries, vial_grid_codebook(entries, low, high, i).scale);
    scales[g] = best.scale;
    float inverse = best.found ? 1.0f / vial_half_to_float(best.scale) : 0.0f;
    for (uint32_t i = 0; i < count; i++) q[begin + i] = best.found ? nearest_entry(entries, values[i] * inverse) : 8;
  }
  return VIAL_KERNEL_OK;
}

vial_kernel_status vial_quantize_int8_row_reference(
  const float *x, uint32_t columns, uint32_t group, int8_t *q, uint16_t *scales) {
  for (uint32_t begin = 0, g = 0; begin < columns; begin += group, g++) {
    const float *values = x + begin;
    uint32_t left = columns - begin, count = left < group ? left : group;
    float amax = 0.0f, steps[128];
    for (uint32_t i = 0; i < count; i++) {
      if (!vial_is_finite(values[i])) return VIAL_KERNEL_NOT_FINITE;
      amax = __builtin_fabsf(values[i]) > amax ? __builtin_fabsf(values[i]) : amax;
    }
    uint16_t base = vial_float_to_half(amax / 127.0f);
    if (base == 0x7C00) return VIAL_KERNEL_SCALE_OVERFLOW;
    vial_group_choice best = {.zero = 0.0f};
    for (int i = 0; i < VIAL_GRID8_COUNT; i++)
      consider(&best, values, count, vial_grid8_scale(base, i), 0.0f, -127.0f, 127.0f);
    scales[g] = best.scale;
    if (best.found) (void)try_scale(values, count, vial_half_to_float(best.scale), 0.0f, -127.0f, 127.0f, steps);
    for (uint32_t i = 0; i < count; i++) q[begin + i] = (int8_t)(best.found ? steps[i] : 0.0f);
  }
  return VIAL_KERNEL_OK;
}
