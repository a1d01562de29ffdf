/* Owns: 14 ways in which a request comes to its end, and what is left of its text and ids then: nothing in the process's
 * memory, and nothing in a core file, be it written in the midst. Must not: hold a canary longer than a call needs it.
 * Usage: canary MODEL FOLDER  all ways; the system's core files are written in FOLDER
 *        canary MODEL FOLDER NUMBER end|midst  one of them, which then aborts */
#define _GNU_SOURCE
#include "vial.h"

#include "canary_scenarios.h"
#include "check.h"
#include "traces.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static trace text, ids, answer_text, answer_ids;
static trace *const prompts[] = {&text, &ids};
static trace *const all[] = {&text, &ids, &answer_text, &answer_ids};
static int searched_answers;
/** abort() here instead of searching. */
static const char *aborts;

/** Finds traces or, in a process that is to die, dies. */
static void look(const char *when, trace *const *traces, size_t count, int in_core) {
  if (aborts) {
    if (in_core && strcmp(aborts, when) == 0) abort();
    return;
  }
  const int found = search_process(traces, count, in_core);
  if (found) fprintf(stderr, "  %d (%s), %s: %d traces %s\n", scenario, names[scenario], when, found,
                     in_core ? "in a core file" : "in memory");
  CHECK(found == 0);
}

static void finish_request(vial_request *request) {
  vial_event event = VIAL_EVENT_INIT;
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
}

/** Learns what the first request answered, to look for it once it is closed. */
static void learn_answer(void) {
  char text_room[2048];
  uint32_t id_room[LONGEST_TRACE];
  uint64_t length = 0, count = 0;
  memset(&answer_text, 0, sizeof answer_text);
  memset(&answer_ids, 0, sizeof answer_ids);
  if (request_count == 0) return;
  if (vial_request_copy_text(requests[0], VIAL_PART_ANSWER, text_room, sizeof text_room, &length) == VIAL_STATUS_OK)
    searched_answers += set_trace(&answer_text, "an answer", 1, text_room, length);
  if (vial_request_copy_tokens(requests[0], id_room, LONGEST_TRACE, &count) == VIAL_STATUS_OK)
    searched_answers += set_trace(&answer_ids, "an answer's ids", 0, id_room, count);
  explicit_bzero(text_room, sizeof text_room);
  explicit_bzero(id_room, sizeof id_room);
}

/** Hears of all ends, in the way of the scenario; looks in the midst. */
static void await_ends(void) {
  vial_event event = VIAL_EVENT_INIT;
  struct timespec moment = {0, 1000000};
  if (request_count > 0 && scenario != 4 && scenario != 13)
    for (int index = 0; index < 3; index++) vial_request_next_event(requests[0], 2000, &event);
  look("midst", all, 2, 1);
  if (scenario == 1) vial_request_cancel(requests[0]);
  if (scenario == 11) {
    STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
    engine = NULL;
  }
  if (scenario == 4) {
    while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE)) nanosleep(&moment, NULL);
  } else if (scenario == 13) {
    for (int left = request_count; left > 0;)
      if (vial_engine_next_event(engine, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK)
        left -= event.kind == VIAL_EVENT_FINISHED;
  } else {
    for (int index = 0; index < request_count; index++) finish_request(requests[index]);
  }
}

/** One scenario from an engine's beginning to its end. */
static void run(void) {
  char canary[LENGTH + 4];
  request_count = ended = 0;
  memset(requests, 0, sizeof requests);
  engine = NULL;
  if (scenario != 12) open_engine();
  write_canary(canary);
  begin(canary);
  explicit_bzero(canary, sizeof canary);
  await_ends();
  learn_answer();
  /* What the prompt was is gone before anybody hears of the end; an answer that repeats it is its reader's. */
  if (scenario != 5) look("ended", prompts, 2, 0);
  look("ended", all, 4, 1);
  for (int index = 0; index < request_count; index++) vial_request_close(requests[index]);
  if (engine && (scenario == 5 || scenario == 13)) {
    STATUS(VIAL_STATUS_OK, vial_engine_clear_tenant(engine, (vial_text){"clinic A", 8}, NULL));
    STATUS(VIAL_STATUS_OK, vial_engine_clear_tenant(engine, (vial_text){"clinic B", 8}, NULL));
  }
  look("closed", all, 4, 0);
  look("end", all, 4, 1);
  if (engine) STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  look("engine closed", all, 4, 0);
}

