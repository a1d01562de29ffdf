/* Owns: misused arguments of engines and requests, which a host must survive: each call gives a status, none ends the
 * process or hangs it. Usage: misuse_requests MODEL. Must not: close what is in use (misuse_lifetimes.c). */
#include "misuse_requests.h"

#include <stdlib.h>
#include <string.h>

#define HUGE_LENGTH ((uint64_t)1 << 63)

/** Scores of a prompt that has none, and what is wrong with one that has. */
static void prompts_without_scores(void) {
  float scores[4];
  vial_alternative likely[2];
  uint64_t count = 7;
  vial_request *request = submitted(2);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_prompt_scores(request, scores, 4, &count));
  CHECK(count == 0);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_prompt_alternatives(request, 1, likely, 2, &count));
  vial_request_close(request);
  vial_request_options options = continuation(2);
  options.flags = VIAL_REQUEST_SCORE_PROMPT | VIAL_REQUEST_PINNED;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.flags = VIAL_REQUEST_SCORE_PROMPT;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_prompt_scores(request, scores, 4, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_prompt_scores(request, NULL, 4, &count));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_prompt_scores(request, (float *)((char *)scores + 1), 1, &count));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_prompt_alternatives(request, 1, NULL, 2, &count));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_prompt_alternatives(request, 1, likely, 2, NULL));
  for (uint64_t index = 4; index != 0; index = index < HUGE_LENGTH ? index << 1 : 0)
    STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_prompt_alternatives(request, index, likely, 2, &count));
  vial_request_close(request);
}

static void null_arguments(void) {
  vial_engine *other = NULL;
  vial_request *request = NULL;
  vial_request_options none = VIAL_REQUEST_OPTIONS_INIT, options = continuation(2);
  uint64_t count = 0;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, NULL, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_engine_open(NULL, NULL, &other, NULL));
  CHECK(other == NULL);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_get_info(engine, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_get_metrics(engine, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_copy_metrics_text(engine, NULL, 5, &count));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_copy_metrics_text(engine, NULL, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_set_weight(engine, (vial_text){NULL, 3}, 1, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_clear_tenant(engine, (vial_text){NULL, 3}, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_next_event(engine, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_get_event_descriptor(engine, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, NULL, &request, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &none, &request, NULL));
  options.tokens = NULL;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  CHECK(request == NULL);
  options = continuation(2);
  options.text.data = "two prompts";
  options.text.length = 11;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  request = submitted(2);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_next_event(request, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_get_info(request, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_text(request, VIAL_PART_ANSWER, NULL, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_text(request, VIAL_PART_ANSWER, NULL, 5, &count));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_text(request, 7, NULL, 0, &count));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_tokens(request, NULL, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_request_copy_tokens(request, NULL, 3, &count));
  vial_request_close(request);
  prompts_without_scores();
  vial_request_close(NULL);
  STATUS(VIAL_STATUS_OK, vial_engine_close(NULL));
}

static void stale_handles(void) {
  vial_engine *closed = NULL;
  vial_request *request = submitted(2), *again = NULL;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &closed, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_close(closed));
  vial_request_close(request);
  bad_handles(closed, request, VIAL_STATUS_INVALID_HANDLE);
  bad_handles(NULL, NULL, VIAL_STATUS_INVALID_HANDLE);
  again = submitted(2);
  /* A handle of one kind is none of another. */
  bad_handles((vial_engine *)(void *)again, (vial_request *)(void *)engine, VIAL_STATUS_INVALID_HANDLE);
  bad_handles((vial_engine *)(void *)model, (vial_request *)(void *)model, VIAL_STATUS_INVALID_HANDLE);
  vial_model_close((vial_model *)(void *)again);
  CHECK(drained(again) == VIAL_FINISH_LENGTH || drained(again) == VIAL_FINISH_NONE);
  vial_request_close(again);
}

static void struct_sizes(void) {
  const uint32_t wrong[] = {0, 1, 4, 7, 4097, UINT32_MAX};
  vial_request *request = submitted(2), *other = NULL;
  vial_engine *another = NULL;
  for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
    vial_engine_options engine_options = VIAL_ENGINE_OPTIONS_INIT;
    vial_engine_info engine_information = VIAL_ENGINE_INFO_INIT;
    vial_request_options options = continuation(2);
    vial_request_info information = VIAL_REQUEST_INFO_INIT;
    vial_event event = VIAL_EVENT_INIT;
    engine_options.struct_size = engine_information.struct_size = options.struct_size = wrong[index];
    information.struct_size = event.struct_size = wrong[index];
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_open(model, &engine_options, &another, NULL));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_get_info(engine, &engine_information));
    vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
    metrics.struct_size = wrong[index];
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_get_metrics(engine, &metrics));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_submit(engine, &options, &other, NULL));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_request_get_info(request, &information));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_next_event(engine, VIAL_WAIT_FOREVER, &event));
    CHECK(another == NULL && other == NULL);
  }
  /* No event was lost to a wrong struct. */
  CHECK(drained(request) != VIAL_FINISH_NONE);
  vial_request_close(request);
}

