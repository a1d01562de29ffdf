// Owns: the few system calls that Swift cannot spell: sleeping on a word until it changes, a pause,
// an event descriptor, a number of each thread, memory that keeps its contents to itself.
// Must not: hold state. VialSystem is its only client.
#ifndef VIAL_SYSTEM_H
#define VIAL_SYSTEM_H
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#else
#include <time.h>
#endif

/// Tells the CPU that this is a spin loop.
static inline void vial_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Sleeps while `*word == expected`; may return early. Elsewhere than on Linux: sleeps for 50
/// microseconds.
static inline void vial_wait_on(const uint32_t *word, uint32_t expected) {
#if defined(__linux__)
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
#else
  (void)word;
  (void)expected;
  struct timespec nap = {0, 50000};
  nanosleep(&nap, NULL);
#endif
}

/// Wakes everyone who sleeps on `word`.
static inline void vial_wake_all(const uint32_t *word) {
#if defined(__linux__)
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 0x7fffffff, NULL, NULL, 0);
#else
  (void)word;
#endif
}

/// The word, sequentially consistent.
static inline uint32_t vial_load_word(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
/// Adds 1 to the word, sequentially consistent.
static inline void vial_bump_word(uint32_t *word) { __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST); }

/// open(2) without varargs, close-on-exec, restarted when interrupted. -1 and errno on failure.
static inline int vial_open(const char *path, int flags, unsigned mode) {
  int descriptor;
  do descriptor = open(path, flags | O_CLOEXEC, mode);
  while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

/// Takes the whole file's advisory lock without waiting; -1 and EWOULDBLOCK when somebody has it.
static inline int vial_lock(int descriptor) {
  int result;
  do result = flock(descriptor, LOCK_EX | LOCK_NB);
  while (result < 0 && errno == EINTR);
  return result;
}

/// Gives a file a name that must be free; -1 and EEXIST when it is not.
int vial_rename_new(const char *path, const char *new_path);

/// Gives an open file the access list (POSIX ACL) of another, or none when that has none. Where a
/// file system or a system has no access lists, nothing happens.
void vial_copy_access_list(int from, int to);

/// CPUs that the calling thread may run on; 0 when the system does not say.
int vial_affinity_count(void);

/// A descriptor pair (one eventfd on Linux, else a pipe), close-on-exec and non-blocking. -1 and
/// errno on failure.
int vial_event_open(int *out_readable, int *out_writable);
/// Makes the pair's readable end readable.
void vial_event_raise(int writable);
/// Reads what was raised.
void vial_event_clear(int readable);

/// Whole pages of zeros that are in no core dump, and zeros again in the child of a fork, where the
/// system can do that. NULL when memory is short. `out_is_hidden`: as `vial_hide_pages` returns.
void *vial_map_private(size_t byte_count, bool *out_is_hidden);
/// Keeps pages out of core dumps, and in the child of a fork empty, where the system can do that;
/// false when they may be in a dump.
bool vial_hide_pages(void *pages, size_t byte_count);
/// Undoes that, before pages go back to whoever lent them.
void vial_show_pages(void *pages, size_t byte_count);
/// Bytes of a page.
size_t vial_page_byte_count(void);
/// The most bytes that this process may lock in memory; PTRDIFF_MAX when there is no limit.
size_t vial_lock_limit(void);
/// Keeps pages out of swap from when they are first touched; -1 when the limit on locked memory, or
/// the system, forbids.
int vial_lock_pages(void *pages, size_t byte_count);
/// Undoes that.
void vial_unlock_pages(void *pages, size_t byte_count);
/// Gives pages back, locked or not.
void vial_unmap(void *pages, size_t byte_count);

/// Lets the system write no core file of this process, wherever core files go.
void vial_forbid_core_files(void);

/// Zeros in the vector registers that a function may leave as it likes.
void vial_clear_registers(void);
/// Zeros in so many bytes of the stack that functions called before have used.
void vial_wipe_stack(size_t byte_count);

/// A number of the calling thread that its code may set; 0 at first.
int vial_thread_tag(void);
void vial_set_thread_tag(int mark);

/// What the program was built from, as a JSON object: the text of `vial_build_info` (vial.h).
/// Static memory.
const char *vial_system_build_info(void);

/// The calling thread's errno.
static inline int vial_errno(void) { return errno; }
#endif
