// Owns: the fastest way to read memory once: wide loads into two chains, prefetching ahead.
// Must not: write, or keep anything between calls.
#include "vial_ceilings.h"

/// Reads `step` bytes at a time, `width` of them in a vector. A macro, because each copy has its
/// own target.
#define READ_LOOP(width)                                                         \
  typedef uint64_t wide __attribute__((vector_size(width), may_alias));          \
  const char *at = bytes, *end = at + byte_count;                                \
  wide first = {0}, second = {0};                                                \
  for (; at < end; at += 128) {                                                  \
    uintptr_t later = (uintptr_t)at + ahead; /* may lie beyond the end */          \
    __builtin_prefetch((const void *)later, 0, 3);                               \
    __builtin_prefetch((const void *)(later + 64), 0, 3);                        \
    for (int i = 0; i < 128; i += 2 * width) {                                   \
      first ^= *(const wide *)(const void *)(at + i);                            \
      second ^= *(const wide *)(const void *)(at + i + width);                   \
    }                                                                            \
  }                                                                              \
  first ^= second;                                                               \
  uint64_t sum = 0;                                                              \
  for (int i = 0; i < width / 8; i++) sum += first[i];                           \
  return sum

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static uint64_t read_512(const void *bytes, size_t byte_count, size_t ahead) {
  READ_LOOP(64);
}

__attribute__((target("avx2"))) static uint64_t read_256(const void *bytes, size_t byte_count, size_t ahead) {
  READ_LOOP(32);
}
#endif

/// 128 bits: what SSE2 and NEON have.
static uint64_t read_128(const void *bytes, size_t byte_count, size_t ahead) { READ_LOOP(16); }

uint64_t vial_ceiling_read(const void *bytes, size_t byte_count, size_t ahead) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return read_512(bytes, byte_count, ahead);
  if (__builtin_cpu_supports("avx2")) return read_256(bytes, byte_count, ahead);
#endif
  return read_128(bytes, byte_count, ahead);
}
