// Owns: SHA-256 of one message with the x86 SHA extensions.
// Must not: be called on a CPU without them (vial_sha256_families.c checks).
// The instructions keep the state as two vectors, ABEF and CDGH, and do two rounds at a time.
#if defined(__x86_64__)
#include <immintrin.h>

#include "vial_sha256_constants.h"
#include "vial_sha256_four_rounds.h"

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

/// Four rounds with message words w (already scheduled) and the constants of round t.
#define FOUR_ROUNDS(w, t)                                                                              \
  do {                                                                                                 \
    __m128i sum = _mm_add_epi32(w, _mm_loadu_si128((const __m128i *)(vial_sha256_round_constants + (t)))); \
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);                                                     \
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));                            \
  } while (0)

/// The next four message words, into w0, from the sixteen before them.
#define SCHEDULE(w0, w1, w2, w3)                                                              \
  w0 = _mm_sha256msg2_epu32(                                                                  \
    _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)), w3)

TARGET void vial_sha256_stream_shani(uint32_t words[8], const uint8_t *data, size_t block_count) {
  const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  // Words in memory are A..H, lowest first; a vector ABEF has F lowest.
  __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)words), 0xB1);
  __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(words + 4)), 0x1B);
  __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
  __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
  for (; block_count > 0; block_count--, data += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    const __m128i *block = (const __m128i *)data;
    __m128i w0 = _mm_shuffle_epi8(_mm_loadu_si128(block), swap);
    __m128i w1 = _mm_shuffle_epi8(_mm_loadu_si128(block + 1), swap);
    __m128i w2 = _mm_shuffle_epi8(_mm_loadu_si128(block + 2), swap);
    __m128i w3 = _mm_shuffle_epi8(_mm_loadu_si128(block + 3), swap);
    ALL_ROUNDS(w0, w1, w2, w3);
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
  __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128((__m128i *)words, _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128((__m128i *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#endif
