// Owns: the vector functions between the products, 16 lanes at a time.
// Must not: differ from vial_family_reference.c by a bit.
// Source: Spec/ARITHMETIC.md, rules 6 to 9, 12 and 13.
#ifndef VIAL_WIDE_ELEMENTWISE_H
#define VIAL_WIDE_ELEMENTWISE_H
#include "wide/vial_wide.h"

static void wide_add(float *y, const float *x, size_t count) {
  VIAL_EACH16(count, { store_some(y + i, left, load_some(y + i, left, 0) + load_some(x + i, left, 0)); });
}

static void wide_scaled_add(float *y, const float *u, float scale, size_t count) {
  VIAL_EACH16(count, {
    store_some(y + i, left, wide_fma(wide_set(scale), load_some(u + i, left, 0), load_some(y + i, left, 0)));
  });
}

static void wide_scale(float *x, float factor, size_t count) {
  VIAL_EACH16(count, { store_some(x + i, left, load_some(x + i, left, 0) * factor); });
}

static void wide_rms_norm(const float *x, const float *weight, size_t count, float epsilon, float *out) {
  v16f sum = {0};
  VIAL_EACH16(count, {
    v16f v = load_some(x + i, left, 0);
    sum = wide_fma(v, v, sum);
  });
  float r = 1.0f / __builtin_elementwise_sqrt(wide_tree(sum) / (float)count + epsilon);
  VIAL_EACH16(count, {
    store_some(out + i, left, (load_some(x + i, left, 0) * r) * load_some(weight + i, left, 0));
  });
}

static void wide_silu_multiply(const float *gate, const float *up, size_t count, float *out) {
  VIAL_EACH16(count, {
    v16f x = load_some(gate + i, left, 0);
    v16f e = wide_exp2c((v16f)(wide_magnitude(x) | 0x80000000u) * VIAL_LOG2E);
    v16f silu = wide_select(x >= 0.0f, x, x * e) / (1.0f + e);
    store_some(out + i, left, silu * load_some(up + i, left, 0));
  });
}

static void wide_gelu_multiply(const float *gate, const float *up, size_t count, float *out) {
  VIAL_EACH16(count, {
    v16f x = load_some(gate + i, left, 0);
    v16f inner = x * wide_fma(x * x, wide_set(VIAL_GELU_CUBIC), wide_set(VIAL_GELU_LINEAR));
    v16f e = wide_exp2c((v16f)(wide_magnitude(inner) | 0x80000000u));
    v16f gelu = wide_select(x >= 0.0f, x, x * e) / (1.0f + e);
    store_some(out + i, left, gelu * load_some(up + i, left, 0));
  });
}

static void wide_soft_cap_row(float *x, float limit, size_t count) {
  float factor = -2.0f * VIAL_LOG2E / limit;
  VIAL_EACH16(count, { store_some(x + i, left, wide_soft_cap(load_some(x + i, left, 0), limit, factor)); });
}

static void wide_rope(float *x, const float *cosines, const float *sines, uint32_t half) {
  VIAL_EACH16((size_t)half, {
    v16f a = load_some(x + i, left, 0), b = load_some(x + half + i, left, 0);
    v16f c = load_some(cosines + i, left, 0), s = load_some(sines + i, left, 0);
    store_some(x + i, left, wide_fma(a, c, -(b * s)));
    store_some(x + half + i, left, wide_fma(b, c, a * s));
  });
}

static void wide_exponentials(const float *x, size_t count, float maximum, float *out) {
  VIAL_EACH16(count, {
    store_some(out + i, left, wide_exp2c((load_some(x + i, left, 0) - maximum) * VIAL_LOG2E));
  });
}

static void wide_sum_exponentials(const float *x, size_t count, float *out_maximum, float *out_sum) {
  v16f top = wide_set(-__builtin_inff()), sum = {0};
  VIAL_EACH16(count, { top = wide_max(load_some(x + i, left, -__builtin_inff()), top); });
  float maximum = wide_reduce_max(top);
  VIAL_EACH16(count, {
    sum = sum + wide_exp2c((load_some(x + i, left, -__builtin_inff()) - maximum) * VIAL_LOG2E);
  });
  *out_maximum = maximum;
  *out_sum = wide_tree(sum);
}

static void wide_sum_weighted(const float *x, size_t count, float maximum, float *out_sum) {
  v16f sum = {0};
  VIAL_EACH16(count, {
    v16f d = load_some(x + i, left, -__builtin_inff()) - maximum;
    d = wide_select(d > -100.0f, d, wide_set(-100.0f));
    sum = wide_fma(wide_exp2c(d * VIAL_LOG2E), d, sum);
  });
  *out_sum = wide_tree(sum);
}

static uint32_t wide_all_finite(const float *x, size_t count) {
  v16u largest = {0};
  VIAL_EACH16(count, { largest = __builtin_elementwise_max(wide_magnitude(load_some(x + i, left, 0)), largest); });
  return wide_reduce_max_bits(largest) < 0x7F800000u;
}
#endif
