/* Owns: sampling through the C API: the file's defaults, every field's effect or refusal, the answer's first words, and
 * how likely the prompt is.
 * Usage: sampling MODEL, one with a chat template. */
#include "vial.h"

#include "check.h"

#include <math.h>
#include <string.h>

enum { MOST = 24 };

static vial_model *model;
static vial_engine *engine;
static const uint32_t ids[4] = {1, 2, 3, 4};
static const vial_text none = {NULL, 0};

/** What an answer was. */
typedef struct answer {
  uint32_t tokens[MOST];
  uint32_t count;
  uint32_t reason;
} answer;

static vial_request_options question(const vial_sampling_options *sampling) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.tokens = ids;
  options.token_count = 4;
  options.max_tokens = MOST;
  options.seed = 11;
  options.sampling = sampling;
  return options;
}

static answer answered(const vial_sampling_options *sampling) {
  answer result = {{0}, 0, VIAL_FINISH_NONE};
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  vial_request_options options = question(sampling);
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) {
    if (event.kind == VIAL_EVENT_TOKEN) result.tokens[result.count++] = event.token;
    result.reason = event.finish_reason;
  }
  vial_request_close(request);
  return result;
}

static int same(const answer *a, const answer *b) {
  return a->count == b->count && memcmp(a->tokens, b->tokens, a->count * sizeof *a->tokens) == 0;
}

static int has(const answer *a, uint32_t token) {
  for (uint32_t index = 0; index < a->count; index++)
    if (a->tokens[index] == token) return 1;
  return 0;
}

/** NULL, the file's own, and the same numbers written by hand are one; the macro is greedy. */
static void defaults(void) {
  vial_sampling_options file = VIAL_SAMPLING_OPTIONS_INIT, greedy = VIAL_SAMPLING_OPTIONS_INIT;
  vial_error error = VIAL_ERROR_INIT;
  STATUS(VIAL_STATUS_OK, vial_model_get_sampling(model, none, &file, &error));
  CHECK(file.struct_size == sizeof file && file.top_p > 0 && file.repetition_penalty > 0);
  CHECK(file.repetition_scope == VIAL_PENALTY_BOTH && file.penalty_scope == VIAL_PENALTY_ANSWER);
  const answer absent = answered(NULL), given = answered(&file), likeliest = answered(&greedy);
  CHECK(same(&absent, &given) && absent.count > 0);
  file.temperature = 0;
  file.repetition_penalty = 1;
  const answer cold = answered(&file);
  CHECK(same(&cold, &likeliest));
  STATUS(VIAL_STATUS_NOT_IN_FILE, vial_model_get_sampling(model, vial_text_from("nobody"), &file, &error));
  CHECK(strstr(error.message, "nobody") == NULL);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_get_sampling(model, none, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_model_get_sampling(NULL, none, &file, NULL));
  file.struct_size = 8;
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_get_sampling(model, none, &file, NULL));
}

/** Biases, bans, stop ids, the least number of tokens, ignored ends. */
static void rules(void) {
  vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;
  const answer plain = answered(&sampling);
  const uint32_t first = plain.tokens[0];
  const vial_token_bias bias = {77, 100};
  CHECK(plain.count > 4);
  sampling.banned_tokens = &first;
  sampling.banned_token_count = 1;
  answer other = answered(&sampling);
  CHECK(other.count > 0 && !has(&other, first));
  sampling = (vial_sampling_options)VIAL_SAMPLING_OPTIONS_INIT;
  sampling.biases = &bias;
  sampling.bias_count = 1;
  other = answered(&sampling);
  CHECK(other.count == MOST && other.tokens[0] == 77 && other.tokens[MOST - 1] == 77);
  /* An id that ends the answer, and one that may not yet. */
  sampling.stop_tokens = &bias.token;
  sampling.stop_token_count = 1;
  other = answered(&sampling);
  CHECK(other.count == 0 && other.reason == VIAL_FINISH_STOP);
  sampling.min_tokens = 3;
  other = answered(&sampling);
  CHECK(other.count == 3 && !has(&other, 77) && other.reason == VIAL_FINISH_STOP);
  sampling = (vial_sampling_options)VIAL_SAMPLING_OPTIONS_INIT;
  sampling.flags = VIAL_SAMPLING_IGNORE_END;
  other = answered(&sampling);
  CHECK(other.count == MOST && other.reason == VIAL_FINISH_LENGTH);
}

