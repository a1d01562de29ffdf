/* How fast texts become tokens, through whatever libvial the loader finds, in processor time: a text of prose, repeated up to
 * four megabytes, and one word of a million letters, which is what a tokenizer can meet at worst. Prints a line each.
 * Usage: tokenizer MODEL TEXT-FILE, of less than four megabytes */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vial.h>

enum { PROSE_BYTES = 4000000, WORD_BYTES = 1000000, OPENINGS = 100, REPETITIONS = 5 };

static double processor_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/** The best of a few; 0, or 1 when the text is refused. */
static int measure(vial_model *model, const char *name, const char *text, uint64_t length) {
  const uint64_t capacity = length + 34;
  uint32_t *tokens = malloc(capacity * sizeof *tokens);
  uint64_t token_count = 0;
  double best = 0;
  vial_status status = tokens ? VIAL_STATUS_OK : VIAL_STATUS_OUT_OF_MEMORY;
  for (int number = 0; number < REPETITIONS && status == VIAL_STATUS_OK; number++) {
    const double begin = processor_seconds();
    status = vial_model_encode(model, (vial_text){text, length}, VIAL_ENCODE_ALLOW_SPECIAL_TOKENS, tokens, capacity, &token_count,
                               NULL);
    const double seconds = processor_seconds() - begin;
    if (number == 0 || seconds < best) best = seconds;
  }
  free(tokens);
  if (status != VIAL_STATUS_OK) return fprintf(stderr, "%s: status %d\n", name, (int)status), 1;
  printf("%-8s %6.1f MB/s %9llu tokens\n", name, (double)length / best * 1e-6, (unsigned long long)token_count);
  return 0;
}

int main(int count, char **arguments) {
  if (count < 3) return fprintf(stderr, "usage: tokenizer MODEL TEXT-FILE\n"), 2;
  static char prose[PROSE_BYTES], word[WORD_BYTES];
  FILE *file = fopen(arguments[2], "rb");
  size_t length = file ? fread(prose, 1, sizeof prose, file) : 0;
  if (length == 0 || length == sizeof prose) return fprintf(stderr, "no text, or too much\n"), 1;
  fclose(file);
  /* Whole copies only: a part of one could end within a character. */
  size_t prose_length = length;
  while (prose_length + length <= sizeof prose) {
    memcpy(prose + prose_length, prose, length);
    prose_length += length;
  }
  memset(word, 'a', sizeof word);

  vial_model *model = NULL;
  const double begin = processor_seconds();
  for (int number = 0; number < OPENINGS; number++) {
    vial_model_close(model);
    if (vial_model_open(arguments[1], NULL, &model, NULL) != VIAL_STATUS_OK) return fprintf(stderr, "cannot open\n"), 1;
  }
  printf("opened in %.3f ms\n", (processor_seconds() - begin) / OPENINGS * 1e3);
  const int failed = measure(model, "prose", prose, prose_length) | measure(model, "one word", word, sizeof word);
  vial_model_close(model);
  return failed;
}
