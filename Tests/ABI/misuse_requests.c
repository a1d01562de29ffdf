/* Owns: the misuse of engines and requests that a host must survive: each call gives a status, none ends the process
 * or hangs it. Usage: misuse_requests MODEL */
#define _POSIX_C_SOURCE 200809L
#include "vial.h"

#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HUGE_LENGTH ((uint64_t)1 << 63)

static vial_model *model;
static vial_engine *engine;
static const uint32_t ids[4] = {1, 2, 3, 4};

/** Sleeps for some microseconds. */
static void nap(long microseconds) {
  struct timespec time = {0, microseconds * 1000};
  nanosleep(&time, NULL);
}

/** A request for `tokens` tokens after `ids`. */
static vial_request_options continuation(uint32_t tokens) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.tokens = ids;
  options.token_count = 4;
  options.max_tokens = tokens;
  return options;
}

static vial_request *submitted(uint32_t tokens) {
  vial_request *request = NULL;
  vial_request_options options = continuation(tokens);
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  return request;
}

/** Reads events to the end; returns why it ended. */
static uint32_t drained(vial_request *request) {
  vial_event event = VIAL_EVENT_INIT;
  uint32_t reason = VIAL_FINISH_NONE;
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) reason = event.finish_reason;
  return reason;
}

static void null_arguments(void) {
  vial_engine *other = NULL;
  vial_request *request = NULL;
  vial_request_options none = VIAL_REQUEST_OPTIONS_INIT, options = continuation(2);
  uint64_t count = 0;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, NULL, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_engine_open(NULL, NULL, &other, NULL));
  CHECK(other == NULL);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_get_info(engine, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_get_metrics(engine, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_copy_metrics_text(engine, NULL, 5, &count));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_copy_metrics_text(engine, NULL, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_set_weight(engine, (vial_text){NULL, 3}, 1, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_clear_tenant(engine, (vial_text){NULL, 3}, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_next_event(engine, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_get_event_descriptor(engine, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, NULL, &request, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &none, &request, NULL));
  options.tokens = NULL;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  CHECK(request == NULL);
  options = continuation(2);
  options.text.data = "two prompts";
  options.text.length = 11;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  request = submitted(2);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_next_event(request, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_get_info(request, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_text(request, VIAL_PART_ANSWER, NULL, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_text(request, VIAL_PART_ANSWER, NULL, 5, &count));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_text(request, 7, NULL, 0, &count));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_tokens(request, NULL, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_tokens(request, NULL, 3, &count));
  vial_request_close(request);
  vial_request_close(NULL);
  STATUS(VIAL_STATUS_OK, vial_engine_close(NULL));
}

/** Every function with an engine and a request that are none. */
static void bad_handles(vial_engine *bad, vial_request *worse, vial_status expected) {
  vial_request *request = NULL;
  vial_request_options options = continuation(2);
  vial_engine_info engine_information = VIAL_ENGINE_INFO_INIT;
  vial_request_info information = VIAL_REQUEST_INFO_INIT;
  vial_event event = VIAL_EVENT_INIT;
  uint64_t count = 7;
  int32_t descriptor = 0;
  uint32_t tokens[4];
  char text[16];
  vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
  STATUS(expected, vial_engine_get_info(bad, &engine_information));
  STATUS(expected, vial_engine_get_metrics(bad, &metrics));
  STATUS(expected, vial_engine_copy_metrics_text(bad, text, sizeof text, &count));
  STATUS(expected, vial_engine_set_weight(bad, (vial_text){"a", 1}, 1, NULL));
  STATUS(expected, vial_engine_clear_tenant(bad, (vial_text){"a", 1}, NULL));
  STATUS(expected, vial_engine_submit(bad, &options, &request, NULL));
  CHECK(request == NULL);
  STATUS(expected, vial_engine_next_event(bad, 0, &event));
  STATUS(expected, vial_engine_get_event_descriptor(bad, &descriptor));
  CHECK(descriptor == -1);
  STATUS(expected, vial_request_next_event(worse, VIAL_WAIT_FOREVER, &event));
  CHECK(event.kind == VIAL_EVENT_NONE && event.text.data == NULL);
  STATUS(expected, vial_request_cancel(worse));
  STATUS(expected, vial_request_get_info(worse, &information));
  STATUS(expected, vial_request_copy_text(worse, VIAL_PART_ANSWER, text, sizeof text, &count));
  STATUS(expected, vial_request_copy_tokens(worse, tokens, 4, &count));
  CHECK(count == 0);
  vial_request_close(worse);
  if (bad != NULL) STATUS(expected, vial_engine_close(bad));
}

static void stale_handles(void) {
  vial_engine *closed = NULL;
  vial_request *request = submitted(2), *again = NULL;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &closed, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_close(closed));
  vial_request_close(request);
  bad_handles(closed, request, VIAL_STATUS_INVALID_HANDLE);
  bad_handles(NULL, NULL, VIAL_STATUS_INVALID_HANDLE);
  again = submitted(2);
  /* A handle of one kind is none of another. */
  bad_handles((vial_engine *)(void *)again, (vial_request *)(void *)engine, VIAL_STATUS_INVALID_HANDLE);
  bad_handles((vial_engine *)(void *)model, (vial_request *)(void *)model, VIAL_STATUS_INVALID_HANDLE);
  vial_model_close((vial_model *)(void *)again);
  CHECK(drained(again) == VIAL_FINISH_LENGTH || drained(again) == VIAL_FINISH_NONE);
  vial_request_close(again);
}

static void struct_sizes(void) {
  const uint32_t wrong[] = {0, 1, 4, 7, 4097, UINT32_MAX};
  vial_request *request = submitted(2), *other = NULL;
  vial_engine *another = NULL;
  for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
    vial_engine_options engine_options = VIAL_ENGINE_OPTIONS_INIT;
    vial_engine_info engine_information = VIAL_ENGINE_INFO_INIT;
    vial_request_options options = continuation(2);
    vial_request_info information = VIAL_REQUEST_INFO_INIT;
    vial_event event = VIAL_EVENT_INIT;
    engine_options.struct_size = engine_information.struct_size = options.struct_size = wrong[index];
    information.struct_size = event.struct_size = wrong[index];
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_open(model, &engine_options, &another, NULL));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_get_info(engine, &engine_information));
    vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
    metrics.struct_size = wrong[index];
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_get_metrics(engine, &metrics));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_submit(engine, &options, &other, NULL));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_request_get_info(request, &information));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_next_event(engine, VIAL_WAIT_FOREVER, &event));
    CHECK(another == NULL && other == NULL);
  }
  /* No event was lost to a wrong struct. */
  CHECK(drained(request) != VIAL_FINISH_NONE);
  vial_request_close(request);
}

