// Owns: what needs a feature-test macro before any header. See vial_system.h.
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "vial_system.h"
#if defined(__linux__)
#include <sched.h>
#include <sys/eventfd.h>
#endif

int vial_affinity_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return 0;
}

int vial_event_open(int *out_readable, int *out_writable) {
#if defined(__linux__)
  int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) return -1;
  *out_readable = *out_writable = descriptor;
#else
  int ends[2];
  if (pipe(ends) != 0) return -1;
  for (int i = 0; i < 2; i++) {
    (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
  }
  *out_readable = ends[0];
  *out_writable = ends[1];
#endif
  return 0;
}

void vial_event_raise(int writable) {
  // A full pipe or counter is readable already. An eventfd takes eight bytes, a pipe any number.
  const uint64_t one = 1;
  ssize_t written;
  do written = write(writable, &one, sizeof one);
  while (written < 0 && errno == EINTR);
}

void vial_event_clear(int readable) {
  uint64_t sink[16];
  ssize_t got;
  do got = read(readable, sink, sizeof sink);
  while (got > 0 || (got < 0 && errno == EINTR));
}

static _Thread_local int thread_mark;

int vial_thread_mark(void) { return thread_mark; }

void vial_set_thread_mark(int mark) { thread_mark = mark; }
