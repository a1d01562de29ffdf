/* Owns: what an event costs in C, and how fast an engine is read by C: what bindings are compared with.
 * Must not: compare; binding_overhead.py does.
 * Usage: binding_overhead MODEL TOKENS REQUESTS. Prints "read SECONDS EVENTS" (thread's CPU time of
 * taking the events of a finished request, texts copied) and "many SECONDS CPU EVENTS" (REQUESTS at
 * once through the engine's descriptor, wall clock and the process's CPU time). */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vial.h>

static double clock_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static char copied[1 << 16];

int main(int argc, char **argv) {
  const uint32_t prompt[4] = {1, 2, 3, 4};
  vial_model *model = NULL;
  vial_engine *engine = NULL;
  vial_request *request = NULL;
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;
  vial_request_info info = VIAL_REQUEST_INFO_INIT;
  vial_event event = VIAL_EVENT_INIT;
  const struct timespec nap = {0, 5000000};
  struct pollfd descriptor = {-1, POLLIN, 0};
  uint64_t count = 0;
  if (argc != 4) return fprintf(stderr, "usage: binding_overhead MODEL TOKENS REQUESTS\n"), 2;
  int requests = atoi(argv[3]), open = requests;
  if (vial_model_open(argv[1], NULL, &model, NULL) != VIAL_STATUS_OK ||
      vial_engine_open(model, NULL, &engine, NULL) != VIAL_STATUS_OK)
    return 1;
  sampling.temperature = 1;
  sampling.flags = VIAL_SAMPLING_IGNORE_END;
  options.sampling = &sampling;
  options.tokens = prompt;
  options.token_count = 4;
  options.max_tokens = (uint32_t)atoi(argv[2]);
  if (vial_engine_submit(engine, &options, &request, NULL) != VIAL_STATUS_OK) return 1;
  while (vial_request_get_info(request, &info) == VIAL_STATUS_OK &&
         info.state != VIAL_STATE_FINISHED)
    nanosleep(&nap, NULL);
  double start = clock_of(CLOCK_THREAD_CPUTIME_ID);
  while (vial_request_next_event(request, 0, &event) == VIAL_STATUS_OK) {
    if (event.text.length < sizeof copied) memcpy(copied, event.text.data, event.text.length);
    count++;
  }
  printf("read %.9f %llu\n", clock_of(CLOCK_THREAD_CPUTIME_ID) - start, (unsigned long long)count);
  vial_request_close(request);

  start = clock_of(CLOCK_MONOTONIC);
  double cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
  count = 0;
  for (int index = 0; index < requests; index++) {
    options.seed = (uint64_t)index;
    if (vial_engine_submit(engine, &options, &request, NULL) != VIAL_STATUS_OK) return 1;
  }
  if (vial_engine_get_event_descriptor(engine, &descriptor.fd) != VIAL_STATUS_OK) return 1;
  while (open > 0) {
    poll(&descriptor, 1, -1);
    while (vial_engine_next_event(engine, 0, &event) == VIAL_STATUS_OK) {
      count++;
      if (event.kind != VIAL_EVENT_FINISHED) continue;
      vial_request_close(event.request);
      open--;
    }
  }
  printf("many %.9f %.9f %llu\n", clock_of(CLOCK_MONOTONIC) - start,
         clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, (unsigned long long)count);
  vial_engine_close(engine);
  vial_model_close(model);
  return 0;
}
