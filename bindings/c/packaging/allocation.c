/* Owns: what stands behind malloc inside libvial: when the C library has no memory, what cannot fail gets it from the
 * reserve (Sources/CVialMemory). The build scripts link these with --wrap, so that they are what Swift's runtime and all
 * other code in the library calls; the host's own calls are not touched.
 * What the library frees, it wipes.
 * Must not: let `vial_memory_allocate` take from the reserve: its callers can fail. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "vial_memory.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
size_t __real_malloc_usable_size(void *memory);
void __real_free(void *memory);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
size_t __wrap_malloc_usable_size(void *memory);
void __wrap_free(void *memory);

/* Stronger than those of CVialMemory. */
bool vial_reserve_is_behind_malloc(void) { return true; }

void *vial_memory_allocate(size_t byte_count) { return __real_malloc(byte_count > 0 ? byte_count : 1); }

void *vial_memory_allocate_aligned(size_t alignment, size_t byte_count) {
  void *memory = NULL;
  return __real_posix_memalign(&memory, alignment, byte_count > 0 ? byte_count : 1) == 0 ? memory : NULL;
}

/* What the C library gives, or nothing in a library that is built to test the reserve. */
static void *from_system(size_t size) {
#ifdef VIAL_ALLOCATION_IS_DRY
  (void)size;
  return NULL;
#else
  return __real_malloc(size);
#endif
}

/* A child of a fork whose parent was taking from the reserve in another thread finds it in order. */
__attribute__((constructor)) static void survive_forks(void) {
  (void)pthread_atfork(vial_reserve_lock, vial_reserve_unlock, vial_reserve_unlock);
}

/* Memory that the C library did not have, with errno as it was before it looked. */
static void *fallback(size_t size, size_t alignment, int before) {
  void *memory = vial_reserve_take(size, alignment);
  if (memory) errno = before;
  return memory;
}

void *__wrap_malloc(size_t size) {
  const int before = errno;
  void *memory = from_system(size);
  return __builtin_expect(memory != NULL, 1) ? memory : fallback(size, 16, before);
}

void *__wrap_calloc(size_t count, size_t size) {
  const int before = errno;
#ifdef VIAL_ALLOCATION_IS_DRY
  void *memory = NULL;
#else
  void *memory = __real_calloc(count, size);
#endif
  size_t total;
  if (memory || __builtin_mul_overflow(count, size, &total)) return memory;
  memory = fallback(total, 16, before);
  return memory ? memset(memory, 0, total) : NULL;
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size) {
  const int before = errno;
#ifdef VIAL_ALLOCATION_IS_DRY
  const int status = ENOMEM;
#else
  const int status = __real_posix_memalign(out, alignment, size);
#endif
  if (status != ENOMEM) return status;
  void *memory = fallback(size, alignment, before);
  if (!memory) return status;
  *out = memory;
  return 0;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  void *memory = NULL;
  const int status = __wrap_posix_memalign(&memory, alignment, size);
  if (status != 0) errno = status;
  return memory;
}

size_t __wrap_malloc_usable_size(void *memory) {
  const size_t room = vial_reserve_capacity(memory);
  return room > 0 ? room : __real_malloc_usable_size(memory);
}

/* Swift's arrays, strings and objects hold bytes of prompts, ids and schemas for moments: what the library gives back is
 * zeros, so that no other user of the heap, and no core dump, finds them. */
void __wrap_free(void *memory) {
  if (!memory || vial_reserve_give_back(memory)) return;
  explicit_bzero(memory, __real_malloc_usable_size(memory));
  __real_free(memory);
}

/* Memory that grows may leave its old bytes behind: it moves here, where they are wiped. */
static void *moved_or_same(void *memory, size_t room, size_t size) {
  if (size <= room && size >= room / 2) return memory;
  void *moved = from_system(size);
  if (!moved) return NULL;
  memcpy(moved, memory, room < size ? room : size);
  __wrap_free(memory);
  return moved;
}

void *__wrap_realloc(void *memory, size_t size) {
  const int before = errno;
  size_t room = vial_reserve_capacity(memory);
  if (memory && size == 0) {
    __wrap_free(memory);
    return NULL;
  }
  if (!memory) return __wrap_malloc(size);
  if (room == 0) {
    room = __real_malloc_usable_size(memory);
    void *moved = moved_or_same(memory, room, size);
    if (moved) return moved;
  }
  void *moved = vial_reserve_capacity(memory) > 0 ? __wrap_malloc(size) : fallback(size, 16, before);
  if (!moved) return NULL;
  if (room > 0) memcpy(moved, memory, room < size ? room : size);
  __wrap_free(memory);
  return moved;
}
