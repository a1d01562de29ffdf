// Owns: int8 multiply-adds at the rate of the multipliers: enough independent chains to hide the
// latency, operands that the compiler must take for unknown.
// Must not: touch memory in the loop (the plain loop: beyond the L1 cache).
#include <string.h>

#include "vial_ceilings.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define UNROLL _Pragma("clang loop unroll(full)")

#if defined(__x86_64__)
enum { vnni_chains = 12, avx2_chains = 6 };

/// vpdpbusd: 64 products a vector.
__attribute__((target("avx512f,avx512vnni"))) static uint64_t run_avx512vnni(uint64_t rounds) {
  __m512i sums[vnni_chains], x = _mm512_set1_epi32(5);
  UNROLL for (int i = 0; i < vnni_chains; i++) sums[i] = x;
  for (uint64_t n = 0; n < rounds; n++) {
    UNROLL for (int i = 0; i < vnni_chains; i++) sums[i] = _mm512_dpbusd_epi32(sums[i], x, x);
    __asm__ volatile("" : "+v"(x));
  }
  UNROLL for (int i = 0; i < vnni_chains; i++) __asm__ volatile("" : : "v"(sums[i]));
  return rounds * vnni_chains * 128;
}

/// vpmaddubsw, vpmaddwd, vpaddd: 32 products a vector.
__attribute__((target("avx2"))) static uint64_t run_avx2(uint64_t rounds) {
  __m256i sums[avx2_chains], x[avx2_chains], ones = _mm256_set1_epi16(1);
  UNROLL for (int i = 0; i < avx2_chains; i++) sums[i] = x[i] = _mm256_set1_epi32(5 + i);
  for (uint64_t n = 0; n < rounds; n++) {
    // Unknown anew in each round, so that no product can be kept.
    UNROLL for (int i = 0; i < avx2_chains; i++) __asm__ volatile("" : "+x"(x[i]));
    UNROLL for (int i = 0; i < avx2_chains; i++)
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_maddubs_epi16(x[i], x[i]), ones));
  }
  UNROLL for (int i = 0; i < avx2_chains; i++) __asm__ volatile("" : : "x"(sums[i]));
  return rounds * avx2_chains * 64;
}
#elif defined(__aarch64__)
enum { neon_chains = 16 };

/// sdot: 16 products a vector.
__attribute__((target("dotprod"))) static uint64_t run_neon_dotprod(uint64_t rounds) {
  int32x4_t sums[neon_chains];
  int8x16_t x = vdupq_n_s8(5);
  UNROLL for (int i = 0; i < neon_chains; i++) sums[i] = vdupq_n_s32(0);
  for (uint64_t n = 0; n < rounds; n++) {
    UNROLL for (int i = 0; i < neon_chains; i++) sums[i] = vdotq_s32(sums[i], x, x);
    __asm__ volatile("" : "+w"(x));
  }
  UNROLL for (int i = 0; i < neon_chains; i++) __asm__ volatile("" : : "w"(sums[i]));
  return rounds * neon_chains * 32;
}

/// smmla: 32 products a vector.
__attribute__((target("i8mm"))) static uint64_t run_neon_i8mm(uint64_t rounds) {
  int32x4_t sums[neon_chains];
  int8x16_t x = vdupq_n_s8(5);
  UNROLL for (int i = 0; i < neon_chains; i++) sums[i] = vdupq_n_s32(0);
  for (uint64_t n = 0; n < rounds; n++) {
    UNROLL for (int i = 0; i < neon_chains; i++) sums[i] = vmmlaq_s32(sums[i], x, x);
    __asm__ volatile("" : "+w"(x));
  }
  UNROLL for (int i = 0; i < neon_chains; i++) __asm__ volatile("" : : "w"(sums[i]));
  return rounds * neon_chains * 64;
}
#endif

/// What the compiler makes of a plain loop, as it does of the reference kernels.
static uint64_t run_plain(uint64_t rounds) {
  enum { count = 1024 };
  int8_t a[count], b[count];
  memset(a, 5, sizeof a);
  memset(b, 3, sizeof b);
  int32_t sum = 0;
  for (uint64_t n = 0; n < rounds; n++) {
    __asm__ volatile("" : : "r"(a), "r"(b) : "memory");
    int32_t part = 0;
    for (int i = 0; i < count; i++) part += a[i] * b[i];
    sum ^= part;
  }
  __asm__ volatile("" : : "r"(sum));
  return rounds * count * 2;
}

uint64_t vial_ceiling_int8(const char *family, uint64_t rounds) {
#if defined(__x86_64__)
  if (strcmp(family, "avx512vnni") == 0) return run_avx512vnni(rounds);
  if (strcmp(family, "avx2") == 0) return run_avx2(rounds);
#elif defined(__aarch64__)
  if (strcmp(family, "neon_dotprod") == 0) return run_neon_dotprod(rounds);
  if (strcmp(family, "neon_i8mm") == 0) return run_neon_i8mm(rounds);
#else
  (void)family;
#endif
  return run_plain(rounds);
}
