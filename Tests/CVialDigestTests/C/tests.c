// Owns: what every SHA-256 family must do: the published vectors, the oracle's digest for every length, split,
// alignment and lane, and no read outside the message.
#include "digest_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shani_model.h"
#include "vial_sha256.h"

enum { ROOM = (1 << 20) + 4096, MOST = 40 };

static uint8_t *pattern;
static digest_oracle expected;
static int failures;

/// Reproducible bytes: xorshift64.
static uint64_t next_random(void) {
  static uint64_t state = 0x9E3779B97F4A7C15u;
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}

static void check(const uint8_t digest[32], const uint8_t wanted[32], const vial_sha256_family *family,
                  const char *what, size_t number) {
  if (memcmp(digest, wanted, 32) == 0) return;
  if (failures++ < 20) printf("%s: %s %zu differs\n", family->name, what, number);
}

static void hash(const uint8_t *data, size_t count, uint8_t digest[32], const vial_sha256_family *family) {
  vial_sha256 state;
  vial_sha256_init(&state);
  vial_sha256_update(&state, data, count, family);
  vial_sha256_final(&state, digest, family);
}

/// Examples of FIPS 180-4 and of NIST's test vectors.
static void test_vectors(const vial_sha256_family *family) {
  static const struct {
    const char *message, *digest;
    size_t repeats;
  } vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 1},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 1},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", 1},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1", 1},
    {"a", "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", 1000000},
  };
  for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++) {
    uint8_t digest[32], wanted[32];
    vial_sha256 state;
    vial_sha256_init(&state);
    for (size_t r = 0; r < vectors[v].repeats; r++)
      vial_sha256_update(&state, (const uint8_t *)vectors[v].message, strlen(vectors[v].message), family);
    vial_sha256_final(&state, digest, family);
    for (size_t i = 0; i < 32; i++) sscanf(vectors[v].digest + 2 * i, "%2hhx", &wanted[i]);
    check(digest, wanted, family, "vector", v);
  }
}

/// Every length around blocks and chunks, at every alignment that matters.
static void test_lengths(const vial_sha256_family *family) {
  uint8_t digest[32], wanted[32];
  for (size_t length = 0; length < 1100; length++) {
    const uint8_t *data = pattern + length % 17;
    hash(data, length, digest, family);
    expected(data, length, wanted);
    check(digest, wanted, family, "length", length);
  }
  for (size_t length = (1 << 20) - 1; length <= (1 << 20) + 1; length++) {
    hash(pattern + 3, length, digest, family);
    expected(pattern + 3, length, wanted);
    check(digest, wanted, family, "length", length);
  }
}

/// A message in random parts.
static void test_splits(const vial_sha256_family *family) {
  for (size_t round = 0; round < 300; round++) {
    uint8_t digest[32], wanted[32];
    size_t length = next_random() % 5000, done = 0;
    vial_sha256 state;
    vial_sha256_init(&state);
    while (done < length) {
      size_t step = next_random() % (round % 2 ? 70 : 1500);
      if (step > length - done) step = length - done;
      vial_sha256_update(&state, pattern + done, step, family);
      done += step;
    }
    vial_sha256_update(&state, NULL, 0, family);
    vial_sha256_final(&state, digest, family);
    expected(pattern, length, wanted);
    check(digest, wanted, family, "split", round);
  }
}

/// Hashes `count` messages together and each alone.
static void check_many(const vial_sha256_family *family, const uint8_t *const data[], const size_t lengths[],
                       size_t count, uint8_t prefix, const char *what) {
  uint8_t digests[MOST][32], wanted[32];
  uint8_t *message = malloc(ROOM + 1);
  vial_sha256_many(prefix, data, lengths, count, digests[0], family);
  for (size_t i = 0; i < count; i++) {
    message[0] = prefix;
    memcpy(message + 1, data[i], lengths[i]);
    expected(message, lengths[i] + 1, wanted);
    check(digests[i], wanted, family, what, i);
  }
  free(message);
}

/// Any number of messages: equally long, differently long, some without a whole block. Each has its own bytes.
static void test_many(const vial_sha256_family *family) {
  const uint8_t *data[MOST];
  size_t lengths[MOST];
  for (size_t count = 0; count <= MOST; count++) {
    for (size_t i = 0; i < count; i++) data[i] = pattern + 1000 * i + i % 5, lengths[i] = 4096;
    check_many(family, data, lengths, count, 0, "equal length, lane");
    for (size_t i = 0; i < count; i++) lengths[i] = 63 + next_random() % 1000;
    check_many(family, data, lengths, count, 1, "own length, lane");
    for (size_t i = 0; i < count; i++) lengths[i] = next_random() % 192;
    check_many(family, data, lengths, count, 0xFF, "short, lane");
  }
  for (size_t i = 0; i < 16; i++) data[i] = pattern + i, lengths[i] = (1 << 20) - (i == 15 ? 77 : 0);
  check_many(family, data, lengths, 16, 0, "chunk, lane");
}

/// Messages that end, or begin, where memory does.
static void test_guards(const vial_sha256_family *family) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *memory = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(memory + page, pattern, page);
  mprotect(memory, page, PROT_NONE);
  mprotect(memory + 2 * page, page, PROT_NONE);
  uint8_t digest[32], wanted[32];
  for (size_t length = 0; length <= 700; length++) {
    const uint8_t *starts[] = {memory + page, memory + 2 * page - length};
    for (size_t s = 0; s < 2; s++) {
      hash(starts[s], length, digest, family);
      expected(starts[s], length, wanted);
      check(digest, wanted, family, "guarded length", length);
      const uint8_t *data[16];
      size_t lengths[16];
      for (size_t i = 0; i < 16; i++) data[i] = starts[s], lengths[i] = length;
      check_many(family, data, lengths, 16, 0, "guarded lane");
    }
  }
  munmap(memory, 3 * page);
}

static const struct {
  const char *name;
  void (*run)(const vial_sha256_family *family);
} tests[] = {{"vectors", test_vectors}, {"lengths", test_lengths}, {"splits", test_splits},
             {"many", test_many},       {"guards", test_guards}};

const char *digest_test_name(size_t index) {
  return index < sizeof tests / sizeof *tests ? tests[index].name : NULL;
}

int digest_test_run(const char *name, digest_oracle oracle) {
  size_t test = 0;
  while (digest_test_name(test) != NULL && strcmp(digest_test_name(test), name) != 0) test++;
  if (digest_test_name(test) == NULL) return -1;
  expected = oracle;
  failures = 0;
  pattern = malloc(ROOM);
  for (size_t i = 0; i < ROOM; i++) pattern[i] = (uint8_t)(next_random() >> 11);
  const vial_sha256_family *family;
  for (size_t f = 0; (family = vial_sha256_list(f)) != NULL; f++) tests[test].run(family);
#if defined(__x86_64__)
  tests[test].run(&shani_model);
#endif
  free(pattern);
  return failures;
}
