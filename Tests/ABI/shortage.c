/* Owns: every export when memory is short. Each runs in a child of its own, after the child has used up its memory and
 * while it may have only so much more; or while the C library's allocator fails as a rule says. Every call ends with a
 * status, and when there is memory again the same handles do what they did before.
 * Usage: shortage [-a] MODEL [SCENARIO]; MODEL is small and has an adapter "ward", a chat template, prompt templates, a
 * notice and texts; with -a any model, calls with which may end otherwise. Must not: need more than a C library that has
 * __libc_malloc. */
#define _GNU_SOURCE
#include "vial.h"

#include "check.h"
#include "faulty_malloc.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, LARGE = 64 << 10, MOST_TOKENS = 1200000, REQUESTS = 10 };

static const char *path;
/** What the scenario at hand comes to with memory. */
static vial_status expected;
static vial_model *model;
static vial_engine *engine;
static vial_request *request;
static vial_error error = VIAL_ERROR_INIT;
static uint32_t tokens[MOST_TOKENS];
static char text[4 * MIB];
static float scores[4096];
static uint64_t count;
static char long_text[MIB + 1], long_word[MIB + 1], marks[MIB + 1];
static vial_message messages[100];
static const uint32_t ids[6] = {3, 17, 101, 255, 490, 7};

/* ---- Scenarios: what is made ready with memory, and the call that is tried without -------------------------- */

static vial_status open_model(uint32_t access, uint32_t verification) {
  vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
  vial_model *opened = NULL;
  options.access = access;
  options.verification = verification;
  const vial_status status = vial_model_open(path, &options, &opened, &error);
  if ((status == VIAL_STATUS_OK) != (opened != NULL)) return -1;
  vial_model_close(opened);
  return status;
}

static vial_status open_mapped(void) { return open_model(VIAL_ACCESS_MAPPED, VIAL_VERIFICATION_TABLES); }
static vial_status open_copied(void) { return open_model(VIAL_ACCESS_PRIVATE_COPY, VIAL_VERIFICATION_TABLES); }
static vial_status open_lazily(void) { return open_model(VIAL_ACCESS_MAPPED, VIAL_VERIFICATION_LAZY); }
static vial_status open_whole(void) { return open_model(VIAL_ACCESS_MAPPED, VIAL_VERIFICATION_WHOLE); }

static vial_status verify(void) { return vial_model_verify(model, NULL, &error); }

static vial_status information(void) {
  vial_model_info result = VIAL_MODEL_INFO_INIT;
  return vial_model_get_info(model, &result);
}

static vial_status texts(void) {
  vial_status status = VIAL_STATUS_OK;
  for (uint32_t which = 1; which <= 5 && status == VIAL_STATUS_OK; which++)
    status = vial_model_copy_text(model, which, text, sizeof text, &count, NULL);
  return status;
}

static vial_status adapter(void) {
  vial_adapter_info result = VIAL_ADAPTER_INFO_INIT;
  const vial_status status = vial_model_get_adapter_info(model, 0, &result);
  return status == VIAL_STATUS_OK ? vial_model_copy_adapter_name(model, 0, text, sizeof text, &count) : status;
}

static vial_status tokenize(const char *what, uint32_t flags) {
  return vial_model_encode(model, (vial_text){what, MIB}, flags, tokens, MOST_TOKENS, &count, &error);
}

static vial_status tokenize_text(void) {
  return tokenize(long_text, VIAL_ENCODE_ADD_SPECIAL_TOKENS | VIAL_ENCODE_ALLOW_SPECIAL_TOKENS);
}
static vial_status tokenize_word(void) { return tokenize(long_word, 0); }
static vial_status tokenize_marks(void) { return tokenize(marks, VIAL_ENCODE_ALLOW_SPECIAL_TOKENS); }

static vial_status detokenize(void) {
  for (uint32_t i = 0; i < 1000000; i++) tokens[i] = i % 500;
  return vial_model_decode(model, tokens, 1000000, 0, text, sizeof text, &count, NULL);
}

