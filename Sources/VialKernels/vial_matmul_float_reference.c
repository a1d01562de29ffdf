// Owns: the reference products of f32, f16 and bf16 tensors, and the decoding of one row of any tensor.
// Must not: be fast. Spec: ARITHMETIC.md, rules 5 and 6.
#include "vial_bits.h"
#include "vial_family.h"

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
  const vial_tensor *w, const float *x, size_t x_stride, uint32_t column_count, uint32_t tile_begin,
  uint32_t tile_end, float *out, size_t out_stride) {
  size_t step_bytes = vial_tensor_record_byte_count(w);
  for (uint32_t n = tile_begin * 16; n < w->rows && n < tile_end * 16; n++) {
    const uint8_t *tile = w->bytes + n / 16 * vial_tensor_tile_byte_count(w);
    for (uint32_t m = 0; m < column_count; m++) {
      float chain[2] = {0.0f, 0.0f};
      for (size_t k = 0; k < w->columns; k++)
        chain[k & 1] =
          __builtin_fmaf(step_element(w->encoding, tile + k * step_bytes, n % 16), x[m * x_stride + k], chain[k & 1]);
      out[m * out_stride + n] = chain[0] + chain[1];
    }
  }
}

/// f32(scale) * (q - zero) of element k in row r of an int4 or int8 record.
static float record_element(const vial_tensor *w, const uint8_t *record, uint32_t r, uint32_t k) {
  if (w->encoding == VIAL_ENCODING_INT8) {
    float scale = vial_half_to_float(vial_load_u16(record + 16 * w->group + 2 * r));
    return scale * (float)(int8_t)record[k / 4 * 64 + r * 4 + (k & 3)];
  }
  uint8_t byte = record[k / 8 * 64 + r * 4 + (k & 3)];
  int32_t zero = w->asymmetric ? record[8 * w->group + 32 + r] : 8, q = k & 4 ? byte >> 4 : byte & 15;
  return vial_half_to_float(vial_load_u16(record + 8 * w->group + 2 * r)) * (float)(q - zero);
}

void vial_decode_row_reference(const vial_tensor *w, uint32_t row, float *out) {
  const uint8_t *tile = w->bytes + row / 16 * vial_tensor_tile_byte_count(w);
  size_t record_bytes = vial_tensor_record_byte_count(w);
  for (size_t k = 0; k < w->columns; k++)
    out[k] = w->group == 0 ? step_element(w->encoding, tile + k * record_bytes, row % 16)
                           : record_element(w, tile + k / w->group * record_bytes, row % 16, (uint32_t)(k % w->group));
}
