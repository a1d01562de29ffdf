/* Owns: requests as a host uses them: three ways to hear of events, the same answer in each; ends, limits, hooks.
 * Usage: requests MODEL; prints the ids of the answer to ids 1,2,3,4 at temperature 0.8, seed 7, 40 tokens. */
#define _POSIX_C_SOURCE 200809L
#include "vial.h"

#include "check.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

enum { MOST = 40 };

/** What an answer was. */
typedef struct answer {
  uint32_t tokens[MOST];
  float log_probabilities[MOST];
  uint32_t count;
  char text[4096];
  uint64_t length;
  uint32_t reason;
} answer;

static const uint32_t ids[4] = {1, 2, 3, 4};

/** The file's, at the temperature that Tests/ABI/run gives the command. */
static vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;

static vial_request_options question(void) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.tokens = ids;
  options.token_count = 4;
  options.max_tokens = MOST;
  options.sampling = &sampling;
  options.seed = 7;
  return options;
}

/** Notes an event; returns whether it was the last. */
static int note(answer *answer, const vial_event *event) {
  CHECK(event->text.length == 0 || event->text.data != NULL);
  CHECK(answer->length + event->text.length <= sizeof answer->text);
  memcpy(answer->text + answer->length, event->text.length ? event->text.data : "", event->text.length);
  answer->length += event->text.length;
  if (event->kind == VIAL_EVENT_FINISHED) {
    CHECK(event->token == VIAL_TOKEN_NONE && isnan(event->log_probability));
    answer->reason = event->finish_reason;
    return 1;
  }
  CHECK(event->kind == VIAL_EVENT_TOKEN && event->finish_reason == VIAL_FINISH_NONE);
  CHECK(answer->count < MOST && event->log_probability <= 0);
  answer->tokens[answer->count] = event->token;
  answer->log_probabilities[answer->count++] = event->log_probability;
  return 0;
}

static answer waited(vial_engine *engine, const vial_request_options *options) {
  answer result = {{0}, {0}, 0, {0}, 0, 0};
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  uint32_t tokens[MOST + 1];
  char text[4096];
  uint64_t count = 0, answered = 0, reasoned = 0;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, options, &request, NULL));
  do {
    STATUS(VIAL_STATUS_OK, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
    CHECK(event.request == request);
  } while (!note(&result, &event));
  STATUS(VIAL_STATUS_FINISHED, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
  CHECK(event.kind == VIAL_EVENT_NONE);
  STATUS(VIAL_STATUS_OK, vial_request_copy_tokens(request, tokens, MOST + 1, &count));
  CHECK(count == result.count && memcmp(tokens, result.tokens, count * sizeof *tokens) == 0);
  STATUS(VIAL_STATUS_OK, vial_request_copy_text(request, VIAL_PART_ANSWER, text, sizeof text, &answered));
  STATUS(VIAL_STATUS_OK, vial_request_copy_text(request, VIAL_PART_REASONING, text, sizeof text, &reasoned));
  CHECK(answered + reasoned == result.length);
  if (answered > 0)
    STATUS(VIAL_STATUS_BUFFER_TOO_SMALL, vial_request_copy_text(request, VIAL_PART_ANSWER, NULL, 0, &answered));
  vial_request_close(request);
  return result;
}

static answer polled(vial_engine *engine, const vial_request_options *options) {
  answer result = {{0}, {0}, 0, {0}, 0, 0};
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  struct pollfd watched = {-1, POLLIN, 0};
  int ends = 0;
  STATUS(VIAL_STATUS_OK, vial_engine_get_event_descriptor(engine, &watched.fd));
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, options, &request, NULL));
  while (!ends && poll(&watched, 1, 60000) == 1)
    while (!ends && vial_engine_next_event(engine, 0, &event) == VIAL_STATUS_OK) ends = note(&result, &event);
  CHECK(ends);
  STATUS(VIAL_STATUS_TIMED_OUT, vial_engine_next_event(engine, 1, &event));
  CHECK(poll(&watched, 1, 0) == 0);
  vial_request_close(request);
  return result;
}