static vial_status token_bytes(void) {
  return vial_model_copy_token_bytes(model, 300, (uint8_t *)text, sizeof text, &count, NULL);
}

static vial_status render_chat(void) {
  return vial_model_render_chat_template(model, messages, 100, 0, tokens, MOST_TOKENS, &count, &error);
}

static vial_status template_texts(void) {
  vial_status status = VIAL_STATUS_OK;
  for (uint32_t which = 1; which <= 7 && status == VIAL_STATUS_OK; which++)
    status = vial_model_copy_template_text(model, 1, which, text, sizeof text, &count, NULL);
  return status;
}

static const vial_template_value values[2] = {{{"complaint", 9}, {"chest pain since this morning", 29}},
                                              {{"age", 3}, {"62 years", 8}}};

static vial_status render_template(void) {
  return vial_model_render_prompt_template(model, (vial_text){"triage", 6}, values, 2, tokens, MOST_TOKENS, &count,
                                           &error);
}

static vial_status get_sampling(void) {
  vial_sampling_options options = VIAL_SAMPLING_OPTIONS_INIT;
  const vial_status status = vial_model_get_sampling(model, (vial_text){NULL, 0}, &options, &error);
  if (status != VIAL_STATUS_OK) return status;
  return vial_model_get_sampling(model, (vial_text){"triage", 6}, &options, &error);
}

static vial_status score(void) {
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  options.adapter.data = "ward";
  options.adapter.length = 4;
  options.thread_count = 2;
  for (uint32_t i = 0; i < 200; i++) tokens[i] = i;
  return vial_model_score(model, tokens, 200, &options, scores, &error);
}

static vial_engine_options small_engine(void) {
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  options.thread_count = 2;
  options.cache_byte_limit = 16 * MIB;
  return options;
}

static vial_status open_engine(void) {
  vial_engine_options options = small_engine();
  vial_engine *opened = NULL;
  const vial_status status = vial_engine_open(model, &options, &opened, &error);
  if ((status == VIAL_STATUS_OK) != (opened != NULL)) return -1;
  return opened == NULL ? status : vial_engine_close(opened);
}

static void with_engine(void) {
  vial_engine_options options = small_engine();
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, &error));
}

static vial_request_options question(void) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.tokens = ids;
  options.token_count = 6;
  options.max_tokens = 4;
  return options;
}

/** Submits and waits for the end; what became of it. */
static vial_status answer(const vial_request_options *options) {
  vial_request *asked = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_status status = vial_engine_submit(engine, options, &asked, &error);
  if ((status == VIAL_STATUS_OK) != (asked != NULL)) return -1;
  if (asked == NULL) return status;
  do {
    status = vial_request_next_event(asked, 30000, &event);
    if (status == VIAL_STATUS_OUT_OF_MEMORY) nanosleep(&(struct timespec){0, 1000000}, NULL);
  } while (status == VIAL_STATUS_OUT_OF_MEMORY || (status == VIAL_STATUS_OK && event.kind != VIAL_EVENT_FINISHED));
  if (status == VIAL_STATUS_OK && event.finish_reason == VIAL_FINISH_ERROR) status = event.status;
  vial_request_close(asked);
  return status;
}

static vial_status ask_tokens(void) {
  const vial_request_options options = question();
  return answer(&options);
}

static vial_status ask_adapter(void) {
  vial_request_options options = question();
  options.adapter.data = "ward";
  options.adapter.length = 4;
  return answer(&options);
}

static vial_status ask_messages(void) {
  vial_request_options options = question();
  vial_text stops[2] = {{"end of it", 9}, {"\n\n\n", 3}};
  vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;
  options.tokens = NULL;
  options.token_count = 0;
  options.messages = messages;
  options.message_count = 4;
  options.prefill = (vial_text){"It is anaemia", 13};
  options.stops = stops;
  options.stop_count = 2;
  options.alternative_count = 20;
  sampling.repetition_penalty = 1.1f;
  sampling.presence_penalty = 0.5f;
  sampling.banned_tokens = ids;
  sampling.banned_token_count = 2;
  options.sampling = &sampling;
  return answer(&options);
}

