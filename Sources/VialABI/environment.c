/* Owns: the surroundings that the Swift runtime inside libvial sees: no environment, so that no variable of the host
 * (SWIFT_BACKTRACE, SWIFT_DEBUG_...) changes what the library does or makes it print, and no library to load. The
 * build scripts link it with --wrap. Must not: touch the host's own environment. */
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
