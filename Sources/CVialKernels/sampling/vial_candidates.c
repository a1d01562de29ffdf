// Owns: ordering token candidates: a bounded heap for few, a radix sort for many; no quadratic
// case.
// Must not: know probabilities.
// Source: Spec/ARITHMETIC.md, rule 13.
#include "sampling/vial_candidates.h"

#include "math/vial_bits.h"

/// Moves the entry at `hole` down until no child is worse.
static void sift_down(vial_candidate *heap, uint32_t size, uint32_t hole) {
  vial_candidate moving = heap[hole];
  for (;;) {
    uint32_t child = 2 * hole + 1;
    if (child >= size) break;
    if (child + 1 < size && vial_candidate_precedes(heap[child], heap[child + 1])) child++;
    if (!vial_candidate_precedes(moving, heap[child])) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = moving;
}

uint32_t vial_candidates_offer(vial_candidate *heap, uint32_t size, uint32_t capacity, vial_candidate next) {
  if (size == capacity) {
    if (vial_candidate_precedes(next, heap[0])) {
      heap[0] = next;
      sift_down(heap, size, 0);
    }
    return size;
  }
  uint32_t hole = size;
  while (hole > 0) {
    uint32_t parent = (hole - 1) / 2;
    if (!vial_candidate_precedes(heap[parent], next)) break;
    heap[hole] = heap[parent];
    hole = parent;
  }
  heap[hole] = next;
  return size + 1;
}

void vial_candidates_unheap(vial_candidate *heap, uint32_t size) {
  while (size > 1) {
    vial_candidate worst = heap[0];
    heap[0] = heap[--size];
    heap[size] = worst;
    sift_down(heap, size, 0);
  }
}

/// A key that ascends as the logit descends.
static uint32_t descending_key(float logit) {
  uint32_t bits = vial_float_bits(logit), negative = (uint32_t)((int32_t)bits >> 31);
  return bits ^ (~negative & 0x7FFFFFFFu);
}

vial_candidate *vial_candidates_sort(
  vial_candidate *candidates, uint32_t count, vial_candidate *other, uint32_t *histograms) {
  memset(histograms, 0, VIAL_HISTOGRAM_WORDS * sizeof *histograms);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t key = descending_key(candidates[i].logit);
    histograms[key & 2047]++;
    histograms[2048 + (key >> 11 & 2047)]++;
    histograms[4096 + (key >> 22)]++;
  }
  for (uint32_t pass = 0; pass < 3 && count > 0; pass++) {
    uint32_t *histogram = histograms + 2048 * pass, shift = 11 * pass;
    // A digit that all share orders nothing.
    if (histogram[descending_key(candidates[0].logit) >> shift & 2047] == count) continue;
    for (uint32_t i = 0, start = 0; i < 2048; i++) {
      uint32_t here = histogram[i];
      histogram[i] = start;
      start += here;
    }
    for (uint32_t i = 0; i < count; i++)
      other[histogram[descending_key(candidates[i].logit) >> shift & 2047]++] = candidates[i];
    vial_candidate *swapped = candidates;
    candidates = other;
    other = swapped;
  }
  return candidates;
}
