// Owns: the rounds of SHA-256 for several messages at once, one message a lane, for any vector
// width.
// Must not: be included twice in a file.
// The including file defines VECTOR (a vector of LANES words), LANES, ROTATE, CHOOSE, MAJORITY,
// XOR3 and LOAD_BLOCK, which turns one block of each message into 16 vectors.
#include "vial_sha256_constants.h"

#define SUM0(x) XOR3(ROTATE(x, 2), ROTATE(x, 13), ROTATE(x, 22))
#define SUM1(x) XOR3(ROTATE(x, 6), ROTATE(x, 11), ROTATE(x, 25))
#define SIGMA0(x) XOR3(ROTATE(x, 7), ROTATE(x, 18), (x) >> 3)
#define SIGMA1(x) XOR3(ROTATE(x, 17), ROTATE(x, 19), (x) >> 10)

/// One round; the variables change their names instead of moving.
#define ROUND(a, b, c, d, e, f, g, h, t)                                                            \
  do {                                                                                              \
    VECTOR sum = h + SUM1(e) + CHOOSE(e, f, g) + (w[(t) % 16] + vial_sha256_round_constants[t]);     \
    d += sum;                                                                                       \
    h = sum + SUM0(a) + MAJORITY(a, b, c);                                                          \
  } while (0)

/// The message word of round t, from the sixteen before it.
#define SCHEDULE(t) \
  (w[(t) % 16] += SIGMA1(w[((t) + 14) % 16]) + w[((t) + 9) % 16] + SIGMA0(w[((t) + 1) % 16]))

#define EIGHT_ROUNDS(t)                   \
  do {                                    \
    ROUND(a, b, c, d, e, f, g, h, t);     \
    ROUND(h, a, b, c, d, e, f, g, t + 1); \
    ROUND(g, h, a, b, c, d, e, f, t + 2); \
    ROUND(f, g, h, a, b, c, d, e, t + 3); \
    ROUND(e, f, g, h, a, b, c, d, t + 4); \
    ROUND(d, e, f, g, h, a, b, c, t + 5); \
    ROUND(c, d, e, f, g, h, a, b, t + 6); \
    ROUND(b, c, d, e, f, g, h, a, t + 7); \
  } while (0)

/// All blocks of all lanes. `words` is [8][LANES].
#define HASH_LANES(words, data, block_count)                                            \
  do {                                                                                  \
    VECTOR s[8];                                                                        \
    memcpy(s, words, sizeof s);                                                         \
    for (size_t block = 0; block < block_count; block++) {                              \
      VECTOR w[16];                                                                     \
      LOAD_BLOCK(w, data, block * 64);                                                  \
      VECTOR a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7]; \
      EIGHT_ROUNDS(0);                                                                  \
      EIGHT_ROUNDS(8);                                                                  \
      for (int t = 16; t < 64; t += 16) {                                               \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i++) SCHEDULE(i);     \
        EIGHT_ROUNDS(t);                                                                \
        EIGHT_ROUNDS(t + 8);                                                            \
      }                                                                                 \
      s[0] += a, s[1] += b, s[2] += c, s[3] += d, s[4] += e, s[5] += f, s[6] += g, s[7] += h; \
    }                                                                                   \
    memcpy(words, s, sizeof s);                                                         \
  } while (0)
