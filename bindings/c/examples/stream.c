/* Streams the answer to one question. Usage: stream MODEL QUESTION [SEED]
 * cc stream.c $(pkg-config --cflags --libs vial) -o stream */
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vial.h>

static int fail(const vial_error *error) {
  fprintf(stderr, "%s: %s\n", vial_status_name(error->status), error->message);
  return 1;
}

int main(int argc, char **argv) {
  vial_model *model = NULL;
  vial_engine *engine = NULL;
  vial_request *request = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  vial_event event = VIAL_EVENT_INIT;
  char notice[256];
  uint64_t length = 0;

  if (argc < 3) return fprintf(stderr, "usage: stream MODEL QUESTION [SEED]\n"), 2;
  if (vial_model_open(argv[1], NULL, &model, &error) != VIAL_STATUS_OK) return fail(&error);
  if (vial_model_copy_text(model, VIAL_MODEL_TEXT_NOTICE, notice, sizeof notice, &length, &error) ==
      VIAL_STATUS_OK)
    show(stderr, notice, length), fputc('\n', stderr);

  options.text = vial_text_from(argv[2]);
  options.seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
  if (vial_engine_open(model, NULL, &engine, &error) != VIAL_STATUS_OK ||
      vial_engine_submit(engine, &options, &request, &error) != VIAL_STATUS_OK)
    return fail(&error);
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) {
    FILE *stream = event.part == VIAL_PART_ANSWER ? stdout : stderr;
    show(stream, event.text.data, event.text.length);
    fflush(stream);
  }
  putchar('\n');
  vial_request_close(request);
  vial_engine_close(engine);
  vial_model_close(model);
  return event.finish_reason == VIAL_FINISH_ERROR;
}
