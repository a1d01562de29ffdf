// Owns: rounding keys and values to the cache type and placing them in a block.
// Must not: read other positions.
// Source: Spec/ARITHMETIC.md, rule 10.
#include "math/vial_bits.h"
#include "dispatch/vial_family.h"

#pragma STDC FP_CONTRACT OFF

/// f16 of the cache: saturates at 65504, NaN becomes +NaN (0x7E00).
static uint16_t cache_half(float x) {
  if (x != x) return 0x7E00;
  uint16_t bits = vial_float_to_half(x);
  return (bits & 0x7FFF) == 0x7C00 ? (uint16_t)(bits - 1) : bits;
}

/// Largest magnitude as bits; 0x7F800000 or more when something is infinite or NaN.
static uint32_t largest_magnitude(const float *x, uint32_t count) {
  uint32_t largest = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t magnitude = vial_float_bits(x[i]) & 0x7FFFFFFFu;
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

/// Stores one vector; element i goes to index start + i * step. `scale` receives the int8 scale.
static void store_vector(
  vial_kv_type type, uint32_t count, const float *x, uint32_t largest, uint8_t *data, size_t start, size_t step,
  float *scale) {
  if (type == VIAL_KV_F32) {
    for (size_t i = 0; i < count; i++) ((float *)data)[start + i * step] = x[i];
  } else if (type == VIAL_KV_F16) {
    for (size_t i = 0; i < count; i++) ((uint16_t *)data)[start + i * step] = cache_half(x[i]);
  } else {
    float amax = vial_bits_float(largest);
    bool zero = largest >= 0x7F800000u || amax < 0x1p-100f;
    float inverse = zero ? 0.0f : 127.0f / amax;
    *scale = zero ? 0.0f : amax / 127.0f;
    for (size_t i = 0; i < count; i++) {
      float rounded = zero ? 0.0f : x[i] * inverse + VIAL_ROUND_MAGIC - VIAL_ROUND_MAGIC;
      ((int8_t *)data)[start + i * step] = (int8_t)rounded;
    }
  }
}

uint32_t vial_kv_store_reference(
  vial_kv_type type, uint32_t head_dim, const float *key, const float *value, uint32_t position, uint8_t *block) {
  size_t element = type == VIAL_KV_F32 ? 4 : type == VIAL_KV_F16 ? 2 : 1, half = 64 * (size_t)head_dim * element;
  float *scales = (float *)(block + 2 * half), unused;  // only int8 blocks have them
  float *key_scale = type == VIAL_KV_INT8 ? scales + position : &unused;
  float *value_scale = type == VIAL_KV_INT8 ? scales + 64 + position : &unused;
  uint32_t key_largest = largest_magnitude(key, head_dim), value_largest = largest_magnitude(value, head_dim);
  size_t key_start = position / 16 * ((size_t)head_dim * 16) + position % 16;
  store_vector(type, head_dim, key, key_largest, block, key_start, 16, key_scale);
  store_vector(type, head_dim, value, value_largest, block + half, (size_t)position * head_dim, 1, value_scale);
  return key_largest >= 0x7F800000u || value_largest >= 0x7F800000u;
}
