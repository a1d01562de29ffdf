// Owns: running every kernel test as a plain program (native, or AArch64 under qemu). Arguments select tests by name;
// families=a,b,c demands that exactly these families run here, best first.
// Must not: be part of the SwiftPM build.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kernel_tests.h"

int main(int argc, char **argv) {
  int failures = 0, named = 0;
  const char *name;
  printf("families: %s\n", kernel_test_families());
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "families=", 9) != 0) {
      named++;
    } else if (strcmp(argv[i] + 9, kernel_test_families()) != 0) {
      printf("FAILED: expected the families %s\n", argv[i] + 9);
      return 1;
    }
  }
  for (size_t t = 0; (name = kernel_test_name(t)) != NULL; t++) {
    int wanted = named == 0;
    for (int i = 1; i < argc; i++) wanted |= strcmp(argv[i], name) == 0;
    if (!wanted) continue;
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    int here = kernel_test_run(name);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double seconds = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
    printf("%-28s %s (%d) %6.2f s\n", name, here ? "FAILED" : "ok", here, seconds);
    fflush(stdout);
    failures += here;
  }
  return failures != 0;
}