static vial_status ask_schema(void) {
  static const char schema[] = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},"
                               "\"b\":{\"enum\":[\"x\",\"y\"]}},\"required\":[\"a\"]}";
  vial_request_options options = question();
  options.schema.data = schema;
  options.schema.length = sizeof schema - 1;
  return answer(&options);
}

static vial_status ask_choices(void) {
  static const vial_text choices[3] = {{"yes", 3}, {"no", 2}, {"unknown", 7}};
  vial_request_options options = question();
  options.choices = choices;
  options.choice_count = 3;
  return answer(&options);
}

static vial_status ask_template(void) {
  vial_request_options options = question();
  options.tokens = NULL;
  options.token_count = 0;
  options.template_id.data = "triage";
  options.template_id.length = 6;
  options.template_values = values;
  options.template_value_count = 2;
  return answer(&options);
}

static void with_answer(void) {
  vial_request_options options = question();
  vial_event event = VIAL_EVENT_INIT;
  with_engine();
  options.max_tokens = 40;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, &error));
  STATUS(VIAL_STATUS_OK, vial_request_next_event(request, 30000, &event));
}

static vial_status look(void) {
  vial_request_info result = VIAL_REQUEST_INFO_INIT;
  vial_engine_info engine_result = VIAL_ENGINE_INFO_INIT;
  vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
  int32_t descriptor;
  vial_status status = vial_request_get_info(request, &result);
  if (status == VIAL_STATUS_OK) status = vial_request_copy_text(request, VIAL_PART_ANSWER, text, sizeof text, &count);
  if (status == VIAL_STATUS_OK) status = vial_request_copy_tokens(request, tokens, MOST_TOKENS, &count);
  if (status == VIAL_STATUS_OK) status = vial_engine_get_info(engine, &engine_result);
  if (status == VIAL_STATUS_OK) status = vial_engine_get_metrics(engine, &metrics);
  if (status == VIAL_STATUS_OK) status = vial_engine_copy_metrics_text(engine, text, sizeof text, &count);
  if (status == VIAL_STATUS_OK) status = vial_engine_set_weight(engine, (vial_text){"ward", 4}, 2, NULL);
  if (status == VIAL_STATUS_OK) status = vial_engine_clear_tenant(engine, (vial_text){"ward", 4}, NULL);
  if (status == VIAL_STATUS_OK) status = vial_engine_get_event_descriptor(engine, &descriptor);
  if (vial_request_cancel(request) != VIAL_STATUS_OK) return -1;
  return status;
}

/** Functions that have no status of their own, or may not fail. */
static vial_status closing(void) {
  if (vial_isa_name(0) == NULL || vial_isa_name(1000) != NULL || vial_version_text() == NULL || vial_build_info() == NULL)
    return -1;
  if (vial_status_name(7) == NULL || vial_status_message(7) == NULL || vial_version_number() == 0) return -1;
  vial_model_close(model);
  vial_request_close(request);
  if (engine != NULL && vial_engine_close(engine) != VIAL_STATUS_OK) return -1;
  model = NULL;
  request = NULL;
  engine = NULL;
  return VIAL_STATUS_OK;
}

/* ---- Ten requests under way when memory gets short --------------------------------------------------------- */

static vial_request *flying[REQUESTS];
static uint32_t ended, ended_well;

static void hear(void *context, const vial_event *event) {
  vial_request_info result = VIAL_REQUEST_INFO_INIT;
  (void)context;
  const vial_status status = vial_request_get_info(event->request, &result);
  CHECK(status == VIAL_STATUS_OK || status == VIAL_STATUS_OUT_OF_MEMORY);
  if (event->kind != VIAL_EVENT_FINISHED) return;
  CHECK(event->finish_reason == VIAL_FINISH_ERROR ? event->status == VIAL_STATUS_OUT_OF_MEMORY : event->status == VIAL_STATUS_OK);
  __atomic_fetch_add(&ended_well, event->status == VIAL_STATUS_OK, __ATOMIC_RELAXED);
  __atomic_fetch_add(&ended, 1, __ATOMIC_RELEASE);
}

