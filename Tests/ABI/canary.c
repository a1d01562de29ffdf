/* Owns: 14 ways in which a request comes to its end, and what is left of its text and ids then: nothing in the process's
 * memory, and nothing in a core file, be it written in the midst. Must not: hold a canary longer than a call needs it.
 * Usage: canary MODEL FOLDER  all ways; the system's core files are written in FOLDER
 *        canary MODEL FOLDER NUMBER end|midst  one of them, which then aborts */
#define _GNU_SOURCE
#include "vial.h"

#include "check.h"
#include "sampling.h"
#include "traces.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { MOST = 16, SCENARIOS = 14 };

static const char *const names[SCENARIOS] = {
    "a text, answered",
    "cancelled in the midst",
    "errors: too long, not UTF-8, unknown id, no schema",
    "twelve at once that give way to each other",
    "a callback",
    "a schema and choices that hold the text",
    "values of a template",
    "stop strings",
    "messages, alternatives",
    "raw, penalties, entropy",
    "a pinned prompt",
    "an engine closed in the midst",
    "tokenized, rendered, scored",
    "tenants, an adapter, a deadline, one queue of events",
};

static vial_model *model;
static vial_engine *engine;
static vial_request *requests[MOST];
static int request_count;
static trace text, ids, answer_text, answer_ids;
static trace *const prompts[] = {&text, &ids};
static trace *const all[] = {&text, &ids, &answer_text, &answer_ids};
static int scenario, searched_answers;
/** abort() here instead of searching. */
static const char *aborts;

/** Finds traces or, in a process that is to die, dies. */
static void look(const char *when, trace *const *traces, size_t count, int in_core) {
  if (aborts) {
    if (in_core && strcmp(aborts, when) == 0) abort();
    return;
  }
  const int found = search_process(traces, count, in_core);
  if (found) fprintf(stderr, "  %d (%s), %s: %d traces %s\n", scenario, names[scenario], when, found,
                     in_core ? "in a core file" : "in memory");
  CHECK(found == 0);
}

static void submit(vial_request_options *options) {
  if (options->max_tokens == 0) options->max_tokens = 40;
  if (options->sampling == NULL) options->sampling = at_temperature(model, 0.9f);
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, options, &requests[request_count], NULL));
  if (requests[request_count]) request_count++;
}

static void finish_request(vial_request *request) {
  vial_event event = VIAL_EVENT_INIT;
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
}

/** Learns what the first request answered, to look for it once it is closed. */
static void learn_answer(void) {
  char text_room[2048];
  uint32_t id_room[LONGEST_TRACE];
  uint64_t length = 0, count = 0;
  memset(&answer_text, 0, sizeof answer_text);
  memset(&answer_ids, 0, sizeof answer_ids);
  if (request_count == 0) return;
  if (vial_request_copy_text(requests[0], VIAL_PART_ANSWER, text_room, sizeof text_room, &length) == VIAL_STATUS_OK)
    searched_answers += set_trace(&answer_text, "an answer", 1, text_room, length);
  if (vial_request_copy_tokens(requests[0], id_room, LONGEST_TRACE, &count) == VIAL_STATUS_OK)
    searched_answers += set_trace(&answer_ids, "an answer's ids", 0, id_room, count);
  explicit_bzero(text_room, sizeof text_room);
  explicit_bzero(id_room, sizeof id_room);
}

static int ended;
static void on_event(void *context, const vial_event *event) {
  (void)context;
  if (event->kind == VIAL_EVENT_FINISHED) __atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
}

/** Refused in four ways: nothing is open afterwards. */
static void errors(vial_request_options *options, char *canary) {
  const size_t long_length = 200000;
  char *longer = calloc(1, long_length);
  uint32_t wrong[2] = {1, UINT32_MAX};
  vial_request *none = NULL;
  for (size_t at = 0; at + LENGTH <= long_length; at += LENGTH) memcpy(longer + at, canary, LENGTH);
  options->text.data = longer;
  options->text.length = long_length / LENGTH * LENGTH;
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, options, &none, NULL));
  explicit_bzero(longer, long_length);
  free(longer);
  canary[LENGTH] = (char)0xFF;
  options->text.data = canary;
  options->text.length = LENGTH + 1;
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, options, &none, NULL));
  options->text.length = LENGTH;
  options->schema.data = canary;
  options->schema.length = LENGTH;
  STATUS(VIAL_STATUS_SCHEMA, vial_engine_submit(engine, options, &none, NULL));
  options->schema.data = NULL;
  options->schema.length = options->text.length = 0;
  options->text.data = NULL;
  options->tokens = wrong;
  options->token_count = 2;
  CHECK(vial_engine_submit(engine, options, &none, NULL) != VIAL_STATUS_OK);
}

