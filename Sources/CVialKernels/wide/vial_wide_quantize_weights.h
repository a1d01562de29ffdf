// Owns: the weight quantisers, 16 lanes at a time.
// Must not: differ from vial_quantize_weights_reference.c by a bit.
// Source: Spec/ARITHMETIC.md, "Quantisers".
#ifndef VIAL_WIDE_QUANTIZE_WEIGHTS_H
#define VIAL_WIDE_QUANTIZE_WEIGHTS_H
#include "layout/vial_quantizer_grid.h"
#include "wide/vial_wide.h"

/// Candidates of a group in the order of vial_quantizer_grid.h: whole vectors, unusable ones with
/// scale 0.
typedef struct wide_grid {
  float scales[48], inverses[48], zeros[48];
  int count;
} wide_grid;

/// Scales rounded to f16 (infinite ones made 0) and their inverses.
VIAL_INLINE void grid_store(wide_grid *grid, int at, v16f scale, v16f zero) {
  scale = __builtin_convertvector(__builtin_convertvector(scale, v16h), v16f);
  scale = wide_select(wide_magnitude(scale) < 0x7F800000u, scale, (v16f){0});
  wide_store(grid->scales + at, scale);
  wide_store(grid->inverses + at, 1.0f / scale);
  wide_store(grid->zeros + at, zero);
}

/// vial_grid_symmetric for all indices.
VIAL_INLINE void grid_symmetric(wide_grid *grid, float low, float high) {
  float extreme = -low >= high ? low : high;
  grid->count = VIAL_GRID_COUNT;
  for (int at = 0; at < 48; at += 16) {
    v16f index = __builtin_convertvector(wide_lane_numbers() + at, v16f);
    v16f denominator = wide_select(index < 24.0f, -(7.0f + 0.25f * index), 6.5f + 0.5f * (index - 24.0f));
    grid_store(grid, at, extreme / denominator, wide_set(8.0f));
  }
}

/// vial_grid_asymmetric for all indices.
VIAL_INLINE void grid_asymmetric(wide_grid *grid, float low, float high) {
  grid->count = VIAL_GRID_COUNT;
  for (int at = 0; at < 48; at += 16) {
    v16i index = wide_lane_numbers() + at, step = (index * 43) >> 7;  // index / 3 below 48
    v16i turn = index - step * 3;
    v16f shrink = 1.0f - 0.03125f * __builtin_convertvector(step, v16f);
    grid_store(grid, at, ((high - low) * shrink) / 15.0f, (v16f){0});
    v16f nearest = wide_round((-low * shrink) * wide_load(grid->inverses + at));
    nearest = wide_select(nearest > 15.0f, wide_set(15.0f), nearest);
    v16f zero = nearest + wide_select(turn == 0, (v16f){0}, wide_select(turn == 1, wide_set(-1.0f), wide_set(1.0f)));
    v16i usable = (zero >= 0.0f) & (zero <= 15.0f);
    wide_store(grid->scales + at, wide_select(usable, wide_load(grid->scales + at), (v16f){0}));
    wide_store(grid->zeros + at, zero);
  }
}

/// vial_grid_codebook for all indices.
VIAL_INLINE void grid_codebook(wide_grid *grid, const int8_t *entries, float low, float high) {
  float extreme = -low >= high ? low : high, first = (float)entries[0], last = (float)entries[15];
  grid->count = VIAL_GRID_COUNT;
  for (int at = 0; at < 48; at += 16) {
    v16f index = __builtin_convertvector(wide_lane_numbers() + at, v16f);
    v16f entry = wide_select(
      index < 24.0f, first * (0.875f + 0.03125f * index), last * (0.9375f + 0.0625f * (index - 24.0f)));
    grid_store(grid, at, extreme / entry, wide_set(8.0f));
  }
}

/// steps = clamp(roundeven(x * inverse), low, high)
VIAL_INLINE v16f quantize_steps(v16f x, float inverse, float low, float high) {
  v16f s = wide_round(x * inverse);
  s = wide_select(s < low, wide_set(low), s);
  return wide_select(s > high, wide_set(high), s);
}

