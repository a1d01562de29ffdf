/* A host of hostile files: opens each path of stdin in a process of its own, calls what vial.h has for it, with values
 * of the templates' types, and tells what became of the calls. Owns: the limits of a file, 4 GiB and 20 s; a call beyond
 * a second or a signal is a finding. Usage: ls FILE... | host */
#include "vial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILES, OPENED, RENDERS, RENDERED, SCHEMAS, COMPILED, ANSWERS, FINDINGS, COUNTERS };

typedef struct report {
  long counts[COUNTERS];
  double longest_call;
} report;

static report found;

static double processor_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/** The result of a call, whose processor time counts. */
#define TIMED(call) (call_begins = processor_time(), timed(call))
static double call_begins;
static vial_status timed(vial_status status) {
  double taken = processor_time() - call_begins;
  if (taken > found.longest_call) found.longest_call = taken;
  return status;
}

static char text[1 << 20];
static uint32_t tokens[1 << 18];

static void ask(vial_engine *engine, vial_request_options *options, int is_schema) {
  vial_request *request = NULL;
  options->max_tokens = 6;
  options->max_reasoning_tokens = VIAL_REASONING_NONE;
  if (is_schema) found.counts[SCHEMAS]++;
  if (TIMED(vial_engine_submit(engine, options, &request, NULL)) != VIAL_STATUS_OK) return;
  if (is_schema) found.counts[COMPILED]++;
  vial_event event = VIAL_EVENT_INIT;
  while (vial_request_next_event(request, 5000, &event) == VIAL_STATUS_OK)
    if (event.kind == VIAL_EVENT_FINISHED && event.status == VIAL_STATUS_OK) found.counts[ANSWERS]++;
  uint64_t length;
  vial_request_copy_text(request, 0, text, sizeof text, &length);
  vial_request_close(request);
}

/** Gives every variable a value; one that is refused gets the next. Returns whether the template renders. */
static int fill(vial_model *model, const char *id, char *names, vial_template_value *values, uint64_t *count) {
  static const char *const candidates[] = {"3", "2024-02-29", "a", "3 mg", "3 mmol/L", "x", "the", "b c", "pain {{a}}"};
  enum { CANDIDATES = sizeof candidates / sizeof *candidates };
  int tried[VIAL_TEMPLATE_VALUE_LIMIT] = {0};
  *count = 0;
  for (char *name = strtok(names, "\n"); name && *count < VIAL_TEMPLATE_VALUE_LIMIT; name = strtok(NULL, "\n"))
    values[(*count)++] = (vial_template_value){vial_text_from(name), vial_text_from(candidates[0])};
  for (;;) {
    vial_error error = VIAL_ERROR_INIT;
    uint64_t token_count;
    unsigned refused;
    vial_status status = TIMED(vial_model_render_prompt_template(model, vial_text_from(id), values, *count, tokens,
                                                                 sizeof tokens / sizeof *tokens, &token_count, &error));
    if (status == VIAL_STATUS_OK) return 1;
    if (status != VIAL_STATUS_TEMPLATE || sscanf(error.message, "variable %u", &refused) != 1) return 0;
    if (refused < 1 || refused > *count || ++tried[refused - 1] >= CANDIDATES) return 0;
    values[refused - 1].text = vial_text_from(candidates[tried[refused - 1]]);
  }
}

static void use_templates(vial_model *model, vial_engine *engine) {
  for (uint32_t index = 0; index < 4; index++) {
    static char id[256], names[8192], schema[1 << 16];
    uint64_t id_length = 0, names_length = 0, schema_length = 0, count = 0;
    vial_status status =
        vial_model_copy_template_text(model, index, VIAL_TEMPLATE_TEXT_ID, id, sizeof id - 1, &id_length, NULL);
    if (status == VIAL_STATUS_NOT_IN_FILE) return;
    found.counts[RENDERS]++;
    if (status != VIAL_STATUS_OK ||
        vial_model_copy_template_text(model, index, VIAL_TEMPLATE_TEXT_VARIABLES, names, sizeof names - 1,
                                      &names_length, NULL) != VIAL_STATUS_OK)
      continue;
    id[id_length] = names[names_length] = 0;
    vial_template_value values[VIAL_TEMPLATE_VALUE_LIMIT];
    if (fill(model, id, names, values, &count)) {
      found.counts[RENDERED]++;
      vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
      options.template_id.data = id;
      options.template_id.length = id_length;
      options.template_values = values;
      options.template_value_count = count;
      ask(engine, &options, 0);
    }
    if (vial_model_copy_template_text(model, index, VIAL_TEMPLATE_TEXT_SCHEMA, schema, sizeof schema, &schema_length,
                                      NULL) != VIAL_STATUS_OK ||
        schema_length == 0)
      continue;
    vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
    options.text.data = "the";
    options.text.length = 3;
    options.schema.data = schema;
    options.schema.length = schema_length;
    ask(engine, &options, 1);
  }
}

