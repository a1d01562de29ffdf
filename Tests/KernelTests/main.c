// Owns: running every kernel test as a plain program (native, or AArch64 under qemu). Arguments select tests by name.
// Must not: be part of the SwiftPM build.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kernel_tests.h"

int main(int argc, char **argv) {
  int failures = 0;
  const char *name;
  for (size_t t = 0; (name = kernel_test_name(t)) != NULL; t++) {
    int wanted = argc < 2;
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
