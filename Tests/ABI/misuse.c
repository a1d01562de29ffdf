/* Owns: the misuse that a host must survive: each call gives a status, none ends the process.
 * Usage: misuse MODEL FOLDER; FOLDER takes the damaged files that this program makes. */
#define _POSIX_C_SOURCE 200809L
#include "vial.h"

#include "check.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE_LENGTH ((uint64_t)1 << 63)

static vial_model *model;
static const char *path;

static void null_arguments(void) {
  vial_model *other = NULL;
  uint64_t count = 7;
  uint32_t ids[4] = {1, 2, 3, 4};
  float scores[4];
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_open(NULL, NULL, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_open(NULL, NULL, &other, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_open(path, NULL, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_get_info(model, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_copy_text(model, VIAL_MODEL_TEXT_NAME, NULL, 0, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_copy_text(model, VIAL_MODEL_TEXT_NAME, NULL, 5, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_encode(model, (vial_text){NULL, 1}, 0, NULL, 0, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_encode(model, (vial_text){"a", 1}, 0, NULL, 1, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_encode(model, (vial_text){"a", 1}, 0, ids, 4, NULL, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_encode(model, (vial_text){NULL, 0}, 0, NULL, 0, &count, NULL));
  CHECK(count == 0);
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_decode(model, NULL, 1, 0, NULL, 0, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_decode(model, ids, 4, 0, NULL, 0, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_copy_token_bytes(model, 1, NULL, 0, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_copy_token_bytes(model, 1, NULL, 1, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_render_chat_template(model, NULL, 1, 0, ids, 4, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_render_chat_template(model, NULL, 0, 0, NULL, 0, NULL, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_score(model, NULL, 1, NULL, scores, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_score(model, ids, 4, NULL, NULL, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_score(model, NULL, 0, NULL, NULL, NULL));
}

/** Every function of a handle that is no handle. */
static void bad_handle(vial_model *bad, vial_status expected) {
  uint64_t count = 7;
  uint32_t ids[64] = {1, 2, 3, 4};
  float scores[4];
  uint8_t bytes[64];
  char text[64];
  vial_message message = {{"user", 4}, {"hi", 2}, 0, 0};
  vial_error error = VIAL_ERROR_INIT;
  vial_model_info info = VIAL_MODEL_INFO_INIT;
  STATUS(expected, vial_model_get_info(bad, &info));
  STATUS(expected, vial_model_copy_text(bad, VIAL_MODEL_TEXT_NAME, text, sizeof text, &count, NULL));
  CHECK(count == 0);
  STATUS(expected, vial_model_encode(bad, (vial_text){"a", 1}, 0, ids, 64, &count, &error));
  CHECK(error.status == expected && strcmp(error.message, vial_status_message(expected)) == 0);
  STATUS(expected, vial_model_decode(bad, ids, 1, 0, text, sizeof text, &count, NULL));
  STATUS(expected, vial_model_copy_token_bytes(bad, 1, bytes, sizeof bytes, &count, NULL));
  STATUS(expected, vial_model_render_chat_template(bad, &message, 1, 0, ids, 64, &count, NULL));
  STATUS(expected, vial_model_score(bad, ids, 4, NULL, scores, NULL));
  vial_model_close(bad);
}

static void stale_handles(void) {
  vial_model *closed = NULL, *next = NULL;
  vial_model_info info = VIAL_MODEL_INFO_INIT;
  int local = 0;
  STATUS(VIAL_STATUS_OK, vial_model_open(path, NULL, &closed, NULL));
  vial_model_close(closed);
  vial_model_close(closed);
  bad_handle(closed, VIAL_STATUS_INVALID_HANDLE);
  /* The slot is used again; the old handle stays dead and closing it does not close the new one. */
  STATUS(VIAL_STATUS_OK, vial_model_open(path, NULL, &next, NULL));
  CHECK(next != closed);
  bad_handle(closed, VIAL_STATUS_INVALID_HANDLE);
  STATUS(VIAL_STATUS_OK, vial_model_get_info(next, &info));
  vial_model_close(next);
  bad_handle(NULL, VIAL_STATUS_INVALID_HANDLE);
  bad_handle((vial_model *)(void *)&local, VIAL_STATUS_INVALID_HANDLE);
  bad_handle((vial_model *)UINTPTR_MAX, VIAL_STATUS_INVALID_HANDLE);
  bad_handle((vial_model *)(uintptr_t)((uintptr_t)model ^ ((uintptr_t)1 << 40)), VIAL_STATUS_INVALID_HANDLE);
  bad_handle((vial_model *)(uintptr_t)((uintptr_t)model ^ 2), VIAL_STATUS_INVALID_HANDLE);
}

/** Structs as an older and a newer header would have them. */
static void struct_sizes(void) {
  struct {
    vial_model_options options;
    uint64_t added;
  } newer = {{(uint32_t)sizeof newer, 0, 0, 0, 0, 0}, 0};
  struct {
    vial_model_info information;
    uint64_t added;
  } wide;
  vial_model *other = NULL;
  const uint32_t wrong[] = {0, 1, 4, 7, 4097, UINT32_MAX};
  for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
    vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
    vial_score_options score = VIAL_SCORE_OPTIONS_INIT;
    vial_verify_options verify = VIAL_VERIFY_OPTIONS_INIT;
    vial_error error = VIAL_ERROR_INIT;
    vial_model_info info = VIAL_MODEL_INFO_INIT;
    uint64_t count = 0;
    options.struct_size = score.struct_size = verify.struct_size = error.struct_size = info.struct_size = wrong[index];
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_open(path, &options, &other, NULL));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_open(path, NULL, &other, &error));
    CHECK(other == NULL && error.message[0] == 0);
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_get_info(model, &info));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_score(model, NULL, 0, &score, NULL, NULL));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_verify(model, &verify, NULL));
    STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_encode(model, (vial_text){"a", 1}, 0, NULL, 0, &count, &error));
  }
  STATUS(VIAL_STATUS_OK, vial_model_open(path, &newer.options, &other, NULL));
  vial_model_close(other);
  newer.options.verification = 99;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_open(path, &newer.options, &other, NULL));
  newer.options.verification = 0;
  newer.added = 1;
  STATUS(VIAL_STATUS_INVALID_STRUCT_SIZE, vial_model_open(path, &newer.options, &other, NULL));
  memset(&wide, 0xAA, sizeof wide);
  wide.information.struct_size = (uint32_t)sizeof wide;
  STATUS(VIAL_STATUS_OK, vial_model_get_info(model, &wide.information));
  CHECK(wide.information.struct_size == sizeof wide && wide.added == 0);
  CHECK(wide.information.adapter_count == 0 && wide.information.layer_count == 2);
}

/** The model of these tests is not signed. */
static void trusted_keys(void) {
  static const uint8_t keys[32 * (VIAL_TRUSTED_KEY_LIMIT + 1)];
  vial_model *other = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
  options.trusted_key_count = 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_open(path, &options, &other, NULL));
  options.trusted_keys = keys;
  STATUS(VIAL_STATUS_UNTRUSTED, vial_model_open(path, &options, &other, &error));
  CHECK(other == NULL && error.status == VIAL_STATUS_UNTRUSTED);
  options.trusted_key_count = VIAL_TRUSTED_KEY_LIMIT;
  STATUS(VIAL_STATUS_UNTRUSTED, vial_model_open(path, &options, &other, NULL));
  options.trusted_key_count++;
  STATUS(VIAL_STATUS_TOO_LONG, vial_model_open(path, &options, &other, NULL));
  options.trusted_key_count = UINT32_MAX;
  STATUS(VIAL_STATUS_TOO_LONG, vial_model_open(path, &options, &other, NULL));
  /* A list without keys is not the same as no list. */
  options.trusted_key_count = 0;
  STATUS(VIAL_STATUS_UNTRUSTED, vial_model_open(path, &options, &other, NULL));
}

static void lengths(void) {
  const uint64_t huge[] = {HUGE_LENGTH, HUGE_LENGTH - 1, UINT64_MAX, (uint64_t)1 << 32, VIAL_TEXT_BYTE_LIMIT + 1};
  uint32_t ids[64] = {1, 2, 3, 4};
  char text[64];
  float scores[4];
  uint64_t count = 0;
  for (size_t index = 0; index < sizeof huge / sizeof *huge; index++) {
    vial_message role = {{"user", huge[index]}, {"hi", 2}, 0, 0}, content = {{"user", 4}, {"hi", huge[index]}, 0, 0};
    vial_error error = VIAL_ERROR_INIT;
    STATUS(VIAL_STATUS_TOO_LONG, vial_model_encode(model, (vial_text){"a", huge[index]}, 0, ids, 64, &count, &error));
    CHECK(error.status == VIAL_STATUS_TOO_LONG);
    STATUS(VIAL_STATUS_TOO_LONG, vial_model_decode(model, ids, huge[index], 0, text, 64, &count, NULL));
    STATUS(VIAL_STATUS_TOO_LONG, vial_model_score(model, ids, huge[index], NULL, scores, NULL));
    STATUS(VIAL_STATUS_TOO_LONG, vial_model_render_chat_template(model, &role, 1, 0, ids, 64, &count, NULL));
    STATUS(VIAL_STATUS_TOO_LONG, vial_model_render_chat_template(model, &content, 1, 0, ids, 64, &count, NULL));
    STATUS(VIAL_STATUS_TOO_LONG,
           vial_model_render_chat_template(model, &content, huge[index], 0, ids, 64, &count, NULL));
  }
  /* A capacity is the caller's word and may be any number; only what is needed is touched. */
  ids[0] = 1;
  STATUS(VIAL_STATUS_OK, vial_model_decode(model, ids, 1, 0, text, UINT64_MAX, &count, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_encode(model, (vial_text){"a", 1}, 0, ids, HUGE_LENGTH, &count, NULL));
  STATUS(VIAL_STATUS_OK, vial_model_copy_text(model, VIAL_MODEL_TEXT_NAME, text, UINT64_MAX, &count, NULL));
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL,
         vial_model_encode(model, (vial_text){"heart attack", 12}, 0, ids, 1, &count, NULL));
  CHECK(count == 7 && ids[0] == 258);
  STATUS(VIAL_STATUS_BUFFER_TOO_SMALL, vial_model_copy_text(model, VIAL_MODEL_TEXT_FILE_DIGEST, NULL, 0, &count, NULL));
  CHECK(count == 64);
}

static void invalid_text(void) {
  uint32_t ids[64];
  uint64_t count = 0;
  vial_error error = VIAL_ERROR_INIT;
  vial_message role = {{"us\xFFr", 4}, {"hi", 2}, 0, 0}, content = {{"user", 4}, {"h\xC3", 2}, 0, 0};
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_model_encode(model, (vial_text){"ab\xFF", 3}, 0, ids, 64, &count, &error));
  CHECK(error.byte_offset == 2 && count == 0);
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_model_encode(model, (vial_text){"\xED\xA0\x80", 3}, 0, ids, 64, &count, NULL));
  /* Even in a role or message that the template does not show. */
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_model_render_chat_template(model, &role, 1, 0, ids, 64, &count, &error));
  CHECK(error.byte_offset == 2);
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_model_render_chat_template(model, &content, 1, 0, ids, 64, &count, &error));
  vial_model *other = NULL;
  STATUS(VIAL_STATUS_INVALID_UTF8, vial_model_open("/tmp/\xFF.vial", NULL, &other, &error));
  CHECK(other == NULL);
}

static void numbers(void) {
  uint32_t ids[64] = {1, 512, UINT32_MAX, 4}, *misaligned = (uint32_t *)(void *)((char *)ids + 1);
  uint64_t count = 0;
  float scores[4];
  char text[64];
  vial_model *other = NULL;
  vial_message message = {{"user", 4}, {"hi", 2}, 2, 0};
  vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
  vial_score_options score = VIAL_SCORE_OPTIONS_INIT;
  options.access = 9;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_open(path, &options, &other, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_encode(model, (vial_text){"a", 1}, 4, ids, 64, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_decode(model, ids, 1, 8, text, 64, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_copy_text(model, 99, text, 64, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_render_chat_template(model, &message, 1, 0, ids, 64, &count, NULL));
  message.flags = 0;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_render_chat_template(model, &message, 1, 1, ids, 64, &count, NULL));
  message.reserved = 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_render_chat_template(model, &message, 1, 0, ids, 64, &count, NULL));
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_encode(model, (vial_text){"a", 1}, 0, misaligned, 8, &count, NULL));
  ids[1] = 512;
  STATUS(VIAL_STATUS_UNKNOWN_TOKEN, vial_model_decode(model, ids, 2, 0, text, 64, &count, NULL));
  STATUS(VIAL_STATUS_UNKNOWN_TOKEN, vial_model_score(model, ids, 2, NULL, scores, NULL));
  STATUS(VIAL_STATUS_UNKNOWN_TOKEN, vial_model_copy_token_bytes(model, UINT32_MAX, (uint8_t *)text, 64, &count, NULL));
  score.isa = "no such family";
  STATUS(VIAL_STATUS_UNSUPPORTED_ISA, vial_model_score(model, ids, 1, &score, scores, NULL));
  score.isa = NULL;
  score.thread_count = VIAL_THREAD_LIMIT + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_score(model, ids, 1, &score, scores, NULL));
  score.thread_count = 0;
  score.cache_type = 3;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_score(model, ids, 1, &score, scores, NULL));
}

