// Owns: penalties, biases and the draw of a token from logits.
// Must not: allocate: all scratch is the caller's. Spec: ARITHMETIC.md, rule 13.
#include "vial_bits.h"
#include "vial_candidates.h"
#include "vial_kernels.h"
#include "vial_scalar_functions.h"

#pragma STDC FP_CONTRACT OFF

static bool has_bit(const uint64_t *bits, uint32_t id) { return bits[id / 64] >> (id % 64) & 1; }

void vial_penalize(float *logits, uint32_t count, const uint64_t *seen, float penalty) {
  for (uint32_t base = 0; base < count; base += 64)
    for (uint64_t word = seen[base / 64]; word != 0; word &= word - 1) {
      uint32_t id = base + (uint32_t)__builtin_ctzll(word);
      if (id < count) logits[id] = logits[id] < 0.0f ? logits[id] * penalty : logits[id] / penalty;
    }
}

void vial_bias(float *logits, uint32_t count, const vial_logit_bias *biases, size_t bias_count) {
  for (size_t i = 0; i < bias_count; i++)
    if (biases[i].id < count) logits[biases[i].id] = logits[biases[i].id] + biases[i].bias;
}

size_t vial_sample_scratch_byte_count(uint32_t count) {
  // Two arrays of candidates and the histogram of their sort. The first array later holds the probabilities.
  return 2 * sizeof(vial_candidate) * (size_t)count + sizeof(uint32_t) * VIAL_HISTOGRAM_WORDS;
}

/// The allowed id with the largest logit, the lowest among equals.
static vial_kernel_status find_greatest(
  const float *logits, uint32_t count, const uint64_t *allowed, vial_candidate *greatest) {
  bool found = false;
  for (uint32_t id = 0; id < count; id++) {
    if (allowed && !has_bit(allowed, id)) continue;
    float x = logits[id];
    if (!(x < __builtin_inff())) return VIAL_KERNEL_NOT_FINITE;
    if (x == -__builtin_inff() || (found && !(x > greatest->logit))) continue;
    *greatest = (vial_candidate){.logit = x, .id = id};
    found = true;
  }
  return found ? VIAL_KERNEL_OK : VIAL_KERNEL_NO_CANDIDATE;
}

/// logit / temperature, clamped to finite values, -0 made +0.
static float heat(float logit, float temperature) {
  const float limit = 0x1.fffffep127f;
  float x = logit / temperature;
  return (x > limit ? limit : x < -limit ? -limit : x) + 0.0f;
}

/// Fills `sorted` with the candidates left by mask, temperature and top-k, best first; returns their number.
/// Candidates whose probability is +0 may be left out: they add nothing and cannot be drawn.
static uint32_t gather(
  const float *logits, uint32_t count, const uint64_t *allowed, const vial_sampling *s, float maximum,
  vial_candidate *other, vial_candidate *sorted, uint32_t *histogram) {
  uint32_t size = 0, wanted = s->top_k == 0 || s->top_k > count ? count : s->top_k;
  bool few = wanted <= VIAL_HEAP_LIMIT;
  for (uint32_t id = 0; id < count; id++) {
    if ((allowed && !has_bit(allowed, id)) || logits[id] == -__builtin_inff()) continue;
    vial_candidate c = {.logit = heat(logits[id], s->temperature), .id = id};
    if (!((c.logit - maximum) * VIAL_LOG2E >= -126.0f)) continue;
    if (few)
      size = vial_candidates_offer(sorted, size, wanted, c);
    else
      other[size++] = c;
  }
  if (few)
    vial_candidates_unheap(sorted, size);
  else
    vial_candidates_sort(other, size, sorted, histogram);
  return size < wanted ? size : wanted;
}

static float sequential_sum(const float *p, uint32_t count) {
  float sum = 0.0f;
  for (uint32_t i = 0; i < count; i++) sum = sum + p[i];
  return sum;
}

/// How many of the sorted probabilities top-p keeps: up to and with the one that crosses.
static uint32_t cut_top_p(const float *p, uint32_t count, float top_p) {
  if (!(top_p < 1.0f)) return count;
  float threshold = top_p * sequential_sum(p, count), cumulative = 0.0f;
  for (uint32_t i = 0; i < count; i++) {
    cumulative = cumulative + p[i];
    if (cumulative >= threshold) return i + 1;
  }
  return count;
}

vial_kernel_status vial_sample(
  const vial_kernels *kernels, const float *logits, uint32_t count, const uint64_t *allowed, const vial_sampling *s,
  uint32_t position, uint32_t sample_index, void *scratch, uint32_t *out_id) {
  vial_candidate greatest = {0};
  vial_kernel_status status = find_greatest(logits, count, allowed, &greatest);
  if (status != VIAL_KERNEL_OK) return status;
  *out_id = greatest.id;
  if (s->temperature == 0.0f) return VIAL_KERNEL_OK;

  vial_candidate *other = scratch, *sorted = other + count;
  float maximum = heat(greatest.logit, s->temperature);
  uint32_t kept = gather(logits, count, allowed, s, maximum, other, sorted, (uint32_t *)(sorted + count));
  float *p = scratch;
  for (uint32_t i = 0; i < kept; i++) p[i] = sorted[i].logit;
  kernels->exponentials(p, kept, maximum, p);
  kept = cut_top_p(p, kept, s->top_p);
  while (kept > 1 && p[kept - 1] < s->min_p) kept--;

  float target = vial_uniform(s->seed, position, sample_index) * sequential_sum(p, kept), cumulative = 0.0f;
  uint32_t chosen = 0;
  for (; chosen + 1 < kept; chosen++) {
    cumulative = cumulative + p[chosen];
    if (cumulative > target) break;
  }
  *out_id = sorted[chosen].id;
  return VIAL_KERNEL_OK;
}

uint32_t vial_top_candidates(
  const float *logits, uint32_t count, uint32_t wanted, void *scratch, vial_candidate *out) {
  vial_candidate *other = scratch, *sorted = other + count;
  uint32_t size = 0;
  if (wanted > count) wanted = count;
  bool few = wanted <= VIAL_HEAP_LIMIT;
  if (wanted == 0) return 0;
  for (uint32_t id = 0; id < count; id++) {
    if (!(logits[id] > -__builtin_inff())) continue;
    vial_candidate c = {.logit = logits[id] + 0.0f, .id = id};
    if (few)
      size = vial_candidates_offer(sorted, size, wanted, c);
    else
      other[size++] = c;
  }
  if (few)
    vial_candidates_unheap(sorted, size);
  else
    vial_candidates_sort(other, size, sorted, (uint32_t *)(sorted + count));
  if (size > wanted) size = wanted;
  memcpy(out, sorted, size * sizeof *out);
  return size;
}
