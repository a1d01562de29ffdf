/* Owns: faults in the system calls that change a file, for a preloaded process: FAULT_AT=n names the n-th call
 * (from 1), FAULT_BYTES how much of it is done if it writes, FAULT_KIND "kill" or "full". With FAULT_NAMES calls that
 * make, lock, close, rename and remove files count, too. Linux only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/** Whether this call, which concerns a name, is the one. */
static int is_due_by_name(void) { return getenv("FAULT_NAMES") != NULL && is_due(); }

static int faulty_open(const char *name, const char *path, int flags, mode_t mode) {
  int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
  if ((flags & (O_CREAT | O_RDWR)) && is_due_by_name()) return fail();
  return real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
  va_end(list);
  return faulty_open("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
  va_end(list);
  return faulty_open("open64", path, flags, mode);
}

int close(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");
  return is_due_by_name() ? fail() : real(file);
}

int flock(int file, int operation) {
  int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
  return is_due_by_name() ? fail() : real(file, operation);
}

int fchmod(int file, mode_t mode) {
  int (*real)(int, mode_t) = (int (*)(int, mode_t))dlsym(RTLD_NEXT, "fchmod");
  return is_due_by_name() ? fail() : real(file, mode);
}

int fchown(int file, uid_t owner, gid_t group) {
  int (*real)(int, uid_t, gid_t) = (int (*)(int, uid_t, gid_t))dlsym(RTLD_NEXT, "fchown");
  return is_due_by_name() ? fail() : real(file, owner, group);
}

int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
  return is_due_by_name() ? fail() : real(from, to);
}

int unlink(const char *path) {
  int (*real)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
  return is_due_by_name() ? fail() : real(path);
}

/* renameat2, which old C libraries do not name. */
long syscall(long number, ...) {
  long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  va_list list;
  va_start(list, number);
  long a[6];
  for (int index = 0; index < 6; index++) a[index] = va_arg(list, long);
  va_end(list);
#ifdef SYS_renameat2
  if (number == SYS_renameat2 && is_due_by_name()) return fail();
#endif
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
