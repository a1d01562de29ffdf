// Owns: ordering token candidates by (logit descending, id ascending).
// Must not: know probabilities.
// Source: Spec/ARITHMETIC.md, rule 13.
#ifndef VIAL_CANDIDATES_H
#define VIAL_CANDIDATES_H
#include "vial_sampling.h"

#pragma GCC visibility push(hidden)

/// Below this many wanted candidates a heap selects them; above, everything is sorted.
enum { VIAL_HEAP_LIMIT = 1024, VIAL_HISTOGRAM_WORDS = 3 * 2048 };

/// Whether a comes before b.
static inline bool vial_candidate_precedes(vial_candidate a, vial_candidate b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/// Offers `next` to a heap of the best `capacity` seen so far, the worst at the root; returns the
/// new size.
uint32_t vial_candidates_offer(vial_candidate *heap, uint32_t size, uint32_t capacity, vial_candidate next);
/// Turns such a heap into an array sorted best first.
void vial_candidates_unheap(vial_candidate *heap, uint32_t size);
/// Sorts candidates that arrive in ascending id order: a stable radix sort on the logit, at most
/// three passes (-0 must have been made +0). other: as many entries; histograms:
/// VIAL_HISTOGRAM_WORDS. Returns where the result is: in `candidates` or in `other`.
vial_candidate *vial_candidates_sort(
  vial_candidate *candidates, uint32_t count, vial_candidate *other, uint32_t *histograms);

#pragma GCC visibility pop
#endif
