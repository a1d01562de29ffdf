// Owns: SHA-256 of eight messages at once with AVX2.
// Must not: be called on a CPU without AVX2 (vial_sha256_families.c checks).
#if defined(__x86_64__)
#include <string.h>

#include "vial_sha256_load8.h"

#define VECTOR vial_vector8
#define ROTATE(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#define LOAD_BLOCK vial_sha256_load8
#include "vial_sha256_lanes.h"

__attribute__((target("avx2"))) void vial_sha256_lanes_avx2(uint32_t *words, const uint8_t *const data[],
                                                            size_t block_count) {
  HASH_LANES(words, data, block_count);
}
#endif
