/* Owns: the C library's allocator, failing as a rule says, for the program that includes this. Must not: be included
 * twice in a program, or be used where __libc_malloc is not. */
#ifndef FAULTY_MALLOC_H
#define FAULTY_MALLOC_H
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

/** Which requests fail. */
typedef enum rule {
  FAIL_NONE,
  /** Every n-th of `fault_least` bytes or more. */
  FAIL_EVERY_NTH
} rule;

static rule fault_rule;
static uint32_t fault_nth, fault_count;
static size_t fault_least;

static int fails(size_t size) {
  if (__atomic_load_n(&fault_rule, __ATOMIC_RELAXED) == FAIL_NONE || size < fault_least) return 0;
  return __atomic_add_fetch(&fault_count, 1, __ATOMIC_RELAXED) % fault_nth == 0;
}

static void *failed(void) {
  errno = ENOMEM;
  return NULL;
}

void *malloc(size_t size) { return fails(size) ? failed() : __libc_malloc(size); }
void *calloc(size_t number, size_t size) { return fails(number * size) ? failed() : __libc_calloc(number, size); }
void *realloc(void *memory, size_t size) { return fails(size) ? failed() : __libc_realloc(memory, size); }
void *memalign(size_t alignment, size_t size) { return fails(size) ? failed() : __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
void free(void *memory) { __libc_free(memory); }

int posix_memalign(void **out, size_t alignment, size_t size) {
  void *memory = memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *out = memory;
  return 0;
}
#endif
