/* Text that a file or a model wrote, shown. A terminal obeys control characters, so they are spelled out for it; a pipe
 * or a file gets the bytes as they are. Include it first: it asks the system's headers for POSIX. */
#ifndef TERMINAL_H
#define TERMINAL_H
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/** The character at `text`, and its bytes in `length`; -1 and one byte when it is no UTF-8. */
static int32_t character(const unsigned char *text, size_t available, size_t *length) {
  static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
  size_t more = text[0] >= 0xF0 ? 3 : text[0] >= 0xE0 ? 2 : text[0] >= 0xC0 ? 1 : 0;
  int32_t value = more == 0 ? text[0] : text[0] & (0x3F >> more);
  *length = 1;
  if (text[0] > 0xF4 || (text[0] >= 0x80 && text[0] < 0xC0) || more >= available) return -1;
  for (size_t index = 1; index <= more; index++) {
    if ((text[index] & 0xC0) != 0x80) return -1;
    value = value << 6 | (text[index] & 0x3F);
  }
  if (value < least[more] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return -1;
  *length = more + 1;
  return value;
}

/** Whether a character could drive a terminal or change the order of a text: controls, marks, overrides, separators. */
static int is_spelled_out(int32_t c) {
  if (c == '\n' || c == '\t') return 0;
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x61C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/** Writes `length` bytes of text. */
static void show(FILE *stream, const char *text, size_t length) {
  if (!isatty(fileno(stream))) {
    fwrite(text, 1, length, stream);
    return;
  }
  for (size_t at = 0, count; at < length; at += count) {
    const unsigned char *bytes = (const unsigned char *)text + at;
    const int32_t c = character(bytes, length - at, &count);
    if (c < 0)
      fprintf(stream, "\\x%02x", bytes[0]);
    else if (is_spelled_out(c))
      fprintf(stream, "\\u{%x}", (unsigned)c);
    else
      fwrite(bytes, 1, count, stream);
  }
}

#endif