/// The candidate of least squared error over `count` values (a multiple of 16, zero-filled); low
/// and high before the zero point is taken off.
VIAL_INLINE vial_group_choice choose(const wide_grid *grid, const float *x, uint32_t count, float low, float high) {
  vial_group_choice best = {.zero = low == 0.0f ? 8.0f : 0.0f};
  float best_scale = 0.0f;
  for (int i = 0; i < grid->count; i++) {
    float scale = grid->scales[i], inverse = grid->inverses[i], zero = grid->zeros[i];
    if (scale == 0.0f) continue;
    v16f sum = {0};
    for (uint32_t j = 0; j < count; j += 16) {
      v16f v = wide_load(x + j);
      v16f error = wide_fma(wide_set(-scale), quantize_steps(v, inverse, low - zero, high - zero), v);
      sum = wide_fma(error, error, sum);
    }
    float error = wide_tree(sum);
    if (best.found && !(error < best.error)) continue;
    best = (vial_group_choice){.error = error, .zero = zero, .found = true};
    best_scale = scale;
  }
  best.scale = vial_float_to_half(best_scale);
  return best;
}

/// Writes the group's values with the chosen scale.
VIAL_INLINE void write_steps(
  const vial_group_choice *best, const float *x, uint32_t count, float low, float high, float offset, void *q) {
  v16b block[8] = {{0}};
  float inverse = best->found ? 1.0f / vial_half_to_float(best->scale) : 0.0f;
  for (uint32_t i = 0; i < (count + 15) / 16; i++) {
    v16f steps = quantize_steps(wide_load(x + 16 * i), inverse, low - best->zero, high - best->zero) + offset;
    block[i] = __builtin_convertvector(__builtin_convertvector(steps, v16i), v16b);
  }
  memcpy(q, block, count);
}

/// min(0, x) and max(0, x) over `count` values, a multiple of 16; false if one is infinite or NaN.
VIAL_INLINE bool group_extremes(const float *x, uint32_t count, float *low, float *high) {
  v16f low_lanes = {0}, high_lanes = {0};
  v16u largest = {0};
  for (uint32_t i = 0; i < count; i += 16) {
    v16f v = wide_load(x + i);
    largest = __builtin_elementwise_max(wide_magnitude(v), largest);
    low_lanes = wide_select(v < low_lanes, v, low_lanes);
    high_lanes = wide_select(v > high_lanes, v, high_lanes);
  }
  *low = -wide_reduce_max(-low_lanes);
  *high = wide_reduce_max(high_lanes);
  return wide_reduce_max_bits(largest) < 0x7F800000u;
}

static vial_kernel_status wide_quantize_int4_row(
  const float *x, uint32_t columns, uint32_t group, uint8_t *q, uint16_t *scales, uint8_t *zeros) {
  for (uint32_t begin = 0, g = 0; begin < columns; begin += group, g++) {
    uint32_t left = columns - begin, count = left < group ? left : group, whole = (count + 15) / 16 * 16;
    float values[128] = {0}, low, high;
    memcpy(values, x + begin, count * sizeof *values);
    if (!group_extremes(values, whole, &low, &high)) return VIAL_KERNEL_NOT_FINITE;
    if (!vial_grid_fits(low, high, zeros != NULL)) return VIAL_KERNEL_SCALE_OVERFLOW;
    wide_grid grid;
    if (zeros)
      grid_asymmetric(&grid, low, high);
    else
      grid_symmetric(&grid, low, high);
    vial_group_choice best = choose(&grid, values, whole, 0.0f, 15.0f);
    scales[g] = best.scale;
    if (zeros) zeros[g] = (uint8_t)best.zero;
    write_steps(&best, values, count, 0.0f, 15.0f, best.zero, q + begin);
  }
  return VIAL_KERNEL_OK;
}

/// What a search for the nearest entry walks along: the middle of entries i and i + 1, and their
/// distance.
typedef struct wide_codebook {
  float first, middles[15], distances[15];
} wide_codebook;