/** Where a callback leaves what it hears. */
typedef struct listener {
  pthread_mutex_t lock;
  pthread_cond_t done;
  answer answer;
  int ends;
} listener;

static void listen_to(void *context, const vial_event *event) {
  listener *hears = context;
  pthread_mutex_lock(&hears->lock);
  CHECK(hears->ends == 0);
  hears->ends += note(&hears->answer, event);
  pthread_cond_signal(&hears->done);
  pthread_mutex_unlock(&hears->lock);
}

static answer called(vial_engine *engine, const vial_request_options *options) {
  listener hears = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {{0}, {0}, 0, {0}, 0, 0}, 0};
  vial_request *request = NULL;
  vial_request_options own = *options;
  own.on_event = listen_to;
  own.event_context = &hears;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &own, &request, NULL));
  pthread_mutex_lock(&hears.lock);
  while (!hears.ends) pthread_cond_wait(&hears.done, &hears.lock);
  pthread_mutex_unlock(&hears.lock);
  vial_request_close(request);
  return hears.answer;
}

static int same(const answer *one, const answer *other) {
  return one->count == other->count && one->length == other->length && one->reason == other->reason &&
         memcmp(one->tokens, other->tokens, sizeof one->tokens) == 0 &&
         memcmp(one->log_probabilities, other->log_probabilities, sizeof one->log_probabilities) == 0 &&
         memcmp(one->text, other->text, one->length) == 0;
}

