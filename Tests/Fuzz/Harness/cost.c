// What an input costs: processor time, and the most memory at once. Tells libFuzzer of new records, so that it keeps
// inputs that are slower or larger than any before, and ends the process when an input costs more than a call may.
// Built for the address sanitizer, whose hooks count allocations; without it (-DPLAIN) with hooks of the C library.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef PLAIN
#include <malloc.h>
#else
size_t __sanitizer_get_allocated_size(const volatile void *memory);
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));
#endif

static int64_t live, peak, total;
static double slowest;
static int64_t largest;
static double started;

#ifndef PLAIN
// One for each record of time, peak and sum, in steps of a fifth.
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t records[3 * 256];

static void mark(int kind, double value) {
  int step = 0;
  while (value > 1 && step < 255) value /= 1.2, step++;
  records[kind * 256 + step] = 1;
}
#else
static void mark(int kind, double value) { (void)kind, (void)value; }
#endif

static void took(int64_t size) {
  int64_t now = __atomic_add_fetch(&live, size, __ATOMIC_RELAXED);
  __atomic_fetch_add(&total, size, __ATOMIC_RELAXED);
  int64_t before = __atomic_load_n(&peak, __ATOMIC_RELAXED);
  while (now > before &&
         !__atomic_compare_exchange_n(&peak, &before, now, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

#ifndef PLAIN
static void on_malloc(const volatile void *memory, size_t size) { (void)memory, took((int64_t)size); }
static void on_free(const volatile void *memory) {
  if (memory) __atomic_sub_fetch(&live, (int64_t)__sanitizer_get_allocated_size(memory), __ATOMIC_RELAXED);
}
#else
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);
static void *noted(void *memory) {
  if (memory) took((int64_t)malloc_usable_size(memory));
  return memory;
}
void *malloc(size_t size) { return noted(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return noted(__libc_calloc(count, size)); }
void *memalign(size_t alignment, size_t size) { return noted(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return noted(__libc_memalign(alignment, size)); }
int posix_memalign(void **out, size_t alignment, size_t size) {
  *out = noted(__libc_memalign(alignment, size));
  return *out ? 0 : 12;
}
void free(void *memory) {
  if (memory) __atomic_sub_fetch(&live, (int64_t)malloc_usable_size(memory), __ATOMIC_RELAXED);
  __libc_free(memory);
}
// Old and new may both be there while the bytes are moved.
void *realloc(void *memory, size_t size) {
  int64_t old = memory ? (int64_t)malloc_usable_size(memory) : 0;
  void *moved = noted(__libc_realloc(memory, size));
  if (moved || size == 0) __atomic_sub_fetch(&live, old, __ATOMIC_RELAXED);
  return moved;
}
#endif

static double processor_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double limit(const char *name, double otherwise) {
  const char *text = getenv(name);
  return text ? atof(text) : otherwise;
}

void cost_begin(void) {
#ifndef PLAIN
  static int is_installed;
  if (!is_installed) is_installed = 1, __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
#endif
  live = peak = total = 0;
  started = processor_seconds();
}

// Returns the seconds, and the peak in bytes. Ends the process beyond COST_SECONDS or COST_BYTES.
double cost_end(int64_t *out_peak) {
  double seconds = processor_seconds() - started;
  int64_t bytes = peak;
  if (out_peak) *out_peak = bytes;
  mark(0, seconds * 1e6);
  mark(1, (double)bytes);
  mark(2, (double)total);
  if (seconds > slowest) slowest = seconds;
  if (bytes > largest) largest = bytes;
  if (seconds > limit("COST_SECONDS", 1e9) || (double)bytes > limit("COST_BYTES", 1e18)) {
    fprintf(stderr, "an input took %.3f s and %lld bytes\n", seconds, (long long)bytes);
    abort();
  }
  return seconds;
}

void cost_report(void) {
  fprintf(stderr, "cost: slowest %.3f s, largest %lld bytes\n", slowest, (long long)largest);
}
