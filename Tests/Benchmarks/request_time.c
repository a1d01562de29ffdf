/* What requests take from submitting to their end, through whatever libvial the loader finds, in processor time, which a busy
 * machine disturbs least: for one build beside another, run in turns. Prints a line: milliseconds at best and in the median.
 * Usage: request_time MODEL PROMPT-TOKENS ANSWER-TOKENS REPETITIONS [THREADS] */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <vial.h>

enum { MOST_TOKENS = 8192, MOST_REPETITIONS = 1000 };

static double processor_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int ascending(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

/** A private request over ids that no other one begins with, so that nothing comes from the cache; seconds, or -1. */
static double request_seconds(vial_engine *engine, int prompt, int answer, int number) {
  static uint32_t tokens[MOST_TOKENS];
  for (int index = 0; index < prompt; index++) tokens[index] = (uint32_t)((index * 7 + number * 13 + 11) % 900 + 300);
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.tokens = tokens;
  options.token_count = (uint64_t)prompt;
  options.max_tokens = (uint32_t)answer;
  options.flags = VIAL_REQUEST_PRIVATE;
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  const double begin = processor_seconds();
  if (vial_engine_submit(engine, &options, &request, NULL) != VIAL_STATUS_OK) return -1;
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
  const double seconds = processor_seconds() - begin;
  vial_request_close(request);
  return seconds;
}

int main(int count, char **arguments) {
  if (count < 5) return fprintf(stderr, "usage: request_time MODEL PROMPT ANSWER REPETITIONS [THREADS]\n"), 2;
  const int prompt = atoi(arguments[2]), answer = atoi(arguments[3]), repetitions = atoi(arguments[4]);
  if (prompt < 1 || prompt > MOST_TOKENS || answer < 1 || repetitions < 1 || repetitions > MOST_REPETITIONS) return 2;
  vial_model *model = NULL;
  vial_engine *engine = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  options.thread_count = count > 5 ? (uint32_t)atoi(arguments[5]) : 1;
  if (vial_model_open(arguments[1], NULL, &model, NULL) != VIAL_STATUS_OK) return fprintf(stderr, "cannot open\n"), 1;
  if (vial_engine_open(model, &options, &engine, NULL) != VIAL_STATUS_OK) return fprintf(stderr, "no engine\n"), 1;
  static double seconds[MOST_REPETITIONS];
  for (int number = 0; number < repetitions; number++) {
    seconds[number] = request_seconds(engine, prompt, answer, number);
    if (seconds[number] < 0) return fprintf(stderr, "a request was refused\n"), 1;
  }
  qsort(seconds, (size_t)repetitions, sizeof *seconds, ascending);
  printf("%.3f %.3f\n", seconds[0] * 1e3, seconds[repetitions / 2] * 1e3);
  vial_engine_close(engine);
  vial_model_close(model);
  return 0;
}
