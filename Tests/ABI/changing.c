/* Owns: a mapped file that another process changes while every export that reads it runs: answers may be wrong, the
 * host must not end. One process changes fields of all sections and tables, a few at a time, between what they were and
 * what hurts most, as fast as it can; another one calls. A third watches.
 * Usage: changing MODEL SCRATCH-FILE CALLS [SEED [SECONDS]]; MODEL has an adapter "ward", templates, a notice and texts.
 * With SECONDS it goes on until they are over. Must not: truncate the file. That is the one exception (vial.h). */
#define _GNU_SOURCE
#include "vial.h"

#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIELDS = 6, MOST_SECTIONS = 256, TOKENS = 8192 };

static uint64_t state;

static uint64_t chance(uint64_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return below == 0 ? 0 : state % below;
}

static uint64_t u64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return value;
}

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- The process that changes ------------------------------------------------------------------------------ */

/** A part of the file: a page of its beginning, the section table, a section. */
typedef struct part {
  uint64_t start, length;
} part;

static part parts[MOST_SECTIONS + 4];
static uint32_t part_count;

static void find_parts(const uint8_t *file) {
  const uint64_t table = u64(file + 4096 + 16), length = u64(file + 4096 + 24);
  for (uint64_t page = 0; page < 2; page++) parts[part_count++] = (part){page * 4096, 256};
  parts[part_count++] = (part){table, length};
  for (uint64_t at = table; at < table + length && part_count < MOST_SECTIONS; at += 128)
    parts[part_count++] = (part){u64(file + at + 16), u64(file + at + 24)};
}

/** Something that is not there: what a length, an offset, a count, an id or a number should never be. */
static uint64_t hostile(uint64_t old, const uint8_t *file, uint64_t length) {
  switch (chance(14)) {
    case 0: return 0;
    case 1: return UINT64_MAX;
    case 2: return INT64_MAX;
    case 3: return (uint64_t)1 << 63;
    case 4: return 0xFFFFFFFFu;
    case 5: return old + 1;
    case 6: return old - 1;
    case 7: return old ^ ((uint64_t)1 << chance(64));
    case 8: return old ^ ((uint64_t)1 << chance(16));
    case 9: return old + ((uint64_t)1 << chance(40));
    case 10: return length + chance(64) - 32;
    case 11: return u64(file + chance(length / 8 - 1) * 8);
    case 12: return old << 32 | old >> 32;
    default: return chance(UINT64_MAX);
  }
}

/** Where a field may be: at the beginning of a part more often than anywhere in it. */
static uint64_t place(uint64_t size) {
  const part *part = &parts[chance(part_count)];
  const uint64_t reach = chance(3) == 0 ? part->length : part->length < 1024 ? part->length : (uint64_t)64 << chance(5);
  const uint64_t room = reach < part->length ? reach : part->length;
  const uint64_t at = part->start + (chance(8) == 0 ? chance(room) : chance(room) / size * size);
  return at + size <= part->start + part->length ? at : part->start;
}

static void change(const char *path, const uint8_t *original, uint64_t length, uint64_t seed) {
  const int descriptor = open(path, O_RDWR);
  uint8_t *file = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (descriptor < 0 || file == MAP_FAILED) _exit(2);
  state = seed;
  for (;;) {
    uint64_t at[FIELDS], size[FIELDS], values[FIELDS][2];
    const uint64_t count = 1 + chance(FIELDS);
    for (uint64_t i = 0; i < count; i++) {
      size[i] = (uint64_t)1 << chance(4);
      at[i] = place(size[i]);
      uint64_t old = 0;
      memcpy(&old, original + at[i], size[i]);
      values[i][0] = old;
      values[i][1] = hostile(old, original, length);
    }
    const double end = seconds() + 0.0005 * (double)(1 + chance(40));
    do
      for (uint64_t turn = 0; turn < 512; turn++) {
        for (uint64_t i = 0; i < count; i++) memcpy(file + at[i], &values[i][turn & 1], size[i]);
        __asm__ volatile("" : : : "memory");
        for (volatile uint64_t pause = chance(64); pause > 0; pause--) continue;
      }
    while (seconds() < end);
    for (uint64_t i = 0; i < count; i++) memcpy(file + at[i], original + at[i], size[i]);
  }
}

/* ---- The process that calls -------------------------------------------------------------------------------- */

