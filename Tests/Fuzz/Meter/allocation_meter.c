// malloc and its kin, counted per thread. See the header.
#include "allocation_meter.h"

#include <errno.h>
#include <features.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

#if defined(__GLIBC__) && !defined(HAS_SANITIZER)

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static __thread bool counting __attribute__((tls_model("initial-exec")));
static __thread int64_t live __attribute__((tls_model("initial-exec")));
static __thread int64_t peak __attribute__((tls_model("initial-exec")));

static void *took(void *memory) {
  if (counting && memory) {
    live += (int64_t)malloc_usable_size(memory);
    if (live > peak) peak = live;
  }
  return memory;
}

static void gives(void *memory) {
  if (counting && memory) live -= (int64_t)malloc_usable_size(memory);
}

void *malloc(size_t size) { return took(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return took(__libc_calloc(count, size)); }
void *memalign(size_t alignment, size_t size) { return took(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return took(__libc_memalign(alignment, size)); }

void free(void *memory) {
  gives(memory);
  __libc_free(memory);
}

// Old and new memory may both be there while the bytes are moved: counted as if they were.
void *realloc(void *memory, size_t size) {
  int64_t old = counting && memory ? (int64_t)malloc_usable_size(memory) : 0;
  void *moved = took(__libc_realloc(memory, size));
  if (counting && (moved || size == 0)) live -= old;
  return moved;
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  void *memory = took(__libc_memalign(alignment, size));
  if (!memory) return ENOMEM;
  *out = memory;
  return 0;
}

// Memory for text (Sources/CVialMemory), so that it is counted, too: elsewhere it is mapped.
void *vial_secret_allocate(size_t size, void **out_note);
void vial_secret_release(void *memory, size_t size, void *note);

void *vial_secret_allocate(size_t size, void **out_note) {
  *out_note = NULL;
  return malloc(size > 0 ? size : 1);
}

void vial_secret_release(void *memory, size_t size, void *note) {
  (void)note;
  memset(memory, 0, size);
  free(memory);
}

bool allocation_meter_works(void) { return true; }
void allocation_meter_begin(void) {
  live = peak = 0;
  counting = true;
}
size_t allocation_meter_end(void) {
  counting = false;
  return (size_t)peak;
}

#else

bool allocation_meter_works(void) { return false; }
void allocation_meter_begin(void) {}
size_t allocation_meter_end(void) { return 0; }

#endif
