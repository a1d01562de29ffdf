// Owns: decoding one row of a tensor of any encoding, 16 columns at a time.
// Must not: load past the row's records, or differ from vial_decode_row_reference by a bit.
// Source: Spec/ARITHMETIC.md, rule 6.
#ifndef VIAL_WIDE_DECODE_ROW_H
#define VIAL_WIDE_DECODE_ROW_H
#include "wide/vial_wide.h"

/// 16 columns of an int4 row: 4 bytes of each of two steps of 8, low nibbles first.
VIAL_INLINE v16i decode_nibbles(const uint8_t *q) {
  const v16u shifts = {0, 8, 16, 24, 4, 12, 20, 28, 0, 8, 16, 24, 4, 12, 20, 28};
  uint32_t a = vial_load_u32(q), b = vial_load_u32(q + 64);
  return (v16i)((v16u){a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b} >> shifts & 15u);
}
/// The entries that 16 nibbles stand for.
VIAL_INLINE v16i decode_entries(const int8_t *entries, v16i nibbles) {
  VIAL_UNROLL for (int i = 0; i < 16; i++) nibbles[i] = entries[nibbles[i]];
  return nibbles;
}
/// 16 columns of an int8 row: 4 bytes of each of four steps of 4.
VIAL_INLINE v16f decode_bytes(const uint8_t *q) {
  uint8_t bytes[16];
  VIAL_UNROLL for (int i = 0; i < 4; i++) memcpy(bytes + 4 * i, q + 64 * i, 4);
  return wide_load_int8(bytes);
}

VIAL_INLINE void decode_quantized_row(const bool four_bit, const vial_tensor *w, uint32_t row, float *out) {
  const size_t record_bytes = vial_tensor_record_byte_count(w), tail = (four_bit ? 8 : 16) * (size_t)w->group;
  const uint8_t *record = w->bytes + row / 16 * vial_tensor_tile_byte_count(w);
  const uint32_t r = row % 16;
  for (uint32_t begin = 0; begin < w->columns; begin += w->group, record += record_bytes) {
    const uint8_t *q = record + r * 4;
    const uint32_t left_columns = w->columns - begin, count = left_columns < w->group ? left_columns : w->group;
    const float scale = vial_half_to_float(vial_load_u16(record + tail + 2 * r));
    const int32_t zero = w->asymmetric ? record[tail + 32 + r] & 15 : 8;
    VIAL_EACH16((size_t)count, {  // a record holds whole groups, so loads of 16 stay inside
      v16f steps;
      if (four_bit) {
        v16i nibbles = decode_nibbles(q + i * 8);
        steps = __builtin_convertvector(w->codebook ? decode_entries(w->entries, nibbles) : nibbles - zero, v16f);
      } else {
        steps = decode_bytes(q + i * 16);
      }
      store_some(out + begin + i, left, steps * scale);
    });
  }
}

/// Float encodings: every element lies in another step; gathered as bits, then widened together.
VIAL_INLINE void decode_float_row(const uint8_t encoding, const vial_tensor *w, uint32_t row, float *out) {
  const size_t size = encoding == VIAL_ENCODING_F32 ? 4 : 2, step = 16 * size;
  const uint8_t *from = w->bytes + row / 16 * vial_tensor_tile_byte_count(w) + row % 16 * size;
  VIAL_EACH16((size_t)w->columns, {
    uint8_t bits[64] = {0};
    for (size_t j = 0; j < left; j++) memcpy(bits + j * size, from + (i + j) * step, size);
    store_some(
      out + i, left,
      encoding == VIAL_ENCODING_F32   ? wide_load_single(bits)
      : encoding == VIAL_ENCODING_F16 ? wide_load_half(bits)
                                      : wide_load_bfloat(bits));
  });
}

static void wide_decode_row(const vial_tensor *w, uint32_t row, float *out) {
  switch (w->encoding) {
    case VIAL_ENCODING_INT4: decode_quantized_row(true, w, row, out); break;
    case VIAL_ENCODING_INT8: decode_quantized_row(false, w, row, out); break;
    case VIAL_ENCODING_F32: decode_float_row(VIAL_ENCODING_F32, w, row, out); break;
    case VIAL_ENCODING_F16: decode_float_row(VIAL_ENCODING_F16, w, row, out); break;
    default: decode_float_row(VIAL_ENCODING_BF16, w, row, out);
  }
}
#endif
