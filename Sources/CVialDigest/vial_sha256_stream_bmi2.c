// Owns: SHA-256 of one message where there are no SHA instructions, with AVX2 and BMI2.
// Must not: be called on a CPU without both (vial_sha256_families.c checks).
// The schedules of eight blocks are computed together with AVX2, because they do not depend on each
// other; only the rounds go block by block, with BMI2's rotations.
#if defined(__x86_64__)
#include "vial_sha256_load8.h"
#include "vial_sha256_rounds.h"

#define TARGET __attribute__((target("avx2,bmi2")))
#define TURN(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

/// schedule[t] = message word of round t plus its constant, for eight consecutive blocks.
TARGET static inline void schedule_blocks(vial_vector8 schedule[64], const uint8_t *data) {
  const uint8_t *blocks[8];
  for (int i = 0; i < 8; i++) blocks[i] = data + 64 * i;
  vial_vector8 w[16];
  vial_sha256_load8(w, blocks, 0);
  for (int t = 0; t < 16; t++) schedule[t] = w[t] + vial_sha256_round_constants[t];
  for (int t = 16; t < 64; t += 16) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
      vial_vector8 x = w[(i + 1) % 16], y = w[(i + 14) % 16];
      w[i] += (TURN(x, 7) ^ TURN(x, 18) ^ (x >> 3)) + w[(i + 9) % 16] + (TURN(y, 17) ^ TURN(y, 19) ^ (y >> 10));
      schedule[t + i] = w[i] + vial_sha256_round_constants[t + i];
    }
  }
}

#define WORD(t) (addends[(t) * 8])

TARGET void vial_sha256_stream_bmi2(uint32_t words[8], const uint8_t *data, size_t block_count) {
  for (; block_count >= 8; block_count -= 8, data += 512) {
    vial_vector8 schedule[64];
    schedule_blocks(schedule, data);
    for (int block = 0; block < 8; block++) {
      const uint32_t *addends = (const uint32_t *)schedule + block;
      uint32_t a = words[0], b = words[1], c = words[2], d = words[3];
      uint32_t e = words[4], f = words[5], g = words[6], h = words[7];
#pragma clang loop unroll(full)
      for (int t = 0; t < 64; t += 8) EIGHT_ROUNDS(WORD, t);
      words[0] += a, words[1] += b, words[2] += c, words[3] += d;
      words[4] += e, words[5] += f, words[6] += g, words[7] += h;
    }
  }
  vial_sha256_stream_portable(words, data, block_count);
}
#endif
