// Owns: timing the kernels of every family on one thread: GB/s of weights or cache, G multiply-adds/s, microseconds.
// Must not: run in tests, or compare results (Tests/CVialKernelsTests/C does). Arguments: `family=NAME` and parts of kernel names.
// Build: clang -std=gnu17 -O2 -ISources/CVialKernels -ISources/CVialKernels/include Tests/Benchmarks/kernels.c Sources/CVialKernels/*/*.c -lm -o kernels
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vial_kernels.h"

enum { REPEATS = 15, WEIGHT_BYTES = 96 << 20 };

static const vial_kernels *kernels;
static int selected_count;
static char **selected;

/// The thread's own time: what other programs take does not count, though they share caches and memory.
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static float random_float(void) {
  static uint64_t seed = 88172645463325252ull;
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (float)(int32_t)(seed >> 16) * 0x1p-31f;
}
static void *memory(size_t byte_count) {
  void *p = aligned_alloc(64, (byte_count + 4095) / 4096 * 4096);
  if (!p) abort();
  memset(p, 0, byte_count);
  return p;
}
static float *random_array(size_t count, float scale) {
  float *x = memory(count * sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = scale * random_float();
  return x;
}
static int wanted(const char *name) {
  int any = 0, hit = 0;
  for (int i = 1; i < selected_count; i++) {
    if (strncmp(selected[i], "family=", 7) == 0) continue;
    any = 1;
    hit |= strstr(name, selected[i]) != NULL;
  }
  return !any || hit;
}
static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/// Seconds of one call, the best of some measurements of a few milliseconds: what disturbs only adds.
static double seconds_of(void (*work)(void *), void *argument) {
  double begin = now(), times[REPEATS];
  work(argument);
  double once = now() - begin;
  int calls = once > 2e-3 ? 1 : (int)(2e-3 / (once + 1e-9)) + 1;
  for (int i = 0; i < REPEATS; i++) {
    begin = now();
    for (int j = 0; j < calls; j++) work(argument);
    times[i] = (now() - begin) / calls;
  }
  qsort(times, REPEATS, sizeof *times, by_value);
  return times[0];
}
static void report(const char *name, double seconds, double bytes, double products) {
  printf("%-13s %-34s %10.2f us", kernels->name, name, seconds * 1e6);
  if (bytes > 0) printf("  %7.2f GB/s", bytes / seconds * 1e-9);
  if (products > 0) printf("  %8.1f Gmac/s", products / seconds * 1e-9);
  printf("\n");
  fflush(stdout);
}

typedef struct product {
  vial_tensor tensor;
  vial_panels panels;
  float *x, *out;
  uint32_t columns;
  uint8_t marks[512];
} product;
static void run_quantized(void *p) {
  product *a = p;
  kernels->matmul_quantized(&a->tensor, &a->panels, 0, vial_tensor_tile_count(&a->tensor), a->out, a->tensor.rows);
}
static void run_float(void *p) {
  product *a = p;
  kernels->matmul_float(
    &a->tensor, a->x, a->tensor.columns, a->columns, 0, vial_tensor_tile_count(&a->tensor), a->out, a->tensor.rows);
}
static void run_quantize(void *p) {
  product *a = p;
  kernels->quantize(a->x, a->tensor.columns, &a->panels, 0, a->panels.panel_count, a->marks);
}
static void run_decode(void *p) {
  static uint32_t row;
  product *a = p;
  row = (row + 7919) % a->tensor.rows;
  kernels->decode_row(&a->tensor, row, a->out);
}

static void time_products(uint8_t *bytes) {
  static const struct {
    const char *name;
    vial_encoding encoding;
    uint32_t group;
    uint8_t asymmetric, codebook;
  } kinds[] = {{"int4 g64", VIAL_ENCODING_INT4, 64, 0, 0},       {"int4 g32 asymmetric", VIAL_ENCODING_INT4, 32, 1, 0},
               {"int4 g64 codebook", VIAL_ENCODING_INT4, 64, 0, 1}, {"int8 g64", VIAL_ENCODING_INT8, 64, 0, 0},
               {"f32", VIAL_ENCODING_F32, 0, 0, 0},             {"f16", VIAL_ENCODING_F16, 0, 0, 0},
               {"bf16", VIAL_ENCODING_BF16, 0, 0, 0}};
  static const uint32_t columns[] = {1, 2, 4, 8, 64};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    product a = {.tensor = {.columns = 2048, .rows = 16, .group = kinds[i].group, .encoding = (uint8_t)kinds[i].encoding,
                            .asymmetric = kinds[i].asymmetric, .codebook = kinds[i].codebook, .bytes = bytes}};
    for (int l = 0; l < 16 && kinds[i].codebook; l++) a.tensor.entries[l] = (int8_t)(8 * l - 60);
    const int quantized = kinds[i].group != 0;
    const double tile = (double)vial_tensor_tile_byte_count(&a.tensor);
    char name[64];
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
      // Few columns: more weights than the caches hold; many: a slice, so that a measurement ends.
      snprintf(name, sizeof name, "matmul %s x%u", kinds[i].name, columns[c]);
      if (!wanted(name)) continue;
      a.tensor.rows = (uint32_t)(WEIGHT_BYTES / tile / (columns[c] > 8 ? 16 : 1)) * 16;
      a.columns = columns[c];
      a.x = random_array((size_t)a.columns * 2048, 1);
      a.out = memory((size_t)a.columns * a.tensor.rows * sizeof(float));
      if (quantized) {
        a.panels = vial_panels_make(memory(vial_panels_byte_count(a.columns, 2048, a.tensor.group)), a.columns, 2048, a.tensor.group, true);
        run_quantize(&a);
      }
      double seconds = seconds_of(quantized ? run_quantized : run_float, &a);
      report(name, seconds, tile * a.tensor.rows / 16, 2048.0 * a.tensor.rows * a.columns);
      if (quantized && a.columns == 64 && kinds[i].group == 64 && !kinds[i].codebook && kinds[i].encoding == VIAL_ENCODING_INT4)
        report("quantize x64", seconds_of(run_quantize, &a), 64 * 2048 * 4.0, 0);
      free(a.x);
      free(a.out);
      if (quantized) free(a.panels.bytes);
    }
    snprintf(name, sizeof name, "decode_row %s of 2048", kinds[i].name);
    if (!wanted(name)) continue;
    a.tensor.rows = (uint32_t)(WEIGHT_BYTES / tile) * 16;
    a.out = memory(2048 * sizeof(float));
    report(name, seconds_of(run_decode, &a), 0, 0);
    free(a.out);
  }
}

