/* Owns: the ways in which canary.c lets a request come to its end: what is submitted in each. Included once, by
 * canary.c. Must not: look for traces. */
#ifndef CANARY_SCENARIOS_H
#define CANARY_SCENARIOS_H
#include "vial.h"

#include "check.h"
#include "sampling.h"
#include "traces.h"

enum { MOST = 16, SCENARIOS = 14 };

static const char *const names[SCENARIOS] = {
    "a text, answered",
    "cancelled in the midst",
    "errors: too long, not UTF-8, unknown id, no schema",
    "twelve at once that preempt each other",
    "a callback",
    "a schema and choices that hold the text",
    "values of a template",
    "stop strings",
    "messages, alternatives, scores of the prompt",
    "raw, penalties, entropy",
    "a pinned prompt",
    "an engine closed in the midst",
    "tokenized, rendered, scored",
    "tenants, an adapter, a deadline, one queue of events",
};

static vial_model *model;
static vial_engine *engine;
static vial_request *requests[MOST];
static int request_count;
/** The one at hand, a place in `names`. */
static int scenario;

static void submit(vial_request_options *options) {
  if (options->max_tokens == 0) options->max_tokens = 40;
  if (options->sampling == NULL) options->sampling = at_temperature(model, 0.9f);
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, options, &requests[request_count], NULL));
  if (requests[request_count]) request_count++;
}

static int ended;
static void on_event(void *context, const vial_event *event) {
  (void)context;
  if (event->kind == VIAL_EVENT_FINISHED) __atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
}

/** Refused in four ways: nothing is open afterwards. */
static void errors(vial_request_options *options, char *canary) {
  const size_t long_length = 200000;
  char *longer = calloc(1, long_length);
  uint32_t wrong[2] = {1, UINT32_MAX};
  vial_request *none = NULL;
  for (size_t at = 0; at + LENGTH <= long_length; at += LENGTH) memcpy(longer + at, canary, LENGTH);
  options->text.data = longer;
  options->text.length = long_length / LENGTH * LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, options, &none, NULL));
  explicit_bzero(longer, long_length);
  free(longer);
  canary[LENGTH] = (char)0xFF;
  options->text.data = canary;
  options->text.length = LENGTH + 1;
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, options, &none, NULL));
  options->text.length = LENGTH;
  options->schema.data = canary;
  options->schema.length = LENGTH;
  STATUS(VIAL_STATUS_SCHEMA, vial_engine_submit(engine, options, &none, NULL));
  options->schema.data = NULL;
  options->schema.length = options->text.length = 0;
  options->text.data = NULL;
  options->tokens = wrong;
  options->token_count = 2;
  CHECK(vial_engine_submit(engine, options, &none, NULL) != VIAL_STATUS_OK);
}

/** A schema whose one answer holds the canary, and choices that are it, of private requests and of a tenant's. */
static void schemas(vial_request_options *options, char *canary) {
  char schema[LENGTH + 64];
  vial_text choices[2] = {{canary, LENGTH}, {"no", 2}};
  const char *begin = "{\"enum\":[\"", *end = "\"]}";
  memcpy(schema, begin, strlen(begin));
  memcpy(schema + strlen(begin), canary, LENGTH);
  memcpy(schema + strlen(begin) + LENGTH, end, strlen(end));
  options->max_tokens = 100;
  options->max_reasoning_tokens = 1;
  options->schema.data = schema;
  options->schema.length = strlen(begin) + LENGTH + strlen(end);
  options->flags = VIAL_REQUEST_PRIVATE;
  submit(options);
  options->flags = 0;
  options->tenant.data = "clinic A";
  options->tenant.length = 8;
  submit(options);
  options->schema.data = NULL;
  options->schema.length = 0;
  options->choices = choices;
  options->choice_count = 2;
  submit(options);
  explicit_bzero(schema, sizeof schema);
}

/** Asks by a template with the canary for all variables that take it; whether these are all that it needs. */
static int asks_by(vial_request_options *options, const char *variables, uint64_t length, char *canary) {
  int refused[VIAL_TEMPLATE_VALUE_LIMIT] = {0};
  for (;;) {
    vial_template_value values[VIAL_TEMPLATE_VALUE_LIMIT];
    uint64_t count = 0, number = 0, begin = 0;
    for (uint64_t at = 0; at <= length && number < VIAL_TEMPLATE_VALUE_LIMIT; at++) {
      if (at < length && variables[at] != '\n') continue;
      if (!refused[number++])
        values[count++] = (vial_template_value){{variables + begin, at - begin}, {canary, LENGTH}};
      begin = at + 1;
    }
    options->template_values = values;
    options->template_value_count = count;
    vial_error error = VIAL_ERROR_INIT;
    const vial_status status = vial_engine_submit(engine, options, &requests[0], &error);
    if (status == VIAL_STATUS_OK) return count > 0;
    unsigned variable;
    if (status != VIAL_STATUS_TEMPLATE || sscanf(error.message, "variable %u", &variable) != 1) return 0;
    if (variable < 1 || variable > number || refused[variable - 1]) return 0;
    refused[variable - 1] = 1;
  }
}

