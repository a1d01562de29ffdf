/* Owns: what the consumers of this folder share: a check that counts. Must not: know the library. */
#ifndef CHECK_H
#define CHECK_H
#include <stdio.h>
#include <stdlib.h>

static int failures = 0;
static int checks = 0;

/** Callbacks check, too, on a thread of their own. */
#define COUNT(number) ((void)__atomic_fetch_add(&(number), 1, __ATOMIC_RELAXED))

#define CHECK(condition)                                                  \
  do {                                                                    \
    COUNT(checks);                                                        \
    if (!(condition)) {                                                   \
      COUNT(failures);                                                    \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
    }                                                                     \
  } while (0)

/** Checks a status and says which came instead. */
#define STATUS(expected, call)                                                                      \
  do {                                                                                              \
    vial_status status_ = (call);                                                                   \
    COUNT(checks);                                                                                  \
    if (status_ != (expected)) {                                                                    \
      COUNT(failures);                                                                              \
      fprintf(stderr, "%s:%d: %s gave %s\n", __FILE__, __LINE__, #call, vial_status_name(status_)); \
    }                                                                                               \
  } while (0)

static int finish(const char *name) {
  fprintf(stderr, "%s: %d checks, %d failed\n", name, checks, failures);
  return failures == 0 ? 0 : 1;
}
#endif
