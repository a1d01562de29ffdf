// Owns: the layout of KV cache blocks and the arguments of attention.
// Must not: decide which blocks a sequence has.
// Source: Spec/ARITHMETIC.md, rules 10 and 11.
//
// A block holds 64 consecutive positions of one layer and one KV head: keys
// [position/16][dimension][16], then values [position][dimension], in the cache type; int8 appends
// f32 key_scale[64] and f32 value_scale[64]. Blocks are 64-byte aligned. Contents of positions that
// were never stored do not influence any result.
#ifndef VIAL_ATTENTION_H
#define VIAL_ATTENTION_H
#include "vial_base.h"

#pragma GCC visibility push(hidden)

/// Positions per KV block; part of the contract, because blocks are summed from zero and merged in
/// order.
#define VIAL_KV_BLOCK_POSITIONS 64u

/// Number type of the KV cache.
typedef enum vial_kv_type {
  VIAL_KV_F32 = 1,
  VIAL_KV_F16 = 2,
  VIAL_KV_INT8 = 3,
} vial_kv_type;

/// Bytes of one block, a multiple of 64: f32 512*D, f16 256*D, int8 128*D + 512. 0 for an unknown
/// type or a head_dim of 0 or above 65536.
size_t vial_kv_block_byte_count(vial_kv_type type, uint32_t head_dim);

/// One KV head, the query heads that share it, one or more query tokens of one sequence.
typedef struct vial_attention {
  vial_kv_type type;
  uint32_t head_dim;                ///< D >= 1; multiples of 16 are fastest
  uint32_t head_count;              ///< H >= 1 query heads sharing the KV head
  uint32_t query_count;             ///< T >= 1 query tokens
  const uint8_t *const *blocks;     ///< block b holds positions 64b ... 64b+63
  const uint32_t *position_counts;  ///< [T] positions each query sees (its own included): 1 or more
  const float *q;                   ///< after RoPE; head h of query t at q + t*q_stride + h*D
  size_t q_stride;                  ///< in floats
  float *out;                       ///< same addressing; must not overlap q
  size_t out_stride;                ///< in floats
  float scale;                      ///< what scores are multiplied by; 0: 1 / sqrt(D)
  float soft_cap;                   ///< scores become soft_cap * tanh(score / soft_cap); 0: they stay
  uint32_t window;                  ///< positions each query sees at most, the last ones; 0: all. Blocks before are not read
  const uint8_t *next;              ///< a block that will be read next: its keys may be asked for; NULL: not known
  uint32_t next_count;              ///< positions of that block that are stored
  void *scratch;                    ///< vial_attention_scratch_byte_count() bytes, 64-byte aligned
} vial_attention;

/// Scratch bytes for these sizes, for every family; 0 on overflow.
size_t vial_attention_scratch_byte_count(uint32_t head_dim, uint32_t head_count, uint32_t query_count);

#pragma GCC visibility pop
#endif