typedef struct cache {
  vial_attention attention;
  uint8_t **blocks;
  float *key, *value;
} cache;
static void run_attention(void *p) { kernels->attention(&((cache *)p)->attention); }
static void run_store(void *p) {
  cache *c = p;
  for (uint32_t i = 0; i < 64; i++)
    kernels->kv_store(c->attention.type, c->attention.head_dim, c->key, c->value, i, c->blocks[0]);
}

static void time_attention(void) {
  static const char *types[] = {"", "f32", "f16", "int8"};
  static const uint32_t shapes[][4] = {  // dimension, heads, queries, positions
    {128, 1, 1, 4096}, {128, 6, 1, 4096}, {128, 6, 32, 1024}, {64, 7, 1, 4096}, {72, 6, 1, 4096}, {8, 4, 1, 512}};
  for (int type = VIAL_KV_F32; type <= VIAL_KV_INT8; type++)
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
      const uint32_t dim = shapes[s][0], heads = shapes[s][1], queries = shapes[s][2], count = shapes[s][3];
      char name[64], store[64];
      snprintf(name, sizeof name, "attention %s %u h%u q%u n%u", types[type], dim, heads, queries, count);
      snprintf(store, sizeof store, "kv_store %s %u, 64 positions", types[type], dim);
      if (!wanted(name) && !wanted(store)) continue;
      size_t block = vial_kv_block_byte_count(type, dim), row = (size_t)heads * dim;
      cache c = {.blocks = memory(count / 64 * sizeof(uint8_t *)), .key = random_array(dim, 3), .value = random_array(dim, 1)};
      uint32_t *counts = memory(queries * sizeof *counts);
      for (uint32_t t = 0; t < queries; t++) counts[t] = count - queries + t + 1;
      uint8_t *bytes = memory(block * (count / 64));
      for (uint32_t b = 0; b < count / 64; b++) c.blocks[b] = bytes + b * block;
      for (uint32_t p = 0; p < count; p++) {
        for (uint32_t d = 0; d < dim; d++) {
          c.key[d] = 3 * random_float();
          c.value[d] = random_float();
        }
        kernels->kv_store(type, dim, c.key, c.value, p % 64, c.blocks[p / 64]);
      }
      c.attention = (vial_attention){
        .type = type, .head_dim = dim, .head_count = heads, .query_count = queries,
        .blocks = (const uint8_t *const *)c.blocks, .position_counts = counts, .q = random_array(queries * row, 1),
        .q_stride = row, .out = memory(queries * row * sizeof(float)), .out_stride = row,
        .scratch = memory(vial_attention_scratch_byte_count(dim, heads, queries))};
      if (wanted(name))
        report(name, seconds_of(run_attention, &c), (double)block * count / 64, 2.0 * count * (double)row * queries);
      if (wanted(store) && (s == 1 || s == 4)) report(store, seconds_of(run_store, &c), 64 * dim * 8.0, 0);
      free(c.blocks), free(c.key), free(c.value), free(counts), free(bytes);
      free((void *)(uintptr_t)c.attention.q), free(c.attention.out), free(c.attention.scratch);
    }
}

