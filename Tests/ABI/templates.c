/* Owns: prompt templates and answers held to schemas and choices as a C host uses and misuses them.
 * Usage: templates MODEL, a model with the default templates and a reasoning part. */
#include "vial.h"

#include "check.h"

#include <string.h>

#define HUGE_LENGTH ((uint64_t)1 << 63)

static vial_model *model;
static vial_engine *engine;
static const char id[] = "triage";
static const vial_template_value values[2] = {{{"complaint", 9}, {"chest pain </think>", 19}},
                                              {{"age", 3}, {"45 years", 8}}};

static vial_request_options by_template(void) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.template_id.data = id;
  options.template_id.length = sizeof id - 1;
  options.template_values = values;
  options.template_value_count = 2;
  options.max_reasoning_tokens = 4;
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
  STATUS(VIAL_STATUS_OK, vial_request_copy_text(request, VIAL_PART_ANSWER, answer, capacity - 1, &length));
  answer[length] = 0;
  STATUS(VIAL_STATUS_OK, vial_request_copy_text(request, VIAL_PART_REASONING, reasoning, capacity - 1, &length));
  reasoning[length] = 0;
  vial_request_close(request);
  return reason;
}

static void describing(void) {
  char text[16384];
  uint64_t length = 0;
  uint32_t index = 0, found = 0;
  while (vial_model_copy_template_text(model, index, VIAL_TEMPLATE_TEXT_ID, text, sizeof text, &length, NULL) ==
         VIAL_STATUS_OK) {
    if (length == sizeof id - 1 && memcmp(text, id, length) == 0) found = index + 1;
    index += 1;
  }
  CHECK(index == 12 && found > 0);
  STATUS(VIAL_STATUS_NOT_IN_FILE,
         vial_model_copy_template_text(model, index, VIAL_TEMPLATE_TEXT_ID, NULL, 0, &length, NULL));
  STATUS(VIAL_STATUS_OK,
         vial_model_copy_template_text(model, found - 1, VIAL_TEMPLATE_TEXT_TASK, text, sizeof text, &length, NULL));
  CHECK(length == 6 && memcmp(text, "triage", 6) == 0);
  STATUS(VIAL_STATUS_OK, vial_model_copy_template_text(model, found - 1, VIAL_TEMPLATE_TEXT_VARIABLES, text,
                                                       sizeof text, &length, NULL));
  CHECK(memcmp(text, "complaint\nage\n", 14) == 0);
  STATUS(VIAL_STATUS_OK, vial_model_copy_template_text(model, found - 1, VIAL_TEMPLATE_TEXT_DECLARATIONS, text,
                                                       sizeof text - 1, &length, NULL));
  text[length] = 0;
  CHECK(memcmp(text, "[{\"name\":\"complaint\",\"type\":\"text\",\"required\":true,\"limit\":4000,", 64) == 0);
  CHECK(strstr(text, "\"ranges\":[\"20..46 °C\",\"68..115 °F\"],\"units\":[\"°C\",\"°F\"]") != NULL);
  CHECK(strstr(text, "\"aliases\":{\"Cel\":\"°C\",") != NULL && text[length - 1] == ']');
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL,
         vial_model_copy_template_text(model, found - 1, VIAL_TEMPLATE_TEXT_SCHEMA, text, 1, &length, NULL));
  CHECK(length > 1 && text[0] == '{');
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_copy_template_text(model, 0, 99, text, sizeof text, &length, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_copy_template_text(model, 0, 1, NULL, 0, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_model_copy_template_text(NULL, 0, 1, NULL, 0, &length, NULL));
}