static void use(const char *path) {
  vial_model *model = NULL;
  vial_engine *engine = NULL;
  if (TIMED(vial_model_open(path, NULL, &model, NULL)) != VIAL_STATUS_OK) return;
  found.counts[OPENED]++;
  vial_model_info information = VIAL_MODEL_INFO_INIT;
  vial_model_get_info(model, &information);
  static const char said[] = "the <|user|> caf\xC3\xA9 <think>";
  uint64_t count = 0, length = 0;
  vial_verify_options verifying = VIAL_VERIFY_OPTIONS_INIT;
  TIMED(vial_model_verify(model, &verifying, NULL));
  for (uint32_t flags = 0; flags < 4; flags++)
    if (TIMED(vial_model_encode(model, (vial_text){said, sizeof said - 1}, flags, tokens,
                                sizeof tokens / sizeof *tokens, &count, NULL)) == VIAL_STATUS_OK)
      vial_model_decode(model, tokens, count, flags & 1, text, sizeof text, &length, NULL);
  vial_message message = {{"user", 4}, {said, sizeof said - 1}, 0, 0};
  TIMED(vial_model_render_chat_template(model, &message, 1, 0, tokens, sizeof tokens / sizeof *tokens, &count, NULL));
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  options.thread_count = 1;
  options.cache_byte_limit = 1 << 24;
  if (TIMED(vial_engine_open(model, &options, &engine, NULL)) == VIAL_STATUS_OK) {
    use_templates(model, engine);
    vial_engine_close(engine);
  }
  vial_model_close(model);
}

static void limit(void) {
  struct rlimit bound = {4ull << 30, 4ull << 30}, none = {0, 0};
  setrlimit(RLIMIT_AS, &bound);
  setrlimit(RLIMIT_CORE, &none);
  alarm(20);
}

int main(void) {
  static char path[4096];
  report total = {{0}, 0};
  long largest = 0;
  while (fgets(path, sizeof path, stdin)) {
    path[strcspn(path, "\n")] = 0;
    int ends[2], status;
    if (pipe(ends) != 0) return 2;
    pid_t child = fork();
    if (child == 0) {
      limit();
      use(path);
      _exit(write(ends[1], &found, sizeof found) == sizeof found ? 0 : 3);
    }
    close(ends[1]);
    report one = {{0}, 0};
    ssize_t got = read(ends[0], &one, sizeof one);
    close(ends[0]);
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return 2;
    total.counts[FILES]++;
    for (int index = OPENED; index < COUNTERS; index++) total.counts[index] += one.counts[index];
    if (one.longest_call > total.longest_call) total.longest_call = one.longest_call;
    if (usage.ru_maxrss > largest) largest = usage.ru_maxrss;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || got != sizeof one || one.longest_call > 1) {
      printf("FINDING %s: %s %d, longest call %.2f s\n", path, WIFSIGNALED(status) ? "signal" : "exit",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), one.longest_call);
      total.counts[FINDINGS]++;
    }
  }
  printf("{\"files\": %ld, \"opened\": %ld, \"renders\": %ld, \"rendered\": %ld, \"schemas\": %ld, \"compiled\": %ld, "
         "\"answers\": %ld, \"findings\": %ld, \"longest_call_s\": %.3f, \"largest_mb\": %ld}\n",
         total.counts[FILES], total.counts[OPENED], total.counts[RENDERS], total.counts[RENDERED], total.counts[SCHEMAS],
         total.counts[COMPILED], total.counts[ANSWERS], total.counts[FINDINGS], total.longest_call, largest >> 10);
  return total.counts[FINDINGS] != 0;
}
