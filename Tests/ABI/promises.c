/* Owns: what an engine tells of its memory, held against what the system says: locked pages under a limit, pages in core
 * dumps when the system refuses to leave them out, the child of a fork, and memory that the host lends.
 * Usage: promises MODEL limit BYTES|unlimited, for which privileges are given up; promises MODEL refused|fork|lent */
#define _GNU_SOURCE
#include "vial.h"

#include "check.h"
#include "sampling.h"
#include "traces.h"

#include <errno.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CACHE_BYTES = 4 << 20 };

static vial_model *model;
static int refuses, refused_count, is_boundless;

/** The library's madvise, too: the program's comes before the C library's. */
int madvise(void *pages, size_t length, int advice) {
  if (!refuses) return (int)syscall(SYS_madvise, pages, length, advice);
  refused_count++;
  errno = EPERM;
  return -1;
}

/** The same for locking, for machines that do not let their limit be raised. */
int mlock2(const void *pages, size_t length, unsigned flags) {
  return is_boundless ? 0 : (int)syscall(SYS_mlock2, pages, length, flags);
}

int getrlimit(__rlimit_resource_t resource, struct rlimit *limit) {
  if (!is_boundless) return (int)syscall(SYS_prlimit64, 0, resource, NULL, limit);
  limit->rlim_cur = limit->rlim_max = RLIM_INFINITY;
  return 0;
}

static vial_engine *opened(uint32_t flags, vial_engine_options options) {
  vial_engine *engine = NULL;
  options.struct_size = sizeof options;
  options.flags = flags;
  options.thread_count = 2;
  options.cache_byte_limit = CACHE_BYTES;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, NULL));
  return engine;
}

/** Options that ask the canary, which is written into `canary`. */
static vial_request_options asking(char canary[LENGTH]) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  write_canary(canary);
  options.text.data = canary;
  options.text.length = LENGTH;
  return options;
}

