/* Owns: faults in the system calls that change a file, for a preloaded process: FAULT_AT=n names the n-th call
 * (from 1), FAULT_BYTES how much of it is done if it writes, FAULT_KIND "kill" or "full". Linux only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int calls;

/** Whether this call is the one. */
static int is_due(void) {
  const char *at = getenv("FAULT_AT");
  return ++calls == (at ? atoi(at) : 0);
}

/** Ends the process, or lets the call fail as on a full disk, this one and all after it. */
static int fail(void) {
  const char *kind = getenv("FAULT_KIND");
  if (kind && strcmp(kind, "kill") == 0) kill(getpid(), SIGKILL);
  errno = ENOSPC;
  return -1;
}

typedef ssize_t write_function(int, const void *, size_t, off_t);

static ssize_t faulty_write(const char *name, int file, const void *bytes, size_t count, off_t offset) {
  write_function *real = (write_function *)dlsym(RTLD_NEXT, name);
  if (!is_due()) return real(file, bytes, count, offset);
  const char *limit = getenv("FAULT_BYTES");
  size_t part = limit ? (size_t)atol(limit) : 0;
  if (part > count) part = count;
  if (part > 0) real(file, bytes, part, offset);
  return fail();
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  return faulty_write("pwrite", file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) {
  return faulty_write("pwrite64", file, bytes, count, offset);
}

int fsync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return is_due() ? fail() : real(file);
}

static int faulty_truncate(const char *name, int file, off_t length) {
  int (*real)(int, off_t) = (int (*)(int, off_t))dlsym(RTLD_NEXT, name);
  return is_due() ? fail() : real(file, length);
}

int ftruncate(int file, off_t length) { return faulty_truncate("ftruncate", file, length); }

int ftruncate64(int file, off_t length) { return faulty_truncate("ftruncate64", file, length); }
