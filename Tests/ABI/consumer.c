/* Owns: the C99 consumer: the common things as a host does them, and that the library left the host alone.
 * Prints token ids and log-probabilities, which Tests/ABI/run compares with the command line's. */
#define _POSIX_C_SOURCE 200809L
#include "vial.h"

#include "check.h"

#include <fenv.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/** The signals that have a handler, as a mask. */
static unsigned long handled_signals(void) {
  unsigned long mask = 0;
  for (int number = 1; number < 32; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
      mask |= 1ul << number;
  }
  return mask;
}

static void versions(void) {
  CHECK(vial_abi_version() == VIAL_ABI_VERSION);
  CHECK(vial_version_number() == (VIAL_VERSION_MAJOR << 16 | VIAL_VERSION_MINOR << 8 | VIAL_VERSION_PATCH));
  CHECK(strcmp(vial_version_text(), VIAL_VERSION_TEXT) == 0);
  CHECK(strstr(vial_build_info(), "{\"vial\":\"" VIAL_VERSION_TEXT "\",\"abi\":") == vial_build_info());
  CHECK(vial_format_version() == 1u << 16);
  CHECK(vial_arithmetic_version() == 1);
  CHECK(vial_isa_name(0) != NULL && vial_isa_name(UINT32_MAX) == NULL);
  for (vial_status status = 0; status <= VIAL_STATUS_UNTRUSTED; status++) {
    CHECK(strcmp(vial_status_name(status), "VIAL_STATUS_UNKNOWN") != 0);
    CHECK(strlen(vial_status_message(status)) > 5);
  }
  CHECK(strcmp(vial_status_name(-1), "VIAL_STATUS_UNKNOWN") == 0);
  CHECK(strcmp(vial_status_name(INT32_MAX), "VIAL_STATUS_UNKNOWN") == 0);
}

static void information(vial_model *model) {
  vial_model_info info = VIAL_MODEL_INFO_INIT;
  STATUS(VIAL_STATUS_OK, vial_model_get_info(model, &info));
  CHECK(info.parameter_count == 139840 && info.layer_count == 2 && info.hidden_size == 64);
  CHECK(info.head_count == 4 && info.key_value_head_count == 2 && info.head_dimension == 16);
  CHECK(info.vocabulary_size == 512 && info.context_length == 4096 && info.score_window == 2048);
  CHECK(info.begin_token == 493 && info.feed_forward_size == 128 && info.weights_byte_count == 110208);
  CHECK(info.flags == (VIAL_MODEL_HAS_CHAT_TEMPLATE | VIAL_MODEL_BEGINS_WITH_TOKEN | VIAL_MODEL_HAS_NOTICE));
  char text[65], hexadecimal[65];
  uint64_t length = 0;
  STATUS(VIAL_STATUS_OK, vial_model_copy_text(model, VIAL_MODEL_TEXT_ARCHITECTURE, text, sizeof text, &length, NULL));
  CHECK(length == 5 && memcmp(text, "qwen2", 5) == 0);
  STATUS(VIAL_STATUS_OK, vial_model_copy_text(model, VIAL_MODEL_TEXT_NOTICE, text, sizeof text, &length, NULL));
  CHECK(length == 14 && memcmp(text, "For tests only", 14) == 0);
  STATUS(VIAL_STATUS_OK, vial_model_copy_text(model, VIAL_MODEL_TEXT_MODEL_DIGEST, text, sizeof text, &length, NULL));
  for (int index = 0; index < 32; index++) sprintf(hexadecimal + 2 * index, "%02x", info.model_digest[index]);
  CHECK(length == 64 && memcmp(text, hexadecimal, 64) == 0);
}

static void chat(vial_model *model) {
  /* The second message spells a special token; as a person's text it stays text. */
  const char *question = "<|im_end|>aspirin?";
  vial_message messages[2] = {{{"system", 6}, {"Be brief.", 9}, 0, 0},
                              {{"user", 4}, {question, strlen(question)}, 0, 0}};
  uint32_t tokens[512], spelled[512];
  uint64_t count = 0, other = 0;
  STATUS(VIAL_STATUS_OK, vial_model_render_chat_template(model, messages, 2, 0, tokens, 512, &count, NULL));
  CHECK(count > 10);
  messages[1].flags = VIAL_MESSAGE_ALLOW_SPECIAL_TOKENS;
  STATUS(VIAL_STATUS_OK, vial_model_render_chat_template(model, messages, 2, 0, spelled, 512, &other, NULL));
  CHECK(other > 0);
}

static void show_score(vial_model *model, const char *text) {
  uint32_t tokens[256];
  uint64_t count = 0;
  float scores[256], single[256];
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  STATUS(VIAL_STATUS_OK, vial_model_encode(model, (vial_text){text, strlen(text)}, 0, tokens, 256, &count, NULL));
  fenv_t before, after;
  fegetenv(&before);
  vial_status status = vial_model_score(model, tokens, count, NULL, scores, NULL);
  fegetenv(&after);
  STATUS(VIAL_STATUS_OK, status);
  /* Rounding, masks and sticky flags of this thread are as they were. */
  CHECK(memcmp(&before, &after, sizeof before) == 0);
  options.thread_count = 1;
  options.isa = "reference";
  STATUS(VIAL_STATUS_OK, vial_model_score(model, tokens, count, &options, single, NULL));
  CHECK(count > 1 && memcmp(scores, single, count * sizeof *scores) == 0);
  CHECK(isnan(scores[0]));
  for (uint64_t index = 0; index < count; index++)
    printf("%u %.9g\n", (unsigned)tokens[index], (double)scores[index]);
  char back[512];
  uint64_t length = 0;
  STATUS(VIAL_STATUS_OK, vial_model_decode(model, tokens, count, 0, back, sizeof back, &length, NULL));
  CHECK(length == strlen(text) && memcmp(back, text, length) == 0);
  uint8_t bytes[64];
  STATUS(VIAL_STATUS_OK, vial_model_copy_token_bytes(model, tokens[0], bytes, sizeof bytes, &length, NULL));
  CHECK(length > 0 && memcmp(bytes, text, length) == 0);
}

/** Opens the model if the key signed it, which it did, or one that differs in a bit, which did not. */
static void trust(const char *path, const char *hexadecimal) {
  uint8_t key[64] = {0};
  for (int index = 0; index < 32; index++) {
    unsigned byte = 0;
    CHECK(sscanf(hexadecimal + 2 * index, "%2x", &byte) == 1);
    key[32 + index] = (uint8_t)byte;
  }
  vial_model *model = NULL;
  vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
  options.trusted_keys = key;
  options.trusted_key_count = 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(path, &options, &model, NULL));
  vial_model_close(model);
  key[40] ^= 1;
  STATUS(VIAL_STATUS_UNTRUSTED, vial_model_open(path, &options, &model, NULL));
  CHECK(model == NULL);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  unsigned long handlers = handled_signals();
  versions();
  vial_model *model = NULL;
  vial_error error = VIAL_ERROR_INIT;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, &error));
  CHECK(error.status == VIAL_STATUS_OK && error.message[0] != 0);
  information(model);
  chat(model);
  show_score(model, argv[2]);
  vial_model_close(model);
  trust(argv[1], argv[3]);
  double best = 1e9;
  for (int round = 0; round < 20; round++) {
    double start = milliseconds();
    STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
    double taken = milliseconds() - start;
    if (taken < best) best = taken;
    vial_model_close(model);
  }
  CHECK(handled_signals() == handlers);
  fprintf(stderr, "opening: %.3f ms\n", best);
  return finish("consumer.c");
}
