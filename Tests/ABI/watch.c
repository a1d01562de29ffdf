/* Owns: a preloaded library that sees every look-up in the environment: with one, the process ends with 77.
 * Must not: change what a look-up finds. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

extern char **environ;
static int looks = 0;

static char *look(const char *name) {
  size_t length = strlen(name);
  looks++;
  for (char **entry = environ; entry && *entry; entry++)
    if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return *entry + length + 1;
  return NULL;
}

char *getenv(const char *name);
char *secure_getenv(const char *name);

char *getenv(const char *name) { return look(name); }
char *secure_getenv(const char *name) { return look(name); }

__attribute__((destructor)) static void judge(void) {
  if (looks > 0) _exit(77);
}
