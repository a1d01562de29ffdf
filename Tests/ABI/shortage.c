/* Owns: every export when memory is short. Each runs in a child of its own, after the child has used up its memory and
 * while it may have only so much more; or while the C library's allocator fails as a rule says. Every call ends with a
 * status, and when there is memory again the same handles do what they did before.
 * Usage: shortage [-a] MODEL [SCENARIO]; MODEL is small and has an adapter "ward", a chat template, prompt templates, a
 * notice and texts; with -a any model, calls with which may end otherwise. Must not: need more than a C library that has
 * __libc_malloc. */
#define _GNU_SOURCE
#include "vial.h"

#include "check.h"
#include "faulty_malloc.h"
#include "shortage_calls.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 64 << 10 };

/** What the scenario at hand comes to with memory. */
static vial_status expected;

/* ---- Shortage ---------------------------------------------------------------------------------------------- */

/** How memory is short. */
typedef struct condition {
  const char *name;
  rule rule;
  uint32_t nth;
  /** Bytes of the smallest request that is counted. */
  uint32_t least;
  /** Bytes of address space that there are still; -1: any number. */
  int64_t room;
  /** Whether the call has to work nevertheless. */
  int must_work;
} condition;

#ifdef ALWAYS_WORKS
/* For a library whose memory that cannot fail is short all the time (Tests/ABI/dry). */
static const condition steps[] = {{"the reserve alone", FAIL_NONE, 1, 0, -1, 1}};
static const condition faults[] = {{"the reserve alone, again", FAIL_NONE, 1, 0, -1, 1}};
#else
static const condition steps[] = {
  {"no byte", FAIL_NONE, 1, 0, 0, 0},          {"64 KiB", FAIL_NONE, 1, 0, 64 << 10, 0},
  {"256 KiB", FAIL_NONE, 1, 0, 256 << 10, 0},  {"1 MiB", FAIL_NONE, 1, 0, MIB, 0},
  {"2 MiB", FAIL_NONE, 1, 0, 2 * MIB, 0},      {"4 MiB", FAIL_NONE, 1, 0, 4 * MIB, 0},
  {"8 MiB", FAIL_NONE, 1, 0, 8 * MIB, 0},      {"16 MiB", FAIL_NONE, 1, 0, 16 * MIB, 0},
  {"32 MiB", FAIL_NONE, 1, 0, 32 * MIB, 0},    {"64 MiB", FAIL_NONE, 1, 0, 64 * MIB, 0},
  {"128 MiB", FAIL_NONE, 1, 0, 128 * MIB, 0},  {"256 MiB", FAIL_NONE, 1, 0, 256 * MIB, 0},
  {"1 GiB", FAIL_NONE, 1, 0, 1024ll * MIB, 1},
};

static const condition faults[] = {
  {"malloc fails, no byte", FAIL_EVERY_NTH, 1, 0, 0, 0},
  {"malloc fails", FAIL_EVERY_NTH, 1, 0, -1, 0},
  {"every 2nd malloc fails", FAIL_EVERY_NTH, 2, 0, -1, 0},
  {"every 3rd malloc fails", FAIL_EVERY_NTH, 3, 0, -1, 0},
  {"every 7th malloc fails", FAIL_EVERY_NTH, 7, 0, -1, 0},
  {"every 23rd malloc fails", FAIL_EVERY_NTH, 23, 0, -1, 0},
  {"every large malloc fails", FAIL_EVERY_NTH, 1, LARGE, -1, 0},
  {"every 2nd large malloc fails", FAIL_EVERY_NTH, 2, LARGE, -1, 0},
  {"every 3rd large malloc fails", FAIL_EVERY_NTH, 3, LARGE, -1, 0},
  {"every 7th large malloc fails", FAIL_EVERY_NTH, 7, LARGE, -1, 0},
};
#endif