static void ends_and_limits(vial_engine *engine) {
  vial_request_options options = question();
  vial_request *request = NULL;
  vial_request_info information = VIAL_REQUEST_INFO_INIT;
  vial_event event = VIAL_EVENT_INIT;
  answer whole = waited(engine, &options), cut;
  options.max_tokens = 3;
  cut = waited(engine, &options);
  CHECK(cut.reason == VIAL_FINISH_LENGTH && cut.count == 3);
  options.max_tokens = VIAL_ANSWER_NONE;
  cut = waited(engine, &options);
  CHECK(cut.reason == VIAL_FINISH_LENGTH && cut.count == 0 && cut.length == 0);
  /* A stop string from the middle of the answer. */
  vial_text stop = {whole.text + whole.length / 2, 2};
  options = question();
  options.stops = &stop;
  options.stop_count = 1;
  if (whole.length >= 8 && ((unsigned char)stop.data[0] | (unsigned char)stop.data[1]) < 0x80) {
    cut = waited(engine, &options);
    CHECK(cut.reason == VIAL_FINISH_STOP_STRING && cut.length <= whole.length / 2);
    CHECK(memcmp(cut.text, whole.text, cut.length) == 0);
  }
  options = question();
  options.max_tokens = 4000;
  options.deadline_milliseconds = 20;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
  STATUS(VIAL_STATUS_OK, vial_request_get_info(request, &information));
  CHECK(information.finish_reason == VIAL_FINISH_DEADLINE || information.finish_reason == VIAL_FINISH_STOP);
  CHECK(information.state == VIAL_STATE_FINISHED && information.prompt_token_count == 4);
  CHECK(information.computed_prompt_token_count == 4 && information.generation_seconds < 30);
  vial_request_close(request);
  options = question();
  options.token_count = 1;
  options.alternative_count = 3;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  STATUS(VIAL_STATUS_OK, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
  CHECK(event.alternative_count == 3);
  CHECK(event.alternatives[0].log_probability >= event.alternatives[2].log_probability);
  CHECK(isnan(event.entropy) && event.reserved == 0);
  vial_request_close(request);
  options.flags = VIAL_REQUEST_ENTROPY;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  STATUS(VIAL_STATUS_OK, vial_request_next_event(request, VIAL_WAIT_FOREVER, &event));
  CHECK(event.kind == VIAL_EVENT_TOKEN && event.entropy >= 0 && event.entropy < 20);
  vial_request_close(request);
}

/** The same answers from text: as one message, as a conversation, raw. */
static void texts(vial_model *model, vial_engine *engine) {
  uint32_t rendered[256];
  uint64_t count = 0;
  vial_message message = {{"user", 4}, {"chest pain", 10}, 0, 0};
  vial_request_options options = question(), other = question();
  STATUS(VIAL_STATUS_OK, vial_model_render_chat_template(model, &message, 1, 0, rendered, 256, &count, NULL));
  options.tokens = rendered;
  options.token_count = count;
  answer truth = waited(engine, &options), result;
  other.tokens = NULL;
  other.token_count = 0;
  other.text.data = "chest pain";
  other.text.length = 10;
  result = waited(engine, &other);
  CHECK(same(&truth, &result));
  other.flags = VIAL_REQUEST_RAW;
  result = waited(engine, &other);
  STATUS(VIAL_STATUS_OK, vial_model_encode(model, (vial_text){"chest pain", 10}, VIAL_ENCODE_ADD_SPECIAL_TOKENS,
                                           rendered, 256, &count, NULL));
  options.token_count = count;
  truth = waited(engine, &options);
  CHECK(same(&truth, &result));
}

static int lines = 0, allocations = 0, releases = 0;

static void take_line(void *context, uint32_t level, const char *sentence) {
  CHECK(context == &lines && (level == VIAL_LOG_INFO || level == VIAL_LOG_WARNING));
  CHECK(sentence != NULL && strlen(sentence) > 5);
  lines++;
}

static void *allocate(void *context, uint64_t byte_count, uint64_t alignment) {
  void *memory = NULL;
  CHECK(context == &allocations);
  allocations++;
  return posix_memalign(&memory, alignment, byte_count) == 0 ? memory : NULL;
}

static void release(void *context, void *memory, uint64_t byte_count) {
  const unsigned char *bytes = memory;
  uint64_t set = 0;
  CHECK(context == &allocations);
  for (uint64_t index = 0; index < byte_count; index++) set += bytes[index] != 0;
  CHECK(set == 0);
  releases++;
  free(memory);
}

static void hooks(vial_model *model, const answer *truth) {
  vial_engine *engine = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  vial_engine_info information = VIAL_ENGINE_INFO_INIT;
  vial_request_options request = question();
  options.log = take_line;
  options.log_context = &lines;
  options.allocate = allocate;
  options.release = release;
  options.memory_context = &allocations;
  options.cache_byte_limit = 1 << 20;
  options.thread_count = 1;
  options.isa = "reference";
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_get_info(engine, &information));
  CHECK(information.thread_count == 1 && strcmp(information.isa, "reference") == 0);
  CHECK(information.cache_byte_count <= 1 << 20 && information.cache_position_count >= 64);
  answer result = waited(engine, &request);
  CHECK(same(truth, &result));
  request.max_tokens = 1 << 30;
  request.deadline_milliseconds = 5;
  waited(engine, &request);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  CHECK(lines >= 4 && allocations >= 4 && allocations == releases);
}

/** Tokens of a prompt of `length` that were found in the cache. */
static uint64_t found(vial_engine *engine, uint64_t length, const char *tenant, uint32_t flags) {
  uint32_t tokens[256];
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_request_info information = VIAL_REQUEST_INFO_INIT;
  vial_request_options options = question();
  for (uint32_t index = 0; index < 256; index++) tokens[index] = index * 13 % 480;
  options.tokens = tokens;
  options.token_count = length;
  options.max_tokens = 2;
  options.tenant.data = tenant;
  options.tenant.length = strlen(tenant);
  options.flags = flags;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
  STATUS(VIAL_STATUS_OK, vial_request_get_info(request, &information));
  CHECK(information.preemption_count == 0);
  vial_request_close(request);
  return information.cached_prompt_token_count;
}