/** A schema whose one answer holds the canary, and choices that are it, of private requests and of a tenant's. */
static void schemas(vial_request_options *options, char *canary) {
  char schema[LENGTH + 64];
  vial_text choices[2] = {{canary, LENGTH}, {"no", 2}};
  const char *begin = "{\"enum\":[\"", *end = "\"]}";
  memcpy(schema, begin, strlen(begin));
  memcpy(schema + strlen(begin), canary, LENGTH);
  memcpy(schema + strlen(begin) + LENGTH, end, strlen(end));
  options->max_tokens = 100;
  options->max_reasoning_tokens = 1;
  options->schema.data = schema;
  options->schema.length = strlen(begin) + LENGTH + strlen(end);
  options->flags = VIAL_REQUEST_PRIVATE;
  submit(options);
  options->flags = 0;
  options->tenant.data = "clinic A";
  options->tenant.length = 8;
  submit(options);
  options->schema.data = NULL;
  options->schema.length = 0;
  options->choices = choices;
  options->choice_count = 2;
  submit(options);
  explicit_bzero(schema, sizeof schema);
}

/** Asks by a template with the canary for all variables that take it; whether these are all that it needs. */
static int asks_by(vial_request_options *options, const char *variables, uint64_t length, char *canary) {
  int refused[VIAL_TEMPLATE_VALUE_LIMIT] = {0};
  for (;;) {
    vial_template_value values[VIAL_TEMPLATE_VALUE_LIMIT];
    uint64_t count = 0, number = 0, begin = 0;
    for (uint64_t at = 0; at <= length && number < VIAL_TEMPLATE_VALUE_LIMIT; at++) {
      if (at < length && variables[at] != '\n') continue;
      if (!refused[number++])
        values[count++] = (vial_template_value){{variables + begin, at - begin}, {canary, LENGTH}};
      begin = at + 1;
    }
    options->template_values = values;
    options->template_value_count = count;
    vial_error error = VIAL_ERROR_INIT;
    const vial_status status = vial_engine_submit(engine, options, &requests[0], &error);
    if (status == VIAL_STATUS_OK) return count > 0;
    unsigned variable;
    if (status != VIAL_STATUS_TEMPLATE || sscanf(error.message, "variable %u", &variable) != 1) return 0;
    if (variable < 1 || variable > number || refused[variable - 1]) return 0;
    refused[variable - 1] = 1;
  }
}

/** The first template that needs nothing but texts. */
static void template_values(vial_request_options *options, char *canary) {
  options->text.data = NULL;
  options->text.length = 0;
  options->flags = VIAL_REQUEST_NO_SCHEMA | VIAL_REQUEST_PRIVATE;
  options->max_tokens = 40;
  for (uint32_t index = 0; request_count == 0 && index < 50; index++) {
    char id[80], variables[2048];
    uint64_t id_length = 0, length = 0;
    if (vial_model_copy_template_text(model, index, VIAL_TEMPLATE_TEXT_ID, id, sizeof id, &id_length, NULL) !=
        VIAL_STATUS_OK)
      break;
    vial_model_copy_template_text(model, index, VIAL_TEMPLATE_TEXT_VARIABLES, variables, sizeof variables, &length,
                                  NULL);
    options->template_id.data = id;
    options->template_id.length = id_length;
    if (asks_by(options, variables, length, canary)) request_count = 1;
  }
  CHECK(request_count == 1);
}