static const char *path;
static vial_model *model;
static vial_engine *engine;
static vial_error error = VIAL_ERROR_INIT;
static uint32_t tokens[TOKENS];
static float scores[TOKENS];
static char text[1 << 16];
static uint64_t count;
/** What worked all the same: a run in which nothing did shows nothing. */
static uint64_t opened, encoded, answered;
static const char words[] = "</think>The patient<think> has had anaemia for 3 days\xe2\x80\xa6 a\xcc\x81 \n\n 12.5 mmol/L ";

static void reopen(void) {
  vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
  vial_engine_options engine_options = VIAL_ENGINE_OPTIONS_INIT;
  vial_engine_close(engine);
  vial_model_close(model);
  model = NULL;
  engine = NULL;
  options.verification = chance(4) == 0 ? VIAL_VERIFICATION_WHOLE : (uint32_t)chance(2);
  if (vial_model_open(path, &options, &model, &error) != VIAL_STATUS_OK) return;
  opened += 1;
  engine_options.thread_count = 1 + (uint32_t)chance(2);
  engine_options.cache_byte_limit = 1 << 22;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &engine_options, &engine, &error));
}

static void ask(vial_request_options options) {
  vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  options.max_tokens = 1 + (uint32_t)chance(12);
  options.max_reasoning_tokens = chance(2) ? VIAL_REASONING_NONE : 0;
  if (vial_model_get_sampling(model, (vial_text){NULL, 0}, &sampling, &error) == VIAL_STATUS_OK)
    options.sampling = &sampling;
  sampling.temperature = 1;
  options.seed = chance(1000);
  options.alternative_count = (uint32_t)chance(5);
  if (chance(3) == 0) {
    options.adapter.data = "ward";
    options.adapter.length = 4;
  }
  if (vial_engine_submit(engine, &options, &request, &error) != VIAL_STATUS_OK) return;
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
  answered +=
      vial_request_copy_text(request, VIAL_PART_ANSWER, text, sizeof text, &count) == VIAL_STATUS_OK && count > 0;
  vial_request_close(request);
}

static const vial_template_value values[2] = {{{"complaint", 9}, {"chest pain", 10}}, {{"age", 3}, {"62 years", 8}}};

static void ask_somehow(void) {
  static const char schema[] = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"enum\":[1,2]}}}";
  static const vial_text choices[2] = {{"yes", 3}, {"no", 2}};
  static const vial_message messages[2] = {{{"system", 6}, {words, 40}, 0, 0},
                                           {{"user", 4}, {words, sizeof words - 1}, 1, 0}};
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  switch (chance(4)) {
    case 0:
      options.text.data = words;
      options.text.length = sizeof words - 1;
      options.flags = (uint32_t)chance(2) * VIAL_REQUEST_RAW;
      break;
    case 1:
      options.messages = messages;
      options.message_count = 2;
      break;
    case 2:
      options.template_id.data = "triage";
      options.template_id.length = 6;
      options.template_values = values;
      options.template_value_count = 2;
      break;
    default:
      for (uint32_t i = 0; i < 40; i++) tokens[i] = (uint32_t)chance(400);
      options.tokens = tokens;
      options.token_count = 40;
  }
  if (chance(4) == 0) {
    options.schema.data = schema;
    options.schema.length = sizeof schema - 1;
  } else if (chance(4) == 0) {
    options.choices = choices;
    options.choice_count = 2;
  }
  ask(options);
}

static void read_texts(void) {
  vial_model_info information = VIAL_MODEL_INFO_INIT;
  vial_adapter_info adapter = VIAL_ADAPTER_INFO_INIT;
  (void)vial_model_get_info(model, &information);
  for (uint32_t which = 1; which <= 5; which++)
    (void)vial_model_copy_text(model, which, text, sizeof text, &count, NULL);
  (void)vial_model_get_adapter_info(model, 0, &adapter);
  (void)vial_model_copy_adapter_name(model, 0, text, sizeof text, &count);
  for (uint32_t index = 0; index < 14; index++)
    (void)vial_model_copy_template_text(model, index, 1 + (uint32_t)chance(7), text, sizeof text, &count, NULL);
}

static void score(void) {
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  options.thread_count = 1;
  if (chance(2)) {
    options.adapter.data = "ward";
    options.adapter.length = 4;
  }
  for (uint32_t i = 0; i < 64; i++) tokens[i] = (uint32_t)chance(400);
  (void)vial_model_score(model, tokens, 64, &options, scores, &error);
}

