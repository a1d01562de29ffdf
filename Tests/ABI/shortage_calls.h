/* Owns: every export as a call that shortage.c tries without memory: what is made ready for it, and what it comes to.
 * Included once, by shortage.c. Must not: make memory short. */
#ifndef SHORTAGE_CALLS_H
#define SHORTAGE_CALLS_H
#include "vial.h"

#include "check.h"

#include <string.h>
#include <time.h>

enum { MIB = 1 << 20, MOST_TOKENS = 1200000, REQUESTS = 10 };

static const char *path;
static vial_model *model;
static vial_engine *engine;
static vial_request *request;
static vial_error error = VIAL_ERROR_INIT;
static uint32_t tokens[MOST_TOKENS];
static char text[4 * MIB];
static float scores[4096];
static vial_alternative likely[VIAL_ALTERNATIVE_LIMIT];
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

static vial_status ask_scores(void) {
  vial_request_options options = question();
  options.flags = VIAL_REQUEST_SCORE_PROMPT;
  options.alternative_count = VIAL_ALTERNATIVE_LIMIT;
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
  options.flags = VIAL_REQUEST_SCORE_PROMPT;
  options.alternative_count = VIAL_ALTERNATIVE_LIMIT;
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
  if (status == VIAL_STATUS_OK) status = vial_request_copy_prompt_scores(request, scores, 4096, &count);
  if (status == VIAL_STATUS_OK) status = vial_request_copy_prompt_alternatives(request, 1, likely, VIAL_ALTERNATIVE_LIMIT, &count);
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
  {"ask for scores of the prompt", with_engine, ask_scores, NULL},
  {"ask by a template", with_engine, ask_template, NULL},
  {"look", with_answer, look, NULL},
  {"close", with_answer, closing, closing},
  {"fly", take_off, land, land_again},
};

#endif