static int32_t stop_at_two(void *context, uint64_t done, uint64_t total) {
  ++*(int *)context;
  return done == 2 && total == 4;
}

static void cancelling(void) {
  const uint32_t ids[4] = {1, 2, 3, 4};
  float scores[4];
  int calls = 0;
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  vial_error error = VIAL_ERROR_INIT;
  options.progress = stop_at_two;
  options.progress_context = &calls;
  STATUS(VIAL_STATUS_CANCELLED, vial_model_score(model, ids, 4, &options, scores, &error));
  CHECK(calls == 2 && error.status == VIAL_STATUS_CANCELLED);
  CHECK(scores[1] == scores[1] && scores[2] != scores[2] && scores[3] != scores[3]);
}

static int32_t count_calls(void *context, uint64_t done, uint64_t total) {
  ++*(int *)context;
  return done > total;
}

static int32_t stop_at_once(void *context, uint64_t done, uint64_t total) {
  ++*(int *)context;
  return done <= total;
}

static void verifying(void) {
  int calls = 0;
  vial_verify_options options = VIAL_VERIFY_OPTIONS_INIT;
  vial_error error = VIAL_ERROR_INIT;
  options.progress_context = &calls;
  options.progress = count_calls;
  for (options.thread_count = 0; options.thread_count < 4; options.thread_count++)
    STATUS(VIAL_STATUS_OK, vial_model_verify(model, &options, &error));
  CHECK(calls >= 8);
  calls = 0;
  options.progress = stop_at_once;
  STATUS(VIAL_STATUS_CANCELLED, vial_model_verify(model, &options, &error));
  CHECK(calls == 1 && error.status == VIAL_STATUS_CANCELLED);
  options.thread_count = VIAL_THREAD_LIMIT + 1;
  STATUS(VIAL_STATUS_INVALID_ARGUMENT, vial_model_verify(model, &options, &error));
}