/** Address space of this process in bytes. */
static uint64_t address_space(void) {
  char line[64] = {0};
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fgets(line, sizeof line, file) == NULL) exit(2);
  fclose(file);
  return strtoull(line, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void limit(uint64_t bytes) {
  struct rlimit rlimit;
  getrlimit(RLIMIT_AS, &rlimit);
  rlimit.rlim_cur = bytes;
  if (setrlimit(RLIMIT_AS, &rlimit) != 0) exit(2);
}

static void become_short(const condition *condition) {
  if (condition->room >= 0) {
    const uint64_t used = address_space();
    limit(used);
    for (size_t size = 16 * MIB; size >= 16; size /= 2)
      while (__libc_malloc(size) != NULL) continue;
    /* Nothing was mapped for these. */
    limit(used + (uint64_t)condition->room);
  }
  fault_nth = condition->nth;
  fault_least = condition->least;
  __atomic_store_n(&fault_rule, condition->rule, __ATOMIC_SEQ_CST);
}

static void recover(void) {
  __atomic_store_n(&fault_rule, FAIL_NONE, __ATOMIC_SEQ_CST);
  limit(RLIM_INFINITY);
}

enum { WORKED = 100, SHORT, FAILED };

/** What a scenario comes to with memory: VIAL_STATUS_OK, unless any model will do. */
static int reference(const struct scenario *scenario) {
  alarm(120);
  failures = checks = 0;
  STATUS(VIAL_STATUS_OK, vial_model_open(path, NULL, &model, &error));
  scenario->prepare();
  const vial_status status = scenario->attempt();
  return failures > 0 || status < 0 || status >= WORKED ? FAILED : status;
}

/** One scenario under one condition, in a process of its own. */
static int child(const struct scenario *scenario, const condition *condition) {
  failures = checks = 0;
  alarm(120);
  STATUS(VIAL_STATUS_OK, vial_model_open(path, NULL, &model, &error));
  scenario->prepare();
  become_short(condition);
  const vial_status status = scenario->attempt();
  recover();
  CHECK(status == expected || status == VIAL_STATUS_OUT_OF_MEMORY);
  if (status != expected && status != VIAL_STATUS_OUT_OF_MEMORY)
    fprintf(stderr, "  it was %s\n", vial_status_name(status));
  STATUS(expected, (scenario->again ? scenario->again : scenario->attempt)());
  vial_request_close(request);
  if (engine != NULL) STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  return failures > 0 ? FAILED : status == expected ? WORKED : SHORT;
}

/** Whether the call worked. */
static int try_under(const struct scenario *scenario, const condition *condition) {
  int status = 0;
  const pid_t process = fork();
  if (process == 0) _exit(child(scenario, condition));
  CHECK(process > 0 && waitpid(process, &status, 0) == process);
  const int is_sound = WIFEXITED(status) && (WEXITSTATUS(status) == WORKED || WEXITSTATUS(status) == SHORT);
  CHECK(is_sound);
  const int has_worked = WIFEXITED(status) && WEXITSTATUS(status) == WORKED;
  CHECK(has_worked || !condition->must_work);
  if (!is_sound || (condition->must_work && !has_worked))
    fprintf(stderr, "  %s, %s: %s %d\n", scenario->name, condition->name, WIFSIGNALED(status) ? "signal" : "exit",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return has_worked;
}

static void make_texts(void) {
  static const char sentence[] = "The patient reports chest pain, fever of 39.2 \xc2\xb0"
                                 "C and no allergies; she takes 5 mg of it daily. ";
  for (size_t i = 0; i < MIB; i++) {
    long_text[i] = sentence[i % (sizeof sentence - 1)];
    long_word[i] = (char)('a' + i * 7 % 26);
  }
  /* Whole characters only at the end; letters with marks that normalisation moves. */
  memset(long_text + MIB - sizeof sentence, ' ', sizeof sentence);
  for (size_t i = 0; i < MIB; i += 8) memcpy(marks + i, "a\xcc\x81\xcc\xa3 b c", 8);
  for (int i = 0; i < 100; i++) {
    messages[i].role.data = i % 2 ? "assistant" : "user";
    messages[i].role.length = i % 2 ? 9 : 4;
    messages[i].content.data = sentence;
    messages[i].content.length = sizeof sentence - 1;
  }
}

/** Finds out what a scenario comes to, in a process of its own. */
static void expect_as_with_memory(const struct scenario *scenario, int is_any) {
  int status = 0;
  const pid_t process = fork();
  if (process == 0) _exit(reference(scenario));
  CHECK(process > 0 && waitpid(process, &status, 0) == process && WIFEXITED(status) && WEXITSTATUS(status) < WORKED);
  expected = WEXITSTATUS(status);
  if (!is_any) STATUS(VIAL_STATUS_OK, expected);
}

int main(int argc, char **argv) {
  const int is_any = argc > 1 && strcmp(argv[1], "-a") == 0;
  if (argc < 2 + is_any) return 2;
  path = argv[1 + is_any];
  const char *only = argc > 2 + is_any ? argv[2 + is_any] : NULL;
  make_texts();
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    if (only != NULL && strcmp(only, scenarios[i].name) != 0) continue;
    int has_worked = 0;
    expect_as_with_memory(&scenarios[i], is_any);
    for (size_t step = 0; step < sizeof steps / sizeof *steps && !has_worked; step++)
      has_worked = try_under(&scenarios[i], &steps[step]);
    CHECK(has_worked);
    for (size_t fault = 0; fault < sizeof faults / sizeof *faults; fault++) try_under(&scenarios[i], &faults[fault]);
  }
  return finish("shortage");
}
