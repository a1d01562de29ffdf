/* Owns: engines and requests that are closed, cancelled, forked or full while they are in use: each call gives a status,
 * none ends the process or hangs it. Usage: misuse_lifetimes MODEL. Must not: try wrong arguments (misuse_requests.c). */
#define _POSIX_C_SOURCE 200809L
#include "misuse_requests.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/** Sleeps for some microseconds. */
static void nap(long microseconds) {
  struct timespec time = {0, microseconds * 1000};
  nanosleep(&time, NULL);
}

/** What a callback does to its engine and request. */
typedef struct visit {
  pthread_mutex_t lock;
  pthread_cond_t done;
  vial_status close_status;
  int ends;
  int events;
} visit;

static void call_everything(void *context, const vial_event *event) {
  visit *seen = context;
  vial_event other = VIAL_EVENT_INIT;
  vial_request_options options = continuation(1);
  vial_request *request = NULL;
  pthread_mutex_lock(&seen->lock);
  seen->close_status = vial_engine_close(engine);
  seen->events++;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_next_event(event->request, 0, &other));
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  STATUS(VIAL_STATUS_OK, vial_request_cancel(request));
  vial_request_close(request);
  if (event->kind == VIAL_EVENT_FINISHED) {
    seen->ends++;
    vial_request_close(event->request);
    vial_request_close(event->request);
    STATUS(VIAL_STATUS_INVALID_HANDLE, vial_request_cancel(event->request));
  }
  pthread_cond_signal(&seen->done);
  pthread_mutex_unlock(&seen->lock);
}

static void inside_callbacks(void) {
  visit seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, VIAL_STATUS_OK, 0, 0};
  vial_request *request = NULL;
  vial_request_options options = continuation(5);
  options.on_event = call_everything;
  options.event_context = &seen;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  pthread_mutex_lock(&seen.lock);
  while (seen.ends == 0) pthread_cond_wait(&seen.done, &seen.lock);
  CHECK(seen.close_status == VIAL_STATUS_IN_CALLBACK && seen.events >= 1);
  pthread_mutex_unlock(&seen.lock);
}

static void count_events(void *context, const vial_event *event) {
  (void)event;
  ++*(int *)context;
}

/** After a close no callback comes, however many were under way. */
static void close_under_way(void) {
  for (int round = 0; round < 20; round++) {
    int events = 0, before;
    vial_request *request = NULL;
    vial_request_options options = continuation(1000);
    options.on_event = count_events;
    options.event_context = &events;
    STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
    for (int spin = 0; spin < round * 1000; spin++) vial_status_name(0);
    vial_request_close(request);
    before = events;
    nap(500);
    CHECK(events == before);
  }
}

static void *drain_all(void *argument) {
  vial_event event = VIAL_EVENT_INIT;
  intptr_t count = 0;
  while (vial_request_next_event(argument, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) count++;
  return (void *)count;
}

static void *cancel_soon(void *argument) {
  nap(2000);
  STATUS(VIAL_STATUS_OK, vial_request_cancel(argument));
  return NULL;
}

/** Two threads share the events of one request, a third cancels it. */
static void two_threads_on_one_request(void) {
  vial_request *request = submitted(1000);
  vial_request_info information = VIAL_REQUEST_INFO_INIT;
  pthread_t readers[2], canceller;
  intptr_t total = 0;
  for (int index = 0; index < 2; index++) pthread_create(&readers[index], NULL, drain_all, request);
  pthread_create(&canceller, NULL, cancel_soon, request);
  pthread_join(canceller, NULL);
  for (int index = 0; index < 2; index++) {
    void *count = NULL;
    pthread_join(readers[index], &count);
    total += (intptr_t)count;
  }
  STATUS(VIAL_STATUS_OK, vial_request_get_info(request, &information));
  CHECK(information.state == VIAL_STATE_FINISHED && (uint64_t)total == information.token_count + 1);
  vial_request_close(request);
}

static void *close_engine(void *argument) {
  nap(3000);
  STATUS(VIAL_STATUS_OK, vial_engine_close(argument));
  return NULL;
}

/** An engine that is closed while requests run, threads wait and its model's handle is gone. */
static void close_with_work_in_flight(const char *path) {
  vial_model *own = NULL;
  vial_engine *other = NULL;
  vial_request *requests[8];
  vial_event event = VIAL_EVENT_INIT;
  pthread_t closer;
  int calls = 0, before, polled = 0;
  vial_status status;
  STATUS(VIAL_STATUS_OK, vial_model_open(path, NULL, &own, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_open(own, NULL, &other, NULL));
  vial_model_close(own);
  for (int index = 0; index < 8; index++) {
    vial_request_options options = continuation(2000);
    if (index % 2) {
      options.on_event = count_events;
      options.event_context = &calls;
    }
    STATUS(VIAL_STATUS_OK, vial_engine_submit(other, &options, &requests[index], NULL));
  }
  pthread_create(&closer, NULL, close_engine, other);
  while ((status = vial_engine_next_event(other, VIAL_WAIT_FOREVER, &event)) == VIAL_STATUS_OK) polled++;
  CHECK(status == VIAL_STATUS_CLOSED || status == VIAL_STATUS_INVALID_HANDLE);
  pthread_join(closer, NULL);
  before = calls;
  for (int index = 0; index < 8; index++) {
    vial_request_info information = VIAL_REQUEST_INFO_INIT;
    STATUS(VIAL_STATUS_OK, vial_request_get_info(requests[index], &information));
    CHECK(information.state == VIAL_STATE_FINISHED);
    CHECK(information.finish_reason == VIAL_FINISH_CANCELLED || information.finish_reason == VIAL_FINISH_LENGTH ||
          information.finish_reason == VIAL_FINISH_STOP);
    STATUS(VIAL_STATUS_OK, vial_request_cancel(requests[index]));
    vial_request_close(requests[index]);
  }
  CHECK(calls == before && calls >= 4 && polled >= 1);
}

static void after_fork(void) {
  vial_request *request = submitted(2000);
  pid_t child = fork();
  if (child == 0) {
    vial_engine *own = NULL;
    failures = 0;
    bad_handles(engine, request, VIAL_STATUS_FORKED);
    STATUS(VIAL_STATUS_FORKED, vial_engine_open(model, NULL, &own, NULL));
    _exit(failures == 0 ? 0 : 1);
  }
  int status = -1;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  STATUS(VIAL_STATUS_OK, vial_request_cancel(request));
  CHECK(drained(request) != VIAL_FINISH_NONE);
  vial_request_close(request);
}

/** A prompt that fills the KV memory, and an answer that does. */
static void more_than_memory(void) {
  vial_engine *small = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  vial_engine_info information = VIAL_ENGINE_INFO_INIT;
  vial_request *request = NULL;
  vial_request_options asked = continuation(1 << 30);
  options.cache_byte_limit = 1 << 17;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &small, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_get_info(small, &information));
  CHECK(information.cache_position_count < 4096); /* the context */
  uint32_t *tokens = calloc(information.cache_position_count, sizeof *tokens);
  CHECK(tokens != NULL);
  for (uint64_t index = 0; index < information.cache_position_count; index++) tokens[index] = 1 + index % 50;
  asked.tokens = tokens;
  asked.token_count = information.cache_position_count;
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(small, &asked, &request, NULL));
  CHECK(request == NULL);
  asked.token_count--;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(small, &asked, &request, NULL));
  uint32_t reason = drained(request);
  CHECK(reason == VIAL_FINISH_LENGTH || reason == VIAL_FINISH_STOP);
  vial_request_close(request);
  STATUS(VIAL_STATUS_OK, vial_engine_close(small));
  free(tokens);
}