static vial_status open_damaged(const char *folder, long keep, long flip, vial_error *error);

/** Damaged weights: which verification finds them when. The middle of the file lies in them. */
static void damaged_weights(const char *folder) {
  char name[4096];
  snprintf(name, sizeof name, "%s/damaged.vial", folder);
  vial_model_info info = VIAL_MODEL_INFO_INIT;
  STATUS(VIAL_STATUS_OK, vial_model_get_info(model, &info));
  STATUS(VIAL_STATUS_OK, open_damaged(folder, 1 << 30, (long)(info.file_byte_count / 2), NULL));
  const uint32_t ids[4] = {1, 2, 3, 4};
  float scores[4];
  vial_model *other = NULL;
  vial_error error = VIAL_ERROR_INIT;
  vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
  STATUS(VIAL_STATUS_OK, vial_model_open(name, &options, &other, &error));
  STATUS(VIAL_STATUS_FORMAT, vial_model_verify(other, NULL, &error));
  CHECK(error.rule == 220 && error.byte_offset > 0);
  vial_model_close(other);
  options.verification = VIAL_VERIFICATION_WHOLE;
  STATUS(VIAL_STATUS_FORMAT, vial_model_open(name, &options, &other, &error));
  CHECK(error.rule == 220 && other == NULL);
  /* Weights of one chunk are read when they are opened, longer ones when they are used. */
  options.verification = VIAL_VERIFICATION_LAZY;
  vial_status status = vial_model_open(name, &options, &other, &error);
  if (status == VIAL_STATUS_OK) status = vial_model_score(other, ids, 4, NULL, scores, &error);
  STATUS(VIAL_STATUS_FORMAT, status);
  CHECK(error.rule == 220);
  vial_model_close(other);
}

