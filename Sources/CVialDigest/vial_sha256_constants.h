// Owns: the round constants, and the hidden functions that the files of this target share.
// Must not: hold state.
#ifndef VIAL_SHA256_CONSTANTS_H
#define VIAL_SHA256_CONSTANTS_H
#include "vial_sha256.h"

#pragma GCC visibility push(hidden)

extern const uint32_t vial_sha256_round_constants[64];

void vial_sha256_stream_portable(uint32_t words[8], const uint8_t *data, size_t block_count);
#if defined(__x86_64__)
void vial_sha256_stream_bmi2(uint32_t words[8], const uint8_t *data, size_t block_count);
void vial_sha256_stream_shani(uint32_t words[8], const uint8_t *data, size_t block_count);
void vial_sha256_lanes_avx2(uint32_t *words, const uint8_t *const data[], size_t block_count);
void vial_sha256_lanes_avx512(uint32_t *words, const uint8_t *const data[], size_t block_count);
#elif defined(__aarch64__)
void vial_sha256_stream_armv8(uint32_t words[8], const uint8_t *data, size_t block_count);
#endif

#pragma GCC visibility pop

#endif
