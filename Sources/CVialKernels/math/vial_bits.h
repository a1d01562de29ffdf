// Owns: bit-level scalar conversions and little-endian loads that every family shares.
// Must not: use any library.
// Source: Spec/ARITHMETIC.md, "Number formats".
#ifndef VIAL_BITS_H
#define VIAL_BITS_H
#include <string.h>

#include "vial_base.h"

#pragma STDC FP_CONTRACT OFF
#define VIAL_INLINE static inline __attribute__((always_inline, unused))

/// Adding and subtracting it rounds |x| <= 2^22 to the nearest integer, ties to even; the low bits
/// hold the integer.
#define VIAL_ROUND_MAGIC 0x1.8p23f
#define VIAL_ROUND_MAGIC_BITS 0x4B400000u

VIAL_INLINE uint32_t vial_float_bits(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  return u;
}
VIAL_INLINE float vial_bits_float(uint32_t u) {
  float x;
  memcpy(&x, &u, 4);
  return x;
}
VIAL_INLINE uint16_t vial_load_u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
VIAL_INLINE uint32_t vial_load_u32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
VIAL_INLINE float vial_load_f32(const uint8_t *p) { return vial_bits_float(vial_load_u32(p)); }

/// f16 bits to f32: exact; a NaN is made quiet.
VIAL_INLINE float vial_half_to_float(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7FFFu;
  if (rest >= 0x7C00u) return vial_bits_float(sign | (rest > 0x7C00u ? 0x7FC00000u : 0x7F800000u) | (rest & 0x3FFu) << 13);
  if (rest < 0x0400u) {
    float tiny = (float)(int32_t)rest * 0x1p-24f;
    return vial_bits_float(sign | vial_float_bits(tiny));
  }
  return vial_bits_float(sign | ((rest << 13) + (112u << 23)));
}

/// f32 to f16 bits: nearest even, overflow to infinity, NaN to sign | 0x7E00.
VIAL_INLINE uint16_t vial_float_to_half(float x) {
  uint32_t u = vial_float_bits(x), sign = u >> 16 & 0x8000u, rest = u & 0x7FFFFFFFu;
  if (rest > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);
  if (rest >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u);
  if (rest < 0x38800000u) {  // below 2^-14: adding 0.5 leaves the subnormal's integer in the low bits, rounded to even
    uint32_t low = vial_float_bits(vial_bits_float(rest) + 0.5f) - 0x3F000000u;
    return (uint16_t)(sign | low);
  }
  rest += 0x0FFFu + (rest >> 13 & 1u);
  return (uint16_t)(sign | (rest - (112u << 23)) >> 13);
}

/// f32 to bf16 bits: nearest even, overflow to infinity, NaN to sign | 0x7FC0.
VIAL_INLINE uint16_t vial_float_to_bfloat(float x) {
  uint32_t u = vial_float_bits(x);
  if ((u & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)((u >> 16 & 0x8000u) | 0x7FC0u);
  return (uint16_t)((u + 0x7FFFu + (u >> 16 & 1u)) >> 16);
}

VIAL_INLINE bool vial_is_finite(float x) { return (vial_float_bits(x) & 0x7F800000u) != 0x7F800000u; }

/// The tree of the contract: halves 8, 4, 2, 1.
VIAL_INLINE float vial_tree16(float t[16]) {
  for (int half = 8; half > 0; half /= 2)
    for (int j = 0; j < half; j++) t[j] = t[j] + t[j + half];
  return t[0];
}
#endif