/** Writes the first `keep` bytes of the model, the byte at `flip` inverted, and opens the result. */
static vial_status open_damaged(const char *folder, long keep, long flip, vial_error *error) {
  char name[4096];
  snprintf(name, sizeof name, "%s/damaged.vial", folder);
  FILE *in = fopen(path, "rb"), *out = fopen(name, "wb");
  int byte;
  for (long index = 0; in && out && index < keep && (byte = fgetc(in)) != EOF; index++)
    fputc(index == flip ? byte ^ 0xFF : byte, out);
  if (in) fclose(in);
  if (out) fclose(out);
  vial_model *other = NULL;
  vial_status status = vial_model_open(name, NULL, &other, error);
  CHECK((other != NULL) == (status == VIAL_STATUS_OK));
  vial_model_close(other);
  return status;
}

static void damaged_files(const char *folder) {
  vial_model *other = NULL;
  vial_error error = VIAL_ERROR_INIT;
  STATUS(VIAL_STATUS_SYSTEM, vial_model_open("/nowhere/patient-4711.vial", NULL, &other, &error));
  CHECK(error.system_code == 2 && strstr(error.message, "4711") == NULL);
  STATUS(VIAL_STATUS_SYSTEM, vial_model_open(folder, NULL, &other, NULL));
  STATUS(VIAL_STATUS_SYSTEM, vial_model_open("", NULL, &other, NULL));
  STATUS(VIAL_STATUS_SYSTEM, open_damaged(folder, 0, -1, &error));
  STATUS(VIAL_STATUS_FORMAT, open_damaged(folder, 100, -1, &error));
  CHECK(error.rule > 0);
  STATUS(VIAL_STATUS_FORMAT, open_damaged(folder, 100000, -1, &error));
  STATUS(VIAL_STATUS_FORMAT, open_damaged(folder, 1 << 30, 0, &error));
  STATUS(VIAL_STATUS_FORMAT, open_damaged(folder, 1 << 30, 12288, &error));
  CHECK(error.rule == 220 && error.byte_offset == 12288 && strstr(error.message, "R-220") != NULL);
  /* Every byte of the head, one at a time in steps: a status or a model, never a crash. */
  for (long flip = 0; flip < 14336; flip += 61) {
    vial_status status = open_damaged(folder, 1 << 30, flip, &error);
    CHECK(status == VIAL_STATUS_OK || status == VIAL_STATUS_FORMAT);
  }
}

