// Owns: SHA-256 of sixteen messages at once with AVX-512.
// Must not: be called on a CPU without AVX-512 (vial_sha256_families.c checks).
// Its rotations and three-operand logic make it the fastest way even where the CPU has SHA
// instructions.
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t vector16 __attribute__((vector_size(64)));
#define VECTOR vector16
#define ROTATE(x, n) ((vector16)_mm512_ror_epi32((__m512i)(x), n))
#define TERNARY(x, y, z, table) \
  ((vector16)_mm512_ternarylogic_epi32((__m512i)(x), (__m512i)(y), (__m512i)(z), table))
#define XOR3(x, y, z) TERNARY(x, y, z, 0x96)
#define CHOOSE(x, y, z) TERNARY(x, y, z, 0xCA)
#define MAJORITY(x, y, z) TERNARY(x, y, z, 0xE8)
#define LOAD_BLOCK load_block
#include "vial_sha256_lanes.h"

#define TARGET __attribute__((target("avx512f,avx512bw")))

/// Word t of every lane's block at `offset`: loads, byte swaps and a 16 x 16 transposition.
TARGET static inline void load_block(vector16 w[16], const uint8_t *const data[], size_t offset) {
  const __m512i swap = _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
  __m512i r[16], t[16];
  for (int i = 0; i < 16; i++) r[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(data[i] + offset), swap);
  // Words of four neighbouring lanes come together, then four-lane quarters of the register.
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    __m512i low0 = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88), high0 = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
    __m512i low1 = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    __m512i high1 = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
    w[i] = (vector16)_mm512_shuffle_i32x4(low0, low1, 0x88);
    w[i + 8] = (vector16)_mm512_shuffle_i32x4(low0, low1, 0xDD);
    w[i + 4] = (vector16)_mm512_shuffle_i32x4(high0, high1, 0x88);
    w[i + 12] = (vector16)_mm512_shuffle_i32x4(high0, high1, 0xDD);
  }
}

TARGET void vial_sha256_lanes_avx512(uint32_t *words, const uint8_t *const data[], size_t block_count) {
  HASH_LANES(words, data, block_count);
}
#endif
