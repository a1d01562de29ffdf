/* Owns: prompt templates and answers held to schemas and choices as a C host uses and misuses them.
 * Usage: templates MODEL, a model with the default templates and a reasoning part. */
#include "vial.h"

#include "check.h"

#include <string.h>

#define HUGE_LENGTH ((uint64_t)1 << 63)

static vial_model *model;
static vial_engine *engine;
static const char id[] = "triage";
static const vial_template_value values[2] = {{"complaint", 9, "chest pain </think>", 19}, {"age", 3, "45 years", 8}};

static vial_request_options by_template(void) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.template_id = id;
  options.template_id_length = sizeof id - 1;
  options.template_values = values;
  options.template_value_count = 2;
  options.max_reasoning_tokens = 4;
  options.given = VIAL_GIVEN_MAX_REASONING_TOKENS;
  return options;
}

/** Submits and waits; returns why it ended, and the answer. */
static uint32_t answered(const vial_request_options *options, char *answer, uint64_t capacity, char *reasoning) {
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  uint32_t reason = VIAL_FINISH_NONE;
  uint64_t length = 0;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, options, &request, NULL));
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) reason = event.finish_reason;
  STATUS(VIAL_STATUS_OK, vial_request_get_text(request, VIAL_PART_ANSWER, capacity - 1, answer, &length));
  answer[length] = 0;
  STATUS(VIAL_STATUS_OK, vial_request_get_text(request, VIAL_PART_REASONING, capacity - 1, reasoning, &length));
  reasoning[length] = 0;
  vial_request_close(request);
  return reason;
}

static void describing(void) {
  char text[16384];
  uint64_t length = 0;
  uint32_t index = 0, found = 0;
  while (vial_model_get_template_text(model, index, VIAL_TEMPLATE_TEXT_ID, sizeof text, text, &length) == VIAL_STATUS_OK) {
    if (length == sizeof id - 1 && memcmp(text, id, length) == 0) found = index + 1;
    index += 1;
  }
  CHECK(index == 12 && found > 0);
  STATUS(VIAL_STATUS_NOT_IN_FILE, vial_model_get_template_text(model, index, VIAL_TEMPLATE_TEXT_ID, 0, NULL, &length));
  STATUS(VIAL_STATUS_OK, vial_model_get_template_text(model, found - 1, VIAL_TEMPLATE_TEXT_TASK, sizeof text, text, &length));
  CHECK(length == 6 && memcmp(text, "triage", 6) == 0);
  STATUS(VIAL_STATUS_OK, vial_model_get_template_text(model, found - 1, VIAL_TEMPLATE_TEXT_VARIABLES, sizeof text, text, &length));
  CHECK(memcmp(text, "complaint\nage\n", 14) == 0);
  STATUS(VIAL_STATUS_OK,
         vial_model_get_template_text(model, found - 1, VIAL_TEMPLATE_TEXT_DECLARATIONS, sizeof text - 1, text, &length));
  text[length] = 0;
  CHECK(memcmp(text, "[{\"name\":\"complaint\",\"type\":\"text\",\"required\":true,\"limit\":4000,", 64) == 0);
  CHECK(strstr(text, "\"ranges\":[\"20..46 °C\",\"68..115 °F\"],\"units\":[\"°C\",\"°F\"]") != NULL);
  CHECK(strstr(text, "\"aliases\":{\"Cel\":\"°C\",") != NULL && text[length - 1] == ']');
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL,
         vial_model_get_template_text(model, found - 1, VIAL_TEMPLATE_TEXT_SCHEMA, 1, text, &length));
  CHECK(length > 1 && text[0] == '{');
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_get_template_text(model, 0, 99, sizeof text, text, &length));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_get_template_text(model, 0, 1, 0, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_model_get_template_text(NULL, 0, 1, 0, NULL, &length));
}