/** Whether the system writes core files into the folder of a process that dies. */
static int writes_cores(void) {
  char pattern[256] = "";
  struct rlimit limit;
  FILE *file = fopen("/proc/sys/kernel/core_pattern", "r");
  if (file == NULL || !fgets(pattern, sizeof pattern, file)) return 0;
  fclose(file);
  getrlimit(RLIMIT_CORE, &limit);
  if (pattern[0] == '|' || strchr(pattern, '/') || strncmp(pattern, "core", 4) != 0 || limit.rlim_max == 0) {
    fprintf(stderr, "canary.c: the system pipes core files away, or writes none: they are searched in memory only\n");
    return 0;
  }
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_CORE, &limit) == 0;
}

/** Lets a process of its own die, and searches the core file that the system wrote. */
static void search_core(const char *program, const char *file, const char *folder, const char *when) {
  char number[8], pattern[PATH_MAX];
  int status = 0, found = -1;
  glob_t cores;
  snprintf(number, sizeof number, "%d", scenario);
  pid_t process = fork();
  if (process == 0) {
    if (chdir(folder) == 0) execl(program, program, file, folder, number, when, (char *)NULL);
    _exit(2);
  }
  CHECK(waitpid(process, &status, 0) == process && WIFSIGNALED(status) && WCOREDUMP(status));
  snprintf(pattern, sizeof pattern, "%s/core*", folder);
  if (glob(pattern, 0, NULL, &cores) == 0) {
    for (size_t index = 0; index < cores.gl_pathc; index++) {
      int core = open(cores.gl_pathv[index], O_RDONLY);
      found = search_file(prompts, 2, core, 0, (unsigned long)lseek(core, 0, SEEK_END), "a core file of the system");
      close(core);
      unlink(cores.gl_pathv[index]);
    }
    globfree(&cores);
  }
  if (found) fprintf(stderr, "  %d (%s), %s: %d traces in the system's core file\n", scenario, names[scenario], when, found);
  CHECK(found == 0);
}

/** The search finds what is there: as text, as ids of every width and in structs, in memory and in a core file. */
static void check_the_search(void) {
  static const size_t widths[] = {1, 2, 4, 8, 4}, strides[] = {1, 2, 4, 8, 40};
  unsigned char *room = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  trace *const one[] = {&ids}, *const other[] = {&text};
  int said = dup(2), nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, 2);
  for (size_t kind = 0; kind < 5; kind++) {
    memset(room, 0, 8192);
    for (size_t index = 0; index < RUN; index++) {
      const uint64_t value = value_of(&ids, index + 1) & bits_of(widths[kind]);
      memcpy(room + 3001 + index * strides[kind], &value, widths[kind]);
    }
    CHECK(search_process(one, 1, 0) == 1);
    CHECK(search_process(one, 1, 1) == 1);
  }
  madvise(room, 8192, MADV_DONTDUMP);
  CHECK(search_process(one, 1, 1) == 0);
  memset(room, 0, 8192);
  for (size_t index = 0; index < LENGTH; index++) room[4090 + index] = masked[index] ^ 0x5A;
  CHECK(search_process(other, 1, 0) > 0);
  dup2(said, 2);
  close(said);
  close(nowhere);
  munmap(room, 8192);
}

/** Opens the model, and learns the canary's ids. */
static void prepare(const char *file) {
  char canary[LENGTH];
  uint32_t tokens[LONGEST_TRACE];
  uint64_t count = 0;
  STATUS(VIAL_STATUS_OK, vial_model_open(file, NULL, &model, NULL));
  write_canary(canary);
  STATUS(VIAL_STATUS_OK, vial_model_encode(model, (vial_text){canary, LENGTH}, 0, tokens, LONGEST_TRACE, &count, NULL));
  CHECK(set_trace(&text, "the prompt", 1, canary, LENGTH));
  /* The first and the last may be cut in another way where something stands beside them. */
  CHECK(set_trace(&ids, "the prompt's ids", 0, tokens + 1, count - 2));
  explicit_bzero(canary, sizeof canary);
  explicit_bzero(tokens, sizeof tokens);
}

int main(int argc, char **argv) {
  char program[PATH_MAX], file[PATH_MAX], folder[PATH_MAX];
  if (argc < 3 || !realpath("/proc/self/exe", program) || !realpath(argv[1], file) || !realpath(argv[2], folder)) return 2;
  prepare(file);
  if (argc > 4) {
    scenario = atoi(argv[3]);
    aborts = argv[4];
    run();
    return 3;
  }
  check_the_search();
  for (scenario = 0; scenario < SCENARIOS; scenario++) run();
  CHECK(searched_answers >= SCENARIOS / 2);
  const int has_cores = writes_cores();
  for (scenario = 0; has_cores && scenario < SCENARIOS; scenario++) {
    search_core(program, file, folder, "midst");
    search_core(program, file, folder, "end");
  }
  vial_model_close(model);
  model = NULL;
  scenario = 0;
  look("model closed", all, 4, 0);
  return finish("canary.c");
}
