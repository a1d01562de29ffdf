// Owns: sine and cosine in f64 with a fixed order of operations, and the rotary angles of a
// position.
// Must not: call sin, cos or pow of the C library.
// Source: Spec/ARITHMETIC.md, rule 9.
// Source: Cody and Waite's reduction with fused multiply-add; polynomials of fdlibm's k_sin.c and
// k_cos.c.
#include <string.h>

#include "vial_functions.h"

#pragma STDC FP_CONTRACT OFF

void vial_sincos(float angle, float *out_sine, float *out_cosine) {
  static const double two_over_pi = 0x1.45f306dc9c883p-1, half_pi_high = 0x1.921fb54442d18p+0,
                      half_pi_low = 0x1.1a62633145c07p-54, magic = 0x1.8p52;
  static const double s[6] = {-0x1.5555555555549p-3,  0x1.111111110f8a6p-7,   -0x1.a01a019c161d5p-13,
                              0x1.71de357b1fe7dp-19,  -0x1.ae5e68a2b9cebp-26, 0x1.5d93a5acfd57cp-33};
  static const double c[6] = {0x1.555555555554cp-5,   -0x1.6c16c16c15177p-10, 0x1.a01a019cb1590p-16,
                              -0x1.27e4f809c52adp-22, 0x1.1ee9ebdb4b1c4p-29,  -0x1.8fae9be8838d4p-37};
  double a = (double)angle, shifted = a * two_over_pi + magic, k = shifted - magic;
  uint64_t quadrant;  // the integer k in the low bits
  memcpy(&quadrant, &shifted, 8);
  double r = __builtin_fma(-k, half_pi_high, a);
  r = __builtin_fma(-k, half_pi_low, r);
  double z = r * r, ps = s[5], pc = c[5];
  for (int i = 4; i >= 0; i--) ps = __builtin_fma(ps, z, s[i]);
  for (int i = 4; i >= 0; i--) pc = __builtin_fma(pc, z, c[i]);
  double sine = __builtin_fma(r * z, ps, r);
  double cosine = __builtin_fma(z * z, pc, __builtin_fma(-0.5, z, 1.0));
  double y = quadrant & 1 ? cosine : sine, x = quadrant & 1 ? sine : cosine;
  *out_sine = (float)(quadrant & 2 ? -y : y);
  *out_cosine = (float)((quadrant + 1) & 2 ? -x : x);
}

void vial_rope_angles(
  uint32_t position, const float *inverse_frequencies, uint32_t half, float *cosines, float *sines) {
  float p = (float)position;
  for (uint32_t i = 0; i < half; i++) vial_sincos(p * inverse_frequencies[i], &sines[i], &cosines[i]);
}
