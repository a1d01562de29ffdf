// Owns: the view of quantised activations: panels of 1, 2, 4 or 8 tokens, one format for every
// ISA.
// Must not: know what is multiplied with them.
// Source: Spec/ARITHMETIC.md, rules 3 and 4.
//
// M tokens, an activation vector each, become ceil(M/width) panels; a panel is, for the padded
// depth Kp = groups*group:  i32 q[Kp/4][width] (4 int8 of consecutive k each), f32
// scale[groups][width], i32 eight_sums[groups][width] (-8 times the sum of the group's q), and
// where it is wanted i32 zero_point_sums[groups][width][16] (-zero times the sum, for every zero
// point from 0 to 15), each part padded to 64 bytes. Vectors of tokens >= M are zero. The same
// panels serve every int4 and int8 tensor of that depth and group; see vial_kernels.zero_sums.
#ifndef VIAL_PANELS_H
#define VIAL_PANELS_H
#include "vial_base.h"

#pragma GCC visibility push(hidden)

/// Quantised activations in memory that the caller owns (64-byte aligned).
typedef struct vial_panels {
  uint8_t *bytes;
  uint32_t token_count;     ///< M
  uint32_t depth;           ///< K, before padding
  uint32_t group;           ///< 32, 64 or 128
  uint32_t width;           ///< tokens per panel: 1, 2, 4 or 8
  uint32_t panel_count;     ///< ceil(M / width)
  uint32_t group_count;     ///< ceil(K / group)
  size_t scale_offset;      ///< of f32 scale[groups][width] in a panel, bytes
  size_t sum_offset;        ///< of i32 eight_sums[groups][width]
  size_t zero_offset;       ///< of i32 zero_point_sums[groups][width][16]; 0: it is left out
  size_t panel_byte_count;  ///< distance of panels
} vial_panels;

/// Bytes needed for M tokens of depth K, zero_point_sums included; 0 if an argument is zero, the
/// group is not 32, 64 or 128, or the count overflows. Monotonic in M for M >= 8 only: call it with
/// the M you use.
size_t vial_panels_byte_count(uint32_t token_count, uint32_t depth, uint32_t group);
/// The view of panels at `bytes` (nothing is written). The arguments must have a byte count above
/// 0. `zero_sums`: with zero_point_sums.
vial_panels vial_panels_make(void *bytes, uint32_t token_count, uint32_t depth, uint32_t group, bool zero_sums);

#pragma GCC visibility pop
#endif