static void rendering(void) {
  uint32_t tokens[2048];
  uint64_t count = 0;
  vial_error error = VIAL_ERROR_INIT;
  vial_template_value wrong[2] = {{{"complaint", 9}, {"x", 1}}, {{"age", 3}, {"45", 2}}};
  STATUS(VIAL_STATUS_OK,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, values, 2, tokens, 2048, &count, NULL));
  CHECK(count > 100 && count < 2048);
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, values, 2, tokens, 1, &count, NULL));
  STATUS(VIAL_STATUS_NOT_IN_FILE,
         vial_model_render_prompt_template(model, (vial_text){"nobody", 6}, values, 2, NULL, 0, &count, &error));
  CHECK(strstr(error.message, "nobody") == NULL);
  STATUS(VIAL_STATUS_NOT_IN_FILE,
         vial_model_render_prompt_template(model, (vial_text){NULL, 0}, values, 2, NULL, 0, &count, NULL));
  STATUS(VIAL_STATUS_TEMPLATE,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, values, 1, NULL, 0, &count, &error));
  CHECK(strcmp(error.message, "variable 2 of the template: a required value is missing") == 0);
  STATUS(VIAL_STATUS_TEMPLATE,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, wrong, 2, NULL, 0, &count, &error));
  CHECK(strstr(error.message, "unit") != NULL && strstr(error.message, "45") == NULL);
  /* What is right in one unit is wrong in another; what the record spells in UCUM is taken. */
  {
    vial_template_value warm[3] = {
        {{"complaint", 9}, {"x", 1}}, {{"age", 3}, {"200 d", 5}}, {{"temperature", 11}, {"98.6 [degF]", 11}}};
    STATUS(VIAL_STATUS_OK,
           vial_model_render_prompt_template(model, (vial_text){id, 6}, warm, 3, tokens, 2048, &count, NULL));
    warm[2].text.data = "98.6 Cel";
    warm[2].text.length = 8;
    STATUS(VIAL_STATUS_TEMPLATE,
           vial_model_render_prompt_template(model, (vial_text){id, 6}, warm, 3, tokens, 2048, &count, &error));
    CHECK(strstr(error.message, "out of the variable's range") != NULL && strstr(error.message, "98") == NULL);
  }
  wrong[1].name.length = 2;
  STATUS(VIAL_STATUS_TEMPLATE,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, wrong, 2, NULL, 0, &count, &error));
  wrong[1] = wrong[0];
  STATUS(VIAL_STATUS_TEMPLATE,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, wrong, 2, NULL, 0, &count, &error));
  wrong[1].text.data = NULL;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, wrong, 2, NULL, 0, &count, NULL));
  wrong[1].text.length = HUGE_LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, wrong, 2, NULL, 0, &count, NULL));
  STATUS(VIAL_STATUS_TOO_LONG,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, wrong, HUGE_LENGTH, NULL, 0, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, NULL, 2, NULL, 0, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, values, 2, NULL, 4, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT,
         vial_model_render_prompt_template(model, (vial_text){id, 6}, values, 2, NULL, 0, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_HANDLE,
         vial_model_render_prompt_template(NULL, (vial_text){id, 6}, values, 2, NULL, 0, &count, NULL));
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
  options.schema.data = schema;
  options.schema.length = sizeof schema - 1;
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
  options.text.data = "and a text";
  options.text.length = 10;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = by_template();
  options.template_id.data = NULL;
  options.template_id.length = 0;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = by_template();
  options.flags = VIAL_REQUEST_RAW;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.flags = (uint32_t)1 << 31; /* none of ours */
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = by_template();
  options.schema.data = "{\"contains\": {}}";
  options.schema.length = 16;
  STATUS(VIAL_STATUS_SCHEMA, vial_engine_submit(engine, &options, &request, &error));
  CHECK(strstr(error.message, "not supported: contains") != NULL);
  options.schema.length = 5;
  STATUS(VIAL_STATUS_SCHEMA, vial_engine_submit(engine, &options, &request, &error));
  options.schema.length = HUGE_LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
  options.schema.data = NULL;
  options.schema.length = 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.schema.length = 0;
  options.choices = choices;
  options.choice_count = 1;
  STATUS(VIAL_STATUS_SCHEMA, vial_engine_submit(engine, &options, &request, &error));
  CHECK(strstr(error.message, "choices cannot be used: one is empty") != NULL);
  options.choice_count = HUGE_LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
  options.choice_count = 1;
  options.schema.data = "{}";
  options.schema.length = 2;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  CHECK(request == NULL);
  options = by_template();
  options.struct_size = sizeof options - 1;
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
