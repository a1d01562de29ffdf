/* Owns: how much stack the library needs: every entry point, with the inputs that nest deepest, on a thread that has
 * VIAL_STACK_BYTE_COUNT bytes and a guard below; and that the library's own threads bring their own stacks, however small
 * the host's default is. Usage: stacks MODEL [BYTES]; STACKS_VERBOSE shows what each call takes. Best with the default
 * templates and a reasoning part, and with an adapter "ward". */
#define _GNU_SOURCE
#include "vial.h"

#include "check.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

enum { GUARD = 1 << 20, MARK = 0xA5 };

static const char *path;
static size_t stack_byte_count = VIAL_STACK_BYTE_COUNT;
static unsigned char *stack;
static size_t deepest;
static const char *deepest_call;
static vial_model *model;
static vial_engine *engine;
static char *long_text;

/** Paints what is left of the stack, so that it shows how far a call went. */
static void paint(void) {
  unsigned char here;
  memset(stack, MARK, (size_t)(&here - stack) - 4096);
}

/** Notes how far the call before went. */
static void note(const char *call) {
  unsigned char here;
  size_t left = 0;
  while (stack[left] == MARK) left++;
  size_t used = (size_t)(&here - stack) - left;
  if (used > deepest) {
    deepest = used;
    deepest_call = call;
  }
  if (getenv("STACKS_VERBOSE")) fprintf(stderr, "%8zu %s\n", used, call);
}

#define ON_STACK(call) \
  do {                 \
    paint();           \
    call;              \
    note(#call);       \
  } while (0)

static int32_t go_on(void *context, uint64_t done, uint64_t total) {
  (void)context;
  return done > total;
}

/** A callback that uses all the stack that the header promises. */
static void dig(void *context, const vial_event *event) {
  volatile char room[VIAL_CALLBACK_STACK_BYTE_COUNT];
  (void)context;
  (void)event;
  for (size_t at = sizeof room; at >= 1024; at -= 1024) room[at - 1024] = 1;
}

static void dig_for_a_line(void *context, uint32_t level, const char *sentence) {
  (void)level;
  (void)sentence;
  dig(context, NULL);
}

/** A text of `count` times `first`, then `middle`, then `count` times `last`; the caller frees it. */
static char *nested(const char *first, const char *middle, const char *last, size_t count) {
  size_t bytes = count * (strlen(first) + strlen(last)) + strlen(middle) + 1;
  char *text = malloc(bytes), *end = text;
  for (size_t index = 0; index < count; index++) end = stpcpy(end, first);
  end = stpcpy(end, middle);
  for (size_t index = 0; index < count; index++) end = stpcpy(end, last);
  return text;
}

static vial_request_options question(void) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.text.data = "What is anemia?";
  options.text.length = 15;
  options.max_tokens = 4;
  return options;
}

/** Submits, whatever comes of it, and reads to the end. */
static vial_status ask(const vial_request_options *options) {
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_error error = VIAL_ERROR_INIT;
  vial_status status = vial_engine_submit(engine, options, &request, &error);
  while (status == VIAL_STATUS_OK && !options->on_event &&
         vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK)
    continue;
  vial_request_close(request);
  return status;
}

static void ask_with_schema(const char *first, const char *middle, const char *last, size_t count) {
  vial_request_options options = question();
  char *schema = nested(first, middle, last, count);
  options.schema.data = schema;
  options.schema.length = strlen(schema);
  if (options.schema.length <= VIAL_SCHEMA_BYTE_LIMIT) (void)ask(&options);
  free(schema);
}

