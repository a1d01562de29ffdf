/* Owns: as many open requests as there are handles, queued and ended, and what they cost the process: mappings, memory,
 * locked memory. Usage: many MODEL [MEMLOCK], the limit on locked memory in bytes, for which privileges are given up. */
#define _GNU_SOURCE
#include "vial.h"

#include "check.h"

#include <grp.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A model and an engine have handles, too. */
enum { REQUESTS = VIAL_HANDLE_LIMIT - 2, MAPPINGS = 4000, BYTES_PER_REQUEST = 8192 };

static vial_engine *engine;
static vial_request *requests[VIAL_HANDLE_LIMIT];
static const uint32_t ids[4] = {1, 2, 3, 4};

static long mappings(void) {
  FILE *file = fopen("/proc/self/maps", "r");
  long count = 0;
  for (int byte = getc(file); byte != EOF; byte = getc(file)) count += byte == '\n';
  fclose(file);
  return count;
}

/** A line of /proc/self/status, in KiB. */
static long status_of(const char *name) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long value = -1;
  while (fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0) value = strtol(line + strlen(name) + 1, NULL, 10);
  fclose(file);
  return value;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/** Opens requests until there are no handles; what that cost is said and held against the bounds. */
static void fill(const char *what, uint32_t max_tokens, uint32_t flags) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
  long maps_before = mappings(), memory_before = status_of("VmRSS:");
  double start = now();
  int count = 0;
  options.tokens = ids;
  options.token_count = 4;
  options.max_tokens = max_tokens;
  options.flags = flags;
  while (count < REQUESTS && vial_engine_submit(engine, &options, &requests[count], NULL) == VIAL_STATUS_OK) count++;
  CHECK(count == REQUESTS);
  vial_request *one_more = NULL;
  STATUS(VIAL_STATUS_TOO_MANY_HANDLES, vial_engine_submit(engine, &options, &one_more, NULL));
  CHECK(one_more == NULL);
  double submitted = now();
  STATUS(VIAL_STATUS_OK, vial_engine_get_metrics(engine, &metrics));
  while (max_tokens < 10 && metrics.waiting_count + metrics.running_count > 0) {
    struct timespec nap = {0, 10000000};
    nanosleep(&nap, NULL);
    STATUS(VIAL_STATUS_OK, vial_engine_get_metrics(engine, &metrics));
  }
  double ended = now();
  long maps = mappings() - maps_before, memory = (status_of("VmRSS:") - memory_before) * 1024;
  fprintf(stderr, "many: %d %s: %ld mappings, %ld bytes each, %ld KiB locked, %.1f s to submit, %.1f s to wait", count,
          what, maps, memory / count, status_of("VmLck:"), submitted - start, ended - submitted);
  CHECK(maps < MAPPINGS && memory / count < BYTES_PER_REQUEST);
  for (int index = 0; index < count; index++) {
    uint32_t tokens[4];
    uint64_t length = 0;
    if (max_tokens < 10 && index % 1000 == 0) {
      STATUS(VIAL_STATUS_OK, vial_request_copy_tokens(requests[index], tokens, 4, &length));
      CHECK(length == max_tokens);
    }
    vial_request_close(requests[index]);
  }
  fprintf(stderr, ", %.1f s to close\n", now() - ended);
}

int main(int argc, char **argv) {
  vial_model *model = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  if (argc < 2) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  if (argc > 2) {
    struct rlimit limit = {strtoul(argv[2], NULL, 10), strtoul(argv[2], NULL, 10)};
    CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    if (geteuid() == 0) CHECK(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
  }
  options.queue_limit = 1 << 20;
  options.running_limit = 1;
  options.thread_count = 2;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, NULL));
  fill("that wait", 2000, 0);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  options.running_limit = 64;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, NULL));
  fill("that have ended", 2, 0);
  fill("that have ended, private", 1, VIAL_REQUEST_PRIVATE);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  if (argc > 2) CHECK((unsigned long)status_of("VmLck:") * 1024 <= strtoul(argv[2], NULL, 10));
  return finish("many.c");
}
