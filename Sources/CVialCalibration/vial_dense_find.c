// Owns: which functions this CPU runs.
// Must not: cache in mutable state or read the environment.
#include "vial_dense.h"

extern const vial_dense vial_dense_portable;
#if defined(__x86_64__)
extern const vial_dense vial_dense_avx512, vial_dense_avx2;
#endif

const vial_dense *vial_dense_find(bool portable) {
#if defined(__x86_64__)
  bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (!portable && has_avx512) return &vial_dense_avx512;
  if (!portable && has_avx2) return &vial_dense_avx2;
#endif
  (void)portable;
  return &vial_dense_portable;
}

size_t vial_dense_scratch_byte_count(void) {
  // A packed block of B (256 x 480), one of A (256 x 96), a register block (12 x 32).
  return (256 * 480 + 256 * 96 + 12 * 32) * sizeof(float);
}
