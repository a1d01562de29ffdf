/* Owns: where text of requests lies: in no core dump, locked as long as it lives whatever its neighbours do, and not in
 * the child of a fork, which may still work for itself. Usage: secrets MODEL [MEMLOCK], the limit on locked memory in
 * bytes, for which privileges are given up. */
#define _GNU_SOURCE
#include "vial.h"

#include "check.h"

#include <grp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NEIGHBOURS = 300 };

static const uint32_t ids[4] = {1, 2, 3, 4};
static vial_model *model;
static vial_engine *engine;

/** The flags of the mapping that an address lies in, as /proc/self/smaps names them. */
static void flags_of(const void *address, char *flags, size_t size) {
  FILE *file = fopen("/proc/self/smaps", "r");
  char line[512];
  int is_inside = 0;
  flags[0] = 0;
  while (fgets(line, sizeof line, file)) {
    unsigned long begin, end;
    char colon = 0;
    if (sscanf(line, "%lx-%lx%c", &begin, &end, &colon) == 3 && colon == ' ')
      is_inside = (unsigned long)address >= begin && (unsigned long)address < end;
    else if (is_inside && strncmp(line, "VmFlags:", 8) == 0)
      snprintf(flags, size, "%.*s ", (int)strcspn(line + 8, "\n"), line + 8);
  }
  fclose(file);
}

static vial_request *submitted(vial_event *event) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  vial_request *request = NULL;
  options.tokens = ids;
  options.token_count = 4;
  options.max_tokens = 30;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  if (event)
    do STATUS(VIAL_STATUS_OK, vial_request_next_event(request, VIAL_WAIT_FOREVER, event));
    while (event->text.length == 0 && event->kind == VIAL_EVENT_TOKEN);
  return request;
}

static int is_zero(const char *text, uint64_t length) {
  for (uint64_t index = 0; index < length; index++)
    if (text[index] != 0) return 0;
  return 1;
}

/** What a child finds, and that it has an arena of its own. */
static int child(vial_request *request, const vial_event *event) {
  char text[64];
  uint64_t length = 0;
  vial_event own = VIAL_EVENT_INIT;
  CHECK(is_zero(event->text.data, event->text.length));
  STATUS(VIAL_STATUS_FORKED, vial_request_copy_text(request, VIAL_PART_ANSWER, text, sizeof text, &length));
  vial_request_close(request);
  STATUS(VIAL_STATUS_FORKED, vial_engine_close(engine));
  STATUS(VIAL_STATUS_OK, vial_model_open("/proc/self/fd/9", NULL, &model, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  request = submitted(&own);
  CHECK(own.text.length > 0 && !is_zero(own.text.data, own.text.length));
  vial_request_close(request);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  return failures != 0;
}

int main(int argc, char **argv) {
  vial_request *neighbours[NEIGHBOURS], *request;
  vial_event event = VIAL_EVENT_INIT;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  char before[256], after[256];
  int status = 0;
  if (argc < 2) return 2;
  /* Kept open for the child, which may not be allowed to open it. */
  FILE *file = fopen(argv[1], "rb");
  if (file == NULL || dup2(fileno(file), 9) != 9) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  unsigned long limit = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
  if (argc > 2) {
    struct rlimit most = {limit, limit};
    CHECK(setrlimit(RLIMIT_MEMLOCK, &most) == 0);
    if (geteuid() == 0)
      CHECK(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
  }
  options.thread_count = 2;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, NULL));
  for (int index = 0; index < NEIGHBOURS / 2; index++) neighbours[index] = submitted(NULL);
  request = submitted(&event);
  CHECK(event.text.length > 0 && !is_zero(event.text.data, event.text.length));
  for (int index = NEIGHBOURS / 2; index < NEIGHBOURS; index++) neighbours[index] = submitted(NULL);
  flags_of(event.text.data, before, sizeof before);
  CHECK(strstr(before, " dd ") != NULL && strstr(before, " wf ") != NULL);
  if (argc == 2 && geteuid() == 0) CHECK(strstr(before, " lo ") != NULL);
  if (argc > 2 && limit == 0) CHECK(strstr(before, " lo ") == NULL);
  for (int index = 0; index < NEIGHBOURS; index++) vial_request_close(neighbours[index]);
  flags_of(event.text.data, after, sizeof after);
  CHECK(strcmp(before, after) == 0);
  pid_t process = fork();
  if (process == 0) _exit(child(request, &event));
  CHECK(waitpid(process, &status, 0) == process && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(!is_zero(event.text.data, event.text.length));
  vial_request_close(request);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  return finish("secrets.c");
}