typedef struct vectors {
  float *x, *y, *out;
  size_t count;
} vectors;
static void run_norm(void *p) { kernels->rms_norm(((vectors *)p)->x, ((vectors *)p)->y, ((vectors *)p)->count, 1e-6f, ((vectors *)p)->out); }
static void run_silu(void *p) { kernels->silu_multiply(((vectors *)p)->x, ((vectors *)p)->y, ((vectors *)p)->count, ((vectors *)p)->out); }
static void run_add(void *p) { kernels->add(((vectors *)p)->out, ((vectors *)p)->x, ((vectors *)p)->count); }
static void run_rope(void *p) { kernels->rope(((vectors *)p)->out, ((vectors *)p)->x, ((vectors *)p)->y, (uint32_t)((vectors *)p)->count / 2); }
static void run_sum(void *p) {
  float result[2];
  kernels->sum_exponentials(((vectors *)p)->x, ((vectors *)p)->count, result, result + 1);
}

static void time_vectors(void) {
  static const struct {
    const char *name;
    void (*run)(void *);
    size_t count, bytes;
  } functions[] = {{"rms_norm of 4096", run_norm, 4096, 12}, {"silu_multiply of 8960", run_silu, 8960, 12},
                   {"add of 4096", run_add, 4096, 12},       {"rope of 128", run_rope, 128, 12},
                   {"sum_exponentials of 151936", run_sum, 151936, 4}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (!wanted(functions[i].name)) continue;
    size_t n = functions[i].count;
    vectors v = {.x = random_array(n, 4), .y = random_array(n, 1), .out = random_array(n, 1), .count = n};
    report(functions[i].name, seconds_of(functions[i].run, &v), (double)(n * functions[i].bytes), 0);
    free(v.x), free(v.y), free(v.out);
  }
}

typedef struct draw {
  float *logits;
  vial_sampling sampling;
  void *scratch;
} draw;
enum { VOCABULARY = 151936 };
static void run_sample(void *p) {
  static uint32_t position;
  draw *d = p;
  uint32_t id;
  vial_sample(kernels, d->logits, VOCABULARY, NULL, &d->sampling, position++, 0, d->scratch, &id);
}

static void time_sampling(void) {
  static const struct {
    const char *name;
    vial_sampling sampling;
  } kinds[] = {{"greedy", {.temperature = 0, .top_p = 1}},
               {"0.7 top-p 0.95", {.temperature = 0.7f, .top_p = 0.95f}},
               {"0.7 top-k 50", {.temperature = 0.7f, .top_p = 1, .top_k = 50}},
               {"1.0", {.temperature = 1, .top_p = 1}}};
  draw d = {.logits = memory(VOCABULARY * 4), .scratch = memory(vial_sample_scratch_byte_count(VOCABULARY))};
  for (int flat = 0; flat < 2; flat++) {
    // A bell of deviation 2.5 with some ids far above it, as models give; or every id within 5 of the best.
    for (uint32_t i = 0; i < VOCABULARY; i++) {
      float bell = 0;
      for (int j = 0; j < 12; j++) bell += random_float();
      d.logits[i] = flat ? 2.5f * random_float() : 1.25f * bell + (i % 5003 == 0 ? 4.0f + (float)i * 5e-5f : 0);
    }
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
      char name[64];
      snprintf(name, sizeof name, "sample %s%s", kinds[k].name, flat ? ", flat" : "");
      d.sampling = kinds[k].sampling;
      if (wanted(name)) report(name, seconds_of(run_sample, &d), 0, 0);
    }
  }
  free(d.logits), free(d.scratch);
}

int main(int argc, char **argv) {
  selected = argv;
  selected_count = argc;
  uint8_t *bytes = memory(WEIGHT_BYTES);
  for (size_t i = 0; i < WEIGHT_BYTES; i += 4) {  // bits whose 16-bit halves are small f16 and bf16
    uint32_t word = (uint32_t)(int32_t)(random_float() * 0x1p31f) & 0x3FFF3FFF;
    word |= 0x30003000;  // no denormals: they would be timed instead
    memcpy(bytes + i, &word, 4);
  }
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
    int skipped = 0;
    for (int i = 1; i < argc; i++)
      if (strncmp(argv[i], "family=", 7) == 0 && strcmp(argv[i] + 7, kernels->name) != 0) skipped = 1;
    if (skipped) continue;
    vial_fp_state host = vial_fp_enter();
    time_products(bytes);
    time_attention();
    time_vectors();
    time_sampling();
    vial_fp_leave(host);
  }
  return 0;
}