/** In the child of a fork the parent's handles are refused, closing them is harmless, and new ones work. */
static void after_fork(void) {
  pid_t child = fork();
  if (child == 0) {
    vial_model *own = NULL;
    uint32_t ids[4] = {1, 2, 3, 4};
    float scores[4];
    failures = 0;
    bad_handle(model, VIAL_STATUS_FORKED);
    STATUS(VIAL_STATUS_OK, vial_model_open(path, NULL, &own, NULL));
    STATUS(VIAL_STATUS_OK, vial_model_score(own, ids, 4, NULL, scores, NULL));
    bad_handle(model, VIAL_STATUS_FORKED);
    vial_model_close(own);
    bad_handle(own, VIAL_STATUS_INVALID_HANDLE);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = -1;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  uint32_t ids[4] = {1, 2, 3, 4};
  float scores[4];
  STATUS(VIAL_STATUS_OK, vial_model_score(model, ids, 4, NULL, scores, NULL));
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  path = argv[1];
  bad_handle((vial_model *)(uintptr_t)0x100000003, VIAL_STATUS_INVALID_HANDLE);
  STATUS(VIAL_STATUS_OK, vial_model_open(path, NULL, &model, NULL));
  null_arguments();
  stale_handles();
  struct_sizes();
  trusted_keys();
  lengths();
  invalid_text();
  numbers();
  cancelling();
  verifying();
  damaged_weights(argv[2]);
  damaged_files(argv[2]);
  after_fork();
  vial_model_close(model);
  return finish("misuse.c");
}
