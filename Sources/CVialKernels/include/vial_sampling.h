// Owns: the choice of the next token from logits.
// Must not: know the tokenizer or a grammar: ids that must not come out are masked by the caller.
// Source: Spec/ARITHMETIC.md, rule 13.
// Order: vial_penalize, vial_bias, then vial_sample (mask, temperature, top-k, top-p, min-p).
#ifndef VIAL_SAMPLING_H
#define VIAL_SAMPLING_H
#include "vial_base.h"

#pragma GCC visibility push(hidden)

struct vial_kernels;

/// A token id with its logit.
typedef struct vial_candidate {
  float logit;
  uint32_t id;
} vial_candidate;

/// A value to add to one id's logit.
typedef struct vial_logit_bias {
  uint32_t id;
  float bias;
} vial_logit_bias;

/// How often an id stands in the texts that penalties look at. Each id stands in one entry at most.
typedef struct vial_token_count {
  uint32_t id;
  uint32_t repeated;  ///< in the text of the repetition penalty
  uint32_t counted;   ///< in the text of the frequency and the presence penalty
} vial_token_count;

/// What ids that were used before lose. Values outside the ranges are the caller's to refuse.
typedef struct vial_penalties {
  float repetition;  ///< > 0; 1 switches it off
  float frequency;   ///< for each time; 0 switches it off
  float presence;    ///< once; 0 switches it off
} vial_penalties;

/// Temperatures below it are greedy: divided by less, logits that differ by a hair are as far apart
/// as any.
#define VIAL_LEAST_TEMPERATURE 1e-5f

/// What shapes the draw. Values outside the ranges are the caller's to refuse.
typedef struct vial_sampling {
  float temperature;  ///< >= 0; below VIAL_LEAST_TEMPERATURE: greedy
  float top_p;        ///< 0 < p <= 1; 1 switches it off
  float min_p;        ///< 0 ... 1; 0 switches it off
  uint32_t top_k;     ///< 0 switches it off
  uint64_t seed;
} vial_sampling;

/// Penalties of the entries whose id is below `count`. One with `repeated` above 0: a logit below 0
/// is multiplied by the repetition penalty, another one divided by it. Then one with `counted`
/// above 0: frequency times `counted` is taken from it, then presence.
void vial_penalize(
  float *logits, uint32_t count, const vial_token_count *counts, size_t entry_count, const vial_penalties *penalties);
/// Adds biases in the order given; ids >= count are ignored. A bias may be -infinity.
void vial_bias(float *logits, uint32_t count, const vial_logit_bias *biases, size_t bias_count);

/// Scratch bytes for vial_sample and vial_top_candidates with `count` logits (16-byte aligned); 0
/// on overflow.
size_t vial_sample_scratch_byte_count(uint32_t count);
/// Draws an id < count. `allowed`: a bit per id (word id/64, bit id%64), or NULL for all.
/// NOT_FINITE if a logit of an allowed id is NaN or +infinity; NO_CANDIDATE if none is above
/// -infinity. position: the absolute position of the token to be drawn; sample_index: which of
/// several answers to the same prompt.
vial_kernel_status vial_sample(
  const struct vial_kernels *kernels, const float *logits, uint32_t count, const uint64_t *allowed,
  const vial_sampling *sampling, uint32_t position, uint32_t sample_index, void *scratch, uint32_t *out_id);
/// The `wanted` largest logits, sorted by (logit descending, id ascending); NaN and -infinity are
/// passed over. Returns how many were written to `out`.
uint32_t vial_top_candidates(
  const float *logits, uint32_t count, uint32_t wanted, void *scratch, vial_candidate *out);

#pragma GCC visibility pop
#endif
