/* Owns: the time that dlopen takes. Prints milliseconds. Must not: be linked with the library. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

int main(int argc, char **argv) {
  struct timespec start, end;
  if (argc != 2) return 2;
  clock_gettime(CLOCK_MONOTONIC, &start);
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  clock_gettime(CLOCK_MONOTONIC, &end);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  printf("%.3f\n", (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) * 1e-6);
  return dlsym(library, "vial_model_open") == NULL;
}