static void rendering(void) {
  uint32_t tokens[2048];
  uint64_t count = 0;
  vial_error error = VIAL_ERROR_INIT;
  vial_template_value wrong[2] = {{"complaint", 9, "x", 1}, {"age", 3, "45", 2}};
  STATUS(VIAL_STATUS_OK, vial_model_render_template(model, id, 6, values, 2, 2048, tokens, &count, NULL));
  CHECK(count > 100 && count < 2048);
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL, vial_model_render_template(model, id, 6, values, 2, 1, tokens, &count, NULL));
  STATUS(VIAL_STATUS_NOT_IN_FILE, vial_model_render_template(model, "nobody", 6, values, 2, 0, NULL, &count, &error));
  CHECK(strstr(error.sentence, "nobody") == NULL);
  STATUS(VIAL_STATUS_NOT_IN_FILE, vial_model_render_template(model, NULL, 0, values, 2, 0, NULL, &count, NULL));
  STATUS(VIAL_STATUS_TEMPLATE, vial_model_render_template(model, id, 6, values, 1, 0, NULL, &count, &error));
  CHECK(strcmp(error.sentence, "variable 2 of the template: a required value is missing") == 0);
  STATUS(VIAL_STATUS_TEMPLATE, vial_model_render_template(model, id, 6, wrong, 2, 0, NULL, &count, &error));
  CHECK(strstr(error.sentence, "unit") != NULL && strstr(error.sentence, "45") == NULL);
  /* What is right in one unit is wrong in another; what the record spells in UCUM is taken. */
  {
    vial_template_value warm[3] = {{"complaint", 9, "x", 1}, {"age", 3, "200 d", 5}, {"temperature", 11, "98.6 [degF]", 11}};
    STATUS(VIAL_STATUS_OK, vial_model_render_template(model, id, 6, warm, 3, 2048, tokens, &count, NULL));
    warm[2].text = "98.6 Cel";
    warm[2].text_length = 8;
    STATUS(VIAL_STATUS_TEMPLATE, vial_model_render_template(model, id, 6, warm, 3, 2048, tokens, &count, &error));
    CHECK(strstr(error.sentence, "out of the variable's range") != NULL && strstr(error.sentence, "98") == NULL);
  }
  wrong[1].name_length = 2;
  STATUS(VIAL_STATUS_TEMPLATE, vial_model_render_template(model, id, 6, wrong, 2, 0, NULL, &count, &error));
  wrong[1] = wrong[0];
  STATUS(VIAL_STATUS_TEMPLATE, vial_model_render_template(model, id, 6, wrong, 2, 0, NULL, &count, &error));
  wrong[1].text = NULL;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_render_template(model, id, 6, wrong, 2, 0, NULL, &count, NULL));
  wrong[1].text_length = HUGE_LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG, vial_model_render_template(model, id, 6, wrong, 2, 0, NULL, &count, NULL));
  STATUS(VIAL_STATUS_TOO_LONG, vial_model_render_template(model, id, 6, wrong, HUGE_LENGTH, 0, NULL, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_render_template(model, id, 6, NULL, 2, 0, NULL, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_render_template(model, id, 6, values, 2, 4, NULL, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_render_template(model, id, 6, values, 2, 0, NULL, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_model_render_template(NULL, id, 6, values, 2, 0, NULL, &count, NULL));
}

static void answering(void) {
  char answer[16384], reasoning[16384];
  vial_request_options options = by_template();
  vial_text choices[2] = {{"yes", 3}, {"no", 2}};
  const char schema[] = "{\"type\": \"integer\", \"minimum\": 10, \"maximum\": 99}";
  /* The template's schema: an object that begins with its first property. */
  uint32_t reason;
  options.max_tokens = 400;
  reason = answered(&options, answer, sizeof answer, reasoning);
  CHECK(reason == VIAL_FINISH_STOP || reason == VIAL_FINISH_BUDGET);
  CHECK(strstr(answer, "{") != NULL && strstr(answer, "\"symptoms\":") != NULL && reasoning[0] != 0);
  /* One's own goes before it. */
  options.schema = schema;
  options.schema_length = sizeof schema - 1;
  options.flags = VIAL_REQUEST_WITHHOLD_REASONING;
  CHECK(answered(&options, answer, sizeof answer, reasoning) == VIAL_FINISH_STOP);
  CHECK(strlen(answer) >= 2 && strlen(answer) <= 4 && strpbrk(answer, "123456789") != NULL && reasoning[0] == 0);
  options.max_tokens = 2;
  CHECK(answered(&options, answer, sizeof answer, reasoning) == VIAL_FINISH_BUDGET);
  options = by_template();
  options.choices = choices;
  options.choice_count = 2;
  CHECK(answered(&options, answer, sizeof answer, reasoning) == VIAL_FINISH_STOP);
  CHECK(strcmp(answer, "yes") == 0 || strcmp(answer, "no") == 0);
  options = by_template();
  options.flags = VIAL_REQUEST_NO_SCHEMA;
  options.max_tokens = 30;
  CHECK(answered(&options, answer, sizeof answer, reasoning) != VIAL_FINISH_BUDGET);
}

static void misuse(void) {
  vial_request *request = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_request_options options = by_template();
  vial_text choices[1] = {{"", 0}};
  options.text = "and a text";
  options.text_length = 10;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = by_template();
  options.template_id = NULL;
  options.template_id_length = 0;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = by_template();
  options.flags = VIAL_REQUEST_RAW;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.flags = (uint32_t)1 << 31; /* none of ours */
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = by_template();
  options.schema = "{\"contains\": {}}";
  options.schema_length = 16;
  STATUS(VIAL_STATUS_SCHEMA, vial_engine_submit(engine, &options, &request, &error));
  CHECK(strstr(error.sentence, "not supported: contains") != NULL);
  options.schema_length = 5;
  STATUS(VIAL_STATUS_SCHEMA, vial_engine_submit(engine, &options, &request, &error));
  options.schema_length = HUGE_LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
  options.schema = NULL;
  options.schema_length = 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.schema_length = 0;
  options.choices = choices;
  options.choice_count = 1;
  STATUS(VIAL_STATUS_SCHEMA, vial_engine_submit(engine, &options, &request, NULL));
  options.choice_count = HUGE_LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
  options.choice_count = 1;
  options.schema = "{}";
  options.schema_length = 2;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  CHECK(request == NULL);
  /* A caller of the first header, whose struct ended after `context`. */
  options = by_template();
  options.text = "hi";
  options.text_length = 2;
  options.max_tokens = 1;
  options.given = 0;
  options.struct_size = 136;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  vial_request_close(request);
  options.struct_size = 135;
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_submit(engine, &options, &request, NULL));
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  describing();
  rendering();
  answering();
  misuse();
  vial_engine_close(engine);
  vial_model_close(model);
  return finish("templates");
}