static void tenants_and_metrics(vial_model *model) {
  vial_engine *engine = NULL, *alone = NULL;
  vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
  vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
  char text[16384];
  uint64_t length = 0, small = 0;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &engine, NULL));
  CHECK(found(engine, 200, "north", 0) == 0 && found(engine, 200, "north", 0) == 192);
  CHECK(found(engine, 200, "south", 0) == 0 && found(engine, 200, "", 0) == 0);
  CHECK(found(engine, 200, "north", VIAL_REQUEST_PRIVATE) == 0);
  STATUS(VIAL_STATUS_OK, vial_engine_clear_tenant(engine, (vial_text){"north", 5}, NULL));
  CHECK(found(engine, 200, "north", 0) == 0 && found(engine, 200, "south", 0) == 192);
  STATUS(VIAL_STATUS_OK, vial_engine_set_weight(engine, (vial_text){"north", 5}, 2.5, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_get_metrics(engine, &metrics));
  CHECK(metrics.submitted_count == 7 && metrics.cached_token_count == 2 * 192 && metrics.refused_count == 0);
  CHECK(metrics.cached_block_count >= 6 && metrics.preemption_count == 0 && metrics.step_count >= 7);
  STATUS(VIAL_STATUS_OK, vial_engine_copy_metrics_text(engine, text, sizeof text - 1, &length));
  text[length] = 0;
  CHECK(strstr(text, "vial_requests_submitted_total 7\n") != NULL && strstr(text, "north") == NULL);
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL, vial_engine_copy_metrics_text(engine, text, 10, &small));
  CHECK(small == length);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  options.flags = VIAL_ENGINE_NO_SHARING;
  options.step_prompt_tokens = 8;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &alone, NULL));
  CHECK(found(alone, 200, "", 0) == 0 && found(alone, 200, "", 0) == 0);
  STATUS(VIAL_STATUS_OK, vial_engine_close(alone));
}

/** A pinned prompt answers nothing and is there for all until it is closed. */
static void pins(vial_model *model) {
  vial_engine *engine = NULL;
  vial_request *pin = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_request_options options = question();
  uint32_t tokens[130];
  for (uint32_t index = 0; index < 130; index++) tokens[index] = index * 13 % 480;
  options.tokens = tokens;
  options.token_count = 130;
  options.flags = VIAL_REQUEST_PINNED;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &pin, NULL));
  STATUS(VIAL_STATUS_OK, vial_request_next_event(pin, VIAL_WAIT_FOREVER, &event));
  CHECK(event.kind == VIAL_EVENT_FINISHED && event.finish_reason == VIAL_FINISH_LENGTH);
  CHECK(found(engine, 200, "north", 0) == 128 && found(engine, 200, "south", 0) == 128);
  CHECK(found(engine, 200, "north", 0) == 192);
  vial_request_close(pin);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
}

/** Structs of a later header, whose added bytes this library does not know. */
static void later_structs(vial_model *model, const answer *truth) {
  struct {
    vial_request_options options;
    uint64_t added;
  } later = {question(), 0};
  struct {
    vial_event event;
    uint64_t added;
  } wide;
  vial_engine *engine = NULL;
  vial_request *request = NULL;
  answer result = {{0}, {0}, 0, {0}, 0, 0};
  memset(&wide, 0xAA, sizeof wide);
  wide.event.struct_size = sizeof wide;
  later.options.struct_size = sizeof later;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &later.options, &request, NULL));
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &wide.event) == VIAL_STATUS_OK &&
         !note(&result, &wide.event))
    continue;
  CHECK(same(truth, &result) && wide.event.struct_size == sizeof wide && wide.added == 0);
  vial_request_close(request);
  later.added = 1;
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_engine_submit(engine, &later.options, &request, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
}

int main(int argc, char **argv) {
  vial_model *model = NULL;
  vial_engine *engine = NULL;
  vial_request_options options = question();
  if (argc != 2) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_get_sampling(model, (vial_text){NULL, 0}, &sampling, NULL));
  sampling.temperature = 0.8f;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  answer one = waited(engine, &options), two = polled(engine, &options), three = called(engine, &options);
  CHECK(same(&one, &two) && same(&one, &three) && one.count > 0);
  ends_and_limits(engine);
  texts(model, engine);
  hooks(model, &one);
  tenants_and_metrics(model);
  pins(model);
  later_structs(model, &one);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  for (uint32_t index = 0; index < one.count; index++) printf("%u\n", one.tokens[index]);
  return finish("requests.c");
}