static void lengths_and_numbers(void) {
  const uint64_t huge[] = {HUGE_LENGTH, HUGE_LENGTH - 1, UINT64_MAX, (uint64_t)1 << 32};
  const uint32_t unknown[2] = {1, 512};
  vial_request *request = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_text stop = {"x", 1}, empty = {"x", 0}, broken = {"\xC3", 1};
  for (size_t index = 0; index < sizeof huge / sizeof *huge; index++) {
    vial_request_options options = continuation(2);
    vial_text stops = {"x", huge[index]};
    vial_message message = {{"user", 4}, {"hi", huge[index]}, 0, 0};
    options.token_count = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, &error));
    options = continuation(2);
    options.stops = &stop;
    options.stop_count = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options.stops = &stops;
    options.stop_count = 1;
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options = (vial_request_options)VIAL_REQUEST_OPTIONS_INIT;
    options.text.data = "a";
    options.text.length = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options = (vial_request_options)VIAL_REQUEST_OPTIONS_INIT;
    options.messages = &message;
    options.message_count = 1;
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options.message_count = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    options = continuation(2);
    options.tenant.data = "x";
    options.tenant.length = huge[index];
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_set_weight(engine, (vial_text){"x", huge[index]}, 1, NULL));
    STATUS(VIAL_STATUS_TOO_LONG, vial_engine_clear_tenant(engine, (vial_text){"x", huge[index]}, NULL));
  }
  vial_request_options options = continuation(2);
  options.tokens = unknown;
  options.token_count = 2;
  STATUS(VIAL_STATUS_UNKNOWN_TOKEN, vial_engine_submit(engine, &options, &request, &error));
  options = continuation(2);
  options.flags = (uint32_t)1 << 31;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.flags = VIAL_REQUEST_RAW; /* which is for text */
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = continuation(2);
  options.reserved[1] = 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.reserved[1] = 0;
  options.tenant.length = 3; /* of no label */
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_set_weight(engine, (vial_text){"a", 1}, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_set_weight(engine, (vial_text){"a", 1}, -1, NULL));
  options = continuation(2);
  options.alternative_count = VIAL_ALTERNATIVE_LIMIT + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = continuation(2);
  options.stop_count = 1;
  options.stops = &empty;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options.stops = &broken;
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, &options, &request, NULL));
  options = (vial_request_options)VIAL_REQUEST_OPTIONS_INIT;
  options.text.data = "ab\xFF";
  options.text.length = 3;
  options.flags = VIAL_REQUEST_RAW;
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, &options, &request, &error));
  CHECK(error.byte_offset == 2 && request == NULL);
  options.flags = 0; /* as a message: the offset is still that in the text */
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, &options, &request, &error));
  CHECK(error.byte_offset == 2 && request == NULL);
  options.flags = VIAL_REQUEST_RAW;
  /* A text of nothing is a prompt where the file begins texts with a token, else there is nothing to continue. */
  options.text.data = "";
  options.text.length = 0;
  options.max_tokens = 1;
  vial_model_info information = VIAL_MODEL_INFO_INIT;
  STATUS(VIAL_STATUS_OK, vial_model_get_info(model, &information));
  STATUS(information.flags & VIAL_MODEL_BEGINS_WITH_TOKEN ? VIAL_STATUS_OK : VIAL_STATUS_INVALID_ARGUMENT,
         vial_engine_submit(engine, &options, &request, NULL));
  vial_request_close(request);
}