/** The first template that needs nothing but texts. */
static void template_values(vial_request_options *options, char *canary) {
  options->text.data = NULL;
  options->text.length = 0;
  options->flags = VIAL_REQUEST_NO_SCHEMA | VIAL_REQUEST_PRIVATE;
  options->max_tokens = 40;
  for (uint32_t index = 0; request_count == 0 && index < 50; index++) {
    char id[80], variables[2048];
    uint64_t id_length = 0, length = 0;
    if (vial_model_copy_template_text(model, index, VIAL_TEMPLATE_TEXT_ID, id, sizeof id, &id_length, NULL) !=
        VIAL_STATUS_OK)
      break;
    vial_model_copy_template_text(model, index, VIAL_TEMPLATE_TEXT_VARIABLES, variables, sizeof variables, &length,
                                  NULL);
    options->template_id.data = id;
    options->template_id.length = id_length;
    if (asks_by(options, variables, length, canary)) request_count = 1;
  }
  CHECK(request_count == 1);
}

/** Everything between text and ids that needs no engine. */
static void without_engine(char *canary) {
  const vial_message messages[1] = {{{"user", 4}, {canary, LENGTH}, 0, 0}};
  uint32_t tokens[2048];
  float scores[2048];
  char out[2048];
  uint64_t count = 0, length = 0;
  STATUS(VIAL_STATUS_OK, vial_model_encode(model, (vial_text){canary, LENGTH}, 0, tokens, 2048, &count, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_score(model, tokens, count, NULL, scores, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_decode(model, tokens, count, 0, out, sizeof out, &length, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_render_chat_template(model, messages, 1, 0, tokens, 2048, &count, NULL));
  explicit_bzero(tokens, sizeof tokens);
  explicit_bzero(out, sizeof out);
}

/** Requests of two tenants that give each other nothing, one with an adapter, one that ends at its deadline. */
static void tenants(vial_request_options *options) {
  options->tenant.data = "clinic A";
  options->tenant.length = 8;
  submit(options);
  submit(options);
  options->adapter.data = "ward";
  options->adapter.length = 4;
  submit(options);
  options->tenant.data = "clinic B";
  submit(options);
  options->deadline_milliseconds = 1;
  options->max_tokens = 2000;
  submit(options);
}

static void open_engine(void) {
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  options.thread_count = 2;
  options.cache_byte_limit = scenario == 3 ? 400000 : 8 << 20;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, NULL));
}

/** Submits what the scenario is about. */
static void begin(char *canary) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  const vial_message messages[2] = {{{"system", 6}, {"be kind", 7}, 0, 0}, {{"user", 4}, {canary, LENGTH}, 0, 0}};
  const vial_text stops[2] = {{canary, LENGTH}, {canary + 10, 30}};
  vial_sampling_options *sampling;
  char longer[LENGTH + 240];
  options.text.data = canary;
  options.text.length = LENGTH;
  options.seed = 7;
  switch (scenario) {
    case 1:
    case 11: options.max_tokens = 3000; break;
    case 2: errors(&options, canary); return;
    case 3:
      memcpy(longer, canary, LENGTH);
      for (size_t at = LENGTH; at < sizeof longer; at++) longer[at] = "word "[at % 5];
      options.text.data = longer;
      options.text.length = sizeof longer;
      options.max_tokens = 200;
      for (int index = 0; index < 12; index++) {
        options.seed = (uint64_t)index;
        options.flags = index % 2 ? VIAL_REQUEST_PRIVATE : 0;
        submit(&options);
      }
      explicit_bzero(longer, sizeof longer);
      return;
    case 4: options.on_event = on_event; break;
    case 5: schemas(&options, canary); return;
    case 6: template_values(&options, canary); return;
    case 7:
      options.stops = stops;
      options.stop_count = 2;
      break;
    case 8:
      options.flags = VIAL_REQUEST_SCORE_PROMPT;
      options.messages = messages;
      options.message_count = 2;
      options.prefill = options.text;
      options.text = (vial_text){NULL, 0};
      options.alternative_count = 20;
      break;
    case 9:
      options.flags = VIAL_REQUEST_RAW | VIAL_REQUEST_ENTROPY;
      options.prefill = options.text;
      sampling = at_temperature(model, 0.9f);
      sampling->repetition_penalty = 1.2f;
      options.sampling = sampling;
      break;
    case 10: options.flags = VIAL_REQUEST_PINNED; break;
    case 12: without_engine(canary); return;
    case 13: tenants(&options); return;
    default: break;
  }
  submit(&options);
}

#endif
