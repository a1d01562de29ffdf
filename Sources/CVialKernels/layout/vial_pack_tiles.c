// Owns: writing rows into tiles, padding included.
// Must not: choose scales (quantisers do) or refuse values.
// Source: Spec/ARITHMETIC.md, "Tile layouts".
#include "math/vial_bits.h"
#include "vial_tensor.h"

static uint32_t rows_in_tile(const vial_tensor *shape, uint32_t tile) {
  uint32_t left = shape->rows - tile * 16;
  return left < 16 ? left : 16;
}

static void store_u16(uint8_t *p, uint16_t value) {
  p[0] = (uint8_t)value;
  p[1] = (uint8_t)(value >> 8);
}

void vial_pack_int4_tile(
  const vial_tensor *shape, uint32_t tile, const uint8_t *q, size_t q_stride, const uint16_t *scales,
  const uint8_t *zeros, size_t group_stride, uint8_t *out) {
  uint32_t row_count = rows_in_tile(shape, tile), groups = vial_tensor_group_count(shape), width = shape->group;
  for (uint32_t g = 0; g < groups; g++, out += vial_tensor_record_byte_count(shape)) {
    uint32_t left = shape->columns - g * width, valid = left < width ? left : width;
    for (uint32_t r = 0; r < 16; r++) {
      bool exists = r < row_count;
      uint8_t zero = exists && shape->asymmetric ? zeros[r * group_stride + g] : 8, values[128];
      memset(values, zero, sizeof values);
      if (exists) memcpy(values, q + r * q_stride + (size_t)g * width, valid);
      for (uint32_t k = 0; k < width; k += 8)
        for (uint32_t j = 0; j < 4; j++)
          out[k * 8 + r * 4 + j] = (uint8_t)((values[k + j] & 15) | values[k + 4 + j] << 4);
      store_u16(out + 8 * (size_t)width + 2 * r, exists ? scales[r * group_stride + g] : 0);
      if (shape->asymmetric) out[8 * (size_t)width + 32 + r] = zero;
    }
  }
}

void vial_pack_int8_tile(
  const vial_tensor *shape, uint32_t tile, const int8_t *q, size_t q_stride, const uint16_t *scales,
  size_t group_stride, uint8_t *out) {
  uint32_t row_count = rows_in_tile(shape, tile), groups = vial_tensor_group_count(shape), width = shape->group;
  for (uint32_t g = 0; g < groups; g++, out += vial_tensor_record_byte_count(shape)) {
    uint32_t left = shape->columns - g * width, valid = left < width ? left : width;
    for (uint32_t r = 0; r < 16; r++) {
      bool exists = r < row_count;
      uint8_t values[128] = {0};
      if (exists) memcpy(values, q + r * q_stride + (size_t)g * width, valid);
      for (uint32_t k = 0; k < width; k += 4) memcpy(out + k * 16 + r * 4, values + k, 4);
      store_u16(out + 16 * (size_t)width + 2 * r, exists ? scales[r * group_stride + g] : 0);
    }
  }
}

void vial_pack_float_tile(
  const vial_tensor *shape, uint32_t tile, const void *elements, size_t row_stride, uint8_t *out) {
  uint32_t row_count = rows_in_tile(shape, tile);
  size_t size = vial_tensor_record_byte_count(shape) / 16;
  memset(out, 0, vial_tensor_tile_byte_count(shape));
  for (uint32_t r = 0; r < row_count; r++) {
    const uint8_t *row = (const uint8_t *)elements + r * row_stride * size;
    if (size == 4)
      for (size_t k = 0; k < shape->columns; k++) memcpy(out + (k * 16 + r) * 4, row + k * 4, 4);
    else
      for (size_t k = 0; k < shape->columns; k++) memcpy(out + (k * 16 + r) * 2, row + k * 2, 2);
  }
}