static void take_off(void) {
  vial_request_options options = question();
  with_engine();
  options.max_tokens = 300;
  for (int i = 0; i < REQUESTS; i++) {
    options.on_event = i % 2 ? hear : NULL;
    options.sample_index = (uint32_t)i;
    STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &flying[i], &error));
  }
}

/** Waits until all have ended, however. */
static vial_status land(void) {
  vial_event event = VIAL_EVENT_INIT;
  for (int waits = 0; __atomic_load_n(&ended, __ATOMIC_ACQUIRE) < REQUESTS && waits < 30000;) {
    const vial_status status = vial_engine_next_event(engine, 1, &event);
    if (status == VIAL_STATUS_OK) hear(NULL, &event);
    else if (status == VIAL_STATUS_TIMED_OUT || status == VIAL_STATUS_OUT_OF_MEMORY) waits += 1;
    else return status;
    if (status == VIAL_STATUS_OUT_OF_MEMORY) nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  if (ended < REQUESTS) return VIAL_STATUS_TIMED_OUT;
  return ended_well == REQUESTS ? VIAL_STATUS_OK : VIAL_STATUS_OUT_OF_MEMORY;
}

/** The same engine, afterwards. */
static vial_status land_again(void) {
  for (int i = 0; i < REQUESTS; i++) vial_request_close(flying[i]);
  return ask_tokens();
}

static void nothing(void) {}

static const struct scenario {
  const char *name;
  void (*prepare)(void);
  vial_status (*attempt)(void);
  vial_status (*again)(void); /* with memory; NULL: the same */
} scenarios[] = {
  {"open, mapped", nothing, open_mapped, NULL},
  {"open, copied", nothing, open_copied, NULL},
  {"open, lazily verified", nothing, open_lazily, NULL},
  {"open, verified", nothing, open_whole, NULL},
  {"verify", nothing, verify, NULL},
  {"information", nothing, information, NULL},
  {"texts", nothing, texts, NULL},
  {"adapter", nothing, adapter, NULL},
  {"tokenize a text", nothing, tokenize_text, NULL},
  {"tokenize a word", nothing, tokenize_word, NULL},
  {"tokenize marks", nothing, tokenize_marks, NULL},
  {"detokenize", nothing, detokenize, NULL},
  {"token bytes", nothing, token_bytes, NULL},
  {"render a chat", nothing, render_chat, NULL},
  {"template texts", nothing, template_texts, NULL},
  {"render a template", nothing, render_template, NULL},
  {"sampling", nothing, get_sampling, NULL},
  {"score", nothing, score, NULL},
  {"open an engine", nothing, open_engine, NULL},
  {"ask by tokens", with_engine, ask_tokens, NULL},
  {"ask with an adapter", with_engine, ask_adapter, NULL},
  {"ask by messages", with_engine, ask_messages, NULL},
  {"ask with a schema", with_engine, ask_schema, NULL},
  {"ask with choices", with_engine, ask_choices, NULL},
  {"ask by a template", with_engine, ask_template, NULL},
  {"look", with_answer, look, NULL},
  {"close", with_answer, closing, closing},
  {"fly", take_off, land, land_again},
};

/* ---- Shortage ---------------------------------------------------------------------------------------------- */

/** How memory is short. */
typedef struct condition {
  const char *name;
  rule rule;
  uint32_t nth;
  /** Bytes of the smallest request that is counted. */
  uint32_t least;
  /** Bytes of address space that there are still; -1: any number. */
  int64_t room;
  /** Whether the call has to work nevertheless. */
  int must_work;
} condition;

#ifdef ALWAYS_WORKS
/* For a library whose memory that cannot fail is short all the time (Tests/ABI/dry). */
static const condition steps[] = {{"the reserve alone", FAIL_NONE, 1, 0, -1, 1}};
static const condition faults[] = {{"the reserve alone, again", FAIL_NONE, 1, 0, -1, 1}};
#else
static const condition steps[] = {
  {"no byte", FAIL_NONE, 1, 0, 0, 0},          {"64 KiB", FAIL_NONE, 1, 0, 64 << 10, 0},
  {"256 KiB", FAIL_NONE, 1, 0, 256 << 10, 0},  {"1 MiB", FAIL_NONE, 1, 0, MIB, 0},
  {"2 MiB", FAIL_NONE, 1, 0, 2 * MIB, 0},      {"4 MiB", FAIL_NONE, 1, 0, 4 * MIB, 0},
  {"8 MiB", FAIL_NONE, 1, 0, 8 * MIB, 0},      {"16 MiB", FAIL_NONE, 1, 0, 16 * MIB, 0},
  {"32 MiB", FAIL_NONE, 1, 0, 32 * MIB, 0},    {"64 MiB", FAIL_NONE, 1, 0, 64 * MIB, 0},
  {"128 MiB", FAIL_NONE, 1, 0, 128 * MIB, 0},  {"256 MiB", FAIL_NONE, 1, 0, 256 * MIB, 0},
  {"1 GiB", FAIL_NONE, 1, 0, 1024ll * MIB, 1},
};

static const condition faults[] = {
  {"malloc fails, no byte", FAIL_EVERY_NTH, 1, 0, 0, 0},
  {"malloc fails", FAIL_EVERY_NTH, 1, 0, -1, 0},
  {"every 2nd malloc fails", FAIL_EVERY_NTH, 2, 0, -1, 0},
  {"every 3rd malloc fails", FAIL_EVERY_NTH, 3, 0, -1, 0},
  {"every 7th malloc fails", FAIL_EVERY_NTH, 7, 0, -1, 0},
  {"every 23rd malloc fails", FAIL_EVERY_NTH, 23, 0, -1, 0},
  {"every large malloc fails", FAIL_EVERY_NTH, 1, LARGE, -1, 0},
  {"every 2nd large malloc fails", FAIL_EVERY_NTH, 2, LARGE, -1, 0},
  {"every 3rd large malloc fails", FAIL_EVERY_NTH, 3, LARGE, -1, 0},
  {"every 7th large malloc fails", FAIL_EVERY_NTH, 7, LARGE, -1, 0},
};
#endif

/** Address space of this process in bytes. */
static uint64_t address_space(void) {
  char line[64] = {0};
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fgets(line, sizeof line, file) == NULL) exit(2);
  fclose(file);
  return strtoull(line, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void limit(uint64_t bytes) {
  struct rlimit rlimit;
  getrlimit(RLIMIT_AS, &rlimit);
  rlimit.rlim_cur = bytes;
  if (setrlimit(RLIMIT_AS, &rlimit) != 0) exit(2);
}

static void become_short(const condition *condition) {
  if (condition->room >= 0) {
    const uint64_t used = address_space();
    limit(used);
    for (size_t size = 16 * MIB; size >= 16; size /= 2)
      while (__libc_malloc(size) != NULL) continue;
    /* Nothing was mapped for these. */
    limit(used + (uint64_t)condition->room);
  }
  fault_nth = condition->nth;
  fault_least = condition->least;
  __atomic_store_n(&fault_rule, condition->rule, __ATOMIC_SEQ_CST);
}

static void recover(void) {
  __atomic_store_n(&fault_rule, FAIL_NONE, __ATOMIC_SEQ_CST);
  limit(RLIM_INFINITY);
}

enum { WORKED = 100, SHORT, FAILED };

/** What a scenario comes to with memory: VIAL_STATUS_OK, unless any model will do. */
static int reference(const struct scenario *scenario) {
  alarm(120);
  failures = checks = 0;
  STATUS(VIAL_STATUS_OK, vial_model_open(path, NULL, &model, &error));
  scenario->prepare();
  const vial_status status = scenario->attempt();
  return failures > 0 || status < 0 || status >= WORKED ? FAILED : status;
}

/** One scenario under one condition, in a process of its own. */
static int child(const struct scenario *scenario, const condition *condition) {
  failures = checks = 0;
  alarm(120);
  STATUS(VIAL_STATUS_OK, vial_model_open(path, NULL, &model, &error));
  scenario->prepare();
  become_short(condition);
  const vial_status status = scenario->attempt();
  recover();
  CHECK(status == expected || status == VIAL_STATUS_OUT_OF_MEMORY);
  if (status != expected && status != VIAL_STATUS_OUT_OF_MEMORY)
    fprintf(stderr, "  it was %s\n", vial_status_name(status));
  STATUS(expected, (scenario->again ? scenario->again : scenario->attempt)());
  vial_request_close(request);
  if (engine != NULL) STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  return failures > 0 ? FAILED : status == expected ? WORKED : SHORT;
}

/** Whether the call worked. */
static int try_under(const struct scenario *scenario, const condition *condition) {
  int status = 0;
  const pid_t process = fork();
  if (process == 0) _exit(child(scenario, condition));
  CHECK(process > 0 && waitpid(process, &status, 0) == process);
  const int is_sound = WIFEXITED(status) && (WEXITSTATUS(status) == WORKED || WEXITSTATUS(status) == SHORT);
  CHECK(is_sound);
  const int has_worked = WIFEXITED(status) && WEXITSTATUS(status) == WORKED;
  CHECK(has_worked || !condition->must_work);
  if (!is_sound || (condition->must_work && !has_worked))
    fprintf(stderr, "  %s, %s: %s %d\n", scenario->name, condition->name, WIFSIGNALED(status) ? "signal" : "exit",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return has_worked;
}

static void make_texts(void) {
  static const char sentence[] = "The patient reports chest pain, fever of 39.2 \xc2\xb0"
                                 "C and no allergies; she takes 5 mg of it daily. ";
  for (size_t i = 0; i < MIB; i++) {
    long_text[i] = sentence[i % (sizeof sentence - 1)];
    long_word[i] = (char)('a' + i * 7 % 26);
  }
  /* Whole characters only at the end; letters with marks that normalisation moves. */
  memset(long_text + MIB - sizeof sentence, ' ', sizeof sentence);
  for (size_t i = 0; i < MIB; i += 8) memcpy(marks + i, "a\xcc\x81\xcc\xa3 b c", 8);
  for (int i = 0; i < 100; i++) {
    messages[i].role.data = i % 2 ? "assistant" : "user";
    messages[i].role.length = i % 2 ? 9 : 4;
    messages[i].content.data = sentence;
    messages[i].content.length = sizeof sentence - 1;
  }
}

/** Finds out what a scenario comes to, in a process of its own. */
static void expect_as_with_memory(const struct scenario *scenario, int is_any) {
  int status = 0;
  const pid_t process = fork();
  if (process == 0) _exit(reference(scenario));
  CHECK(process > 0 && waitpid(process, &status, 0) == process && WIFEXITED(status) && WEXITSTATUS(status) < WORKED);
  expected = WEXITSTATUS(status);
  if (!is_any) STATUS(VIAL_STATUS_OK, expected);
}

int main(int argc, char **argv) {
  const int is_any = argc > 1 && strcmp(argv[1], "-a") == 0;
  if (argc < 2 + is_any) return 2;
  path = argv[1 + is_any];
  const char *only = argc > 2 + is_any ? argv[2 + is_any] : NULL;
  make_texts();
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    if (only != NULL && strcmp(only, scenarios[i].name) != 0) continue;
    int has_worked = 0;
    expect_as_with_memory(&scenarios[i], is_any);
    for (size_t step = 0; step < sizeof steps / sizeof *steps && !has_worked; step++)
      has_worked = try_under(&scenarios[i], &steps[step]);
    CHECK(has_worked);
    for (size_t fault = 0; fault < sizeof faults / sizeof *faults; fault++) try_under(&scenarios[i], &faults[fault]);
  }
  return finish("shortage");
}
