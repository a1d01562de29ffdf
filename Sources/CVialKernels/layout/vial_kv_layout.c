// Owns: sizes of KV blocks and of attention's scratch.
// Must not: read or write blocks.
// Source: Spec/ARITHMETIC.md, rules 10 and 11.
#include "vial_attention.h"

size_t vial_kv_block_byte_count(vial_kv_type type, uint32_t head_dim) {
  if (head_dim == 0 || head_dim > 65536) return 0;
  switch (type) {
    case VIAL_KV_F32: return 512 * (size_t)head_dim;
    case VIAL_KV_F16: return 256 * (size_t)head_dim;
    case VIAL_KV_INT8: return 128 * (size_t)head_dim + 512;
    default: return 0;
  }
}

size_t vial_attention_scratch_byte_count(uint32_t head_dim, uint32_t head_count, uint32_t query_count) {
  // Rows (query, head) in chunks of 8: the scaled query and the running output, then maximum and
  // sum; one block's output.
  if (head_dim == 0 || head_dim > 65536) return 0;
  uint64_t rows = (uint64_t)head_count * query_count, floats;
  if (rows == 0 || rows > UINT32_MAX) return 0;
  rows = (rows + 7) / 8 * 8;
  if (__builtin_mul_overflow(rows, 2 * (uint64_t)head_dim + 2, &floats)) return 0;
  floats += 8 * (uint64_t)head_dim;
  return floats > SIZE_MAX / 4 ? 0 : (size_t)(floats * 4);
}
