/* Owns: that every vial_..._init function does what its macro does, for callers of any size, and that vial_text_from
 * measures a string. Must not: need a model. */
#include "vial.h"

#include "check.h"

#include <string.h>

/** One struct: its macro, its function, a shorter caller, a longer one, and what is no size at all. */
#define INITIAL(name, INIT)                                                                                           \
  static void name(void) {                                                                                            \
    struct {                                                                                                          \
      vial_##name value;                                                                                              \
      uint64_t added[2];                                                                                              \
    } later;                                                                                                          \
    vial_##name macro = INIT, value, untouched;                                                                       \
    const uint32_t size = sizeof value, wrong[] = {0, 1, 4, sizeof value - 1, 4097, UINT32_MAX};                      \
    memset(&value, 0xAA, sizeof value);                                                                               \
    untouched = value;                                                                                                \
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++)                                             \
      STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_##name##_init(&value, wrong[index]));                              \
    CHECK(memcmp(&value, &untouched, sizeof value) == 0);                                                             \
    STATUS(VIAL_STATUS_OK, vial_##name##_init(&value, size));                                                         \
    CHECK(memcmp(&value, &macro, sizeof value) == 0);                                                                 \
    memset(&later, 0xAA, sizeof later);                                                                               \
    STATUS(VIAL_STATUS_OK, vial_##name##_init(&later.value, size + 8));                                               \
    macro.struct_size = size + 8;                                                                                     \
    CHECK(memcmp(&later.value, &macro, sizeof macro) == 0 && later.added[0] == 0 && (later.added[1] & 0xFF) == 0xAA); \
    STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_##name##_init(NULL, size));                                             \
    STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_##name##_init((vial_##name *)(void *)((char *)&later + 2), size));      \
  }

INITIAL(error, VIAL_ERROR_INIT)
INITIAL(model_options, VIAL_MODEL_OPTIONS_INIT)
INITIAL(model_info, VIAL_MODEL_INFO_INIT)
INITIAL(adapter_info, VIAL_ADAPTER_INFO_INIT)
INITIAL(verify_options, VIAL_VERIFY_OPTIONS_INIT)
INITIAL(engine_options, VIAL_ENGINE_OPTIONS_INIT)
INITIAL(engine_info, VIAL_ENGINE_INFO_INIT)
INITIAL(sampling_options, VIAL_SAMPLING_OPTIONS_INIT)
INITIAL(event, VIAL_EVENT_INIT)
INITIAL(request_options, VIAL_REQUEST_OPTIONS_INIT)
INITIAL(request_info, VIAL_REQUEST_INFO_INIT)
INITIAL(score_options, VIAL_SCORE_OPTIONS_INIT)
INITIAL(engine_metrics, VIAL_ENGINE_METRICS_INIT)

static void strings(void) {
  const char *string = "heart attack";
  const vial_text text = vial_text_from(string), empty = vial_text_from(""), absent = vial_text_from(NULL);
  CHECK(text.data == string && text.length == 12);
  CHECK(empty.data != NULL && empty.length == 0);
  CHECK(absent.data == NULL && absent.length == 0);
}

int main(void) {
  error();
  model_options();
  model_info();
  adapter_info();
  verify_options();
  engine_options();
  engine_info();
  sampling_options();
  event();
  request_options();
  request_info();
  score_options();
  engine_metrics();
  strings();
  return finish("initial.c");
}
