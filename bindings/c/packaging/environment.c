/* Owns: what the Swift runtime inside libvial sees of its surroundings: nothing. No environment, so that no variable of
 * the host (SWIFT_BACKTRACE, SWIFT_DEBUG_...) changes what the library does or makes it print; no library to load.
 * The build scripts link these with --wrap. Must not: touch the host's own environment. */
#include <stdbool.h>
#include <stddef.h>

static char *nothing[] = {NULL};

char **__wrap_environ = nothing;
char **__wrap___environ = nothing;

char *__wrap_getenv(const char *name);

char *__wrap_getenv(const char *name) {
  (void)name;
  return NULL;
}

void *__wrap_dlopen(const char *name, int flags);

void *__wrap_dlopen(const char *name, int flags) {
  (void)name;
  (void)flags;
  return NULL;
}

/* Defined here, these keep two files of the runtime out. One reads /proc/self/maps and the host's stack when it is
 * loaded, to find the host's arguments; the other looks for a crash reporter, and has signal handlers for it. */
char **_swift_stdlib_getUnsafeArgvArgc(int *out_count);

char **_swift_stdlib_getUnsafeArgvArgc(int *out_count) {
  *out_count = 0;
  return nothing;
}

/* All zero: backtraces are off. The runtime's own has fewer bytes. */
const unsigned char _swift_backtraceSettings[256] = {0};

bool _swift_backtrace_isThunkFunction(const char *name);

bool _swift_backtrace_isThunkFunction(const char *name) {
  (void)name;
  return false;
}
