// Owns: what needs a feature-test macro before any header (vial_system.h tells what each function
// does).
// Must not: hold state.
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "vial_system.h"

#include <sys/resource.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/prctl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/xattr.h>
#endif

int vial_affinity_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return 0;
}

void vial_forbid_core_files(void) {
  const struct rlimit none = {0, 0};
  (void)setrlimit(RLIMIT_CORE, &none);
#if defined(__linux__)
  // A core file that goes to a program through a pipe does not heed the limit.
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

int vial_rename_new(const char *path, const char *new_path) {
#if defined(__linux__)
  if (syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, new_path, 1 /* RENAME_NOREPLACE */) == 0) return 0;
  // Old kernels and some file systems cannot; a second name of the file is refused in the same way.
  if (errno != ENOSYS && errno != EINVAL) return -1;
#endif
  if (link(path, new_path) != 0) return -1;
  (void)unlink(path);
  return 0;
}

void vial_copy_access_list(int from, int to) {
#if defined(__linux__)
  static const char name[] = "system.posix_acl_access";
  // The longest value of an attribute that Linux has.
  const size_t capacity = 65536;
  void *list = malloc(capacity);
  if (list == NULL) return;
  const ssize_t length = fgetxattr(from, name, list, capacity);
  if (length >= 0)
    (void)fsetxattr(to, name, list, (size_t)length, 0);
  else if (errno == ENODATA)
    (void)fremovexattr(to, name);
  free(list);
#else
  (void)from;
  (void)to;
#endif
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

void *vial_map_private(size_t byte_count, bool *out_is_hidden) {
  void *pages = mmap(NULL, byte_count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return NULL;
  *out_is_hidden = vial_hide_pages(pages, byte_count);
  return pages;
}

bool vial_hide_pages(void *pages, size_t byte_count) {
  // A kernel may be older than either wish, or a filter of system calls may forbid both.
#if defined(MADV_WIPEONFORK)
  (void)madvise(pages, byte_count, MADV_WIPEONFORK);
#endif
#if defined(MADV_DONTDUMP)
  return madvise(pages, byte_count, MADV_DONTDUMP) == 0;
#else
  (void)pages;
  (void)byte_count;
  return false;
#endif
}

void vial_show_pages(void *pages, size_t byte_count) {
#if defined(MADV_KEEPONFORK)
  (void)madvise(pages, byte_count, MADV_KEEPONFORK);
#endif
#if defined(MADV_DODUMP)
  (void)madvise(pages, byte_count, MADV_DODUMP);
#endif
  (void)pages;
  (void)byte_count;
}

size_t vial_page_byte_count(void) { return (size_t)sysconf(_SC_PAGESIZE); }

size_t vial_lock_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
  // Swift's integers of this size have a sign.
  return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > PTRDIFF_MAX ? PTRDIFF_MAX : (size_t)limit.rlim_cur;
}

int vial_lock_pages(void *pages, size_t byte_count) {
#if defined(MLOCK_ONFAULT)
  // Pages that are never touched are never there.
  if (mlock2(pages, byte_count, MLOCK_ONFAULT) == 0) return 0;
  if (errno != ENOSYS && errno != EINVAL) return -1;
#endif
  return mlock(pages, byte_count);
}

void vial_unlock_pages(void *pages, size_t byte_count) { (void)munlock(pages, byte_count); }

void vial_unmap(void *pages, size_t byte_count) { (void)munmap(pages, byte_count); }

#if defined(__linux__)
// In memory that every thread has from its start. It marks all of a library's thread-local memory
// so: otherwise the C library allocates that at a thread's first call, and ends the process when it
// cannot.
#define FROM_THE_START __attribute__((tls_model("initial-exec")))
#else
#define FROM_THE_START
#endif
static _Thread_local int thread_mark FROM_THE_START;

int vial_thread_tag(void) { return thread_mark; }

void vial_set_thread_tag(int mark) { thread_mark = mark; }
