/* Owns: that no call changes how its thread computes, and that no state of it changes an answer: rounding, flushing,
 * traps and x87 precision of the host, set before each call. Must not: run on anything but x86-64. */
#include "vial.h"

#include "check.h"

#include <string.h>

typedef struct State {
  uint32_t mxcsr;
  uint16_t x87;
} State;

static State state(void) {
  State now = {0, 0};
  __asm__ volatile("stmxcsr %0" : "=m"(now.mxcsr));
  __asm__ volatile("fnstcw %0" : "=m"(now.x87));
  return now;
}

static void set(State wanted) {
  __asm__ volatile("ldmxcsr %0" : : "m"(wanted.mxcsr) : "memory");
  __asm__ volatile("fldcw %0" : : "m"(wanted.x87) : "memory");
}

/* The state is looked at before anything else runs: a check computes, too. */
#define KEEPS(wanted, expected, call)                                  \
  do {                                                                 \
    set(wanted);                                                       \
    vial_status result_ = (call);                                      \
    State after_ = state();                                            \
    set(usual);                                                        \
    STATUS(expected, result_);                                         \
    CHECK(after_.mxcsr == (wanted).mxcsr);                             \
    CHECK(after_.x87 == (wanted).x87);                                 \
  } while (0)

static uint32_t tokens[256];
static float first[256];
static uint64_t token_count;

/** What a callback finds is the delivery thread's own state: the usual one. */
static void look(void *context, const vial_event *event) {
  (void)event;
  *(State *)context = state();
}

static void answer(vial_model *model, State wanted, State usual) {
  static const uint32_t ids[4] = {1, 2, 3, 4};
  vial_engine *engine = NULL;
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  State inside = {0, 0};
  uint32_t chosen[4];
  uint64_t count = 0;
  options.tokens = ids;
  options.token_count = 4;
  options.max_tokens = 2;
  KEEPS(wanted, VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  KEEPS(wanted, VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  KEEPS(wanted, VIAL_STATUS_OK, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
  KEEPS(wanted, VIAL_STATUS_OK, vial_request_next_event(request, 60000, &event));
  KEEPS(wanted, VIAL_STATUS_OK, vial_request_copy_tokens(request, chosen, 4, &count));
  KEEPS(wanted, VIAL_STATUS_OK, vial_request_cancel(request));
  KEEPS(wanted, VIAL_STATUS_OK, (vial_request_close(request), VIAL_STATUS_OK));
  options.on_event = look;
  options.event_context = &inside;
  KEEPS(wanted, VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  KEEPS(wanted, VIAL_STATUS_OK, vial_engine_close(engine));
  CHECK((inside.mxcsr & ~0x3Fu) == (usual.mxcsr & ~0x3Fu)); /* flags are not control */
  KEEPS(wanted, VIAL_STATUS_OK, (vial_request_close(request), VIAL_STATUS_OK));
}

static void visit(const char *path, State wanted, State usual, int is_first) {
  static uint32_t ids[256];
  static float scores[256];
  static char text[256];
  uint64_t count = 0, length = 0;
  vial_model *model = NULL;
  vial_model_info information = VIAL_MODEL_INFO_INIT;
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  vial_message message = {{"user", 4}, {"What is anemia?", 15}, 0, 0};
  options.thread_count = 2;
  KEEPS(wanted, VIAL_STATUS_OK, vial_model_open(path, NULL, &model, NULL));
  KEEPS(wanted, VIAL_STATUS_OK, vial_model_get_info(model, &information));
  KEEPS(wanted, VIAL_STATUS_OK, vial_model_copy_text(model, VIAL_MODEL_TEXT_NAME, text, sizeof text, &length, NULL));
  KEEPS(wanted, VIAL_STATUS_OK, vial_model_encode(model, (vial_text){"heart attack", 12}, 0, ids, 256, &count, NULL));
  KEEPS(wanted, VIAL_STATUS_OK, vial_model_score(model, ids, count, &options, scores, NULL));
  if (is_first) {
    token_count = count;
    memcpy(tokens, ids, sizeof ids);
    memcpy(first, scores, sizeof scores);
  }
  CHECK(count == token_count && count > 1 && memcmp(ids, tokens, count * sizeof *ids) == 0);
  /* The first score is NaN in every state. */
  CHECK(memcmp(scores + 1, first + 1, (count - 1) * sizeof *scores) == 0);
  KEEPS(wanted, VIAL_STATUS_OK, vial_model_decode(model, ids, count, 0, text, sizeof text, &length, NULL));
  KEEPS(wanted, VIAL_STATUS_OK, vial_model_render_chat_template(model, &message, 1, 0, ids, 256, &count, NULL));
  answer(model, wanted, usual);
  ids[0] = UINT32_MAX;
  KEEPS(wanted, VIAL_STATUS_UNKNOWN_TOKEN, vial_model_score(model, ids, 1, &options, scores, NULL));
  KEEPS(wanted, VIAL_STATUS_OK, (vial_model_close(model), VIAL_STATUS_OK));
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  /* MXCSR: rounding (2 bits at 13), flush to zero (15), denormals are zero (6), traps on invalid, division by zero and
   * overflow (7, 9, 10 cleared), sticky flags (0-5). x87: rounding (10), precision (8). */
  static const uint32_t words[] = {0x1F80, 0x3F80, 0x5F80, 0x7F80, 0x9F80, 0x1FC0, 0x9FC0, 0xFFC0, 0x1FBF, 0xFFFF, 0x1900};
  static const uint16_t controls[] = {0x037F, 0x027F, 0x007F, 0x077F, 0x0B7F, 0x0F7F};
  State usual = state();
  for (size_t word = 0; word < sizeof words / sizeof *words; word++)
    for (size_t control = 0; control < sizeof controls / sizeof *controls; control++) {
      State wanted = {words[word], controls[control]};
      visit(argv[1], wanted, usual, word == 0 && control == 0);
    }
  return finish("floating.c");
}
