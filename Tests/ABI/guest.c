/* Owns: a host that does nothing but call the library once each way, so that all else a tracer sees is the library's.
 * Says nothing when all is well; otherwise the exit code is the line's number, modulo 256.
 * Usage: guest MODEL ROUNDS [ISA], one round for each character of ROUNDS. Must not: print, or call what the tests look for. */
#include "vial.h"

#include <string.h>

#define EXPECT(condition) \
  do {                    \
    if (!(condition)) return __LINE__ % 256; \
  } while (0)

static void ignore(void *context, const vial_event *event) {
  *(uint32_t *)context = event->kind;
}

/** One answer waited for, one polled, one called back, one closed under way. */
static int answer(vial_model *model, const char *isa) {
  static const uint32_t ids[4] = {1, 2, 3, 4};
  static uint32_t last;
  vial_engine *engine = NULL;
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_engine_options engine_options = VIAL_ENGINE_OPTIONS_INIT;
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  engine_options.thread_count = 2;
  engine_options.isa = isa;
  options.tokens = ids;
  options.token_count = 4;
  options.max_tokens = 3;
  options.alternative_count = 2;
  EXPECT(vial_engine_open(model, &engine_options, &engine, NULL) == VIAL_STATUS_OK);
  EXPECT(vial_engine_submit(engine, &options, &request, NULL) == VIAL_STATUS_OK);
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
  EXPECT(event.kind == VIAL_EVENT_NONE);
  vial_request_close(request);
  EXPECT(vial_engine_submit(engine, &options, &request, NULL) == VIAL_STATUS_OK);
  do EXPECT(vial_engine_next_event(engine, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK);
  while (event.kind != VIAL_EVENT_FINISHED);
  vial_request_close(request);
  options.on_event = ignore;
  options.event_context = &last;
  EXPECT(vial_engine_submit(engine, &options, &request, NULL) == VIAL_STATUS_OK);
  vial_request_close(request);
  options.max_tokens = 1000;
  EXPECT(vial_engine_submit(engine, &options, &request, NULL) == VIAL_STATUS_OK);
  EXPECT(vial_engine_close(engine) == VIAL_STATUS_OK);
  EXPECT(last == VIAL_EVENT_FINISHED);
  vial_request_close(request);
  return 0;
}

static int visit(const char *path, const char *isa) {
  static uint32_t tokens[256];
  static float scores[256];
  static char text[4096];
  uint64_t count = 0, length = 0;
  vial_model *model = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_model_info information = VIAL_MODEL_INFO_INIT;
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  vial_message message = {{"user", 4}, {"What is anemia?", 15}, 0, 0};
  options.thread_count = 2;
  options.isa = isa;
  EXPECT(vial_abi_version() == VIAL_ABI_VERSION && vial_isa_name(0) != NULL);
  EXPECT(vial_model_open("/nowhere/at/all", NULL, &model, &error) == VIAL_STATUS_SYSTEM);
  EXPECT(vial_model_open(path, NULL, &model, &error) == VIAL_STATUS_OK);
  EXPECT(vial_model_get_info(model, &information) == VIAL_STATUS_OK);
  EXPECT(vial_model_copy_text(model, VIAL_MODEL_TEXT_NOTICE, text, sizeof text, &length, NULL) == VIAL_STATUS_OK);
  EXPECT(vial_model_encode(model, (vial_text){"heart attack", 12}, 0, tokens, 256, &count, &error) == VIAL_STATUS_OK);
  EXPECT(vial_model_score(model, tokens, count, &options, scores, &error) == VIAL_STATUS_OK);
  EXPECT(vial_model_decode(model, tokens, count, 0, text, sizeof text, &length, NULL) == VIAL_STATUS_OK);
  EXPECT(length == 12 && memcmp(text, "heart attack", 12) == 0);
  EXPECT(vial_model_render_chat_template(model, &message, 1, 0, tokens, 256, &count, &error) == VIAL_STATUS_OK);
  EXPECT(vial_model_score(model, tokens, 1, NULL, scores, &error) == VIAL_STATUS_OK);
  tokens[0] = UINT32_MAX;
  EXPECT(vial_model_score(model, tokens, 1, &options, scores, &error) == VIAL_STATUS_UNKNOWN_TOKEN);
  EXPECT(answer(model, isa) == 0);
  vial_model_close(model);
  EXPECT(vial_model_get_info(model, &information) == VIAL_STATUS_INVALID_HANDLE);
  return 0;
}

int main(int argc, char **argv) {
  EXPECT(argc == 3 || argc == 4);
  int result = 0;
  for (const char *round = argv[2]; *round && result == 0; round++) result = visit(argv[1], argc == 4 ? argv[3] : NULL);
  return result;
}
