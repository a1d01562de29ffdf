// Owns: the contract's scalar functions: exp2c, log2c, sine and cosine, Philox.
// Must not: call the C library for anything but fma and sqrt.
// Source: Spec/ARITHMETIC.md, rules 8, 9, 13.
#ifndef VIAL_FUNCTIONS_H
#define VIAL_FUNCTIONS_H
#include "vial_base.h"

#pragma GCC visibility push(hidden)

/// 2^x for x <= 0; +0 for x < -126 and for NaN. Relative error below 2.1e-7.
float vial_exp2c(float x);
/// Base-2 logarithm, correct to half a unit in the last place and a hair; 0: -infinity, negative or
/// NaN: NaN.
float vial_log2c(float x);
/// Natural log-probability of `logit` under the softmax whose maximum and sum came from
/// sum_exponentials.
float vial_log_probability(float logit, float maximum, float sum);
/// Entropy in nats of the same softmax, with the sum that came from sum_weighted.
float vial_entropy(float sum, float weighted);

/// Sine and cosine of an f32 angle in radians, rounded to f32. Accurate to 1e-7 for |angle| <=
/// 2^27.
void vial_sincos(float angle, float *out_sine, float *out_cosine);
/// Rotary angles of a position: for i < half, angle = f32(position) * inverse_frequencies[i].
/// `cosines` and `sines` receive `half` values each. half = head_dim / 2.
void vial_rope_angles(
  uint32_t position, const float *inverse_frequencies, uint32_t half, float *cosines, float *sines);

/// Philox4x32-10 (Salmon et al., SC 2011).
void vial_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
/// The uniform number in [0, 1) of a seed, an absolute position and a sample index: a multiple of
/// 2^-24.
float vial_uniform(uint64_t seed, uint32_t position, uint32_t sample_index);

#pragma GCC visibility pop
#endif