/** Everything between text and ids that needs no engine. */
static void without_engine(char *canary) {
  const vial_message messages[1] = {{{"user", 4}, {canary, LENGTH}, 0, 0}};
  uint32_t tokens[2048];
  float scores[2048];
  char out[2048];
  uint64_t count = 0, length = 0;
  STATUS(VIAL_STATUS_OK, vial_model_encode(model, (vial_text){canary, LENGTH}, 0, tokens, 2048, &count, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_score(model, tokens, count, NULL, scores, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_decode(model, tokens, count, 0, out, sizeof out, &length, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_render_chat_template(model, messages, 1, 0, tokens, 2048, &count, NULL));
  explicit_bzero(tokens, sizeof tokens);
  explicit_bzero(out, sizeof out);
}

/** Requests of two tenants that give each other nothing, one with an adapter, one that ends at its deadline. */
static void tenants(vial_request_options *options) {
  options->tenant.data = "clinic A";
  options->tenant.length = 8;
  submit(options);
  submit(options);
  options->adapter.data = "ward";
  options->adapter.length = 4;
  submit(options);
  options->tenant.data = "clinic B";
  submit(options);
  options->deadline_milliseconds = 1;
  options->max_tokens = 2000;
  submit(options);
}

static void open_engine(void) {
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  options.thread_count = 2;
  options.cache_byte_limit = scenario == 3 ? 400000 : 8 << 20;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, NULL));
}

/** Submits what the scenario is about. */
static void begin(char *canary) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  const vial_message messages[2] = {{{"system", 6}, {"be kind", 7}, 0, 0}, {{"user", 4}, {canary, LENGTH}, 0, 0}};
  const vial_text stops[2] = {{canary, LENGTH}, {canary + 10, 30}};
  vial_sampling_options *sampling;
  char longer[LENGTH + 240];
  options.text.data = canary;
  options.text.length = LENGTH;
  options.seed = 7;
  switch (scenario) {
    case 1:
    case 11: options.max_tokens = 3000; break;
    case 2: errors(&options, canary); return;
    case 3:
      memcpy(longer, canary, LENGTH);
      for (size_t at = LENGTH; at < sizeof longer; at++) longer[at] = "word "[at % 5];
      options.text.data = longer;
      options.text.length = sizeof longer;
      options.max_tokens = 200;
      for (int index = 0; index < 12; index++) {
        options.seed = (uint64_t)index;
        options.flags = index % 2 ? VIAL_REQUEST_PRIVATE : 0;
        submit(&options);
      }
      explicit_bzero(longer, sizeof longer);
      return;
    case 4: options.on_event = on_event; break;
    case 5: schemas(&options, canary); return;
    case 6: template_values(&options, canary); return;
    case 7:
      options.stops = stops;
      options.stop_count = 2;
      break;
    case 8:
      options.messages = messages;
      options.message_count = 2;
      options.prefill = options.text;
      options.text = (vial_text){NULL, 0};
      options.alternative_count = 20;
      break;
    case 9:
      options.flags = VIAL_REQUEST_RAW | VIAL_REQUEST_ENTROPY;
      options.prefill = options.text;
      sampling = at_temperature(model, 0.9f);
      sampling->repetition_penalty = 1.2f;
      options.sampling = sampling;
      break;
    case 10: options.flags = VIAL_REQUEST_PINNED; break;
    case 12: without_engine(canary); return;
    case 13: tenants(&options); return;
    default: break;
  }
  submit(&options);
}

/** Hears of all ends, in the way of the scenario; looks in the midst. */
static void await_ends(void) {
  vial_event event = VIAL_EVENT_INIT;
  struct timespec moment = {0, 1000000};
  if (request_count > 0 && scenario != 4 && scenario != 13)
    for (int index = 0; index < 3; index++) vial_request_next_event(requests[0], 2000, &event);
  look("midst", all, 2, 1);
  if (scenario == 1) vial_request_cancel(requests[0]);
  if (scenario == 11) {
    STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
    engine = NULL;
  }
  if (scenario == 4) {
    while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE)) nanosleep(&moment, NULL);
  } else if (scenario == 13) {
    for (int left = request_count; left > 0;)
      if (vial_engine_next_event(engine, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK)
        left -= event.kind == VIAL_EVENT_FINISHED;
  } else {
    for (int index = 0; index < request_count; index++) finish_request(requests[index]);
  }
}

/** One scenario from an engine's beginning to its end. */
static void run(void) {
  char canary[LENGTH + 4];
  request_count = ended = 0;
  memset(requests, 0, sizeof requests);
  engine = NULL;
  if (scenario != 12) open_engine();
  write_canary(canary);
  begin(canary);
  explicit_bzero(canary, sizeof canary);
  await_ends();
  learn_answer();
  /* What the prompt was is gone before anybody hears of the end; an answer that repeats it is its reader's. */
  if (scenario != 5) look("ended", prompts, 2, 0);
  look("ended", all, 4, 1);
  for (int index = 0; index < request_count; index++) vial_request_close(requests[index]);
  if (engine && (scenario == 5 || scenario == 13)) {
    STATUS(VIAL_STATUS_OK, vial_engine_clear_tenant(engine, (vial_text){"clinic A", 8}, NULL));
    STATUS(VIAL_STATUS_OK, vial_engine_clear_tenant(engine, (vial_text){"clinic B", 8}, NULL));
  }
  look("closed", all, 4, 0);
  look("end", all, 4, 1);
  if (engine) STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  look("engine closed", all, 4, 0);
}

