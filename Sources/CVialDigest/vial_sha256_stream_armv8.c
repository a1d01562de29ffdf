// Owns: SHA-256 of one message with Armv8's SHA-256 instructions.
// Must not: be called on a CPU without them (vial_sha256_families.c checks).
#if defined(__aarch64__)
#include <arm_neon.h>

#include "vial_sha256_constants.h"
#include "vial_sha256_four_rounds.h"

#if defined(__APPLE__)
#define TARGET
#else
#define TARGET __attribute__((target("sha2")))
#endif

/// Four rounds with message words w (already scheduled) and the constants of round t.
#define FOUR_ROUNDS(w, t)                                                   \
  do {                                                                      \
    uint32x4_t sum = vaddq_u32(w, vld1q_u32(vial_sha256_round_constants + (t))); \
    uint32x4_t before = abcd;                                               \
    abcd = vsha256hq_u32(abcd, efgh, sum);                                  \
    efgh = vsha256h2q_u32(efgh, before, sum);                               \
  } while (0)

/// The next four message words, into w0, from the sixteen before them.
#define SCHEDULE(w0, w1, w2, w3) w0 = vsha256su1q_u32(vsha256su0q_u32(w0, w1), w2, w3)

TARGET static inline uint32x4_t load_words(const uint8_t *data) {
  return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data)));
}

TARGET void vial_sha256_stream_armv8(uint32_t words[8], const uint8_t *data, size_t block_count) {
  uint32x4_t abcd = vld1q_u32(words), efgh = vld1q_u32(words + 4);
  for (; block_count > 0; block_count--, data += 64) {
    const uint32x4_t abcd_before = abcd, efgh_before = efgh;
    uint32x4_t w0 = load_words(data), w1 = load_words(data + 16);
    uint32x4_t w2 = load_words(data + 32), w3 = load_words(data + 48);
    ALL_ROUNDS(w0, w1, w2, w3);
    abcd = vaddq_u32(abcd, abcd_before);
    efgh = vaddq_u32(efgh, efgh_before);
  }
  vst1q_u32(words, abcd);
  vst1q_u32(words + 4, efgh);
}
#endif
