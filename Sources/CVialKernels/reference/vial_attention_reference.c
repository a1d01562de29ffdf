// Owns: the reference attention of one KV head.
// Must not: be fast, or read positions that the query does not see.
// Source: Spec/ARITHMETIC.md, rule 11.
#include "math/vial_bits.h"
#include "dispatch/vial_family.h"
#include "math/vial_scalar_functions.h"

#pragma STDC FP_CONTRACT OFF

static float cache_element(vial_kv_type type, const uint8_t *data, size_t i) {
  switch (type) {
    case VIAL_KV_F32: return ((const float *)data)[i];
    case VIAL_KV_F16: return vial_half_to_float(((const uint16_t *)data)[i]);
    default: return (float)((const int8_t *)data)[i];
  }
}

/// Positions [begin, end) of one block for one row: maximum, sum of exponentials, unnormalised
/// output, each from +0.
static void attend_block(
  const vial_attention *a, const float *q, const uint8_t *block, uint32_t begin, uint32_t end, float *out_maximum,
  float *out_sum, float *o) {
  vial_kv_type type = a->type;
  uint32_t dim = a->head_dim;
  size_t half = 64 * (size_t)dim * (type == VIAL_KV_F32 ? 4 : type == VIAL_KV_F16 ? 2 : 1);
  const float *scales = (const float *)(block + 2 * half);
  float s[64], lanes[16], maximum = -__builtin_inff();
  for (uint32_t i = begin; i < end; i++) {
    float score = 0.0f;
    for (uint32_t d = 0; d < dim; d++)
      score = __builtin_fmaf(q[d], cache_element(type, block, ((size_t)(i / 16) * dim + d) * 16 + i % 16), score);
    if (type == VIAL_KV_INT8) score = score * scales[i];
    if (a->soft_cap != 0.0f) score = vial_soft_cap_inline(score, VIAL_LOG2E * a->soft_cap, -2.0f / a->soft_cap);
    s[i] = score;
    if (score > maximum) maximum = score;
  }
  for (uint32_t i = 0; i < 64; i++) {
    bool seen = i >= begin && i < end;
    float p = seen ? vial_exp2c_inline(s[i] - maximum) : 0.0f;
    lanes[i % 16] = i < 16 ? p : lanes[i % 16] + p;
    s[i] = type == VIAL_KV_INT8 && seen ? p * scales[64 + i] : p;
  }
  for (uint32_t d = 0; d < dim; d++) {
    float sum = 0.0f;
    for (uint32_t i = begin; i < end; i++)
      sum = __builtin_fmaf(s[i], cache_element(type, block + half, (size_t)i * dim + d), sum);
    o[d] = sum;
  }
  *out_maximum = maximum;
  *out_sum = vial_tree16(lanes);
}

void vial_attention_reference(const vial_attention *a) {
  uint32_t dim = a->head_dim;
  float *scaled = a->scratch, *part = scaled + dim;
  float factor = a->scale != 0.0f ? VIAL_LOG2E * a->scale : VIAL_LOG2E / __builtin_elementwise_sqrt((float)dim);
  for (uint32_t t = 0; t < a->query_count; t++)
    for (uint32_t h = 0; h < a->head_count; h++) {
      const float *q = a->q + t * a->q_stride + (size_t)h * dim;
      float *o = a->out + t * a->out_stride + (size_t)h * dim, m = 0.0f, l = 0.0f;
      for (uint32_t d = 0; d < dim; d++) scaled[d] = q[d] * factor;
      uint32_t end = a->position_counts[t], start = a->window != 0 && end > a->window ? end - a->window : 0;
      for (uint32_t b = start / 64; b * 64 < end; b++) {
        uint32_t left = end - b * 64, count = left < 64 ? left : 64;
        if (b == start / 64) {
          attend_block(a, scaled, a->blocks[b], start % 64, count, &m, &l, o);
          continue;
        }
        float block_m, block_l;
        attend_block(a, scaled, a->blocks[b], 0, count, &block_m, &block_l, part);
        float top = block_m > m ? block_m : m, x = vial_exp2c_inline(m - top), y = vial_exp2c_inline(block_m - top);
        m = top;
        l = __builtin_fmaf(l, x, block_l * y);
        for (uint32_t d = 0; d < dim; d++) o[d] = __builtin_fmaf(o[d], x, part[d] * y);
      }
      for (uint32_t d = 0; d < dim; d++) o[d] = o[d] / l;
    }
}
