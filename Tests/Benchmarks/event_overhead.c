/* Measures what libvial adds around the computing: opening, private memory, and each token event.
 * Usage: event_overhead MODEL [TOKENS]. Prints one line per figure.
 *
 * The events of a finished request are read in one go, so that what is timed is the call and nothing else. For
 * callbacks it is the CPU time of the delivery thread, which sleeps between tokens. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vial.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/** Kilobytes of a field of /proc/self/status. */
static long kilobytes(const char *field) {
  char line[256];
  long value = -1;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, field, strlen(field)) == 0) value = strtol(line + strlen(field) + 1, NULL, 10);
  if (file) fclose(file);
  return value;
}

static int ascending(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

/** CPU seconds of the calling thread. */
static double cpu(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/** What the delivery thread has used, from the first event to the last: waiting and waking included. */
typedef struct tally {
  double first;
  double last;
  uint64_t count;
} tally;

static void on_event(void *context, const vial_event *event) {
  tally *counts = context;
  counts->last = cpu();
  if (counts->count++ == 0) counts->first = counts->last;
  (void)event;
}

static void wait_for(vial_request *request) {
  const struct timespec nap = {0, 1000000};
  vial_request_info information = VIAL_REQUEST_INFO_INIT;
  while (vial_request_get_info(request, &information) == VIAL_STATUS_OK && information.state != VIAL_STATE_FINISHED)
    nanosleep(&nap, NULL);
}

int main(int argc, char **argv) {
  enum { ROUNDS = 21 };
  double open_times[ROUNDS];
  vial_model *model = NULL;
  vial_engine *engine = NULL;
  vial_request *request = NULL;
  uint32_t prompt[4] = {1, 2, 3, 4};
  uint32_t tokens = argc > 2 ? (uint32_t)atoi(argv[2]) : 500;
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;
  const vial_text no_template = {NULL, 0};
  vial_event event = VIAL_EVENT_INIT;
  tally counts = {0, 0, 0};
  uint64_t count = 0;
  if (argc < 2) return fprintf(stderr, "usage: event_overhead MODEL [TOKENS]\n"), 2;
  long before = kilobytes("RssAnon:");
  for (int round = 0; round < ROUNDS; round++) {
    double start = now();
    if (vial_model_open(argv[1], NULL, &model, NULL) != VIAL_STATUS_OK) return 1;
    open_times[round] = now() - start;
    if (round + 1 < ROUNDS) vial_model_close(model);
  }
  qsort(open_times, ROUNDS, sizeof *open_times, ascending);
  printf("open: %.3f ms (median of %d)\n", open_times[ROUNDS / 2] * 1e3, (int)ROUNDS);
  printf("private memory after open: %ld KiB more\n", kilobytes("RssAnon:") - before);
  if (tokens == 0) return 0;

  if (vial_engine_open(model, NULL, &engine, NULL) != VIAL_STATUS_OK) return 1;
  options.tokens = prompt;
  options.token_count = 4;
  options.max_tokens = tokens;
  vial_model_get_sampling(model, no_template, &sampling, NULL);
  sampling.temperature = 1;
  options.sampling = &sampling;
  if (vial_engine_submit(engine, &options, &request, NULL) != VIAL_STATUS_OK) return 1;
  wait_for(request);
  double start = now();
  while (vial_request_next_event(request, 0, &event) == VIAL_STATUS_OK) count++;
  printf("reading an event: %.3f us (of %llu)\n", (now() - start) / (double)count * 1e6, (unsigned long long)count);
  vial_request_close(request);

  options.on_event = on_event;
  options.event_context = &counts;
  if (vial_engine_submit(engine, &options, &request, NULL) != VIAL_STATUS_OK) return 1;
  wait_for(request);
  vial_engine_close(engine);
  printf("delivering an event to a callback, with waking up: %.3f us of CPU\n",
         (counts.last - counts.first) / (double)(counts.count - 1) * 1e6);
  vial_request_close(request);
  vial_model_close(model);
  return 0;
}
