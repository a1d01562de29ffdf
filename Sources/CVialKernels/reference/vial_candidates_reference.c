// Owns: the reference passes of sampling over all logits: the greatest, and those above a floor.
// Must not: sort or cut.
// Source: Spec/ARITHMETIC.md, rule 13.
#include "dispatch/vial_family.h"
#include "math/vial_scalar_functions.h"

#pragma STDC FP_CONTRACT OFF

static bool is_allowed(const uint64_t *allowed, uint32_t id) { return !allowed || (allowed[id / 64] >> id % 64 & 1); }

vial_kernel_status vial_greatest_reference(
  const float *logits, uint32_t count, const uint64_t *allowed, vial_candidate *out) {
  bool found = false;
  for (uint32_t id = 0; id < count; id++) {
    if (!is_allowed(allowed, id)) continue;
    float x = logits[id];
    if (!(x < __builtin_inff())) return VIAL_KERNEL_NOT_FINITE;
    if (x == -__builtin_inff() || (found && !(x > out->logit))) continue;
    *out = (vial_candidate){.logit = x, .id = id};
    found = true;
  }
  return found ? VIAL_KERNEL_OK : VIAL_KERNEL_NO_CANDIDATE;
}

uint32_t vial_collect_reference(
  const float *logits, uint32_t begin, uint32_t end, const uint64_t *allowed, float temperature, float floor,
  vial_candidate *out) {
  uint32_t size = 0;
  for (uint32_t id = begin; id < end; id++)
    if (logits[id] > floor && is_allowed(allowed, id))
      out[size++] = (vial_candidate){.logit = vial_heat_inline(logits[id], temperature), .id = id};
  return size;
}
