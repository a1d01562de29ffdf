// Owns: where memory for patients' text comes from, for floors that cannot know the system's.
// Must not: give memory back that was not wiped.
// Tests that count memory have stronger versions of the last two functions.
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vial_memory.h"

static _Atomic(void *(*)(size_t, void **)) allocate_secret;
static _Atomic(void (*)(void *, size_t, void *)) release_secret;

void vial_set_secret_source(vial_secret_source source) {
  atomic_store(&release_secret, source.release);
  atomic_store(&allocate_secret, source.allocate);
}

__attribute__((weak)) void *vial_secret_allocate(size_t byte_count, void **out_note) {
  void *(*allocate)(size_t, void **) = atomic_load(&allocate_secret);
  *out_note = NULL;
  return allocate ? allocate(byte_count, out_note) : vial_memory_allocate(byte_count);
}

__attribute__((weak)) void vial_secret_release(void *memory, size_t byte_count, void *note) {
  if (note) {
    atomic_load(&release_secret)(memory, byte_count, note);
    return;
  }
  memset(memory, 0, byte_count);
  // So that the compiler cannot know that nobody reads it.
  __asm__ volatile("" : : "r"(memory) : "memory");
  free(memory);
}
