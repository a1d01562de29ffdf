// Owns: allocation that may fail, and what holding a reserve means where nobody stands behind
// malloc.
// Must not: take from the reserve.
// The first three functions have stronger versions in bindings/c/packaging/allocation.c.
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "vial_memory.h"

#include <stdlib.h>

__attribute__((weak)) void *vial_memory_allocate(size_t byte_count) { return malloc(byte_count > 0 ? byte_count : 1); }

__attribute__((weak)) void *vial_memory_allocate_aligned(size_t alignment, size_t byte_count) {
  void *memory = NULL;
  return posix_memalign(&memory, alignment, byte_count > 0 ? byte_count : 1) == 0 ? memory : NULL;
}

__attribute__((weak)) bool vial_reserve_is_behind_malloc(void) { return false; }
