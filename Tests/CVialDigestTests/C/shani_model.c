// Owns: the three SHA-256 instructions of x86 in plain C, after Intel's manual (volume 2, SHA256RNDS2, SHA256MSG1,
// SHA256MSG2), and the SHA-NI source compiled over them: its logic is tested on every x86-64 machine, the
// instructions themselves only where the CPU has them.
#if defined(__x86_64__)
#include "shani_model.h"

#include <immintrin.h>
#include <string.h>

static uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }
static uint32_t sigma0(uint32_t x) { return turn(x, 7) ^ turn(x, 18) ^ x >> 3; }
static uint32_t sigma1(uint32_t x) { return turn(x, 17) ^ turn(x, 19) ^ x >> 10; }

typedef struct words {
  uint32_t w[4];
} words;

static words words_of(__m128i vector) {
  words result;
  memcpy(&result, &vector, sizeof result);
  return result;
}

static __m128i vector_of(words w) { return _mm_loadu_si128((const __m128i *)w.w); }

static __m128i model_rnds2(__m128i cdgh, __m128i abef, __m128i addends) {
  words s = words_of(cdgh), t = words_of(abef), k = words_of(addends);
  uint32_t a = t.w[3], b = t.w[2], c = s.w[3], d = s.w[2], e = t.w[1], f = t.w[0], g = s.w[1], h = s.w[0];
  for (int i = 0; i < 2; i++) {
    uint32_t t1 = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + k.w[i];
    uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  return vector_of((words){{f, e, b, a}});
}

static __m128i model_msg1(__m128i first, __m128i second) {
  words s = words_of(first), t = words_of(second);
  return vector_of((words){{s.w[0] + sigma0(s.w[1]), s.w[1] + sigma0(s.w[2]), s.w[2] + sigma0(s.w[3]),
                            s.w[3] + sigma0(t.w[0])}});
}

static __m128i model_msg2(__m128i first, __m128i second) {
  words s = words_of(first), t = words_of(second);
  uint32_t w16 = s.w[0] + sigma1(t.w[2]), w17 = s.w[1] + sigma1(t.w[3]);
  return vector_of((words){{w16, w17, s.w[2] + sigma1(w16), s.w[3] + sigma1(w17)}});
}

#define _mm_sha256rnds2_epu32 model_rnds2
#define _mm_sha256msg1_epu32 model_msg1
#define _mm_sha256msg2_epu32 model_msg2
#define vial_sha256_stream_shani modelled_stream
#include "../../../Sources/CVialDigest/vial_sha256_stream_shani.c"

const vial_sha256_family shani_model = {"sha (instructions in C)", modelled_stream, NULL, 1, 1};
#endif