static void a_full_queue(void) {
  vial_engine *small = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  vial_request *requests[3] = {NULL, NULL, NULL}, *refused = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_request_options request = continuation(0);
  options.queue_limit = 1;
  options.running_limit = 1;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &small, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_submit(small, &request, &requests[0], NULL));
  STATUS(VIAL_STATUS_OK, vial_request_next_event(requests[0], VIAL_WAIT_FOREVER, &event));
  STATUS(VIAL_STATUS_OK, vial_engine_submit(small, &request, &requests[1], NULL));
  STATUS(VIAL_STATUS_BUSY, vial_engine_submit(small, &request, &refused, NULL));
  CHECK(refused == NULL);
  STATUS(VIAL_STATUS_OK, vial_engine_close(small));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_engine_submit(small, &request, &refused, NULL));
  CHECK(drained(requests[1]) == VIAL_FINISH_CANCELLED);
  vial_request_close(requests[0]);
  vial_request_close(requests[1]);
}

static void a_tenants_part_of_the_queue(void) {
  vial_engine *small = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  vial_request *requests[3] = {NULL, NULL, NULL}, *refused = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_request_options request = continuation(0);
  options.tenant_queue_limit = 1;
  options.running_limit = 1;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &small, NULL));
  request.tenant.data = "north";
  request.tenant.length = 5;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(small, &request, &requests[0], NULL));
  STATUS(VIAL_STATUS_OK, vial_request_next_event(requests[0], VIAL_WAIT_FOREVER, &event));
  STATUS(VIAL_STATUS_OK, vial_engine_submit(small, &request, &requests[1], NULL));
  STATUS(VIAL_STATUS_BUSY, vial_engine_submit(small, &request, &refused, NULL));
  request.tenant.data = "south";
  STATUS(VIAL_STATUS_OK, vial_engine_submit(small, &request, &requests[2], NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_close(small));
  for (int index = 0; index < 3; index++) vial_request_close(requests[index]);
}

static void *refuse(void *context, uint64_t byte_count, uint64_t alignment) {
  (void)context, (void)byte_count, (void)alignment;
  return NULL;
}

static void give_back(void *context, void *memory, uint64_t byte_count) {
  (void)context, (void)memory, (void)byte_count;
}

static void no_memory(void) {
  vial_engine *other = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  options.allocate = refuse;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.release = give_back;
  STATUS(VIAL_STATUS_OUT_OF_MEMORY, vial_engine_open(model, &options, &other, NULL));
  CHECK(other == NULL);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  inside_callbacks();
  close_under_way();
  two_threads_on_one_request();
  close_with_work_in_flight(argv[1]);
  after_fork();
  more_than_memory();
  a_full_queue();
  a_tenants_part_of_the_queue();
  no_memory();
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  return finish("misuse_lifetimes.c");
}
