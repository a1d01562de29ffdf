// Owns: sizes of tiled tensors.
// Must not: touch tensor bytes.
// Source: Spec/ARITHMETIC.md, "Tile layouts".
#include "vial_tensor.h"

static bool is_float(const vial_tensor *t) {
  return t->encoding == VIAL_ENCODING_F32 || t->encoding == VIAL_ENCODING_F16 || t->encoding == VIAL_ENCODING_BF16;
}

/// Entries -127 ... 127 that ascend; without a codebook they are all 0.
static bool has_valid_entries(const vial_tensor *t) {
  if (t->codebook > 1 || (t->codebook && t->entries[0] == -128)) return false;
  for (int i = 0; i < 16; i++)
    if (t->codebook ? i > 0 && t->entries[i] <= t->entries[i - 1] : t->entries[i] != 0) return false;
  return true;
}

bool vial_tensor_is_valid(const vial_tensor *t) {
  if (t->rows == 0 || t->columns == 0 || !has_valid_entries(t)) return false;
  if (t->codebook && (t->encoding != VIAL_ENCODING_INT4 || t->asymmetric)) return false;
  if (is_float(t)) return t->group == 0 && t->asymmetric == 0;
  if (t->encoding != VIAL_ENCODING_INT8 && t->encoding != VIAL_ENCODING_INT4) return false;
  if (t->asymmetric > (t->encoding == VIAL_ENCODING_INT4 ? 1 : 0)) return false;
  return t->group == 32 || t->group == 64 || t->group == 128;
}

uint32_t vial_tensor_tile_count(const vial_tensor *t) { return t->rows / 16 + (t->rows % 16 != 0); }

uint32_t vial_tensor_group_count(const vial_tensor *t) {
  return t->group == 0 ? 0 : t->columns / t->group + (t->columns % t->group != 0);
}

size_t vial_tensor_record_byte_count(const vial_tensor *t) {
  switch (t->encoding) {
    case VIAL_ENCODING_F32: return 64;
    case VIAL_ENCODING_F16:
    case VIAL_ENCODING_BF16: return 32;
    case VIAL_ENCODING_INT8: return 16 * (size_t)t->group + 32;
    case VIAL_ENCODING_INT4: return 8 * (size_t)t->group + (t->asymmetric ? 48 : 32);
    default: return 0;
  }
}

uint64_t vial_tensor_tile_byte_count(const vial_tensor *t) {
  uint64_t records = is_float(t) ? t->columns : vial_tensor_group_count(t);
  return records * vial_tensor_record_byte_count(t);
}

bool vial_tensor_byte_count(const vial_tensor *t, uint64_t *out_byte_count) {
  if (!vial_tensor_is_valid(t)) return false;
  return !__builtin_mul_overflow(vial_tensor_tile_byte_count(t), (uint64_t)vial_tensor_tile_count(t), out_byte_count);
}
