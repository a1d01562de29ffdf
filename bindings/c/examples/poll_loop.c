/* One loop, many requests: the engine's descriptor stands in poll(2) beside a host's others.
 * Usage: poll_loop MODEL QUESTION... */
#include "terminal.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <vial.h>

enum { MOST = 64 };

int main(int argc, char **argv) {
  vial_model *model = NULL;
  vial_engine *engine = NULL;
  vial_request *requests[MOST];
  vial_error error = VIAL_ERROR_INIT;
  struct pollfd watched = {-1, POLLIN, 0};
  int count = argc - 2, open = 0;
  if (count < 1 || count > MOST) return fprintf(stderr, "usage: poll_loop MODEL QUESTION...\n"), 2;
  if (vial_model_open(argv[1], NULL, &model, &error) != VIAL_STATUS_OK ||
      vial_engine_open(model, NULL, &engine, &error) != VIAL_STATUS_OK ||
      vial_engine_get_event_descriptor(engine, &watched.fd) != VIAL_STATUS_OK)
    return fprintf(stderr, "%s\n", error.message), 1;
  for (; open < count; open++) {
    vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
    options.text = vial_text_from(argv[2 + open]);
    options.max_tokens = 200;
    if (vial_engine_submit(engine, &options, &requests[open], &error) != VIAL_STATUS_OK)
      return fprintf(stderr, "%s\n", error.message), 1;
  }
  while (open > 0 && poll(&watched, 1, -1) >= 0) {
    vial_event event = VIAL_EVENT_INIT;
    while (vial_engine_next_event(engine, 0, &event) == VIAL_STATUS_OK) {
      if (event.kind != VIAL_EVENT_FINISHED) continue;
      for (int index = 0; index < count; index++) {
        char answer[4096];
        uint64_t length = 0;
        if (requests[index] != event.request) continue;
        vial_request_copy_text(event.request, VIAL_PART_ANSWER, answer, sizeof answer, &length);
        if (length > sizeof answer) length = sizeof answer;
        show(stdout, argv[2 + index], strlen(argv[2 + index]));
        putchar('\n');
        show(stdout, answer, length);
        printf("\n\n");
      }
      vial_request_close(event.request);
      open--;
    }
  }
  vial_engine_close(engine);
  vial_model_close(model);
  return 0;
}
