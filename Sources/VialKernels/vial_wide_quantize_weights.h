// Owns: the weight quantisers, 16 lanes at a time.
// Must not: differ from vial_quantize_weights_reference.c by a bit. Spec: ARITHMETIC.md, "Quantisers".
#ifndef VIAL_WIDE_QUANTIZE_WEIGHTS_H
#define VIAL_WIDE_QUANTIZE_WEIGHTS_H
#include "vial_quantizer_grid.h"
#include "vial_wide.h"

/// steps = clamp(roundeven(x * inverse) + zero, low, high) - zero
VIAL_INLINE v16f quantize_steps(v16f x, float inverse, float zero, float low, float high) {
  v16f s = wide_round(x * inverse) + zero;
  s = wide_select(s < low, wide_set(low), s);
  s = wide_select(s > high, wide_set(high), s);
  return s - zero;
}

/// Keeps the candidate if its squared error over `count` values (a multiple of 16, zero-filled) is smaller.
VIAL_INLINE void consider_scale(
  vial_group_choice *best, const float *x, uint32_t count, uint16_t bits, float zero, float low, float high) {
  if ((bits & 0x7FFF) == 0 || (bits & 0x7C00) == 0x7C00) return;
  float scale = vial_half_to_float(bits), inverse = 1.0f / scale;
  v16f sum = {0};
  for (uint32_t i = 0; i < count; i += 16) {
    v16f v = wide_load(x + i), error = wide_fma(wide_set(-scale), quantize_steps(v, inverse, zero, low, high), v);
    sum = wide_fma(error, error, sum);
  }
  float error = wide_tree(sum);
  if (best->found && !(error < best->error)) return;
  *best = (vial_group_choice){.error = error, .zero = zero, .scale = bits, .found = true};
}

/// Writes the group's values with the chosen scale.
VIAL_INLINE void write_steps(
  const vial_group_choice *best, const float *x, uint32_t count, float low, float high, float offset, void *q) {
  v16b block[8] = {{0}};
  float inverse = best->found ? 1.0f / vial_half_to_float(best->scale) : 0.0f;
  for (uint32_t i = 0; i < (count + 15) / 16; i++) {
    v16f steps = quantize_steps(wide_load(x + 16 * i), inverse, best->zero, low, high) + offset;
    block[i] = __builtin_convertvector(__builtin_convertvector(steps, v16i), v16b);
  }
  memcpy(q, block, count);
}

static vial_kernel_status wide_quantize_int4_row(
  const float *x, uint32_t columns, uint32_t group, uint8_t *q, uint16_t *scales, uint8_t *zeros) {
  for (uint32_t begin = 0, g = 0; begin < columns; begin += group, g++) {
    uint32_t left = columns - begin, count = left < group ? left : group, whole = (count + 15) / 16 * 16;
    float values[128] = {0};
    memcpy(values, x + begin, count * sizeof *values);
    v16f low_lanes = {0}, high_lanes = {0};
    v16u largest = {0};
    for (uint32_t i = 0; i < whole; i += 16) {
      v16f v = wide_load(values + i);
      largest = __builtin_elementwise_max(wide_magnitude(v), largest);
      low_lanes = wide_select(v < low_lanes, v, low_lanes);
      high_lanes = wide_select(v > high_lanes, v, high_lanes);
    }
    if (wide_reduce_max_bits(largest) >= 0x7F800000u) return VIAL_KERNEL_NOT_FINITE;
    float low = -wide_reduce_max(-low_lanes), high = wide_reduce_max(high_lanes);
    vial_group_choice best = {.zero = 8.0f};
    if (!vial_grid_fits(low, high, zeros != NULL)) return VIAL_KERNEL_SCALE_OVERFLOW;
    for (int i = 0; i < VIAL_GRID_COUNT; i++) {
      vial_grid_candidate c = zeros ? vial_grid_asymmetric(low, high, i) : vial_grid_symmetric(low, high, i);
      consider_scale(&best, values, whole, c.scale, c.zero, 0.0f, 15.0f);
    }
    scales[g] = best.scale;
    if (zeros) zeros[g] = (uint8_t)best.zero;
    write_steps(&best, values, count, 0.0f, 15.0f, best.zero, q + begin);
  }
  return VIAL_KERNEL_OK;
}

static vial_kernel_status wide_quantize_int8_row(
  const float *x, uint32_t columns, uint32_t group, int8_t *q, uint16_t *scales) {
  for (uint32_t begin = 0, g = 0; begin < columns; begin += group, g++) {
    uint32_t left = columns - begin, count = left < group ? left : group, whole = (count + 15) / 16 * 16;
    float values[128] = {0};
    memcpy(values, x + begin, count * sizeof *values);
    v16u largest = {0};
    for (uint32_t i = 0; i < whole; i += 16)
      largest = __builtin_elementwise_max(wide_magnitude(wide_load(values + i)), largest);
    uint32_t bits = wide_reduce_max_bits(largest);
    if (bits >= 0x7F800000u) return VIAL_KERNEL_NOT_FINITE;
    uint16_t base = vial_float_to_half(vial_bits_float(bits) / 127.0f);
    if (base == 0x7C00) return VIAL_KERNEL_SCALE_OVERFLOW;
    vial_group_choice best = {.zero = 0.0f};
    for (int i = 0; i < VIAL_GRID8_COUNT; i++)
      consider_scale(&best, values, whole, vial_grid8_scale(base, i), 0.0f, -127.0f, 127.0f);
    scales[g] = best.scale;
    write_steps(&best, values, count, -127.0f, 127.0f, 0.0f, q + begin);
  }
  return VIAL_KERNEL_OK;
}
#endif
