// Owns: the list of families in order of preference and which of them this CPU can run; the round
// constants.
// Must not: cache in mutable state or read the environment.
#include <stdbool.h>

#include "vial_sha256_constants.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

const uint32_t vial_sha256_round_constants[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static bool always(void) { return true; }

// The builtins ask CPUID and whether the operating system keeps the registers (XGETBV).
#if defined(__x86_64__)
static bool has_shani(void) {
  return __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3");
}

static bool has_bmi2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"); }

static bool has_avx512(void) {
  return has_bmi2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

static bool has_avx512_shani(void) { return has_avx512() && has_shani(); }
#elif defined(__aarch64__)
static bool has_armv8(void) {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
#else
  // Every Apple processor with this instruction set has it.
  return true;
#endif
}
#endif

static const struct {
  vial_sha256_family family;
  bool (*runs_here)(void);
} families[] = {
#if defined(__x86_64__)
  {{"avx512+sha", vial_sha256_stream_shani, vial_sha256_lanes_avx512, 16, 12}, has_avx512_shani},
  {{"avx512", vial_sha256_stream_bmi2, vial_sha256_lanes_avx512, 16, 4}, has_avx512},
  {{"sha", vial_sha256_stream_shani, NULL, 1, 1}, has_shani},
  {{"avx2", vial_sha256_stream_bmi2, vial_sha256_lanes_avx2, 8, 4}, has_bmi2},
#elif defined(__aarch64__)
  {{"armv8", vial_sha256_stream_armv8, NULL, 1, 1}, has_armv8},
#endif
  {{"portable", vial_sha256_stream_portable, NULL, 1, 1}, always},
};

const vial_sha256_family *vial_sha256_list(size_t index) {
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    if (families[i].runs_here() && index-- == 0) return &families[i].family;
  return NULL;
}