/** Whether the system writes core files into the folder of a process that dies. */
static int writes_cores(void) {
  char pattern[256] = "";
  struct rlimit limit;
  FILE *file = fopen("/proc/sys/kernel/core_pattern", "r");
  if (file == NULL || !fgets(pattern, sizeof pattern, file)) return 0;
  fclose(file);
  getrlimit(RLIMIT_CORE, &limit);
  if (pattern[0] == '|' || strchr(pattern, '/') || strncmp(pattern, "core", 4) != 0 || limit.rlim_max == 0) {
    fprintf(stderr, "canary.c: the system pipes core files away, or writes none: they are searched in memory only\n");
    return 0;
  }
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_CORE, &limit) == 0;
}

/** Lets a process of its own die, and searches the core file that the system wrote. */
static void search_core(const char *program, const char *file, const char *folder, const char *when) {
  char number[8], pattern[PATH_MAX];
  int status = 0, found = -1;
  glob_t cores;
  snprintf(number, sizeof number, "%d", scenario);
  pid_t process = fork();
  if (process == 0) {
    if (chdir(folder) == 0) execl(program, program, file, folder, number, when, (char *)NULL);
    _exit(2);
  }
  CHECK(waitpid(process, &status, 0) == process && WIFSIGNALED(status) && WCOREDUMP(status));
  snprintf(pattern, sizeof pattern, "%s/core*", folder);
  if (glob(pattern, 0, NULL, &cores) == 0) {
    for (size_t index = 0; index < cores.gl_pathc; index++) {
      int core = open(cores.gl_pathv[index], O_RDONLY);
      found = search_file(prompts, 2, core, 0, (unsigned long)lseek(core, 0, SEEK_END), "a core file of the system");
      close(core);
      unlink(cores.gl_pathv[index]);
    }
    globfree(&cores);
  }
  if (found) fprintf(stderr, "  %d (%s), %s: %d traces in the system's core file\n", scenario, names[scenario], when, found);
  CHECK(found == 0);
}

/** The search finds what is there: as text, as ids of every width and in structs, in memory and in a core file. */
static void check_the_search(void) {
  static const size_t widths[] = {1, 2, 4, 8, 4}, strides[] = {1, 2, 4, 8, 40};
  unsigned char *room = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  trace *const one[] = {&ids}, *const other[] = {&text};
  int said = dup(2), nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, 2);
  for (size_t kind = 0; kind < 5; kind++) {
    memset(room, 0, 8192);
    for (size_t index = 0; index < RUN; index++) {
      const uint64_t value = value_of(&ids, index + 1) & bits_of(widths[kind]);
      memcpy(room + 3001 + index * strides[kind], &value, widths[kind]);
    }
    CHECK(search_process(one, 1, 0) == 1);
    CHECK(search_process(one, 1, 1) == 1);
  }
  madvise(room, 8192, MADV_DONTDUMP);
  CHECK(search_process(one, 1, 1) == 0);
  memset(room, 0, 8192);
  for (size_t index = 0; index < LENGTH; index++) room[4090 + index] = masked[index] ^ 0x5A;
  CHECK(search_process(other, 1, 0) > 0);
  dup2(said, 2);
  close(said);
  close(nowhere);
  munmap(room, 8192);
}

/** Opens the model, and learns the canary's ids. */
static void prepare(const char *file) {
  char canary[LENGTH];
  uint32_t tokens[LONGEST_TRACE];
  uint64_t count = 0;
  STATUS(VIAL_STATUS_OK, vial_model_open(file, NULL, &model, NULL));
  write_canary(canary);
  STATUS(VIAL_STATUS_OK, vial_model_encode(model, (vial_text){canary, LENGTH}, 0, tokens, LONGEST_TRACE, &count, NULL));
  CHECK(set_trace(&text, "the prompt", 1, canary, LENGTH));
  /* The first and the last may be cut in another way where something stands beside them. */
  CHECK(set_trace(&ids, "the prompt's ids", 0, tokens + 1, count - 2));
  explicit_bzero(canary, sizeof canary);
  explicit_bzero(tokens, sizeof tokens);
}

int main(int argc, char **argv) {
  char program[PATH_MAX], file[PATH_MAX], folder[PATH_MAX];
  if (argc < 3 || !realpath("/proc/self/exe", program) || !realpath(argv[1], file) || !realpath(argv[2], folder)) return 2;
  prepare(file);
  if (argc > 4) {
    scenario = atoi(argv[3]);
    aborts = argv[4];
    run();
    return 3;
  }
  check_the_search();
  for (scenario = 0; scenario < SCENARIOS; scenario++) run();
  CHECK(searched_answers >= SCENARIOS / 2);
  const int has_cores = writes_cores();
  for (scenario = 0; has_cores && scenario < SCENARIOS; scenario++) {
    search_core(program, file, folder, "midst");
    search_core(program, file, folder, "end");
  }
  vial_model_close(model);
  model = NULL;
  scenario = 0;
  look("model closed", all, 4, 0);
  return finish("canary.c");
}
