// Owns: exp2c, log2c, and the log-probability and entropy made of them.
// Must not: call exp or log of the C library.
// Source: Spec/ARITHMETIC.md, rules 8 and 13.
#include "vial_functions.h"
#include "math/vial_scalar_functions.h"

#pragma STDC FP_CONTRACT OFF

float vial_exp2c(float x) { return vial_exp2c_inline(x); }

float vial_log2c(float x) {
  // 2 / (ln 2 * (2i + 1)): log2((1 + s) / (1 - s)) = s * (c0 + c1 s^2 + c2 s^4 + ...)
  static const double c[8] = {
    0x1.71547652b82fep+1, 0x1.ec709dc3a03fdp-1, 0x1.2776c50ef9bfep-1, 0x1.a61762a7aded9p-2,
    0x1.484b13d7c02a9p-2, 0x1.0c9a84994022dp-2, 0x1.c68f568d31760p-3, 0x1.89f3b1694cffep-3};
  if (x != x || x < 0.0f) return __builtin_nanf("");
  if (x == 0.0f) return -__builtin_inff();
  if (!vial_is_finite(x)) return x;
  double wide = (double)x;
  uint64_t bits;
  memcpy(&bits, &wide, 8);
  // Exponent such that the mantissa lies in [sqrt(1/2), sqrt(2)).
  int64_t exponent = (int64_t)(bits - 0x3FE6A09E667F3BCDu) >> 52;
  bits -= (uint64_t)exponent << 52;
  double m;
  memcpy(&m, &bits, 8);
  double s = (m - 1.0) / (m + 1.0), z = s * s, p = c[7];
  for (int i = 6; i >= 0; i--) p = __builtin_fma(p, z, c[i]);
  return (float)__builtin_fma(s, p, (double)exponent);
}

float vial_entropy(float sum, float weighted) {
  float entropy = __builtin_fmaf(VIAL_LN2, vial_log2c(sum), -(weighted / sum));
  return entropy < 0.0f ? 0.0f : entropy;
}

float vial_log_probability(float logit, float maximum, float sum) {
  return __builtin_fmaf(-VIAL_LN2, vial_log2c(sum), logit - maximum);
}
