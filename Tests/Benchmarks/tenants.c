/* Owns: whether one tenant can tell by timing what another tenant's requests were: a statistical test for each thing that
 * the tenants of an engine share. Must not: be a test that fails on a busy machine: it is a program whose figures are read.
 *
 * A trial: tenant A does one of two things, by lot; then tenant B measures how long something of its own takes. Mann and
 * Whitney's U tells whether B's times depend on what A did. "Control" is the same with B in A's place: what is remembered
 * for oneself must be found, or the test could not see anything. The resolution is the least delay of one of the two that
 * would have been told apart at p < 0.01 in these very times.
 *
 * Usage: tenants MODEL [TRIALS [NAME]]; 1 when some p is below 0.01 or a control is not */
#define _POSIX_C_SOURCE 200809L
#include "vial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_TRIALS = 100000, TEXT = 4000 };

static vial_model *model;
static vial_engine *engine;
static uint64_t state;
static int seed_u = -1, seed_r = -1;

static uint32_t lot(uint32_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((state >> 33) % below);
}

/** Seconds of the process's work: a busy machine does not disturb them, so they tell more than a tenant's clock. Where
 *  tenants wait for each other, seconds of the clock. */
static clockid_t clock_in_use = CLOCK_PROCESS_CPUTIME_ID;

