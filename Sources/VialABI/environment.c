/* Owns: the environment that the Swift runtime inside libvial sees: none, so that no variable of the host
 * (SWIFT_BACKTRACE, SWIFT_DEBUG_...) changes what the library does or makes it print. The build-library script
 * links it with --wrap. Must not: touch the host's own environment. */
#include <stddef.h>

static char *nothing[] = {NULL};

char **__wrap_environ = nothing;
char **__wrap___environ = nothing;

char *__wrap_getenv(const char *name);

char *__wrap_getenv(const char *name) {
  (void)name;
  return NULL;
}
