// Owns: SHA-256 of one message in portable C: the family that every other is tested against.
// Must not: name an instruction set.
#include "vial_sha256_rounds.h"

static inline uint32_t load_word(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/// The schedule keeps its last 16 words only.
#define FIRST(t) (vial_sha256_round_constants[t] + (w[t] = load_word(data + 4 * (t))))
#define NEXT(t)                        \
  (vial_sha256_round_constants[t] +    \
   (w[(t) % 16] += SIGMA1(w[((t) - 2) % 16]) + w[((t) - 7) % 16] + SIGMA0(w[((t) - 15) % 16])))

void vial_sha256_stream_portable(uint32_t words[8], const uint8_t *data, size_t block_count) {
  for (; block_count > 0; block_count--, data += 64) {
    uint32_t w[16];
    uint32_t a = words[0], b = words[1], c = words[2], d = words[3];
    uint32_t e = words[4], f = words[5], g = words[6], h = words[7];
    EIGHT_ROUNDS(FIRST, 0);
    EIGHT_ROUNDS(FIRST, 8);
#pragma clang loop unroll(full)
    for (int t = 16; t < 64; t += 8) EIGHT_ROUNDS(NEXT, t);
    words[0] += a, words[1] += b, words[2] += c, words[3] += d;
    words[4] += e, words[5] += f, words[6] += g, words[7] += h;
  }
}