static void lengths_and_numbers(void) {
  const uint64_t huge[] = {HUGE_LENGTH, HUGE_LENGTH - 1, UINT64_MAX, (uint64_t)1 << 32};
  const uint32_t unknown[2] = {1, 512};
  vial_request *request = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_text stop = {"x", 1}, empty = {"x", 0}, broken = {"\xC3", 1};
  for (size_t index = 0; index < sizeof huge / sizeof *huge; index++) {
    vial_request_options options = continuation(2);
    vial_text stops = {"x", huge[index]};
    vial_message message = {{"user", 4}, {"hi", huge[index]}, 0, 0};
    options.token_count = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, &error));
    options = continuation(2);
    options.stops = &stop;
    options.stop_count = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options.stops = &stops;
    options.stop_count = 1;
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options = (vial_request_options)VIAL_REQUEST_OPTIONS_INIT;
    options.text.data = "a";
    options.text.length = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options = (vial_request_options)VIAL_REQUEST_OPTIONS_INIT;
    options.messages = &message;
    options.message_count = 1;
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options.message_count = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options = continuation(2);
    options.tenant.data = "x";
    options.tenant.length = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_set_weight(engine, (vial_text){"x", huge[index]}, 1, NULL));
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_clear_tenant(engine, (vial_text){"x", huge[index]}, NULL));
  }
  vial_request_options options = continuation(2);
  options.tokens = unknown;
  options.token_count = 2;
  STATUS(VIAL_STATUS_UNKNOWN_TOKEN, vial_engine_submit(engine, &options, &request, &error));
  options = continuation(2);
  options.flags = (uint32_t)1 << 31;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.flags = VIAL_REQUEST_RAW; /* which is for text */
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = continuation(2);
  options.reserved[1] = 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.reserved[1] = 0;
  options.tenant.length = 3; /* of no label */
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_set_weight(engine, (vial_text){"a", 1}, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_set_weight(engine, (vial_text){"a", 1}, -1, NULL));
  options = continuation(2);
  options.alternative_count = VIAL_ALTERNATIVE_LIMIT + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = continuation(2);
  options.stop_count = 1;
  options.stops = &empty;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.stops = &broken;
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, &options, &request, NULL));
  options = (vial_request_options)VIAL_REQUEST_OPTIONS_INIT;
  options.text.data = "ab\xFF";
  options.text.length = 3;
  options.flags = VIAL_REQUEST_RAW;
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, &options, &request, &error));
  CHECK(error.byte_offset == 2 && request == NULL);
  /* A text of nothing is a prompt where the file begins texts with a token, else there is nothing to continue. */
  options.text.data = "";
  options.text.length = 0;
  options.max_tokens = 1;
  vial_model_info information = VIAL_MODEL_INFO_INIT;
  STATUS(VIAL_STATUS_OK, vial_model_get_info(model, &information));
  STATUS(information.flags & VIAL_MODEL_BEGINS_WITH_TOKEN ? VIAL_STATUS_OK : VIAL_STATUS_INVALID_ARGUMENT,
         vial_engine_submit(engine, &options, &request, NULL));
  vial_request_close(request);
}

