/* Owns: many threads that submit, cancel and close as fast as they can, with callbacks, tenants and priorities, on little
 * KV memory; in the end nothing is left. Usage: stress MODEL CYCLES */
#define _POSIX_C_SOURCE 200809L
#include "vial.h"

#include "check.h"

#include <pthread.h>
#include <time.h>

enum { THREADS = 4, PROMPT = 140 };

static vial_engine *engine;
static long cycles;
static long submitted, refused, cancelled, drained, events, calls;

static void count(long *counter, long more) { __atomic_fetch_add(counter, more, __ATOMIC_RELAXED); }

static void on_event(void *context, const vial_event *event) {
  (void)context;
  count(&calls, 1);
  if (event->token % 3 == 0) {
    /* INVALID_HANDLE: the thread that submitted it is closing it, and waits for this call. */
    vial_status status = vial_request_cancel(event->request);
    CHECK(status == VIAL_STATUS_OK || status == VIAL_STATUS_INVALID_HANDLE);
  }
  if (event->token % 5 == 0) vial_request_close(event->request);
}

/** xorshift32 (Marsaglia 2003). */
static uint32_t next(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state >> 3;
}

static void one_cycle(uint32_t *random, const uint32_t *tokens) {
  static const char *const tenants[] = {"", "north", "south", "east"};
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  uint32_t tenant = next(random) % 4, action = next(random) % 8;
  options.tokens = tokens + next(random) % 3;
  options.token_count = next(random) % 16 ? 1 + next(random) % 8 : 64 + next(random) % 64;
  options.max_tokens = next(random) % 32 ? 1 + next(random) % 6 : 60 + next(random) % 60;
  options.tenant.data = tenants[tenant];
  options.tenant.length = tenant ? 4 + (tenant < 3) : 0;
  options.priority = (int32_t)(next(random) % 3) - 1;
  options.flags = next(random) % 8 ? 0 : VIAL_REQUEST_PRIVATE;
  if (next(random) % 3 == 0) options.on_event = on_event;
  vial_status status = vial_engine_submit(engine, &options, &request, NULL);
  if (status == VIAL_STATUS_BUSY) {
    struct timespec nap = {0, 200000};
    count(&refused, 1);
    nanosleep(&nap, NULL);
    return;
  }
  CHECK(status == VIAL_STATUS_OK);
  count(&submitted, 1);
  if (action < 5) {
    /* INVALID_HANDLE: its callback closed it. */
    status = vial_request_cancel(request);
    CHECK(status == VIAL_STATUS_OK || (options.on_event && status == VIAL_STATUS_INVALID_HANDLE));
    count(&cancelled, 1);
  }
  if (action >= 2 && options.on_event) {
    vial_request_info information = VIAL_REQUEST_INFO_INIT;
    while (vial_request_get_info(request, &information) == VIAL_STATUS_OK && information.state != VIAL_STATE_FINISHED) {
      struct timespec nap = {0, 50000};
      nanosleep(&nap, NULL);
    }
  }
  if (action >= 3 && !options.on_event) {
    long seen = 0;
    while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) seen++;
    CHECK(event.kind == VIAL_EVENT_NONE && seen >= 1);
    count(&events, seen);
    count(&drained, 1);
  }
  vial_request_close(request);
}

static void *work(void *argument) {
  uint32_t random = 7919u * (uint32_t)(intptr_t)argument + 1;
  uint32_t tokens[PROMPT];
  for (int index = 0; index < PROMPT; index++) tokens[index] = (uint32_t)(index * 31 % 480);
  for (long cycle = 0; cycle < cycles / THREADS; cycle++) {
    one_cycle(&random, tokens);
    if (cycle % 512 == 0) {
      vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
      STATUS(VIAL_STATUS_OK, vial_engine_get_metrics(engine, &metrics));
      STATUS(VIAL_STATUS_OK, vial_engine_clear_tenant(engine, (vial_text){"north", 5}, NULL));
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  vial_model *model = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
  pthread_t threads[THREADS];
  uint64_t ended = 0;
  if (argc != 3) return 2;
  cycles = strtol(argv[2], NULL, 10);
  options.thread_count = 2;
  options.queue_limit = 3;
  options.running_limit = 16;
  options.cache_byte_limit = 100000; /* six blocks of the tiny model: three at least for the largest request */
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, NULL));
  for (intptr_t index = 0; index < THREADS; index++)
    pthread_create(&threads[index], NULL, work, (void *)index);
  for (int index = 0; index < THREADS; index++) pthread_join(threads[index], NULL);
  for (int milliseconds = 0; milliseconds < 60000; milliseconds++) {
    struct timespec nap = {0, 1000000};
    nanosleep(&nap, NULL);
    STATUS(VIAL_STATUS_OK, vial_engine_get_metrics(engine, &metrics));
    ended = 0;
    for (unsigned index = 0; index < VIAL_FINISH_REASON_CAPACITY; index++) ended += metrics.finished_counts[index];
    if (ended == (uint64_t)submitted && metrics.running_count == 0 && metrics.referenced_block_count == 0) break;
  }
  CHECK(ended == metrics.submitted_count && ended == (uint64_t)submitted);
  CHECK(metrics.refused_count == (uint64_t)refused && metrics.referenced_block_count == 0);
  fprintf(stderr,
          "stress: %ld submitted, %ld refused, %ld cancelled, %ld read to the end (%ld events), %ld callbacks, "
          "%llu preemptions, %llu tokens from the cache, %llu evictions\n",
          submitted, refused, cancelled, drained, events, calls, (unsigned long long)metrics.preemption_count,
          (unsigned long long)metrics.cached_token_count, (unsigned long long)metrics.eviction_count);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  return finish("stress.c");
}