/** Penalties change what repeats; their scopes and windows are told apart. */
static void penalties(void) {
  vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;
  sampling.frequency_penalty = 2;
  sampling.presence_penalty = 2;
  const answer answer_scope = answered(&sampling);
  sampling.penalty_scope = VIAL_PENALTY_PROMPT;
  const answer prompt_scope = answered(&sampling);
  sampling.penalty_scope = VIAL_PENALTY_BOTH;
  sampling.penalty_window = 1;
  const answer window = answered(&sampling);
  CHECK(!same(&answer_scope, &prompt_scope) && !same(&answer_scope, &window));
  sampling = (vial_sampling_options)VIAL_SAMPLING_OPTIONS_INIT;
  sampling.repetition_penalty = 100;
  const answer both = answered(&sampling);
  sampling.repetition_scope = VIAL_PENALTY_PROMPT;
  const answer prompt = answered(&sampling);
  sampling.repetition_scope = VIAL_PENALTY_BOTH;
  sampling.repetition_window = 1;
  const answer last = answered(&sampling);
  CHECK(!same(&both, &prompt) && !same(&both, &last));
}

/** INVALID_ARGUMENT, and a message that names what was wrong. */
static void refused(vial_status status, const vial_sampling_options *sampling, const char *word) {
  vial_request *request = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_request_options options = question(sampling);
  STATUS(status, vial_engine_submit(engine, &options, &request, &error));
  CHECK(request == NULL && strstr(error.message, word) != NULL);
}

static void misuse(void) {
  const vial_sampling_options initial = VIAL_SAMPLING_OPTIONS_INIT;
  vial_sampling_options sampling = initial;
  const vial_token_bias heavy = {1, 101}, unknown = {512, 1};
  const uint32_t beyond = 512;
  const float wrong[] = {-1, 101, NAN, INFINITY};
  for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
    sampling = initial;
    sampling.temperature = wrong[index];
    refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "temperature");
    sampling = initial;
    sampling.top_p = wrong[index];
    refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "top-p");
    sampling = initial;
    sampling.min_p = wrong[index];
    refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "min-p");
    sampling = initial;
    sampling.repetition_penalty = wrong[index];
    refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "repetition");
    sampling = initial;
    sampling.frequency_penalty = wrong[index] * 3;
    refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "frequency");
    sampling = initial;
    sampling.presence_penalty = wrong[index] * 3;
    refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "presence");
  }
  sampling = initial;
  sampling.penalty_scope = 3;
  refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "scope");
  sampling = initial;
  sampling.repetition_scope = 3;
  refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "scope");
  sampling = initial;
  sampling.flags = 2;
  refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "");
  sampling = initial;
  sampling.min_tokens = MOST + 1;
  refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "min_tokens");
  sampling = initial;
  sampling.biases = &heavy;
  sampling.bias_count = 1;
  refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "bias");
  sampling.biases = &unknown;
  refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "bias");
  sampling.biases = NULL;
  refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "");
  sampling.biases = &heavy;
  sampling.bias_count = VIAL_TOKEN_RULE_LIMIT + 1;
  refused(VIAL_STATUS_TOO_LONG, &sampling, "");
  sampling = initial;
  sampling.banned_tokens = &beyond;
  sampling.banned_token_count = 1;
  refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "banned");
  sampling.banned_token_count = UINT64_MAX;
  refused(VIAL_STATUS_TOO_LONG, &sampling, "");
  sampling = initial;
  sampling.stop_tokens = &beyond;
  sampling.stop_token_count = 1;
  refused(VIAL_STATUS_INVALID_ARGUMENT, &sampling, "stop");
  sampling.stop_token_count = (uint64_t)1 << 63;
  refused(VIAL_STATUS_TOO_LONG, &sampling, "");
  sampling = initial;
  sampling.struct_size -= 1;
  refused(VIAL_STATUS_INVALID_STRUCT_SIZE, &sampling, "");
}