/** JSON that tools and further fields must not be: refused before anything is computed, with the place. */
static void tools_and_fields(void) {
  static const char *const bad_tools[] = {"{}", "[1]", "null", "[{]", "[{\"a\": 1, \"a\": 2}]", "[{}] 1", "[{\"a\": \"\\ud800\"}]"};
  static const char *const bad_fields[] = {"[]", "{\"role\": \"a\"}", "{\"name\": 1}", "{\"tool_calls\": {}}", "{\"unknown\": null}", "{"};
  vial_request *request = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_message message = {{"user", 4}, {"hi", 2}, 0, 0};
  vial_request_options options = continuation(2);
  options.tools = vial_text_from("[]"); /* beside tokens */
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  vial_text fields = {"{}", 2};
  options = continuation(2);
  options.message_fields = &fields;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  options = (vial_request_options)VIAL_REQUEST_OPTIONS_INIT;
  options.messages = &message;
  options.message_count = 1;
  for (size_t index = 0; index < sizeof bad_tools / sizeof *bad_tools; index++) {
    options.tools = vial_text_from(bad_tools[index]);
    STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, &error));
    CHECK(strstr(error.message, "tools") != NULL);
  }
  options.tools = vial_text_from("[{]");
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, &error));
  CHECK(error.byte_offset == 2);
  options.tools = vial_text_from("[{\"a\": 1, \"a\": 2}]");
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, &error));
  CHECK(error.byte_offset == 10 && strstr(error.message, "a key twice") != NULL);
  char numbers[4400];
  snprintf(numbers, sizeof numbers, "[{\"a\": -%0*d}]", 4301, 7);
  numbers[8] = '1';
  options.tools = vial_text_from(numbers);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, &error));
  CHECK(error.byte_offset == 7 && strstr(error.message, "out of range") != NULL);
  static char deep[66];
  memset(deep, '[', 65);
  options.tools = vial_text_from(deep);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, &error));
  CHECK(error.byte_offset == 64 && strstr(error.message, "deeper") != NULL);
  static char many[2 * VIAL_VALUE_COUNT_LIMIT + 2];
  many[0] = '[';
  for (size_t index = 1; index + 1 < sizeof many; index += 2) memcpy(many + index, "0,", 2);
  many[sizeof many - 2] = ']';
  options.tools = vial_text_from(many);
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, &error));
  CHECK(strstr(error.message, "values") != NULL);
  options.tools = vial_text_from("[{\"\xC3\"}]");
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, &options, &request, NULL));
  options.tools.length = HUGE_LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, NULL));
  options.tools = vial_text_from(NULL);
  options.message_fields = &fields;
  for (size_t index = 0; index < sizeof bad_fields / sizeof *bad_fields; index++) {
    fields = (vial_text){bad_fields[index], strlen(bad_fields[index])};
    STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  }
  fields = (vial_text){NULL, 1};
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, NULL));
  CHECK(request == NULL);
}

static void engine_options(void) {
  vial_engine *other = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  vial_error error = VIAL_ERROR_INIT;
  options.isa = "no such family";
  STATUS(VIAL_STATUS_UNSUPPORTED_ISA, vial_engine_open(model, &options, &other, NULL));
  options.isa = NULL;
  options.thread_count = VIAL_THREAD_LIMIT + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.thread_count = 1;
  options.cache_type = 3;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.cache_type = 0;
  options.queue_limit = (1 << 20) + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.queue_limit = 0;
  options.running_limit = VIAL_RUNNING_LIMIT + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.running_limit = 0;
  options.step_prompt_tokens = 65537;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.step_prompt_tokens = 0;
  options.flags = VIAL_ENGINE_LOCK_MEMORY << 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.flags = 0;
  options.tenant_queue_limit = (1 << 20) + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, NULL));
  options.tenant_queue_limit = 0;
  options.cache_byte_limit = 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_open(model, &options, &other, &error));
  CHECK(other == NULL && strstr(error.message, "KV cache") != NULL);
  options.cache_byte_limit = UINT64_MAX;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &other, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_close(other));
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  null_arguments();
  stale_handles();
  struct_sizes();
  lengths_and_numbers();
  tools_and_fields();
  engine_options();
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  return finish("misuse_requests.c");
}
