/* Owns: adapters through the C API: listing them, requests and scores with them, and their misuse.
 * Usage: adapters MODEL, a model with the one adapter "ward". */
#include "vial.h"

#include "check.h"

#include <math.h>
#include <string.h>

static vial_model *model;
static vial_engine *engine;
static const uint32_t ids[6] = {3, 17, 101, 255, 490, 7};

static vial_request_options options_for(const char *adapter, float scale) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.tokens = ids;
  options.token_count = 6;
  options.max_tokens = 12;
  options.adapter.data = adapter;
  options.adapter.length = adapter == NULL ? 0 : strlen(adapter);
  options.adapter_scale = scale;
  return options;
}

/** The ids that a request answers. */
static uint64_t answer(vial_request *request, uint32_t *tokens) {
  vial_event event = VIAL_EVENT_INIT;
  uint64_t count = 0;
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK)
    if (event.kind == VIAL_EVENT_TOKEN) tokens[count++] = event.token;
  vial_request_close(request);
  return count;
}

static void listing(void) {
  vial_model_info information = VIAL_MODEL_INFO_INIT;
  vial_adapter_info adapter = VIAL_ADAPTER_INFO_INIT;
  char name[VIAL_ADAPTER_NAME_LIMIT];
  uint64_t length = 9;
  STATUS(VIAL_STATUS_OK, vial_model_get_info(model, &information));
  CHECK(information.adapter_count == 1);
  STATUS(VIAL_STATUS_OK, vial_model_get_adapter_info(model, 0, &adapter));
  CHECK(adapter.rank == 8 && adapter.target_count == 8 && adapter.parameter_count > 0 && adapter.byte_count > 0);
  STATUS(VIAL_STATUS_OK, vial_model_copy_adapter_name(model, 0, name, sizeof name, &length));
  CHECK(length == 4 && memcmp(name, "ward", 4) == 0);
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL, vial_model_copy_adapter_name(model, 0, name, 3, &length));
  CHECK(length == 4);
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL, vial_model_copy_adapter_name(model, 0, NULL, 0, &length));
  STATUS(VIAL_STATUS_NOT_IN_FILE, vial_model_copy_adapter_name(model, 1, name, sizeof name, &length));
  CHECK(length == 0);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_copy_adapter_name(model, 0, name, sizeof name, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_copy_adapter_name(model, 0, NULL, 1, &length));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_model_copy_adapter_name(NULL, 0, NULL, 0, &length));
  STATUS(VIAL_STATUS_NOT_IN_FILE, vial_model_get_adapter_info(model, 1, &adapter));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_get_adapter_info(model, 0, NULL));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_model_get_adapter_info(NULL, 0, &adapter));
  adapter.struct_size = 8;
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_get_adapter_info(model, 0, &adapter));
}

/** A status, no request, and details. */
static void refused(vial_status status, vial_request_options options) {
  vial_request *request = (vial_request *)&options;
  vial_error error = VIAL_ERROR_INIT;
  STATUS(status, vial_engine_submit(engine, &options, &request, &error));
  CHECK(request == NULL && error.status == status && error.message[0] != 0);
  CHECK(strstr(error.message, "surgery") == NULL);
}

static void misuse(void) {
  char longest[VIAL_ADAPTER_NAME_LIMIT + 2];
  vial_request_options options;
  memset(longest, 'a', sizeof longest);
  longest[sizeof longest - 1] = 0;
  refused(VIAL_STATUS_NOT_IN_FILE, options_for("surgery", 0));
  refused(VIAL_STATUS_TOO_LONG, options_for(longest, 0));
  refused(VIAL_STATUS_INVALID_UTF8, options_for("ward\xff", 0));
  refused(VIAL_STATUS_INVALID_ARGUMENT, options_for("ward", 100.5f));
  refused(VIAL_STATUS_INVALID_ARGUMENT, options_for("ward", -INFINITY));
  refused(VIAL_STATUS_INVALID_ARGUMENT, options_for("ward", NAN));
  refused(VIAL_STATUS_INVALID_ARGUMENT, options_for(NULL, 1));
  options = options_for(NULL, 0);
  options.adapter.length = 4;
  refused(VIAL_STATUS_INVALID_ARGUMENT, options);
}

/** Requests with and without the adapter run together and answer what each answers alone. */
static void together(void) {
  static const float scales[4] = {0, 0.5f, 1, -1};
  uint32_t alone[5][12], tokens[12];
  uint64_t counts[5];
  vial_request *requests[5];
  for (int index = 0; index < 5; index++) {
    vial_request_options options = index == 0 ? options_for(NULL, 0) : options_for("ward", scales[index - 1]);
    STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &requests[index], NULL));
    counts[index] = answer(requests[index], alone[index]);
  }
  for (int index = 0; index < 5; index++) {
    vial_request_options options = index == 0 ? options_for(NULL, 0) : options_for("ward", scales[index - 1]);
    STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &requests[index], NULL));
  }
  for (int index = 0; index < 5; index++) {
    CHECK(answer(requests[index], tokens) == counts[index]);
    CHECK(memcmp(tokens, alone[index], counts[index] * sizeof *tokens) == 0);
  }
  /* A factor of 0 stands for 1, and the adapter does something. */
  CHECK(counts[1] == counts[3] && memcmp(alone[1], alone[3], counts[1] * sizeof **alone) == 0);
  CHECK(counts[0] != counts[1] || memcmp(alone[0], alone[1], counts[0] * sizeof **alone) != 0);
}

static void scores(void) {
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  float without[6], with[6];
  STATUS(VIAL_STATUS_OK, vial_model_score(model, ids, 6, &options, without, NULL));
  options.adapter.data = "ward";
  options.adapter.length = 4;
  STATUS(VIAL_STATUS_OK, vial_model_score(model, ids, 6, &options, with, NULL));
  CHECK(memcmp(without + 1, with + 1, 5 * sizeof *with) != 0);
  options.adapter.data = "surgery";
  options.adapter.length = 7;
  STATUS(VIAL_STATUS_NOT_IN_FILE, vial_model_score(model, ids, 6, &options, with, NULL));
}

int main(int argument_count, char **arguments) {
  if (argument_count != 2) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(arguments[1], NULL, &model, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  listing();
  misuse();
  together();
  scores();
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  return finish("adapters");
}