/** A request with the canary, a few tokens into its answer. */
static vial_request *begun(vial_engine *engine) {
  char canary[LENGTH];
  vial_request_options options = asking(canary);
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  options.max_tokens = 2000;
  options.seed = 3;
  options.sampling = at_temperature(model, 0.9f);
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  explicit_bzero(canary, sizeof canary);
  STATUS(VIAL_STATUS_OK, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
  CHECK(event.kind == VIAL_EVENT_TOKEN);
  return request;
}

static vial_engine_info told(vial_engine *engine) {
  vial_engine_info information = VIAL_ENGINE_INFO_INIT;
  STATUS(VIAL_STATUS_OK, vial_engine_get_info(engine, &information));
  CHECK(information.reserved == 0);
  return information;
}

/** Bytes of this process that the system says are locked. */
static uint64_t locked_bytes(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  unsigned long kibibytes = 0;
  while (fgets(line, sizeof line, file))
    if (strncmp(line, "VmLck:", 6) == 0) kibibytes = strtoul(line + 6, NULL, 10);
  fclose(file);
  return (uint64_t)kibibytes << 10;
}

static void limit(const char *argument) {
  const int is_unlimited = strcmp(argument, "unlimited") == 0;
  const rlim_t bytes = is_unlimited ? RLIM_INFINITY : (rlim_t)strtoul(argument, NULL, 10);
  const struct rlimit most = {bytes, bytes};
  if (setrlimit(RLIMIT_MEMLOCK, &most) != 0) {
    fprintf(stderr, "promises.c: the limit on locked memory cannot be raised here; locking is played\n");
    is_boundless = 1;
  } else if (geteuid() == 0)
    CHECK(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
  for (uint32_t flags = 0; flags <= VIAL_ENGINE_LOCK_MEMORY; flags += VIAL_ENGINE_LOCK_MEMORY) {
    vial_engine *engine = opened(flags, (vial_engine_options)VIAL_ENGINE_OPTIONS_INIT);
    vial_request *request = begun(engine);
    const vial_engine_info now = told(engine);
    if (!is_boundless) CHECK(now.locked_byte_count == locked_bytes());
    CHECK(now.dumpable_byte_count == 0 && !(now.memory_flags & VIAL_MEMORY_DUMPABLE));
    CHECK(now.unlocked_byte_count > 0 || now.memory_flags == 0);
    if (is_unlimited) {
      CHECK(now.memory_flags == (flags ? 0 : (uint32_t)VIAL_MEMORY_CACHE_UNLOCKED));
      CHECK(now.unlocked_byte_count == (flags ? 0 : (now.cache_byte_count + 4095) / 4096 * 4096));
    } else {
      const uint32_t lacks = VIAL_MEMORY_WORK_UNLOCKED | VIAL_MEMORY_CACHE_UNLOCKED;
      CHECK((now.memory_flags & lacks) == lacks);
      CHECK(now.locked_byte_count <= bytes);
      if (bytes == 0) CHECK(now.memory_flags & VIAL_MEMORY_TEXT_UNLOCKED);
      if (bytes > 0) CHECK(now.locked_byte_count > 0);
    }
    vial_request_close(request);
    STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
    if (!is_boundless) CHECK(locked_bytes() <= 65536);
  }
}

static void refused(void) {
  refuses = 1;
  vial_engine *engine = opened(0, (vial_engine_options)VIAL_ENGINE_OPTIONS_INIT);
  vial_request *request = begun(engine);
  const vial_engine_info now = told(engine);
  CHECK(refused_count > 0);
  CHECK(now.memory_flags & VIAL_MEMORY_DUMPABLE);
  CHECK(now.dumpable_byte_count == now.locked_byte_count + now.unlocked_byte_count);
  vial_request_close(request);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
}

static void forked(void) {
  char canary[LENGTH];
  uint32_t tokens[LONGEST_TRACE];
  uint64_t count = 0;
  static trace text, ids;
  trace *const traces[] = {&text, &ids};
  int status = 0;
  write_canary(canary);
  STATUS(VIAL_STATUS_OK, vial_model_encode(model, (vial_text){canary, LENGTH}, 0, tokens, LONGEST_TRACE, &count, NULL));
  CHECK(set_trace(&text, "the prompt", 1, canary, LENGTH) && set_trace(&ids, "the prompt's ids", 0, tokens + 1, count - 2));
  explicit_bzero(canary, sizeof canary);
  explicit_bzero(tokens, sizeof tokens);
  vial_engine *engine = opened(0, (vial_engine_options)VIAL_ENGINE_OPTIONS_INIT);
  vial_request *request = begun(engine);
  pid_t process = fork();
  if (process == 0) _exit(search_process(traces, 2, 0) == 0 ? 0 : 1);
  CHECK(waitpid(process, &status, 0) == process && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  vial_request_close(request);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
}

/* ---- Memory that the host lends ---- */

static unsigned char *lent[64];
static uint64_t lent_length[64];
static int lent_count;

static void *lend(void *context, uint64_t length, uint64_t alignment) {
  (void)context;
  CHECK(alignment <= 4096 && lent_count < 64);
  lent[lent_count] = mmap(NULL, length + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  lent_length[lent_count] = length;
  return lent[lent_count++] + 4096;
}

static void take_back(void *context, void *memory, uint64_t length) {
  (void)context;
  CHECK(is_zero(memory, length));
}

/** How many pieces of what was lent are left out of core dumps. */
static int hidden_count(void) {
  size_t count = 0;
  int hidden = 0;
  mapping *list = mappings_of_process(&count);
  for (int piece = 0; piece < lent_count; piece++)
    for (size_t index = 0; index < count; index++)
      hidden += !list[index].is_dumped && list[index].begin <= (unsigned long)lent[piece] + 4096
        && list[index].end >= (unsigned long)lent[piece] + 4096 + lent_length[piece];
  free(list);
  return hidden;
}

/** How many pieces of what was lent hold something. */
static int written_count(void) {
  int written = 0;
  for (int piece = 0; piece < lent_count; piece++) written += !is_zero(lent[piece] + 4096, lent_length[piece]);
  return written;
}

/** An answer to its last event, which is told when nothing of the request is left in what the engine computes with. */
static void answered(vial_engine *engine, int kind) {
  char canary[LENGTH];
  vial_request_options options = asking(canary);
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  options.max_tokens = kind == 1 ? 2000 : 20;
  options.flags = VIAL_REQUEST_PRIVATE;
  vial_sampling_options *sampling = at_temperature(model, 0.9f);
  sampling->repetition_penalty = 1.1f;
  sampling->top_p = 0.9f;
  options.sampling = sampling;
  options.alternative_count = 20;
  options.deadline_milliseconds = kind == 2 ? 1 : 0;
  if (kind == 3) {
    options.adapter.data = "ward";
    options.adapter.length = 4;
  }
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  explicit_bzero(canary, sizeof canary);
  STATUS(VIAL_STATUS_OK, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
  if (kind == 1) vial_request_cancel(request);
  while (event.kind != VIAL_EVENT_FINISHED)
    STATUS(VIAL_STATUS_OK, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
  CHECK(written_count() == 0);
  vial_request_close(request);
}

static void lends(void) {
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  options.allocate = lend;
  options.release = take_back;
  vial_engine *engine = opened(0, options);
  CHECK(lent_count > 0 && hidden_count() == lent_count);
  CHECK(told(engine).dumpable_byte_count == 0);
  for (int kind = 0; kind < 4; kind++) answered(engine, kind);
  vial_request *request = begun(engine);
  CHECK(written_count() > 3);
  vial_request_close(request);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  CHECK(hidden_count() == 0);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  if (strcmp(argv[2], "limit") == 0 && argc > 3) limit(argv[3]);
  else if (strcmp(argv[2], "refused") == 0) refused();
  else if (strcmp(argv[2], "fork") == 0) forked();
  else if (strcmp(argv[2], "lent") == 0) lends();
  else return 2;
  vial_model_close(model);
  return finish("promises.c");
}
