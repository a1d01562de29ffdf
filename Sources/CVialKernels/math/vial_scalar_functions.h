// Owns: the scalar forms of exp2c and of the constants around it, for inlining into the reference.
// Must not: be vectorised by hand (vial_wide.h does that).
// Source: Spec/ARITHMETIC.md, rules 8, 11, 13.
#ifndef VIAL_SCALAR_FUNCTIONS_H
#define VIAL_SCALAR_FUNCTIONS_H
#include "math/vial_bits.h"

#pragma STDC FP_CONTRACT OFF

#define VIAL_LOG2E 0x1.715476p+0f
#define VIAL_LN2 0x1.62e43p-1f

/// Coefficients of 2^f on [-1/2, 1/2], lowest degree first.
#define VIAL_EXP2_COEFFICIENTS \
  { 1.0f, 0x1.62e43p-1f, 0x1.ebfbep-3f, 0x1.c6b08ep-5f, 0x1.3b2ab6p-7f, 0x1.5d87fep-10f, 0x1.430912p-13f }

VIAL_INLINE float vial_exp2c_inline(float x) {
  static const float c[7] = VIAL_EXP2_COEFFICIENTS;
  if (!(x >= -126.0f)) return 0.0f;
  float shifted = x + VIAL_ROUND_MAGIC, n = shifted - VIAL_ROUND_MAGIC, f = x - n, p = c[6];
  for (int i = 5; i >= 0; i--) p = __builtin_fmaf(p, f, c[i]);
  return vial_bits_float(vial_float_bits(p) + (vial_float_bits(shifted) << 23));
}

VIAL_INLINE float vial_silu_inline(float x) {
  float e = vial_exp2c_inline(-__builtin_fabsf(x) * VIAL_LOG2E);
  return (x >= 0.0f ? x : x * e) / (1.0f + e);
}

/// GELU by its tanh formula, x * sigmoid(2 * sqrt(2/pi) * (x + 0.044715 * x^3)).
#define VIAL_GELU_LINEAR 0x1.26aec2p+1f
#define VIAL_GELU_CUBIC 0x1.a5a7dp-4f
VIAL_INLINE float vial_gelu_inline(float x) {
  float e = vial_exp2c_inline(-__builtin_fabsf(x * __builtin_fmaf(x * x, VIAL_GELU_CUBIC, VIAL_GELU_LINEAR)));
  return (x >= 0.0f ? x : x * e) / (1.0f + e);
}

/// limit * tanh(x / limit) when factor is -2 * log2e / limit; what is not finite stays.
VIAL_INLINE float vial_soft_cap_inline(float x, float limit, float factor) {
  if (!vial_is_finite(x)) return x;
  float e = vial_exp2c_inline(__builtin_fabsf(x) * factor);
  return __builtin_copysignf(limit * ((1.0f - e) / (1.0f + e)), x);
}

/// logit / temperature, clamped to finite values, -0 made +0.
VIAL_INLINE float vial_heat_inline(float logit, float temperature) {
  const float limit = 0x1.fffffep127f;
  float x = logit / temperature;
  return (x > limit ? limit : x < -limit ? -limit : x) + 0.0f;
}
#endif
