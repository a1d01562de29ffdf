// Owns: the check of a tensor's bytes that `verify` runs: what `pack` promises, kernels do not rely
// on.
// Must not: be called at open.
// Source: Spec/ARITHMETIC.md, rule 15 and "Tile layouts".
#include "math/vial_bits.h"
#include "vial_tensor.h"

static bool half_is_finite(const uint8_t *p) { return (vial_load_u16(p) & 0x7C00) != 0x7C00; }

static bool float_is_finite(uint8_t encoding, const uint8_t *p) {
  switch (encoding) {
    case VIAL_ENCODING_F32: return (vial_load_u32(p) & 0x7F800000u) != 0x7F800000u;
    case VIAL_ENCODING_F16: return half_is_finite(p);
    default: return (vial_load_u16(p) & 0x7F80) != 0x7F80;
  }
}

/// One float tile; returns a status and the offset in the tile.
static vial_kernel_status check_float_tile(
  const vial_tensor *t, const uint8_t *tile, uint32_t row_count, uint64_t *offset) {
  size_t size = vial_tensor_record_byte_count(t) / 16;
  for (uint64_t k = 0; k < t->columns; k++)
    for (uint32_t r = 0; r < 16; r++) {
      const uint8_t *p = tile + (k * 16 + r) * size;
      *offset = (uint64_t)(p - tile);
      if (r < row_count) {
        if (!float_is_finite(t->encoding, p)) return VIAL_KERNEL_BAD_WEIGHT;
      } else {
        for (size_t i = 0; i < size; i++)
          if (p[i] != 0) return VIAL_KERNEL_BAD_PADDING;
      }
    }
  return VIAL_KERNEL_OK;
}

/// Scales and zero points of one record, which begin at `tail`.
static vial_kernel_status check_record_tail(
  const vial_tensor *t, const uint8_t *tail, uint32_t row_count, uint64_t *offset) {
  for (uint32_t r = 0; r < 16; r++) {
    *offset = 2 * r;
    if (!half_is_finite(tail + 2 * r)) return VIAL_KERNEL_BAD_SCALE;
    if (r >= row_count && vial_load_u16(tail + 2 * r) != 0) return VIAL_KERNEL_BAD_PADDING;
  }
  if (!t->asymmetric) return VIAL_KERNEL_OK;
  for (uint32_t r = 0; r < 16; r++) {
    *offset = 32 + r;
    if (tail[32 + r] > 15) return VIAL_KERNEL_BAD_ZERO_POINT;
    if (r >= row_count && tail[32 + r] != 8) return VIAL_KERNEL_BAD_PADDING;
  }
  return VIAL_KERNEL_OK;
}

/// The quantised values of one record; `valid` columns of the group exist.
static vial_kernel_status check_record_values(
  const vial_tensor *t, const uint8_t *record, uint32_t row_count, uint32_t valid, uint64_t *offset) {
  bool four_bit = t->encoding == VIAL_ENCODING_INT4;
  uint32_t per_step = four_bit ? 8 : 4;
  bool padded = row_count < 16 || valid < t->group;
  if (four_bit && !padded) return VIAL_KERNEL_OK;
  for (uint32_t k = 0; k < t->group; k++)
    for (uint32_t r = 0; r < 16; r++) {
      uint32_t at = k / per_step * 64 + r * 4 + (k & 3);
      uint8_t byte = record[at];
      *offset = at;
      bool padding = r >= row_count || k >= valid;
      if (four_bit) {
        uint8_t zero = t->asymmetric ? record[8 * t->group + 32 + r] : 8;
        if (padding && (k & 4 ? byte >> 4 : byte & 15) != zero) return VIAL_KERNEL_BAD_PADDING;
      } else {
        if (byte == 0x80) return VIAL_KERNEL_BAD_WEIGHT;
        if (padding && byte != 0) return VIAL_KERNEL_BAD_PADDING;
      }
    }
  return VIAL_KERNEL_OK;
}

vial_kernel_status vial_tensor_check(
  const vial_tensor *t, uint32_t tile_begin, uint32_t tile_end, uint64_t *out_offset) {
  uint64_t tile_bytes = vial_tensor_tile_byte_count(t);
  size_t record_bytes = vial_tensor_record_byte_count(t);
  for (uint32_t tile = tile_begin; tile < tile_end; tile++) {
    uint64_t base = tile_bytes * tile, offset = 0;
    uint32_t left = t->rows - tile * 16, row_count = left < 16 ? left : 16;
    vial_kernel_status status = VIAL_KERNEL_OK;
    if (t->group == 0) {
      status = check_float_tile(t, t->bytes + base, row_count, &offset);
      *out_offset = base + offset;
      if (status != VIAL_KERNEL_OK) return status;
      continue;
    }
    uint32_t groups = vial_tensor_group_count(t), tail = (t->encoding == VIAL_ENCODING_INT4 ? 8 : 16) * t->group;
    for (uint32_t g = 0; g < groups; g++, base += record_bytes) {
      const uint8_t *record = t->bytes + base;
      uint32_t columns_left = t->columns - g * t->group, valid = columns_left < t->group ? columns_left : t->group;
      status = check_record_tail(t, record + tail, row_count, &offset);
      *out_offset = base + tail + offset;
      if (status != VIAL_KERNEL_OK) return status;
      status = check_record_values(t, record, row_count, valid, &offset);
      *out_offset = base + offset;
      if (status != VIAL_KERNEL_OK) return status;
    }
  }
  return VIAL_KERNEL_OK;
}
