// Owns: penalties, biases and the draw of a token from logits.
// Must not: allocate: all scratch is the caller's.
// Source: Spec/ARITHMETIC.md, rule 13.
#include "math/vial_bits.h"
#include "sampling/vial_candidates.h"
#include "vial_kernels.h"
#include "math/vial_scalar_functions.h"

#pragma STDC FP_CONTRACT OFF

void vial_penalize(
  float *logits, uint32_t count, const vial_token_count *counts, size_t entry_count, const vial_penalties *penalties) {
  const uint32_t most = 1u << 24;  // above it a count is no longer exact in f32
  for (size_t i = 0; i < entry_count; i++) {
    const vial_token_count *entry = counts + i;
    if (entry->id >= count) continue;
    float x = logits[entry->id];
    if (entry->repeated > 0) x = x < 0.0f ? x * penalties->repetition : x / penalties->repetition;
    if (entry->counted > 0) {
      x = x - penalties->frequency * (float)(entry->counted < most ? entry->counted : most);
      x = x - penalties->presence;
    }
    logits[entry->id] = x;
  }
}

void vial_bias(float *logits, uint32_t count, const vial_logit_bias *biases, size_t bias_count) {
  for (size_t i = 0; i < bias_count; i++)
    if (biases[i].id < count) logits[biases[i].id] = logits[biases[i].id] + biases[i].bias;
}

size_t vial_sample_scratch_byte_count(uint32_t count) {
  // Two arrays of candidates and the histograms of their sort. One array later holds the
  // probabilities and their sums.
  return 2 * sizeof(vial_candidate) * (size_t)count + sizeof(uint32_t) * VIAL_HISTOGRAM_WORDS;
}

/// The next float below x; -infinity below the least finite one.
static float next_below(float x) {
  uint32_t bits = vial_float_bits(x);
  return vial_bits_float(x == 0.0f ? 0x80000001u : bits >> 31 ? bits + 1 : bits - 1);
}

/// A temperature-divided logit at or below which probabilities are below 2^-24. The sums of rule 13
/// begin with 1, so adding such a one changes none of them, and the draw, which looks for where a
/// sum grows, never ends on one.
static float negligible_heat(float maximum) {
  float h = maximum - 18.0f;
  while (!((h - maximum) * VIAL_LOG2E < -25.0f)) h = next_below(h);
  return h;
}

/// A logit such that neither it nor any below it comes out above h after the division by the
/// temperature.
static float logit_floor(float h, float temperature) {
  float x = h * temperature;
  for (int i = 0; i < 4; i++, x = next_below(x))
    if (vial_heat_inline(x, temperature) <= h) return x;
  return -__builtin_inff();
}

/// The best `wanted` above the floor by a heap; the floor rises with the worst of them.
static uint32_t select_few(
  const vial_kernels *kernels, const float *logits, uint32_t count, const uint64_t *allowed, float temperature,
  float floor, uint32_t wanted, vial_candidate *chunk, vial_candidate *heap) {
  enum { CHUNK = 4096 };
  uint32_t size = 0;
  for (uint32_t begin = 0; begin < count; begin += CHUNK) {
    uint32_t end = count - begin < CHUNK ? count : begin + CHUNK;
    uint32_t found =
      kernels->collect(logits, begin, end, allowed, temperature, logit_floor(floor, temperature), chunk);
    for (uint32_t i = 0; i < found; i++) size = vial_candidates_offer(heap, size, wanted, chunk[i]);
    if (size == wanted && heap[0].logit > floor) floor = heap[0].logit;
  }
  vial_candidates_unheap(heap, size);
  return size;
}

/// Leaves the candidates left by mask, temperature and top-k, best first, in one of the two arrays,
/// and says in which; negligible ones are left out.
static vial_candidate *gather(
  const vial_kernels *kernels, const float *logits, uint32_t count, const uint64_t *allowed, const vial_sampling *s,
  float maximum, vial_candidate *a, vial_candidate *b, uint32_t *kept) {
  uint32_t wanted = s->top_k == 0 || s->top_k > count ? count : s->top_k;
  float floor = negligible_heat(maximum);
  if (wanted <= VIAL_HEAP_LIMIT) {
    *kept = select_few(kernels, logits, count, allowed, s->temperature, floor, wanted, a, b);
    return b;
  }
  uint32_t size = kernels->collect(logits, 0, count, allowed, s->temperature, logit_floor(floor, s->temperature), a);
  *kept = size < wanted ? size : wanted;
  return vial_candidates_sort(a, size, b, (uint32_t *)(b + count));
}

/// The first index whose sum is at least (or, if `above`, above) the threshold; count if none. Sums
/// never descend.
static uint32_t first_crossing(const float *sums, uint32_t count, float threshold, bool above) {
  uint32_t low = 0, high = count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (above ? sums[middle] > threshold : sums[middle] >= threshold)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

vial_kernel_status vial_sample(
  const vial_kernels *kernels, const float *logits, uint32_t count, const uint64_t *allowed, const vial_sampling *s,
  uint32_t position, uint32_t sample_index, void *scratch, uint32_t *out_id) {
  vial_candidate greatest = {0}, *a = scratch, *b = a + count;
  vial_kernel_status status = kernels->greatest(logits, count, allowed, &greatest);
  if (status != VIAL_KERNEL_OK) return status;
  *out_id = greatest.id;
  if (s->temperature < VIAL_LEAST_TEMPERATURE) return VIAL_KERNEL_OK;

  uint32_t kept;
  float maximum = vial_heat_inline(greatest.logit, s->temperature);
  vial_candidate *sorted = gather(kernels, logits, count, allowed, s, maximum, a, b, &kept);
  float *p = (float *)(sorted == a ? b : a), *sums = p + count, sum = 0.0f;
  for (uint32_t i = 0; i < kept; i++) p[i] = sorted[i].logit;
  kernels->exponentials(p, kept, maximum, p);
  for (uint32_t i = 0; i < kept; i++) sums[i] = sum = sum + p[i];  // both sums of rule 13 and the draw are prefixes

  if (s->top_p < 1.0f) {
    uint32_t crossing = first_crossing(sums, kept, s->top_p * sums[kept - 1], false);
    kept = crossing < kept ? crossing + 1 : kept;
  }
  while (kept > 1 && p[kept - 1] < s->min_p) kept--;
  float target = vial_uniform(s->seed, position, sample_index) * sums[kept - 1];
  *out_id = sorted[first_crossing(sums, kept - 1, target, true)].id;
  return VIAL_KERNEL_OK;
}

uint32_t vial_top_candidates(
  const float *logits, uint32_t count, uint32_t wanted, void *scratch, vial_candidate *out) {
  vial_candidate *other = scratch, *sorted = other + count;
  uint32_t size = 0;
  if (wanted > count) wanted = count;
  bool few = wanted <= VIAL_HEAP_LIMIT;
  float floor = -__builtin_inff();
  if (wanted == 0) return 0;
  for (uint32_t id = 0; id < count; id++) {
    if (!(logits[id] > floor)) continue;
    vial_candidate c = {.logit = logits[id] + 0.0f, .id = id};
    if (few) {
      size = vial_candidates_offer(sorted, size, wanted, c);
      if (size == wanted) floor = sorted[0].logit;
    } else {
      other[size++] = c;
    }
  }
  if (few)
    vial_candidates_unheap(sorted, size);
  else
    sorted = vial_candidates_sort(other, size, sorted, (uint32_t *)(sorted + count));
  if (size > wanted) size = wanted;
  memcpy(out, sorted, size * sizeof *out);
  return size;
}
