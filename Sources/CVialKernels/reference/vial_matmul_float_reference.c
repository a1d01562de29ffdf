// Owns: the reference products of f32, f16 and bf16 tensors, and the decoding of one row of any
// tensor.
// Must not: be fast.
// Source: Spec/ARITHMETIC.md, rules 5 and 6.
#include "math/vial_bits.h"
#include "dispatch/vial_family.h"

#pragma STDC FP_CONTRACT OFF

/// Element r of a `[k][16]` step.
static float step_element(uint8_t encoding, const uint8_t *step, uint32_t r) {
  switch (encoding) {
    case VIAL_ENCODING_F32: return vial_load_f32(step + 4 * r);
    case VIAL_ENCODING_F16: return vial_half_to_float(vial_load_u16(step + 2 * r));
    default: return vial_bits_float((uint32_t)vial_load_u16(step + 2 * r) << 16);
  }
}

void vial_matmul_float_reference(
  const vial_tensor *w, const float *x, size_t x_stride, uint32_t token_count, uint32_t tile_begin,
  uint32_t tile_end, float *out, size_t out_stride) {
  size_t step_bytes = vial_tensor_record_byte_count(w);
  for (uint32_t n = tile_begin * 16; n < w->rows && n < tile_end * 16; n++) {
    const uint8_t *tile = w->bytes + n / 16 * vial_tensor_tile_byte_count(w);
    for (uint32_t m = 0; m < token_count; m++) {
      float chain[2] = {0.0f, 0.0f};
      for (size_t k = 0; k < w->columns; k++)
        chain[k & 1] =
          __builtin_fmaf(step_element(w->encoding, tile + k * step_bytes, n % 16), x[m * x_stride + k], chain[k & 1]);
      out[m * out_stride + n] = chain[0] + chain[1];
    }
  }
}

void vial_decode_row_reference(const vial_tensor *w, uint32_t row, float *out) {
  const uint8_t *record = w->bytes + row / 16 * vial_tensor_tile_byte_count(w);
  const uint32_t r = row % 16, group = w->group, columns = w->columns;
  size_t record_bytes = vial_tensor_record_byte_count(w);
  if (group == 0) {
    for (uint32_t k = 0; k < columns; k++, record += record_bytes) out[k] = step_element(w->encoding, record, r);
    return;
  }
  bool four_bit = w->encoding == VIAL_ENCODING_INT4;
  for (uint32_t begin = 0; begin < columns; begin += group, record += record_bytes) {
    uint32_t count = columns - begin < group ? columns - begin : group;
    const uint8_t *tail = record + (four_bit ? 8 : 16) * group, *q = record + r * 4;
    float scale = vial_half_to_float(vial_load_u16(tail + 2 * r));
    int32_t zero = w->asymmetric ? tail[32 + r] & 15 : 8;
    for (uint32_t k = 0; k < count; k++) {
      int32_t steps;
      if (four_bit) {
        int32_t stored = q[k / 8 * 64 + (k & 3)] >> (k & 4) & 15;
        steps = w->codebook ? w->entries[stored] : stored - zero;
      } else {
        steps = (int8_t)q[k / 4 * 64 + (k & 3)];
      }
      out[begin + k] = scale * (float)steps;
    }
  }
}