static double now(void) {
  struct timespec time;
  clock_gettime(clock_in_use, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void check(vial_status status, const char *what) {
  if (status == VIAL_STATUS_OK) return;
  fprintf(stderr, "%s: %s\n", what, vial_status_name(status));
  exit(2);
}

static void open_engine(void) {
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  options.thread_count = 1;
  options.cache_byte_limit = 64 << 20;
  check(vial_engine_open(model, &options, &engine, NULL), "engine");
}

/** The file's, at temperature 1. */
static vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;

static vial_request_options options_of(const char *tenant, const char *text, uint32_t max_tokens, uint64_t seed) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.text = vial_text_from(text);
  options.max_tokens = max_tokens;
  options.seed = seed;
  options.sampling = &sampling;
  options.tenant = vial_text_from(tenant);
  return options;
}

static void drain(vial_request *request) {
  vial_event event = VIAL_EVENT_INIT;
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
}

/** Submits, hears of everything, closes; the seconds until the last event. What came is written to `answer`. */
static double answered(const vial_request_options *options, char *answer, size_t room) {
  vial_request *request = NULL;
  uint64_t length = 0;
  const double start = now();
  check(vial_engine_submit(engine, options, &request, NULL), "submit");
  drain(request);
  const double seconds = now() - start;
  if (answer) {
    check(vial_request_copy_text(request, VIAL_PART_ANSWER, answer, room - 1, &length), "text");
    answer[length] = 0;
  }
  vial_request_close(request);
  return seconds;
}

/* ---- What is shared. Each does what tenant A does, `bit` says which of two, and returns B's seconds. ---- */

static const char *schema =
    "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"u\":{\"type\":\"string\",\"pattern\":\"^[a-z ]{3,60}$\"}},"
    "\"required\":[\"u\"]},{\"type\":\"object\",\"properties\":{\"r\":{\"type\":\"string\",\"pattern\":\"^[a-z ]{3,60}$\"}},"
    "\"required\":[\"r\"]}]}";

static double held(const char *tenant, int seed, char *answer, size_t room) {
  vial_request_options options = options_of(tenant, "hi", 16, (uint64_t)seed);
  options.schema.data = schema;
  options.schema.length = strlen(schema);
  options.max_reasoning_tokens = VIAL_REASONING_NONE;
  return answered(&options, answer, room);
}

/** Masks of a grammar: A's answer went one way or another, B's goes the first. An engine a trial: it would remember. */
static double masks(const char *other, int bit, uint32_t trial) {
  char answer[512];
  (void)trial;
  open_engine();
  for (int seed = 0; seed_u < 0 || seed_r < 0; seed++) {
    held("clinic X", seed, answer, sizeof answer);
    if (strstr(answer, "\"u\"")) seed_u = seed;
    if (strstr(answer, "\"r\"")) seed_r = seed;
  }
  held("clinic A", bit ? seed_r : seed_u, NULL, 0);
  const double seconds = held(other, seed_u, NULL, 0);
  check(vial_engine_close(engine), "close");
  return seconds;
}

/** Compiled schemas: A used the schema that B comes with, or another. */
static double grammars(const char *other, int bit, uint32_t trial) {
  char text[2][512];
  for (uint32_t index = 0; index < 2; index++)
    snprintf(text[index], sizeof text[index],
             "{\"type\":\"object\",\"properties\":{\"finding %06u\":{\"type\":\"array\",\"items\":{\"enum\":[\"mild\",\"severe\","
             "\"none\"]},\"maxItems\":12}},\"required\":[\"finding %06u\"]}", trial * 2 + index, trial * 2 + index);
  vial_request_options a = options_of("clinic A", "hi", 1, 1), b = options_of(other, "hi", 1, 1);
  a.schema.data = text[bit];
  b.schema.data = text[0];
  a.schema.length = b.schema.length = strlen(text[0]);
  answered(&a, NULL, 0);
  vial_request *request = NULL;
  const double start = now();
  check(vial_engine_submit(engine, &b, &request, NULL), "submit");
  const double seconds = now() - start;
  drain(request);
  vial_request_close(request);
  return seconds;
}

static void write_text(char *text, size_t length, uint32_t number) {
  uint32_t bits = number * 2654435761u + 1;
  for (size_t index = 0; index < length; index++, bits = bits * 1664525u + 1013904223u)
    text[index] = index % 7 == 6 ? ' ' : (char)('a' + (bits >> 24) % 26);
  text[length] = 0;
}

/** Keys and values of a prompt: A asked what B asks, or something else. */
static double prefixes(const char *other, int bit, uint32_t trial) {
  static char text[2][TEXT];
  for (uint32_t index = 0; index < 2; index++) write_text(text[index], 400, trial * 2 + index);
  const vial_request_options a = options_of("clinic A", text[bit], 1, 1), b = options_of(other, text[0], 1, 1);
  answered(&a, NULL, 0);
  return answered(&b, NULL, 0);
}

/** A processor's own memory of what ran before on it, which no library can empty, makes way for something else. */
static void pass_time(void) {
  enum { BYTES = 64 << 20 };
  static volatile unsigned char *memory;
  if (!memory) memory = malloc(BYTES);
  for (size_t index = 0; memory && index < BYTES; index += 64) memory[index]++;
}

/** The tokenizer: A's text was B's, or another. */
static double tokenizer(const char *other, int bit, uint32_t trial) {
  enum { OTHERS = 40 };
  static char text[2 + OTHERS][TEXT];
  static uint32_t tokens[TEXT];
  uint64_t count = 0;
  (void)other;
  for (uint32_t index = 0; index < 2 + OTHERS; index++) write_text(text[index], 2000, trial * (2 + OTHERS) + index);
  check(vial_model_encode(model, (vial_text){text[bit], 2000}, VIAL_ENCODE_ALLOW_SPECIAL_TOKENS, tokens, TEXT, &count,
                          NULL),
        "tokenize");
  pass_time();
  for (int index = 2; index < 2 + OTHERS; index++)
    check(vial_model_encode(model, (vial_text){text[index], 2000}, VIAL_ENCODE_ALLOW_SPECIAL_TOKENS, tokens, TEXT,
                            &count, NULL),
          "tokenize");
  const double start = now();
  check(vial_model_encode(model, (vial_text){text[0], 2000}, VIAL_ENCODE_ALLOW_SPECIAL_TOKENS, tokens, TEXT, &count,
                          NULL),
        "tokenize");
  return now() - start;
}

/** Memory and all else of an engine: A was answered in one way or another, and has closed its request. */
static double memory(const char *other, int bit, uint32_t trial) {
  (void)trial;
  const vial_request_options a = options_of("clinic A", "What is asthma?", 24, bit ? 11 : 5);
  const vial_request_options b = options_of(other, "What is gout?", 8, 3);
  answered(&a, NULL, 0);
  return answered(&b, NULL, 0);
}

/** The queue and the steps: A is being answered in one way or another while B asks. */
static double queue(const char *other, int bit, uint32_t trial) {
  (void)trial;
  const vial_request_options a = options_of("clinic A", "What is asthma?", 24, bit ? 11 : 5);
  const vial_request_options b = options_of(other, "What is gout?", 8, 3);
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  check(vial_engine_submit(engine, &a, &request, NULL), "submit");
  check(vial_request_next_event(request, VIAL_WAIT_FOREVER, &event), "event");
  const double seconds = answered(&b, NULL, 0);
  drain(request);
  vial_request_close(request);
  return seconds;
}

static const struct {
  const char *name;
  double (*trial)(const char *, int, uint32_t);
  int has_control, opens_engines;
  clockid_t clock;
} things[] = {{"masks", masks, 1, 1, CLOCK_PROCESS_CPUTIME_ID},
              {"grammars", grammars, 1, 0, CLOCK_PROCESS_CPUTIME_ID},
              {"prefixes", prefixes, 1, 0, CLOCK_PROCESS_CPUTIME_ID},
              {"tokenizer", tokenizer, 0, 0, CLOCK_PROCESS_CPUTIME_ID},
              {"memory", memory, 0, 0, CLOCK_PROCESS_CPUTIME_ID},
              {"queue", queue, 0, 0, CLOCK_MONOTONIC}};

/* ---- Statistics ---- */

typedef struct sample {
  double seconds;
  int bit;
} sample;

static int by_seconds(const void *left, const void *right) {
  const double a = ((const sample *)left)->seconds, b = ((const sample *)right)->seconds;
  return a < b ? -1 : a > b;
}

/** Two-sided p of Mann and Whitney's U, by the normal approximation with ties; `shift` is added to the times of bit 1. */
static double p_value(const sample *samples, int count, double shift) {
  static sample sorted[MOST_TRIALS];
  double ranks = 0, ties = 0, ones = 0;
  for (int index = 0; index < count; index++) {
    sorted[index] = samples[index];
    if (samples[index].bit) sorted[index].seconds += shift;
  }
  qsort(sorted, (size_t)count, sizeof *sorted, by_seconds);
  for (int begin = 0, end; begin < count; begin = end) {
    for (end = begin; end < count && sorted[end].seconds <= sorted[begin].seconds; end++) continue;
    const double size = end - begin, rank = (begin + 1 + end) / 2.0;
    ties += size * size * size - size;
    for (int index = begin; index < end; index++)
      if (sorted[index].bit) ranks += rank, ones++;
  }
  const double n = count, zeros = n - ones, mean = ones * (n + 1) / 2;
  const double variance = ones * zeros / 12 * ((n + 1) - ties / (n * (n - 1)));
  return variance > 0 ? erfc(fabs(ranks - mean) / sqrt(variance) / sqrt(2)) : 1;
}

/** The least delay of one side that p < 0.01 would tell, the other side's times being as they are. */
static double resolution(const sample *samples, int count, double most) {
  double low = 0, high = most;
  for (int round = 0; round < 40; round++) {
    const double middle = (low + high) / 2;
    if (p_value(samples, count, middle) < 0.01 && p_value(samples, count, -middle) < 0.01) high = middle;
    else low = middle;
  }
  return high;
}

static double median(const sample *samples, int count, int bit) {
  static sample chosen[MOST_TRIALS];
  int size = 0;
  for (int index = 0; index < count; index++)
    if (samples[index].bit == bit) chosen[size++] = samples[index];
  qsort(chosen, (size_t)size, sizeof *chosen, by_seconds);
  return size ? chosen[size / 2].seconds : 0;
}

static double run(size_t thing, const char *other, int trials, double *out_resolution) {
  static sample samples[MOST_TRIALS];
  clock_in_use = things[thing].clock;
  if (!things[thing].opens_engines) open_engine();
  for (int trial = 0; trial < trials; trial++) {
    const int bit = (int)lot(2);
    // Numbers of texts and schemas are never used again.
    samples[trial] = (sample){things[thing].trial(other, bit, (uint32_t)trial), bit};
  }
  if (!things[thing].opens_engines) check(vial_engine_close(engine), "close");
  const double p = p_value(samples, trials, 0), least = resolution(samples, trials, 1);
  printf("%-10s %-8s %6d trials  medians %10.1f and %10.1f us  p %-9.2g resolution %.2f us\n", things[thing].name,
         strcmp(other, "clinic A") ? "" : "control", trials, median(samples, trials, 0) * 1e6,
         median(samples, trials, 1) * 1e6, p, least * 1e6);
  fflush(stdout);
  *out_resolution = least;
  return p;
}

int main(int argc, char **argv) {
  const int trials = argc > 2 ? atoi(argv[2]) : 2000;
  int failed = 0;
  double least = 0;
  if (argc < 2 || trials < 10 || trials > MOST_TRIALS) return 2;
  state = (uint64_t)time(NULL) ^ (uint64_t)(now() * 1e9) << 20;
  check(vial_model_open(argv[1], NULL, &model, NULL), "open");
  check(vial_model_get_sampling(model, vial_text_from(NULL), &sampling, NULL), "sampling");
  sampling.temperature = 1;
  for (size_t thing = 0; thing < sizeof things / sizeof *things; thing++) {
    if (argc > 3 && strcmp(argv[3], things[thing].name) != 0) continue;
    failed |= run(thing, "clinic B", trials, &least) < 0.01;
    if (things[thing].has_control) failed |= run(thing, "clinic A", trials / 5, &least) >= 0.01;
  }
  vial_model_close(model);
  return failed;
}
