// Owns: the functions of vial_dense in plain C over 16-lane vectors.
// Must not: name an instruction set: the including file does, by its target attribute, and defines
// the size of its register block (VIAL_DENSE_ROWS x VIAL_DENSE_VECTORS).
#ifndef VIAL_DENSE_LANES_H
#define VIAL_DENSE_LANES_H
#include <string.h>

#include "vial_dense.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wpsabi"  // every function here is inlined into its caller

#define DENSE_INLINE static inline __attribute__((always_inline))
#define DENSE_UNROLL _Pragma("clang loop unroll(full)")

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t mask __attribute__((vector_size(64)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));

DENSE_INLINE lanes load(const float *p) {
  lanes v;
  memcpy(&v, p, sizeof v);
  return v;
}
DENSE_INLINE void store(float *p, lanes v) { memcpy(p, &v, sizeof v); }
DENSE_INLINE lanes all(float x) { return (lanes){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
DENSE_INLINE lanes fma16(lanes a, lanes b, lanes c) { return __builtin_elementwise_fma(a, b, c); }
DENSE_INLINE lanes pick(mask m, lanes a, lanes b) { return (lanes)((m & (mask)a) | (~m & (mask)b)); }
/// Round to nearest even for magnitudes below 2^22; larger ones stay large. A NaN becomes what
/// clamp makes of it.
DENSE_INLINE lanes round16(lanes x) { return (x + 0x1.8p23f) - 0x1.8p23f; }
/// NaN becomes `low`.
DENSE_INLINE lanes clamp16(lanes x, float low, float high) {
  x = pick(x > low, x, all(low));
  return pick(x < high, x, all(high));
}
DENSE_INLINE lanes load_bytes(const uint8_t *p) {
  bytes16 v;
  memcpy(&v, p, sizeof v);
  return __builtin_convertvector(__builtin_convertvector(v, mask), lanes);
}
DENSE_INLINE void store_bytes(uint8_t *p, lanes v) {
  bytes16 b = __builtin_convertvector(__builtin_convertvector(v, mask), bytes16);
  memcpy(p, &b, sizeof b);
}
/// The nearest f16, for magnitudes that one has.
DENSE_INLINE lanes half16(lanes x) {
  typedef _Float16 halves __attribute__((vector_size(32)));
  return __builtin_convertvector(__builtin_convertvector(x, halves), lanes);
}

#include "vial_dense_group.h"
#include "vial_dense_multiply.h"
#endif
