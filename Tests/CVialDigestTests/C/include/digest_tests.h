// Tests of CVialDigest in C, so that the same tests run natively and, under an emulator, for AArch64.
// Owns: their list. Must not: know who runs them.
#ifndef DIGEST_TESTS_H
#define DIGEST_TESTS_H
#include <stddef.h>
#include <stdint.h>

/// SHA-256 by somebody else's code.
typedef void (*digest_oracle)(const uint8_t *data, size_t count, uint8_t digest[32]);

/// Names of the tests; NULL beyond the last.
const char *digest_test_name(size_t index);
/// Runs a test for every family of this CPU; prints and returns the number of failures. -1 for an unknown name.
int digest_test_run(const char *name, digest_oracle oracle);

#endif
