/* Two threads, one engine: each submits a question of its own and waits for its own answer. The
 * engine computes both together. Usage: two_threads MODEL QUESTION QUESTION */
#include "terminal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vial.h>

typedef struct job {
  vial_engine *engine;
  const char *question;
  char *answer;
  uint64_t length;
  vial_status status;
} job;

static void *ask(void *argument) {
  job *work = argument;
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.text = vial_text_from(work->question);
  options.max_tokens = 200;
  work->status = vial_engine_submit(work->engine, &options, &request, NULL);
  if (work->status != VIAL_STATUS_OK) return NULL;
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
  work->status = event.status;
  vial_request_copy_text(request, VIAL_PART_ANSWER, NULL, 0, &work->length);
  work->answer = malloc(work->length + 1);
  if (work->answer)
    vial_request_copy_text(request, VIAL_PART_ANSWER, work->answer, work->length, &work->length);
  vial_request_close(request);
  return NULL;
}

int main(int argc, char **argv) {
  vial_model *model = NULL;
  vial_error error = VIAL_ERROR_INIT;
  job jobs[2] = {{0}, {0}};
  pthread_t threads[2];
  vial_engine *engine = NULL;
  if (argc != 4) return fprintf(stderr, "usage: two_threads MODEL QUESTION QUESTION\n"), 2;
  if (vial_model_open(argv[1], NULL, &model, &error) != VIAL_STATUS_OK ||
      vial_engine_open(model, NULL, &engine, &error) != VIAL_STATUS_OK)
    return fprintf(stderr, "%s\n", error.message), 1;
  /* The engine keeps what it needs of the model. */
  vial_model_close(model);
  for (int index = 0; index < 2; index++) {
    jobs[index].engine = engine;
    jobs[index].question = argv[2 + index];
    if (pthread_create(&threads[index], NULL, ask, &jobs[index]) != 0) return 1;
  }
  for (int index = 0; index < 2; index++) {
    pthread_join(threads[index], NULL);
    if (jobs[index].status != VIAL_STATUS_OK || !jobs[index].answer)
      return fprintf(stderr, "%s\n", vial_status_message(jobs[index].status)), 1;
    show(stdout, jobs[index].question, strlen(jobs[index].question));
    putchar('\n');
    show(stdout, jobs[index].answer, jobs[index].length);
    printf("\n\n");
    free(jobs[index].answer);
  }
  vial_engine_close(engine);
  return 0;
}
