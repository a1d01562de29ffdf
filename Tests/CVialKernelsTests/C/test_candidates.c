// Owns: tests of the passes of sampling over all logits: every family against an independent form, at all lengths
// around a vector and a mask word.
// Must not: test the draw (test_sampling.c does).
#include <math.h>

#include "kernel_tests.h"
#include "support.h"

#pragma STDC FP_CONTRACT OFF

static bool may(const uint64_t *allowed, uint32_t id) { return !allowed || (allowed[id / 64] >> id % 64 & 1); }

static vial_kernel_status plain_greatest(const float *x, uint32_t count, const uint64_t *allowed, uint32_t *id) {
  vial_kernel_status status = VIAL_KERNEL_NO_CANDIDATE;
  for (uint32_t i = count; i-- > 0;) {  // from the end: an equal with a lower id replaces
    if (!may(allowed, i)) continue;
    if (isnan(x[i]) || x[i] == INFINITY) return VIAL_KERNEL_NOT_FINITE;
    if (x[i] == -INFINITY || (status == VIAL_KERNEL_OK && x[i] < x[*id])) continue;
    *id = i;
    status = VIAL_KERNEL_OK;
  }
  return status;
}

/// Logits by flavour: many equals and both zeros, infinities, NaN, nothing but -infinity, large ones.
static void fill_logits(float *x, uint32_t count, int flavour) {
  for (uint32_t i = 0; i < count; i++) {
    x[i] = flavour == 0 ? rintf(2 * random_float()) : flavour == 4 ? random_float() * 0x1.fffffep127f : 9 * random_float();
    if (flavour == 0 && i % 3 == 0) x[i] = -0.0f;
    if (flavour == 1 && i % 2) x[i] = -INFINITY;
    if (flavour == 3) x[i] = -INFINITY;
  }
  if (flavour == 2) x[random_below(count)] = random_below(2) ? NAN : INFINITY;
}

int test_candidates(void) {
  int failures = 0;
  for (uint32_t count = 1; count < 300; count += count < 70 ? 1 : 37)
    for (int flavour = 0; flavour < 5; flavour++)
      for (int masked = 0; masked < 2; masked++) {
        float *x = guarded(count * sizeof *x);
        uint64_t *allowed = guarded((count + 63) / 64 * 8);  // bits past the end are set: they must not matter
        for (uint32_t i = 0; i < count; i++)
          if (random_below(3) == 0) allowed[i / 64] ^= 1ull << i % 64;
        fill_logits(x, count, flavour);
        seal(x);
        seal(allowed);
        const uint64_t *mask = masked ? allowed : NULL;
        uint32_t wanted = 0, begin = count > 64 ? 64 : 0;
        vial_kernel_status status = plain_greatest(x, count, mask, &wanted);
        float floor = flavour == 3 ? -INFINITY : flavour == 4 ? -0x1p126f : random_float(), temperature = flavour == 4 ? 0.3f : 0.7f;
        const vial_kernels *kernels;
        for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
          vial_candidate best = {0}, *out = guarded((count - begin) * sizeof *out);
          CHECK(kernels->greatest(x, count, mask, &best) == status, "%s status, %u, flavour %d", kernels->name, count, flavour);
          if (status == VIAL_KERNEL_OK)
            CHECK(best.id == wanted && differing(&best.logit, x + wanted, 1) == 0, "%s of %u, flavour %d: %u, not %u", kernels->name, count, flavour, best.id, wanted);
          uint32_t size = kernels->collect(x, begin, count, mask, temperature, floor, out), at = 0;
          for (uint32_t i = begin; i < count; i++) {
            if (!(x[i] > floor) || !may(mask, i)) continue;
            float h = fminf(fmaxf(x[i] / temperature, -0x1.fffffep127f), 0x1.fffffep127f) + 0.0f;
            CHECK(at < size && out[at].id == i && differing(&out[at].logit, &h, 1) == 0, "%s collects wrongly: %u of %u, flavour %d", kernels->name, i, count, flavour);
            at++;
          }
          CHECK(at == size, "%s collects %u, not %u, of %u", kernels->name, size, at, count);
        }
        guarded_free_all();
      }
  return failures;
}