/// The entries nearest to x, the lower one of two equally near; *q, where it is not NULL, receives
/// their places.
VIAL_INLINE v16f nearest_entries(const wide_codebook *entries, v16f x, v16i *q) {
  v16f entry = wide_set(entries->first);
  v16i slot = {0};
  VIAL_UNROLL for (int i = 0; i < 15; i++) {
    v16i above = x > entries->middles[i];
    entry = entry + (v16f)(above & (v16i)wide_set(entries->distances[i]));
    slot = slot - above;
  }
  if (q) *q = slot;
  return entry;
}

/// `choose` for a codebook; a zero-filled end adds no error, though 0 need not be an entry.
VIAL_INLINE vial_group_choice choose_codebook(
  const wide_grid *grid, const wide_codebook *entries, const float *x, uint32_t count) {
  vial_group_choice best = {.found = false};
  float best_scale = 0.0f;
  for (int i = 0; i < grid->count; i++) {
    float scale = grid->scales[i], inverse = grid->inverses[i];
    if (scale == 0.0f) continue;
    v16f sum = {0};
    for (uint32_t j = 0; j < count; j += 16) {
      v16f v = wide_load(x + j);
      v16f error = wide_fma(wide_set(-scale), nearest_entries(entries, v * inverse, NULL), v);
      if (count - j < 16) error = wide_select(wide_first((int32_t)(count - j)), error, (v16f){0});
      sum = wide_fma(error, error, sum);
    }
    float error = wide_tree(sum);
    if (best.found && !(error < best.error)) continue;
    best = (vial_group_choice){.error = error, .found = true};
    best_scale = scale;
  }
  best.scale = vial_float_to_half(best_scale);
  return best;
}

static vial_kernel_status wide_quantize_codebook_row(
  const float *x, uint32_t columns, uint32_t group, const int8_t *entries, uint8_t *q, uint16_t *scales) {
  wide_codebook walk = {.first = (float)entries[0]};
  for (int i = 0; i < 15; i++) {
    walk.middles[i] = 0.5f * (float)(entries[i] + entries[i + 1]);
    walk.distances[i] = (float)(entries[i + 1] - entries[i]);
  }
  for (uint32_t begin = 0, g = 0; begin < columns; begin += group, g++) {
    uint32_t left = columns - begin, count = left < group ? left : group, whole = (count + 15) / 16 * 16;
    float values[128] = {0}, low, high;
    memcpy(values, x + begin, count * sizeof *values);
    if (!group_extremes(values, whole, &low, &high)) return VIAL_KERNEL_NOT_FINITE;
    if (!vial_grid_fits_codebook(entries, low, high)) return VIAL_KERNEL_SCALE_OVERFLOW;
    wide_grid grid;
    grid_codebook(&grid, entries, low, high);
    vial_group_choice best = choose_codebook(&grid, &walk, values, count);
    scales[g] = best.scale;
    uint8_t slots[128];
    float inverse = best.found ? 1.0f / vial_half_to_float(best.scale) : 0.0f;
    for (uint32_t i = 0; i < whole; i += 16) {
      v16i slot = (v16i){0} + 8;
      if (best.found) nearest_entries(&walk, wide_load(values + i) * inverse, &slot);
      v16b narrow = __builtin_convertvector(slot, v16b);
      memcpy(slots + i, &narrow, sizeof narrow);
    }
    memcpy(q + begin, slots, count);
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
    wide_grid grid = {.count = VIAL_GRID8_COUNT};
    for (int i = 0; i < VIAL_GRID8_COUNT; i++) {
      float scale = vial_half_to_float(vial_grid8_scale(base, i));
      grid.scales[i] = scale < 65520.0f ? scale : 0.0f;
      grid.inverses[i] = 1.0f / scale;
    }
    vial_group_choice best = choose(&grid, values, whole, -127.0f, 127.0f);
    scales[g] = best.scale;
    write_steps(&best, values, count, -127.0f, 127.0f, 0.0f, q + begin);
  }
  return VIAL_KERNEL_OK;
}
#endif
