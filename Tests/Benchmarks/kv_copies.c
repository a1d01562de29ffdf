/* Owns: what it would cost to copy a request's KV blocks elsewhere and back instead of computing them again.
 * Usage: kv_copies BYTES_PER_TOKEN TOKENS... */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POSITIONS = 64, ROUNDS = 5 };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/** Copies every other block of `from`, as blocks of a pool lie apart, and wipes what was copied, as the pool does. */
static double copy(uint8_t *to, uint8_t *from, size_t block_bytes, size_t count) {
  double start = seconds();
  for (size_t block = 0; block < count; block++) {
    memcpy(to + 2 * block * block_bytes, from + 2 * block * block_bytes, block_bytes);
    memset(from + 2 * block * block_bytes, 0, block_bytes);
  }
  return seconds() - start;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  size_t block_bytes = strtoul(argv[1], NULL, 10) * POSITIONS;
  for (int argument = 2; argument < argc; argument++) {
    size_t tokens = strtoul(argv[argument], NULL, 10), count = (tokens + POSITIONS - 1) / POSITIONS;
    uint8_t *pool = malloc(2 * count * block_bytes), *elsewhere = malloc(2 * count * block_bytes);
    if (!pool || !elsewhere) return 1;
    memset(pool, 1, 2 * count * block_bytes);
    memset(elsewhere, 1, 2 * count * block_bytes);
    double out = 1e9, back = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
      double taken = copy(elsewhere, pool, block_bytes, count);
      if (taken < out) out = taken;
      taken = copy(pool, elsewhere, block_bytes, count);
      if (taken < back) back = taken;
    }
    printf("%zu tokens, %.1f MB: out %.1f ms, back %.1f ms, wiping included\n", tokens,
           (double)(count * block_bytes) / 1e6, 1e3 * out, 1e3 * back);
    free(pool);
    free(elsewhere);
  }
  return 0;
}
