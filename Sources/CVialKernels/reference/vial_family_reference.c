// Owns: the table of the reference family and its vector functions: the plainest form of the
// contract.
// Must not: be fast.
// Source: Spec/ARITHMETIC.md, rules 6 to 9, 12 and 13.
#include "math/vial_bits.h"
#include "dispatch/vial_family.h"
#include "math/vial_scalar_functions.h"

#pragma STDC FP_CONTRACT OFF

static void add(float *y, const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = y[i] + x[i];
}

static void scaled_add(float *y, const float *u, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = __builtin_fmaf(scale, u[i], y[i]);
}

static void scale(float *x, float factor, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] * factor;
}

static void rms_norm(const float *x, const float *weight, size_t count, float epsilon, float *out) {
  float lanes[16] = {0};
  for (size_t i = 0; i < count; i++) lanes[i % 16] = __builtin_fmaf(x[i], x[i], lanes[i % 16]);
  float r = 1.0f / __builtin_elementwise_sqrt(vial_tree16(lanes) / (float)count + epsilon);
  for (size_t i = 0; i < count; i++) out[i] = (x[i] * r) * weight[i];
}

static void silu_multiply(const float *gate, const float *up, size_t count, float *out) {
  for (size_t i = 0; i < count; i++) out[i] = vial_silu_inline(gate[i]) * up[i];
}

static void gelu_multiply(const float *gate, const float *up, size_t count, float *out) {
  for (size_t i = 0; i < count; i++) out[i] = vial_gelu_inline(gate[i]) * up[i];
}

static void soft_cap(float *x, float limit, size_t count) {
  float factor = -2.0f * VIAL_LOG2E / limit;
  for (size_t i = 0; i < count; i++) x[i] = vial_soft_cap_inline(x[i], limit, factor);
}

static void rope(float *x, const float *cosines, const float *sines, uint32_t half) {
  for (size_t i = 0; i < half; i++) {
    float a = x[i], b = x[i + half];
    x[i] = __builtin_fmaf(a, cosines[i], -(b * sines[i]));
    x[i + half] = __builtin_fmaf(b, cosines[i], a * sines[i]);
  }
}

static void exponentials(const float *x, size_t count, float maximum, float *out) {
  for (size_t i = 0; i < count; i++) out[i] = vial_exp2c_inline((x[i] - maximum) * VIAL_LOG2E);
}

static void sum_exponentials(const float *x, size_t count, float *out_maximum, float *out_sum) {
  float lanes[16] = {0}, maximum = -__builtin_inff();
  for (size_t i = 0; i < count; i++)
    if (x[i] > maximum) maximum = x[i];
  for (size_t i = 0; i < count; i++)
    lanes[i % 16] = lanes[i % 16] + vial_exp2c_inline((x[i] - maximum) * VIAL_LOG2E);
  *out_maximum = maximum;
  *out_sum = vial_tree16(lanes);
}

static void sum_weighted(const float *x, size_t count, float maximum, float *out_sum) {
  float lanes[16] = {0};
  for (size_t i = 0; i < count; i++) {
    float d = x[i] - maximum;
    d = d > -100.0f ? d : -100.0f;
    lanes[i % 16] = __builtin_fmaf(vial_exp2c_inline(d * VIAL_LOG2E), d, lanes[i % 16]);
  }
  *out_sum = vial_tree16(lanes);
}

static uint32_t all_finite(const float *x, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!vial_is_finite(x[i])) return 0;
  return 1;
}

const vial_kernels vial_kernels_reference = {
  .name = "reference",
  .quantize = vial_quantize_reference,
  .matmul_quantized = vial_matmul_quantized_reference,
  .matmul_float = vial_matmul_float_reference,
  .decode_row = vial_decode_row_reference,
  .add = add,
  .scaled_add = scaled_add,
  .scale = scale,
  .rms_norm = rms_norm,
  .silu_multiply = silu_multiply,
  .gelu_multiply = gelu_multiply,
  .soft_cap = soft_cap,
  .rope = rope,
  .kv_store = vial_kv_store_reference,
  .attention = vial_attention_reference,
  .exponentials = exponentials,
  .sum_exponentials = sum_exponentials,
  .sum_weighted = sum_weighted,
  .greatest = vial_greatest_reference,
  .collect = vial_collect_reference,
  .all_finite = all_finite,
  .quantize_int4_row = vial_quantize_int4_row_reference,
  .quantize_codebook_row = vial_quantize_codebook_row_reference,
  .quantize_int8_row = vial_quantize_int8_row_reference,
};