/** JSON that tools and further fields must not be: refused before anything is computed, with the place. */
static void tools_and_fields(void) {
  static const char *const bad_tools[] = {"{}", "[1]", "null", "[{]", "[{\"a\": 1, \"a\": 2}]", "[{}] 1", "[{\"a\": \"\\ud800\"}]"};
  static const char *const bad_fields[] = {"[]", "{\"role\": \"a\"}", "{\"name\": 1}", "{\"tool_calls\": {}}", "{\"unknown\": null}", "{"};
  vial_request *request = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_message message = {{"user", 4}, {"hi", 2}, 0, 0};
  vial_request_options options = continuation(2);
  options.tools = vial_text_from("[]"); /* beside tokens */
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  vial_text fields = {"{}", 2};
  options = continuation(2);
  options.message_fields = &fields;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = (vial_request_options)VIAL_REQUEST_OPTIONS_INIT;
  options.messages = &message;
  options.message_count = 1;
  for (size_t index = 0; index < sizeof bad_tools / sizeof *bad_tools; index++) {
    options.tools = vial_text_from(bad_tools[index]);
    STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, &error));
    CHECK(strstr(error.message, "tools") != NULL);
  }
  options.tools = vial_text_from("[{]");
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, &error));
  CHECK(error.byte_offset == 2);
  options.tools = vial_text_from("[{\"\xC3\"}]");
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, &options, &request, NULL));
  options.tools.length = HUGE_LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
  options.tools = vial_text_from(NULL);
  options.message_fields = &fields;
  for (size_t index = 0; index < sizeof bad_fields / sizeof *bad_fields; index++) {
    fields = (vial_text){bad_fields[index], strlen(bad_fields[index])};
    STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  }
  fields = (vial_text){NULL, 1};
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  CHECK(request == NULL);
}

static void engine_options(void) {
  vial_engine *other = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  vial_error error = VIAL_ERROR_INIT;
  options.isa = "no such family";
  STATUS(VIAL_STATUS_UNSUPPORTED_ISA, vial_engine_open(model, &options, &other, NULL));
  options.isa = NULL;
  options.thread_count = VIAL_THREAD_LIMIT + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.thread_count = 1;
  options.cache_type = 3;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.cache_type = 0;
  options.queue_limit = (1 << 20) + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.queue_limit = 0;
  options.running_limit = VIAL_RUNNING_LIMIT + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.running_limit = 0;
  options.step_prompt_tokens = 65537;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.step_prompt_tokens = 0;
  options.flags = VIAL_ENGINE_LOCK_MEMORY << 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.flags = 0;
  options.tenant_queue_limit = (1 << 20) + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.tenant_queue_limit = 0;
  options.cache_byte_limit = 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, &error));
  CHECK(other == NULL && strstr(error.message, "KV cache") != NULL);
  options.cache_byte_limit = UINT64_MAX;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &other, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_close(other));
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
  null_arguments();
  stale_handles();
  struct_sizes();
  lengths_and_numbers();
  tools_and_fields();
  engine_options();
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
  return finish("misuse_requests.c");
}
