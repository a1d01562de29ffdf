/* Owns: the search for traces of a text in a process: in its memory, and in what a core file of it would hold. A trace is
 * a run of 24 consecutive bytes of the text, or of 24 consecutive token ids in integers of 1, 2, 4 or 8 bytes, or as
 * members of structs of up to 64 bytes.
 * Must not: hold what it looks for as it is: bytes and ids are kept under a mask, and what is read goes at once. */
#ifndef TRACES_H
#define TRACES_H
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RUN = 24, LONGEST_TRACE = 256, CHUNK = 1 << 20, OVERLAP = RUN * 64 };
#define MASK 0x5A5A5A5Au

/* "Zyxwania Qorpulent 7381-Kv has glioblastoma of the left lobe", each byte xor 0x5A: never as it is in this program. */
static const unsigned char masked[] = {
    0x00, 0x23, 0x22, 0x2d, 0x3b, 0x34, 0x33, 0x3b, 0x7a, 0x0b, 0x35, 0x28, 0x2a, 0x2f, 0x36, 0x3f, 0x34, 0x2e, 0x7a, 0x6d,
    0x69, 0x62, 0x6b, 0x77, 0x11, 0x2c, 0x7a, 0x32, 0x3b, 0x29, 0x7a, 0x3d, 0x36, 0x33, 0x35, 0x38, 0x36, 0x3b, 0x29, 0x2e,
    0x35, 0x37, 0x3b, 0x7a, 0x35, 0x3c, 0x7a, 0x2e, 0x32, 0x3f, 0x7a, 0x36, 0x3f, 0x3c, 0x2e, 0x7a, 0x36, 0x35, 0x38, 0x3f};
enum { LENGTH = sizeof masked };

/** Writes the canary; the caller wipes it. */
static inline void write_canary(char *room) {
  for (size_t index = 0; index < LENGTH; index++) room[index] = (char)(masked[index] ^ 0x5A);
}

/** A sequence of bytes or ids, masked, and which 16 and 8 low bits its runs begin with. */
typedef struct trace {
  const char *name;
  int is_text;
  size_t count;
  uint32_t masked[LONGEST_TRACE];
  unsigned char begins16[1 << 16], begins8[256];
} trace;

/** What is read of memory or of a file; never searched itself. */
static unsigned char *chunk;

static inline uint32_t value_of(const trace *trace, size_t index) { return trace->masked[index] ^ MASK; }

/** The bits of `width` bytes. */
static inline uint64_t bits_of(size_t width) { return width == 8 ? ~(uint64_t)0 : ((uint64_t)1 << width * 8) - 1; }

static inline uint64_t load(const unsigned char *bytes, size_t width) {
  uint64_t value = 0;
  memcpy(&value, bytes, width);
  return value;
}

/** Takes a sequence to look for; one that is short or says little is not looked for. */
static int set_trace(trace *trace, const char *name, int is_text, const void *bytes, size_t count) {
  size_t distinct = 0;
  memset(trace, 0, sizeof *trace);
  trace->name = name;
  trace->is_text = is_text;
  if (count > LONGEST_TRACE) count = LONGEST_TRACE;
  for (size_t index = 0; index < count; index++) {
    uint32_t value = is_text ? ((const unsigned char *)bytes)[index] : ((const uint32_t *)bytes)[index];
    trace->masked[index] = value ^ MASK;
    distinct += !trace->begins8[value & 0xFF];
    trace->begins8[value & 0xFF] = 1;
  }
  memset(trace->begins8, 0, sizeof trace->begins8);
  if (count < RUN || distinct < 8) return 0;
  trace->count = count;
  for (size_t index = 0; index + RUN <= count; index++) {
    trace->begins8[value_of(trace, index) & 0xFF] = 1;
    trace->begins16[value_of(trace, index) & 0xFFFF] = 1;
  }
  return 1;
}

/** Whether 24 integers of `width` bytes, `stride` apart, are a run that begins at `first`. */
static int is_run(const trace *trace, size_t first, const unsigned char *at, const unsigned char *end, size_t width,
                  size_t stride) {
  if ((size_t)(end - at) < stride * (RUN - 1) + width) return 0;
  for (size_t index = 0; index < RUN; index++)
    if (load(at + index * stride, width) != (value_of(trace, first + index) & bits_of(width))) return 0;
  return 1;
}

