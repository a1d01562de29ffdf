// Owns: the passes of sampling over all logits, 16 at a time: the greatest, and those above a
// floor.
// Must not: differ from vial_candidates_reference.c by a bit.
// Source: Spec/ARITHMETIC.md, rule 13.
#ifndef VIAL_WIDE_CANDIDATES_H
#define VIAL_WIDE_CANDIDATES_H
#include "wide/vial_wide.h"

/// All ones where bit `id` ... `id` + 15 of the mask is set (NULL: everywhere); id is a multiple of
/// 16.
VIAL_INLINE v16i allowed_lanes(const uint64_t *allowed, size_t id) {
  if (!allowed) return (v16i){0} - 1;
  const v16u bits = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
  uint32_t word = (uint32_t)(allowed[id / 64] >> id % 64);
  return (v16i)(((v16u){0} + word & bits) != 0);
}

static vial_kernel_status wide_greatest(
  const float *logits, uint32_t count, const uint64_t *allowed, vial_candidate *out) {
  const float infinity = __builtin_inff();
  v16f top = wide_set(-infinity);
  v16i bad = {0}, ids = {0};
  VIAL_EACH16((size_t)count, {
    v16f x = load_some(logits + i, left, -infinity);
    v16i lanes = allowed_lanes(allowed, i);
    bad |= lanes & ~(x < infinity);
    v16i better = lanes & (x > top);
    top = wide_select(better, x, top);
    ids = (better & (wide_lane_numbers() + (int32_t)i)) | (~better & ids);
  });
  if (__builtin_reduce_or(bad) != 0) return VIAL_KERNEL_NOT_FINITE;
  float maximum = wide_reduce_max(top);
  if (maximum == -infinity) return VIAL_KERNEL_NO_CANDIDATE;
  uint32_t id = __builtin_reduce_min((v16u)ids | ~(v16u)(top == maximum));
  *out = (vial_candidate){.logit = logits[id], .id = id};
  return VIAL_KERNEL_OK;
}

static uint32_t wide_collect(
  const float *logits, uint32_t begin, uint32_t end, const uint64_t *allowed, float temperature, float floor,
  vial_candidate *out) {
  const float limit = 0x1.fffffep127f;
  uint32_t size = 0;
  VIAL_EACH16((size_t)(end - begin), {
    v16f x = load_some(logits + begin + i, left, -__builtin_inff());
    v16i taken = (x > floor) & allowed_lanes(allowed, begin + i);
    if (__builtin_reduce_or(taken) == 0) continue;
    v16f h = x / temperature;
    h = wide_select(h > limit, wide_set(limit), h);
    h = wide_select(h < -limit, wide_set(-limit), h) + 0.0f;
    float heats[16];
    uint32_t steps[16];
    wide_store(heats, h);
    taken &= 1;
    memcpy(steps, &taken, sizeof steps);
    // Without branches: a candidate that is not taken is overwritten by the next.
    for (size_t j = 0; j < left; j++) {
      out[size] = (vial_candidate){.logit = heats[j], .id = begin + (uint32_t)(i + j)};
      size += steps[j];
    }
  });
  return size;
}
#endif