/** The deepest of each kind that fit, and what is deeper than any limit. */
static void schemas(void) {
  static const size_t depths[] = {8, 31, 60, 120, 250, 500, 2000, 5000};
  for (size_t index = 0; index < sizeof depths / sizeof *depths; index++) {
    size_t depth = depths[index];
    ON_STACK(ask_with_schema("{\"type\":\"array\",\"items\":", "{\"type\":\"null\"}", "}", depth));
    ON_STACK(ask_with_schema("{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":", "{\"type\":\"null\"}", "}}", depth));
    ON_STACK(ask_with_schema("{\"anyOf\":[{\"type\":\"null\"},", "{\"type\":\"boolean\"}", "]}", depth));
    ON_STACK(ask_with_schema("{\"allOf\":[{\"minimum\":1},", "{\"type\":\"integer\"}", "]}", depth));
    ON_STACK(ask_with_schema("{\"oneOf\":[{\"const\":1},", "{\"const\":2}", "]}", depth));
    ON_STACK(ask_with_schema("{\"not\":", "{}", "}", depth));
    ON_STACK(ask_with_schema("[", "1", "]", depth));
    ON_STACK(ask_with_schema("{\"a\":", "1", "}", depth));
  }
  for (size_t index = 0; index < sizeof depths / sizeof *depths; index++) {
    vial_request_options options = question();
    char *inner[4] = {
        nested("[", "1", "]", depths[index]), nested("(", "a", ")", depths[index]),
        nested("(a|", "b", ")", depths[index]), nested("((a)?", "b", ")", depths[index])};
    static const char *const outer[4][2] = {
        {"{\"const\":", "}"}, {"{\"type\":\"string\",\"pattern\":\"", "\"}"},
        {"{\"type\":\"string\",\"pattern\":\"", "\"}"}, {"{\"type\":\"string\",\"pattern\":\"^", "$\"}"}};
    for (int kind = 0; kind < 4; kind++) {
      char *schema = nested(outer[kind][0], inner[kind], outer[kind][1], 1);
      options.schema.data = schema;
      options.schema.length = strlen(schema);
      if (options.schema.length <= VIAL_SCHEMA_BYTE_LIMIT) ON_STACK((void)ask(&options));
      free(schema);
      free(inner[kind]);
    }
  }
  static const char recursive[] =
      "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/a\"},\"maxItems\":2}}}";
  vial_request_options options = question();
  options.schema.data = recursive;
  options.schema.length = sizeof recursive - 1;
  ON_STACK((void)ask(&options));
}

static void choices(void) {
  vial_request_options options = question();
  vial_text *texts = malloc(VIAL_CHOICE_COUNT_LIMIT * sizeof *texts);
  char *all = malloc(VIAL_CHOICE_COUNT_LIMIT * VIAL_CHOICE_BYTE_LIMIT);
  memset(all, 'a', VIAL_CHOICE_COUNT_LIMIT * VIAL_CHOICE_BYTE_LIMIT);
  for (unsigned index = 0; index < VIAL_CHOICE_COUNT_LIMIT; index++) {
    texts[index].data = all + index * VIAL_CHOICE_BYTE_LIMIT;
    texts[index].length = VIAL_CHOICE_BYTE_LIMIT;
    all[index * VIAL_CHOICE_BYTE_LIMIT + index % VIAL_CHOICE_BYTE_LIMIT] = 'b';
  }
  options.choices = texts;
  options.choice_count = VIAL_CHOICE_COUNT_LIMIT;
  ON_STACK((void)ask(&options));
  options.choice_count = 3;
  ON_STACK((void)ask(&options));
  free(texts);
  free(all);
}

static void prompts(void) {
  static const vial_template_value values[2] = {{{"complaint", 9}, {"chest pain", 10}}, {{"age", 3}, {"45 years", 8}}};
  vial_message *messages = calloc(4096, sizeof *messages);
  uint32_t *tokens = malloc(1 << 20);
  uint64_t count = 0;
  vial_error error = VIAL_ERROR_INIT;
  char text[256];
  vial_text stop = {"anemia", 6};
  vial_request_options options = question();
  for (int index = 0; index < 4096; index++) {
    messages[index].role.data = index % 2 ? "assistant" : "user";
    messages[index].role.length = index % 2 ? 9 : 4;
    messages[index].content.data = "What is anemia?";
    messages[index].content.length = 15;
  }
  ON_STACK((void)vial_model_render_chat_template(model, messages, 4095, 0, tokens, 1 << 18, &count, &error));
  ON_STACK((void)vial_model_render_prompt_template(model, (vial_text){"triage", 6}, values, 2, tokens, 1 << 18, &count,
                                                   &error));
  for (uint32_t part = VIAL_TEMPLATE_TEXT_ID; part <= VIAL_TEMPLATE_TEXT_DECLARATIONS; part++)
    ON_STACK((void)vial_model_copy_template_text(model, 3, part, text, sizeof text, &count, NULL));
  options.stops = &stop;
  options.stop_count = 1;
  options.alternative_count = VIAL_ALTERNATIVE_LIMIT;
  options.flags = VIAL_REQUEST_ENTROPY | VIAL_REQUEST_SCORE_PROMPT;
  ON_STACK((void)ask(&options));
  options = question();
  options.text.data = NULL;
  options.text.length = 0;
  options.messages = messages;
  options.message_count = 3;
  ON_STACK((void)ask(&options));
  options.messages = NULL;
  options.message_count = 0;
  options.template_id.data = "triage";
  options.template_id.length = 6;
  options.template_values = values;
  options.template_value_count = 2;
  ON_STACK((void)ask(&options));
  options = question();
  options.text.data = long_text;
  options.text.length = 1 << 20;
  options.flags = VIAL_REQUEST_RAW;
  ON_STACK((void)ask(&options));
  options = question();
  options.adapter.data = "ward";
  options.adapter.length = 4;
  ON_STACK((void)ask(&options));
  options = question();
  options.on_event = dig;
  ON_STACK((void)ask(&options));
  free(messages);
  free(tokens);
}

static void texts(void) {
  uint32_t *tokens = malloc(sizeof *tokens * (1 << 21));
  float *scores = malloc(sizeof *scores * (1 << 12));
  char text[4096];
  uint64_t count = 0, length = 0;
  vial_error error = VIAL_ERROR_INIT;
  vial_model_info information = VIAL_MODEL_INFO_INIT;
  vial_adapter_info adapter = VIAL_ADAPTER_INFO_INIT;
  vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;
  vial_verify_options verify = VIAL_VERIFY_OPTIONS_INIT;
  vial_score_options score = VIAL_SCORE_OPTIONS_INIT;
  verify.progress = go_on;
  score.progress = go_on;
  ON_STACK((void)vial_model_get_info(model, &information));
  for (uint32_t part = VIAL_MODEL_TEXT_ARCHITECTURE; part <= VIAL_MODEL_TEXT_FILE_DIGEST; part++)
    ON_STACK((void)vial_model_copy_text(model, part, text, sizeof text, &length, NULL));
  ON_STACK((void)vial_model_get_adapter_info(model, 0, &adapter));
  ON_STACK((void)vial_model_copy_adapter_name(model, 0, text, sizeof text, &length));
  ON_STACK((void)vial_model_get_sampling(model, (vial_text){NULL, 0}, &sampling, &error));
  ON_STACK((void)vial_sampling_options_init(&sampling, sizeof sampling));
  ON_STACK((void)vial_text_from("heart attack"));
  ON_STACK((void)vial_model_encode(model, (vial_text){long_text, 1 << 20}, VIAL_ENCODE_ADD_SPECIAL_TOKENS, tokens,
                                   1 << 21, &count, &error));
  ON_STACK((void)vial_model_encode(model, (vial_text){"heart attack", 12}, 0, tokens, 1 << 21, &count, &error));
  ON_STACK((void)vial_model_decode(model, tokens, count, 0, text, sizeof text, &length, NULL));
  ON_STACK((void)vial_model_copy_token_bytes(model, 1, (uint8_t *)text, sizeof text, &length, NULL));
  ON_STACK((void)vial_model_score(model, tokens, count, &score, scores, &error));
  score.thread_count = 1;
  for (uint32_t index = 0; vial_isa_name(index); index++) {
    score.isa = vial_isa_name(index);
    ON_STACK((void)vial_model_score(model, tokens, count, &score, scores, &error));
  }
  score.isa = NULL;
  score.adapter.data = "ward";
  score.adapter.length = 4;
  if (information.adapter_count > 0)
    ON_STACK(STATUS(VIAL_STATUS_OK, vial_model_score(model, tokens, count, &score, scores, &error)));
  ON_STACK((void)vial_model_verify(model, &verify, &error));
  verify.thread_count = 1;
  ON_STACK((void)vial_model_verify(model, &verify, &error));
  free(tokens);
  free(scores);
}

static void requests(void) {
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_request_info information = VIAL_REQUEST_INFO_INIT;
  vial_engine_info engine_information = VIAL_ENGINE_INFO_INIT;
  vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
  char *text = malloc(1 << 16);
  uint32_t tokens[16];
  float scores[16];
  vial_alternative likely[16];
  uint64_t length = 0;
  int32_t descriptor = 0;
  vial_request_options options = question();
  options.flags |= VIAL_REQUEST_SCORE_PROMPT;
  options.alternative_count = 16;
  ON_STACK(STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL)));
  ON_STACK((void)vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
  ON_STACK((void)vial_engine_next_event(engine, VIAL_WAIT_FOREVER, &event));
  ON_STACK((void)vial_engine_get_event_descriptor(engine, &descriptor));
  ON_STACK((void)vial_request_get_info(request, &information));
  ON_STACK((void)vial_request_copy_text(request, VIAL_PART_ANSWER, text, 1 << 16, &length));
  ON_STACK((void)vial_request_copy_tokens(request, tokens, 16, &length));
  ON_STACK((void)vial_request_copy_prompt_scores(request, scores, 16, &length));
  ON_STACK((void)vial_request_copy_prompt_alternatives(request, 1, likely, 16, &length));
  ON_STACK((void)vial_request_cancel(request));
  ON_STACK(vial_request_close(request));
  ON_STACK((void)vial_request_cancel(request));
  ON_STACK((void)vial_engine_get_info(engine, &engine_information));
  ON_STACK((void)vial_engine_get_metrics(engine, &metrics));
  ON_STACK((void)vial_engine_copy_metrics_text(engine, text, 1 << 16, &length));
  ON_STACK((void)vial_engine_set_weight(engine, (vial_text){"a", 1}, 2, NULL));
  ON_STACK((void)vial_engine_clear_tenant(engine, (vial_text){"a", 1}, NULL));
  ON_STACK((void)(vial_version_number() + vial_abi_version() + vial_format_version() + vial_arithmetic_version()));
  ON_STACK(
      (void)(vial_version_text(), vial_build_info(), vial_isa_name(0), vial_status_name(3), vial_status_message(3)));
  free(text);
}

