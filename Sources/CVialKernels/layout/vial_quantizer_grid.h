// Owns: the fixed grid of candidate scales and zero points that all weight quantisers search, in
// its order.
// Must not: look at errors.
// Source: Spec/ARITHMETIC.md, "Quantisers".
#ifndef VIAL_QUANTIZER_GRID_H
#define VIAL_QUANTIZER_GRID_H
#include "math/vial_bits.h"

#pragma STDC FP_CONTRACT OFF

enum { VIAL_GRID_COUNT = 36, VIAL_GRID8_COUNT = 4 };

/// One candidate: f16 bits of the scale (0 or infinite ones are skipped) and the zero point as a
/// float.
typedef struct vial_grid_candidate {
  uint16_t scale;
  float zero;
} vial_grid_candidate;

/// The best candidate so far; scale 0 and the neutral zero point while none was found.
typedef struct vial_group_choice {
  float error, zero;
  uint16_t scale;
  bool found;
} vial_group_choice;

/// low <= 0 <= high: the extremes of a group. Whether its natural scale is a finite f16.
VIAL_INLINE bool vial_grid_fits(float low, float high, bool asymmetric) {
  float natural = asymmetric ? (high - low) / 15.0f : (-low >= high ? -low : high) / 8.0f;
  return vial_float_to_half(natural) != 0x7C00;
}

/// Symmetric: 24 scales that put the extreme value at -8 (denominators 7, 7.25, ... 12.75), then 12
/// that put it at +7 (6.5, 7, ... 12).
VIAL_INLINE vial_grid_candidate vial_grid_symmetric(float low, float high, int index) {
  float extreme = -low >= high ? low : high;
  float denominator = index < 24 ? -(7.0f + 0.25f * (float)index) : 6.5f + 0.5f * (float)(index - 24);
  return (vial_grid_candidate){.scale = vial_float_to_half(extreme / denominator), .zero = 8.0f};
}

/// Asymmetric: 12 shrunken ranges (1, 31/32, ... 21/32), each with the nearest zero point, the one
/// below, the one above; a zero point outside 0...15 gives scale 0.
VIAL_INLINE vial_grid_candidate vial_grid_asymmetric(float low, float high, int index) {
  float shrink = 1.0f - 0.03125f * (float)(index / 3);
  vial_grid_candidate c = {.scale = vial_float_to_half(((high - low) * shrink) / 15.0f), .zero = 8.0f};
  if ((c.scale & 0x7FFF) == 0 || (c.scale & 0x7C00) == 0x7C00) return (vial_grid_candidate){.scale = 0, .zero = 8.0f};
  float inverse = 1.0f / vial_half_to_float(c.scale);
  float nearest = ((-low * shrink) * inverse + VIAL_ROUND_MAGIC) - VIAL_ROUND_MAGIC;
  nearest = nearest > 15.0f ? 15.0f : nearest;
  c.zero = nearest + (index % 3 == 0 ? 0.0f : index % 3 == 1 ? -1.0f : 1.0f);
  if (c.zero < 0.0f || c.zero > 15.0f) c.scale = 0;
  return c;
}

/// A codebook: 24 scales that put the extreme value at the lowest entry or beyond it (times 0.875,
/// 0.90625, ... 1.59375), then 12 that put it at the highest (times 0.9375, 1, ... 1.625).
VIAL_INLINE vial_grid_candidate vial_grid_codebook(const int8_t *entries, float low, float high, int index) {
  float extreme = -low >= high ? low : high;
  float entry = index < 24 ? (float)entries[0] * (0.875f + 0.03125f * (float)index)
                           : (float)entries[15] * (0.9375f + 0.0625f * (float)(index - 24));
  return (vial_grid_candidate){.scale = vial_float_to_half(extreme / entry), .zero = 8.0f};
}

/// Whether the scale that puts the extreme value at the entry farthest from 0 is a finite f16.
VIAL_INLINE bool vial_grid_fits_codebook(const int8_t *entries, float low, float high) {
  int first = entries[0] < 0 ? -entries[0] : entries[0], last = entries[15] < 0 ? -entries[15] : entries[15];
  float natural = (-low >= high ? -low : high) / (float)(first > last ? first : last);
  return vial_float_to_half(natural) != 0x7C00;
}

/// int8: the f16 nearest to amax/127, the next two above it, the one below.
VIAL_INLINE uint16_t vial_grid8_scale(uint16_t nearest, int index) {
  return index < 3 ? (uint16_t)(nearest + index) : nearest == 0 ? 0 : (uint16_t)(nearest - 1);
}
#endif
