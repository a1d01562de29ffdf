// Owns: turning one block of each of eight messages into sixteen vectors of eight message words
// (AVX2).
// Must not: be included outside x86-64.
#ifndef VIAL_SHA256_LOAD8_H
#define VIAL_SHA256_LOAD8_H
#include <immintrin.h>
#include <stdint.h>

typedef uint32_t vial_vector8 __attribute__((vector_size(32)));

/// Word t of every lane's block at `offset`: loads, byte swaps and two 8 x 8 transpositions.
__attribute__((target("avx2"))) static inline void vial_sha256_load8(vial_vector8 w[16],
                                                                      const uint8_t *const data[], size_t offset) {
  const __m256i swap =
    _mm256_broadcastsi128_si256(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
  for (int half = 0; half < 2; half++, w += 8) {
    __m256i r[8], t[8];
    for (int i = 0; i < 8; i++) {
      const uint8_t *bytes = data[i] + offset + 32 * half;
      r[i] = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)bytes), swap);
    }
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
      t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
      r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
      r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
      r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
      w[i] = (vial_vector8)_mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
      w[i + 4] = (vial_vector8)_mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
    }
  }
}

#endif
