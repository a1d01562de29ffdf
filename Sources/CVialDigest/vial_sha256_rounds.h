// Owns: the unrolled rounds, on 32-bit words of one message, that the portable and the BMI2 stream
// share.
// Must not: be included by anything else.
// Source: FIPS 180-4, sections 4.1.2 and 6.2.2.
#include <string.h>

#include "vial_sha256_constants.h"

#define ROTATE(x, n) __builtin_rotateright32(x, n)
#define SUM0(x) (ROTATE(x, 2) ^ ROTATE(x, 13) ^ ROTATE(x, 22))
#define SUM1(x) (ROTATE(x, 6) ^ ROTATE(x, 11) ^ ROTATE(x, 25))
#define SIGMA0(x) (ROTATE(x, 7) ^ ROTATE(x, 18) ^ ((x) >> 3))
#define SIGMA1(x) (ROTATE(x, 17) ^ ROTATE(x, 19) ^ ((x) >> 10))
#define CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))

/// One round: the eight variables change their names instead of moving.
#define ROUND(a, b, c, d, e, f, g, h, addend)             \
  do {                                                    \
    uint32_t sum = h + SUM1(e) + CHOOSE(e, f, g) + (addend); \
    d += sum;                                             \
    h = sum + SUM0(a) + MAJORITY(a, b, c);                \
  } while (0)

/// Eight rounds; `W(t)` is the message word plus the round constant of round t.
#define EIGHT_ROUNDS(W, t)                   \
  do {                                       \
    ROUND(a, b, c, d, e, f, g, h, W(t));     \
    ROUND(h, a, b, c, d, e, f, g, W(t + 1)); \
    ROUND(g, h, a, b, c, d, e, f, W(t + 2)); \
    ROUND(f, g, h, a, b, c, d, e, W(t + 3)); \
    ROUND(e, f, g, h, a, b, c, d, W(t + 4)); \
    ROUND(d, e, f, g, h, a, b, c, W(t + 5)); \
    ROUND(c, d, e, f, g, h, a, b, W(t + 6)); \
    ROUND(b, c, d, e, f, g, h, a, W(t + 7)); \
  } while (0)
