/* Owns: a program of header 0.1, beside this library: every function whose name stayed either has no struct or says
 * VIAL_STATUS_INVALID_STRUCT_SIZE. What was renamed does not link, which Tests/ABI/earlier tries.
 * Usage: earlier MODEL. Must not: include the header of today. */
#include "vial-0.1.h"

#include "check.h"

#include <string.h>

static int32_t go_on(void *context, uint64_t done, uint64_t total) {
  (void)context;
  return done > total;
}

int main(int argc, char **argv) {
  static const uint32_t ids[4] = {1, 2, 3, 4};
  float scores[4] = {5, 5, 5, 5};
  vial_model *model = NULL, *other = NULL;
  vial_engine *engine = NULL, *another = NULL;
  vial_request *request = NULL;
  vial_error error = VIAL_ERROR_INIT, empty;
  vial_model_options model_options = VIAL_MODEL_OPTIONS_INIT;
  vial_verify_options verify = VIAL_VERIFY_OPTIONS_INIT;
  vial_score_options score = VIAL_SCORE_OPTIONS_INIT;
  vial_engine_options engine_options = VIAL_ENGINE_OPTIONS_INIT;
  vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT, no_metrics;
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  vial_event event = VIAL_EVENT_INIT, no_event;
  int32_t descriptor = -1;
  if (argc != 2) return 2;
  empty = error;
  no_metrics = metrics;
  no_event = event;

  /* It can find out before anything else. */
  CHECK(vial_abi_version() != VIAL_ABI);
  CHECK(strcmp(vial_version_text(), VIAL_VERSION_TEXT) != 0);
  CHECK(vial_version_number() != 0 && vial_format_version() != 0 && vial_arithmetic_version() != 0);
  CHECK(vial_isa_name(0) != NULL && strcmp(vial_status_name(3), "VIAL_STATUS_INVALID_STRUCT_SIZE") == 0);

  /* Each struct, whatever else is given. An error of another size is never written. */
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_open(argv[1], NULL, &other, &error));
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_open(argv[1], &model_options, &other, NULL));
  CHECK(other == NULL);
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  verify.progress = go_on;
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_verify(model, &verify, NULL));
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_verify(model, NULL, &error));
  score.progress = go_on;
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_score(model, ids, 4, &score, scores, NULL));
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_score(model, ids, 4, NULL, scores, &error));
  CHECK(scores[0] == 5 && scores[3] == 5);
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_open(model, &engine_options, &another, NULL));
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_open(model, NULL, &another, &error));
  CHECK(another == NULL);
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  options.tokens = ids;
  options.token_count = 4;
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_submit(engine, &options, &request, NULL));
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_submit(engine, &options, &request, &error));
  CHECK(request == NULL);
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_get_metrics(engine, &metrics));
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_next_event(engine, 0, &event));
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_request_next_event(NULL, 0, &event));
  CHECK(memcmp(&error, &empty, sizeof error) == 0 && memcmp(&event, &no_event, sizeof event) == 0);
  CHECK(memcmp(&metrics, &no_metrics, sizeof metrics) == 0);

  /* What has no struct means what it meant. */
  STATUS(VIAL_STATUS_OK, vial_engine_get_event_descriptor(engine, &descriptor));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_request_cancel(NULL));
  vial_request_close(NULL);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  return finish("earlier.c");
}
