// Owns: 16-lane vectors in plain C for every ISA with fused multiply-add: a family file sets its
// target attribute, includes the vial_wide_*.h headers and gets their functions compiled for its
// registers (2 x 256, 1 x 512 bits ...).
// Must not: name an ISA.
// Source: Spec/ARITHMETIC.md, rule 2.
// Include once per translation unit, inside the target region.
#ifndef VIAL_WIDE_H
#define VIAL_WIDE_H
#include "math/vial_bits.h"
#include "dispatch/vial_family.h"
#include "math/vial_scalar_functions.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wpsabi"  // every function here is inlined into its caller

typedef float v16f __attribute__((vector_size(64)));
typedef int32_t v16i __attribute__((vector_size(64)));
typedef uint32_t v16u __attribute__((vector_size(64)));
typedef _Float16 v16h __attribute__((vector_size(32)));
typedef uint16_t v16s __attribute__((vector_size(32)));
typedef int8_t v16b __attribute__((vector_size(16)));

#define VIAL_UNROLL _Pragma("clang loop unroll(full)")

VIAL_INLINE v16f wide_load(const float *p) {
  v16f v;
  memcpy(&v, p, sizeof v);
  return v;
}
VIAL_INLINE void wide_store(float *p, v16f v) { memcpy(p, &v, sizeof v); }
VIAL_INLINE v16f wide_set(float x) { return (v16f){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
VIAL_INLINE v16f wide_fma(v16f a, v16f b, v16f c) { return __builtin_elementwise_fma(a, b, c); }
/// mask lane all ones: a, all zeros: b.
VIAL_INLINE v16f wide_select(v16i mask, v16f a, v16f b) { return (v16f)((mask & (v16i)a) | (~mask & (v16i)b)); }
/// a where a > b, else b: a NaN in a is passed over.
VIAL_INLINE v16f wide_max(v16f a, v16f b) { return wide_select(a > b, a, b); }
VIAL_INLINE v16i wide_lane_numbers(void) { return (v16i){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }
/// All ones in the first `count` lanes.
VIAL_INLINE v16i wide_first(int32_t count) { return wide_lane_numbers() < (v16i){0} + count; }
VIAL_INLINE v16u wide_magnitude(v16f x) { return (v16u)x & 0x7FFFFFFFu; }
VIAL_INLINE v16f wide_round(v16f x) { return (x + VIAL_ROUND_MAGIC) - VIAL_ROUND_MAGIC; }

/// The first `count` < 16 elements, the rest `fill`.
VIAL_INLINE v16f wide_load_part(const float *p, size_t count, float fill) {
  v16f v = wide_set(fill);
  memcpy(&v, p, count * sizeof *p);
  return v;
}
VIAL_INLINE void wide_store_part(float *p, size_t count, v16f v) { memcpy(p, &v, count * sizeof *p); }
VIAL_INLINE v16f load_some(const float *p, size_t left, float fill) {
  return left == 16 ? wide_load(p) : wide_load_part(p, left, fill);
}
VIAL_INLINE void store_some(float *p, size_t left, v16f v) {
  if (left == 16)
    wide_store(p, v);
  else
    wide_store_part(p, left, v);
}

/// Runs the body with `i` at every whole step of 16 and `left` = 16, then once with the rest.
#define VIAL_EACH16(COUNT, ...)                      \
  do {                                               \
    size_t i = 0;                                    \
    for (; i + 16 <= (COUNT); i += 16) {             \
      const size_t left = 16;                        \
      __VA_ARGS__                                    \
    }                                                \
    if (i < (COUNT)) {                               \
      const size_t left = (COUNT) - i;               \
      __VA_ARGS__                                    \
    }                                                \
  } while (0)

typedef float v8f __attribute__((vector_size(32)));
typedef float v4f __attribute__((vector_size(16)));
VIAL_INLINE v8f wide_low(v16f v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
VIAL_INLINE v8f wide_high(v16f v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }

/// vial_tree16 in registers.
VIAL_INLINE float wide_tree(v16f v) {
  v8f e = wide_low(v) + wide_high(v);
  v4f f = __builtin_shufflevector(e, e, 0, 1, 2, 3) + __builtin_shufflevector(e, e, 4, 5, 6, 7);
  f = f + __builtin_shufflevector(f, f, 2, 3, 2, 3);
  return f[0] + f[1];
}
/// The largest lane; no lane is NaN.
VIAL_INLINE float wide_reduce_max(v16f v) {
  v = wide_max(__builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15), v);
  v = wide_max(__builtin_shufflevector(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7), v);
  v = wide_max(__builtin_shufflevector(v, v, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3), v);
  return v[1] > v[0] ? v[1] : v[0];
}
VIAL_INLINE uint32_t wide_reduce_max_bits(v16u v) { return __builtin_reduce_max(v); }

VIAL_INLINE v16f wide_exp2c(v16f x) {
  static const float c[7] = VIAL_EXP2_COEFFICIENTS;
  v16i alive = x >= -126.0f;
  x = wide_select(alive, x, wide_set(-126.0f));
  v16f shifted = x + VIAL_ROUND_MAGIC, n = shifted - VIAL_ROUND_MAGIC, f = x - n, p = wide_set(c[6]);
  VIAL_UNROLL for (int i = 5; i >= 0; i--) p = wide_fma(p, f, wide_set(c[i]));
  return (v16f)(((v16i)p + ((v16i)shifted << 23)) & alive);
}
/// vial_soft_cap_inline of 16 values.
VIAL_INLINE v16f wide_soft_cap(v16f x, float limit, float factor) {
  v16f e = wide_exp2c((v16f)wide_magnitude(x) * factor), capped = limit * ((1.0f - e) / (1.0f + e));
  v16i finite = (v16i)(wide_magnitude(x) < 0x7F800000u);
  return wide_select(finite, (v16f)((v16u)capped | ((v16u)x & 0x80000000u)), x);
}

/// 16 elements of a stored type at any alignment, exactly widened.
VIAL_INLINE v16f wide_load_single(const uint8_t *p) {
  v16f v;
  memcpy(&v, p, sizeof v);
  return v;
}
VIAL_INLINE v16f wide_load_half(const uint8_t *p) {
  v16h v;
  memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, v16f);
}
VIAL_INLINE v16f wide_load_bfloat(const uint8_t *p) {
  v16s v;
  memcpy(&v, p, sizeof v);
  return (v16f)(__builtin_convertvector(v, v16u) << 16);
}
VIAL_INLINE v16f wide_load_int8(const uint8_t *p) {
  v16b v;
  memcpy(&v, p, sizeof v);
  return __builtin_convertvector(__builtin_convertvector(v, v16i), v16f);
}
#endif