/** The width of the integers of a run that begins at `at`; 0: none does. */
static size_t run_at(const trace *trace, const unsigned char *at, const unsigned char *end) {
  const int narrow = trace->begins8[at[0]], wide = !trace->is_text && trace->begins16[at[0] | at[1] << 8];
  if (!narrow && !wide) return 0;
  for (size_t first = 0; first + RUN <= trace->count; first++) {
    if ((value_of(trace, first) & 0xFF) != at[0]) continue;
    if (is_run(trace, first, at, end, 1, 1)) return 1;
    if (!wide) continue;
    if (is_run(trace, first, at, end, 2, 2)) return 2;
    if (is_run(trace, first, at, end, 8, 8)) return 8;
    for (size_t stride = 4; stride <= 64; stride += 4)
      if (is_run(trace, first, at, end, 4, stride)) return 4;
  }
  return 0;
}

static int is_zero(const unsigned char *bytes, size_t count) {
  return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

/** Traces among some bytes, the last ones of which come again; at most 100. */
static int search(const trace *trace, const unsigned char *bytes, size_t count, const char *place, unsigned long address) {
  int found = 0;
  if (trace->count == 0) return 0;
  for (size_t page = 0; page < count && found < 100; page += 4096) {
    const size_t length = count - page < 4096 ? count - page : 4096;
    if (is_zero(bytes + page, length)) continue;
    for (size_t index = page; index < page + length && index + RUN <= count; index++) {
      const size_t width = run_at(trace, bytes + index, bytes + count);
      if (width == 0) continue;
      if (found++ < 4 && place)
        fprintf(stderr, "    %s in integers of %zu bytes at %lx in %s\n", trace->name, width, address + index, place);
      index += RUN;
    }
  }
  return found;
}

/** A mapping of this process. */
typedef struct mapping {
  unsigned long begin, end;
  int is_readable, is_writable, is_dumped;
  char name[128];
} mapping;

/** All mappings with their flags. The caller frees. */
static mapping *mappings_of_process(size_t *out_count) {
  FILE *file = fopen("/proc/self/smaps", "r");
  char line[512];
  mapping *list = NULL, *last = NULL;
  size_t count = 0;
  while (file && fgets(line, sizeof line, file)) {
    unsigned long begin, end;
    char rights[8], name[128] = "", colon = 0;
    if (sscanf(line, "%lx-%lx%c", &begin, &end, &colon) == 3 && colon == ' ') {
      sscanf(line, "%*s %7s %*s %*s %*s %127s", rights, name);
      list = realloc(list, (count + 1) * sizeof *list);
      last = &list[count++];
      *last = (mapping){begin, end, rights[0] == 'r', rights[1] == 'w', 1, ""};
      snprintf(last->name, sizeof last->name, "%s", *name ? name : "anonymous memory");
      if (strncmp(name, "[v", 2) == 0) last->is_readable = 0;
    } else if (last && strncmp(line, "VmFlags:", 8) == 0) {
      last->is_dumped = strstr(line, " dd") == NULL;
    }
  }
  if (file) fclose(file);
  *out_count = count;
  return list;
}

static void make_chunk(void) {
  if (!chunk) chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/** Searches what an open file has from `begin` to `end`. */
static int search_file(trace *const *traces, size_t trace_count, int file, unsigned long begin, unsigned long end,
                       const char *name) {
  int found = 0;
  while (begin < end) {
    const size_t wanted = end - begin < CHUNK ? end - begin : CHUNK;
    const ssize_t got = pread(file, chunk, wanted, (off_t)begin);
    if (got <= 0) break;
    for (size_t index = 0; index < trace_count; index++)
      found += search(traces[index], chunk, (size_t)got, name, begin);
    memset(chunk, 0, (size_t)got);
    if ((size_t)got < CHUNK) break;
    begin += CHUNK - OVERLAP;
  }
  return found;
}

/** Traces in the memory of this process that it may write; of that which a core file would hold when `in_core`. */
static int search_process(trace *const *traces, size_t trace_count, int in_core) {
  size_t count = 0;
  int found = 0, memory = open("/proc/self/mem", O_RDONLY);
  make_chunk();
  mapping *list = mappings_of_process(&count);
  for (size_t index = 0; index < count; index++) {
    const mapping *map = &list[index];
    if (!map->is_readable || !map->is_writable || (in_core && !map->is_dumped)) continue;
    // The system joins neighbours: what is read of others' memory lies somewhere in one of them.
    const unsigned long hole = (unsigned long)chunk, hole_end = hole + CHUNK;
    const unsigned long first_end = map->end < hole ? map->end : hole > map->begin ? hole : map->begin;
    const unsigned long second = map->begin > hole_end ? map->begin : hole_end < map->end ? hole_end : map->end;
    if (map->end <= hole || map->begin >= hole_end) {
      found += search_file(traces, trace_count, memory, map->begin, map->end, map->name);
    } else {
      found += search_file(traces, trace_count, memory, map->begin, first_end, map->name);
      found += search_file(traces, trace_count, memory, second, map->end, map->name);
    }
  }
  free(list);
  close(memory);
  return found;
}
#endif
