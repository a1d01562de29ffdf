// Owns: running the digest tests as a plain program where there is no other SHA-256 to compare with: the portable
// family, which the published vectors check, is the oracle. Must not: be part of the SwiftPM build.
#include <stdio.h>
#include <string.h>

#include "digest_tests.h"
#include "vial_sha256.h"

static void portable(const uint8_t *data, size_t count, uint8_t digest[32]) {
  const vial_sha256_family *family = NULL;
  for (size_t i = 0; vial_sha256_list(i) != NULL; i++) family = vial_sha256_list(i);
  vial_sha256 hash;
  vial_sha256_init(&hash);
  vial_sha256_update(&hash, data, count, family);
  vial_sha256_final(&hash, digest, family);
}

int main(void) {
  int failures = 0;
  const char *name;
  for (size_t i = 0; vial_sha256_list(i) != NULL; i++) printf("family %s\n", vial_sha256_list(i)->name);
  for (size_t t = 0; (name = digest_test_name(t)) != NULL; t++) {
    int here = digest_test_run(name, portable);
    printf("%-28s %s (%d)\n", name, here ? "FAILED" : "ok", here);
    failures += here;
  }
  return failures != 0;
}
