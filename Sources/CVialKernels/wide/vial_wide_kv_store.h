// Owns: rounding keys and values to the cache type, 16 elements at a time, and placing them in a
// block.
// Must not: differ from vial_kv_store_reference.c by a bit.
// Source: Spec/ARITHMETIC.md, rule 10.
#ifndef VIAL_WIDE_KV_STORE_H
#define VIAL_WIDE_KV_STORE_H
#include "wide/vial_wide.h"

VIAL_INLINE uint32_t largest_bits(const float *x, size_t count) {
  v16u largest = {0};
  VIAL_EACH16(count, { largest = __builtin_elementwise_max(wide_magnitude(load_some(x + i, left, 0)), largest); });
  return wide_reduce_max_bits(largest);
}

/// f16 of the cache: infinite becomes the largest finite, NaN becomes 0x7E00.
VIAL_INLINE v16s cache_halves(v16f x) {
  v16s bits = (v16s)__builtin_convertvector(x, v16h), magnitude = bits & 0x7FFF;
  v16s is_nan = (v16s)(magnitude > 0x7C00);
  bits += (v16s)(magnitude == 0x7C00);  // minus one
  return (bits & ~is_nan) | (is_nan & 0x7E00);
}

/// Stores one vector, element i at index i * step of data; `scale` receives the int8 scale.
VIAL_INLINE void store_vector(
  const vial_kv_type type, const size_t step, const float *x, size_t count, uint32_t largest, uint8_t *data,
  float *scale) {
  const size_t size = type == VIAL_KV_F32 ? 4 : type == VIAL_KV_F16 ? 2 : 1;
  const float amax = vial_bits_float(largest);
  const bool zero = largest >= 0x7F800000u || amax < 0x1p-100f;
  const float inverse = zero ? 0.0f : 127.0f / amax;
  if (type == VIAL_KV_INT8) *scale = zero ? 0.0f : amax / 127.0f;
  VIAL_EACH16(count, {
    uint8_t elements[64];
    v16f v = load_some(x + i, left, 0);
    if (type == VIAL_KV_F32) {
      memcpy(elements, &v, 64);
    } else if (type == VIAL_KV_F16) {
      v16s halves = cache_halves(v);
      memcpy(elements, &halves, 32);
    } else {
      v16i n = (v16i)(v * inverse + VIAL_ROUND_MAGIC) - (int32_t)VIAL_ROUND_MAGIC_BITS;
      v16b bytes = zero ? (v16b){0} : __builtin_convertvector(n, v16b);
      memcpy(elements, &bytes, 16);
    }
    if (step == 1)
      memcpy(data + i * size, elements, left * size);
    else
      for (size_t j = 0; j < left; j++) memcpy(data + (i + j) * step * size, elements + j * size, size);
  });
}

VIAL_INLINE uint32_t store_position(
  const vial_kv_type type, size_t dim, const float *key, const float *value, uint32_t position, uint8_t *block) {
  const size_t size = type == VIAL_KV_F32 ? 4 : type == VIAL_KV_F16 ? 2 : 1, half = 64 * dim * size;
  float *scales = (float *)(void *)(block + 2 * half), unused[2];  // only int8 blocks have them
  float *key_scale = type == VIAL_KV_INT8 ? scales + position : unused;
  float *value_scale = type == VIAL_KV_INT8 ? scales + 64 + position : unused + 1;
  uint32_t key_largest = largest_bits(key, dim), value_largest = largest_bits(value, dim);
  store_vector(type, 16, key, dim, key_largest, block + (position / 16 * dim * 16 + position % 16) * size, key_scale);
  store_vector(type, 1, value, dim, value_largest, block + half + position * dim * size, value_scale);
  return key_largest >= 0x7F800000u || value_largest >= 0x7F800000u;
}

static uint32_t wide_kv_store(
  vial_kv_type type, uint32_t head_dim, const float *key, const float *value, uint32_t position, uint8_t *block) {
  switch (type) {
    case VIAL_KV_F32: return store_position(VIAL_KV_F32, head_dim, key, value, position, block);
    case VIAL_KV_F16: return store_position(VIAL_KV_F16, head_dim, key, value, position, block);
    default: return store_position(VIAL_KV_INT8, head_dim, key, value, position, block);
  }
}
#endif