static void decode(void) {
  for (uint32_t i = 0; i < 512; i++) tokens[i] = (uint32_t)chance(500);
  (void)vial_model_decode(model, tokens, 512, (uint32_t)chance(2), text, sizeof text, &count, NULL);
  for (uint32_t id = 0; id < 400; id++) (void)vial_model_copy_token_bytes(model, id, (uint8_t *)text, 3, &count, NULL);
}

static void call(void) {
  static const vial_message messages[2] = {{{"user", 4}, {words, 40}, 0, 0},
                                           {{"assistant", 9}, {words, sizeof words - 1}, 1, 0}};
  vial_verify_options options = VIAL_VERIFY_OPTIONS_INIT;
  vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
  alarm(120);
  if (model == NULL || chance(40) == 0) reopen();
  if (model == NULL) return;
  switch (chance(10)) {
    case 0:
      options.thread_count = 1 + (uint32_t)chance(2);
      (void)vial_model_verify(model, &options, &error);
      break;
    case 1: read_texts(); break;
    case 2: score(); break;
    case 3: decode(); break;
    case 4:
      (void)vial_model_render_chat_template(model, messages, 2, 0, tokens, TOKENS, &count, &error);
      break;
    case 5:
      (void)vial_model_render_prompt_template(model, (vial_text){"triage", 6}, values, 2, tokens, TOKENS, &count,
                                              &error);
      break;
    case 6:
    case 7:
      for (uint32_t i = 0; i < 50; i++)
        encoded += vial_model_encode(model, (vial_text){words, sizeof words - 1}, (uint32_t)chance(4), tokens, TOKENS,
                                     &count, &error) == VIAL_STATUS_OK;
      break;
    case 8: (void)vial_engine_get_metrics(engine, &metrics); /* fall through */
    default: ask_somehow();
  }
}

/** Calls so often, or so long. */
static int host(uint64_t seed, uint64_t calls, double until) {
  state = seed;
  failures = 0;
  for (uint64_t i = 0; until > 0 ? seconds() < until : i < calls; i++) call();
  if (engine != NULL) STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  CHECK(opened > 1 && encoded > 0 && answered > 0);
  return failures > 0;
}

/* ---- The process that watches ------------------------------------------------------------------------------ */

static uint8_t *read_file(const char *name, uint64_t *length) {
  struct stat status;
  const int descriptor = open(name, O_RDONLY);
  if (descriptor < 0 || fstat(descriptor, &status) != 0) exit(2);
  *length = (uint64_t)status.st_size;
  uint8_t *bytes = malloc(*length);
  if (bytes == NULL || read(descriptor, bytes, *length) != (ssize_t)*length) exit(2);
  close(descriptor);
  return bytes;
}

static void write_file(const char *name, const uint8_t *bytes, uint64_t length) {
  const int descriptor = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (descriptor < 0 || write(descriptor, bytes, length) != (ssize_t)length) exit(2);
  close(descriptor);
}

int main(int argc, char **argv) {
  uint64_t length = 0;
  if (argc < 4) return 2;
  const uint8_t *original = read_file(argv[1], &length);
  path = argv[2];
  find_parts(original);
  const uint64_t calls = strtoull(argv[3], NULL, 10), seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
  const double until = argc > 5 ? seconds() + strtod(argv[5], NULL) : 0;
  uint64_t rounds = 0, ends = 0;
  do {
    int status = 0;
    const uint64_t number = (seed + rounds) * 0x9E3779B97F4A7C15u;
    write_file(path, original, length);
    const pid_t changer = fork();
    if (changer == 0) change(path, original, length, number | 1);
    const pid_t caller = fork();
    if (caller == 0) _exit(host(number ^ 0x5555555555555555u, calls, until));
    CHECK(changer > 0 && caller > 0 && waitpid(caller, &status, 0) == caller);
    kill(changer, SIGKILL);
    CHECK(waitpid(changer, NULL, 0) == changer);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (!WIFEXITED(status)) {
      fprintf(stderr, "  round %llu: signal %d\n", (unsigned long long)rounds, WTERMSIG(status));
      ends += 1;
    }
    rounds += 1;
  } while (until > 0 && seconds() < until && ends < 20);
  unlink(path);
  return finish("changing");
}
