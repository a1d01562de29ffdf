// Owns: the reference products of int4 and int8 tensors.
// Must not: be fast.
// Source: Spec/ARITHMETIC.md, rule 4.
#include "math/vial_bits.h"
#include "dispatch/vial_family.h"

#pragma STDC FP_CONTRACT OFF

/// dot - zero * sum of one row of one record with one token of a panel; with a codebook there is
/// nothing to take off.
static int32_t dot_record(
  const vial_tensor *w, const uint8_t *record, uint32_t r, const uint8_t *q, uint32_t width, int32_t sum) {
  int32_t dot = 0;
  for (uint32_t k = 0; k < w->group; k++) {
    int32_t a = (int8_t)q[(size_t)(k / 4) * width * 4 + (k & 3)], weight;
    if (w->encoding == VIAL_ENCODING_INT4) {
      uint8_t byte = record[k / 8 * 64 + r * 4 + (k & 3)];
      weight = k & 4 ? byte >> 4 : byte & 15;
      if (w->codebook) weight = w->entries[weight];
    } else {
      weight = (int8_t)record[k / 4 * 64 + r * 4 + (k & 3)];
    }
    dot += weight * a;
  }
  if (w->encoding == VIAL_ENCODING_INT8 || w->codebook) return dot;
  return dot - (w->asymmetric ? record[8 * w->group + 32 + r] & 15 : 8) * sum;
}

void vial_matmul_quantized_reference(
  const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out,
  size_t out_stride) {
  size_t record_bytes = vial_tensor_record_byte_count(w);
  size_t scale_offset = (w->encoding == VIAL_ENCODING_INT4 ? 8 : 16) * (size_t)w->group;
  for (uint32_t n = tile_begin * 16; n < w->rows && n < tile_end * 16; n++) {
    const uint8_t *tile = w->bytes + n / 16 * vial_tensor_tile_byte_count(w);
    for (uint32_t m = 0; m < p->token_count; m++) {
      const uint8_t *panel = p->bytes + m / p->width * p->panel_byte_count;
      const float *scales = (const float *)(panel + p->scale_offset) + m % p->width;
      const int32_t *sums = (const int32_t *)(panel + p->sum_offset) + m % p->width;
      float acc = 0.0f;
      for (size_t g = 0; g < p->group_count; g++) {
        const uint8_t *record = tile + g * record_bytes;
        const uint8_t *q = panel + (g * w->group / 4 * p->width + m % p->width) * 4;
        int32_t product = dot_record(w, record, n % 16, q, p->width, sums[g * p->width] / -8);
        float scale = vial_half_to_float(vial_load_u16(record + scale_offset + 2 * (n % 16))) * scales[g * p->width];
        acc = __builtin_fmaf((float)product, scale, acc);
      }
      out[m * out_stride + n] = acc;
    }
  }
}