/** The answer's first words are in the prompt, not in the answer. */
static void prefill(void) {
  vial_request *request = NULL, *longer = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_request_info without = VIAL_REQUEST_INFO_INIT, with = VIAL_REQUEST_INFO_INIT;
  vial_sampling_options sampling = VIAL_SAMPLING_OPTIONS_INIT;
  vial_request_options options = question(&sampling);
  static char most[VIAL_PREFILL_BYTE_LIMIT + 1];
  options.tokens = NULL;
  options.token_count = 0;
  options.text = vial_text_from("chest pain");
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  options.prefill = vial_text_from("It is anemia");
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &longer, NULL));
  STATUS(VIAL_STATUS_OK, vial_request_get_info(request, &without));
  STATUS(VIAL_STATUS_OK, vial_request_get_info(longer, &with));
  CHECK(with.prompt_token_count > without.prompt_token_count);
  vial_request_close(request);
  vial_request_close(longer);
  options.prefill = (vial_text){"ab\xFF", 3};
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_engine_submit(engine, &options, &request, &error));
  CHECK(error.byte_offset == 2);
  memset(most, 'a', sizeof most);
  options.prefill = (vial_text){most, sizeof most};
  STATUS(VIAL_STATUS_TOO_LONG, vial_engine_submit(engine, &options, &request, &error));
  options.prefill = (vial_text){NULL, 3};
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, &error));
  options = question(&sampling);
  options.prefill = vial_text_from("not beside tokens");
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_engine_submit(engine, &options, &request, &error));
  CHECK(request == NULL);
}

/** The prompt's tokens have the scores of vial_model_score, and the likeliest token is the best of all. */
static void prompt_scores(void) {
  static const uint32_t prompt[6] = {40, 41, 42, 43, 300, 301};
  vial_request_options options = question(NULL);
  vial_request *request = NULL;
  vial_event event = VIAL_EVENT_INIT;
  float scores[6] = {0}, truth[6] = {0};
  vial_alternative likely[3];
  uint64_t count = 0;
  options.tokens = prompt;
  options.token_count = 6;
  options.max_tokens = 1;
  options.alternative_count = 3;
  options.flags = VIAL_REQUEST_SCORE_PROMPT;
  STATUS(VIAL_STATUS_OK, vial_model_score(model, prompt, 6, NULL, truth, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL, vial_request_copy_prompt_scores(request, NULL, 0, &count));
  CHECK(count == 6);
  STATUS(VIAL_STATUS_OK, vial_request_copy_prompt_scores(request, scores, 6, &count));
  CHECK(count == 6 && isnan(scores[0]) && memcmp(scores + 1, truth + 1, 5 * sizeof *scores) == 0);
  STATUS(VIAL_STATUS_OK, vial_request_copy_prompt_alternatives(request, 0, likely, 3, &count));
  CHECK(count == 0);
  for (uint32_t index = 1; index < 6; index++) {
    STATUS(VIAL_STATUS_BUFFER_TOO_SMALL, vial_request_copy_prompt_alternatives(request, index, likely, 2, &count));
    CHECK(count == 3);
    STATUS(VIAL_STATUS_OK, vial_request_copy_prompt_alternatives(request, index, likely, 3, &count));
    CHECK(likely[0].log_probability >= likely[1].log_probability && likely[1].log_probability >= likely[2].log_probability);
    for (uint32_t rank = 0; rank < count; rank++)
      CHECK(likely[rank].token == prompt[index] ? likely[rank].log_probability == scores[index]
                                                : rank > 0 || likely[rank].log_probability >= scores[index]);
  }
  vial_request_close(request);
  options.token_count = 1;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) continue;
  STATUS(VIAL_STATUS_OK, vial_request_copy_prompt_scores(request, scores, 6, &count));
  CHECK(count == 1 && isnan(scores[0]));
  vial_request_close(request);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  defaults();
  rules();
  penalties();
  misuse();
  prefill();
  prompt_scores();
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
  vial_model_close(model);
  return finish("sampling.c");
}