static void *everything(void *context) {
  static const uint8_t key[32] = {1};
  vial_error error = VIAL_ERROR_INIT;
  vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
  vial_engine_options engine_options = VIAL_ENGINE_OPTIONS_INIT;
  (void)context;
  for (uint32_t way = 0; way < 6; way++) {
    options.access = way % 2;
    options.verification = way / 2;
    ON_STACK(STATUS(VIAL_STATUS_OK, vial_model_open(path, &options, &model, &error)));
    if (way < 5) ON_STACK(vial_model_close(model));
  }
  options.trusted_keys = key;
  options.trusted_key_count = 1;
  vial_model *other = NULL;
  ON_STACK((void)vial_model_open(path, &options, &other, &error));
  ON_STACK((void)vial_model_open("/nowhere/at/all", NULL, &other, &error));
  engine_options.thread_count = 2;
  engine_options.log = dig_for_a_line;
  ON_STACK(STATUS(VIAL_STATUS_OK, vial_engine_open(model, &engine_options, &engine, &error)));
  texts();
  requests();
  prompts();
  choices();
  schemas();
  ON_STACK(STATUS(VIAL_STATUS_OK, vial_engine_close(engine)));
  ON_STACK(vial_model_close(model));
  return NULL;
}

int main(int argc, char **argv) {
  pthread_attr_t attributes, tiny;
  pthread_t thread;
  if (argc < 2) return 2;
  path = argv[1];
  if (argc > 2) stack_byte_count = strtoul(argv[2], NULL, 10);
  long_text = malloc(1 << 20);
  for (int index = 0; index < 1 << 20; index++) long_text[index] = index < 1 << 19 ? 'a' : "word tree \xc3\xa9"[index % 12];
  /* Threads of a host that saves on stacks; the library's own must not depend on it. */
  pthread_attr_init(&tiny);
  CHECK(pthread_attr_setstacksize(&tiny, 32 << 10) == 0 && pthread_setattr_default_np(&tiny) == 0);
  unsigned char *pages = mmap(NULL, GUARD + stack_byte_count, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return 2;
  stack = pages + GUARD;
  CHECK(mprotect(stack, stack_byte_count, PROT_READ | PROT_WRITE) == 0);
  pthread_attr_init(&attributes);
  CHECK(pthread_attr_setstack(&attributes, stack, stack_byte_count) == 0);
  CHECK(pthread_create(&thread, &attributes, everything, NULL) == 0);
  pthread_join(thread, NULL);
  fprintf(stderr, "stacks: at most %zu of %zu bytes, by %s\n", deepest, stack_byte_count, deepest_call);
  return finish("stacks.c");
}
