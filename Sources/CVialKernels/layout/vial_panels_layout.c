// Owns: sizes and offsets of activation panels.
// Must not: write them (the quantize kernels do).
// Source: Spec/ARITHMETIC.md, rule 3.
#include "vial_panels.h"

static uint32_t panel_width(uint32_t token_count) { return token_count >= 5 ? 8 : token_count >= 3 ? 4 : token_count; }

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }

vial_panels vial_panels_make(void *bytes, uint32_t token_count, uint32_t depth, uint32_t group, bool zero_sums) {
  vial_panels p = {.bytes = bytes, .token_count = token_count, .depth = depth, .group = group};
  p.width = panel_width(token_count);
  p.panel_count = token_count / p.width + (token_count % p.width != 0);
  p.group_count = depth / group + (depth % group != 0);
  size_t per_group = 4 * (size_t)p.group_count * p.width;
  p.scale_offset = round64((size_t)p.group_count * group * p.width);
  p.sum_offset = p.scale_offset + round64(per_group);
  p.panel_byte_count = p.sum_offset + round64(per_group);
  if (zero_sums) {
    p.zero_offset = p.panel_byte_count;
    p.panel_byte_count += 16 * per_group;
  }
  return p;
}

size_t vial_panels_byte_count(uint32_t token_count, uint32_t depth, uint32_t group) {
  if (token_count == 0 || depth == 0 || (group != 32 && group != 64 && group != 128)) return 0;
  vial_panels p = vial_panels_make(NULL, token_count, depth, group, true);
  size_t total;
  return __builtin_mul_overflow(p.panel_byte_count, (size_t)p.panel_count, &total) ? 0 : total;
}
