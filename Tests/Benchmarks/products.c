// Owns: what share of the machine's limits the int4 and int8 products reach on two threads, measured in turns with the limits:
// bursts of milliseconds, so that all see the same moments of a shared machine.
// Must not: run in tests, or compare results (Tests/CVialKernelsTests/C does).
// Usage: products FAMILY DEPTH GROUP FORM COLUMNS...   FORM: 0 symmetric, 1 zero points, 2 codebook, 3 int8. With
//   WEIGHTS=FILE the bytes of a mapped file are multiplied.
// Build: clang -std=gnu17 -O2 -ISources/CVialKernels -ISources/CVialKernels/include -ISources/CVialRoofline/include Tests/Benchmarks/products.c \
//   Sources/CVialKernels/*/*.c Sources/CVialRoofline/*.c -lm -lpthread -o products
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "vial_ceilings.h"
#include "vial_kernels.h"

enum { OUTPUTS = 8960, ROUNDS = 25, TURNS = 3, WEIGHT_BYTES = 400 << 20, AHEAD = 4096 };

static const vial_kernels *kernels;
static vial_tensor weights;
static vial_panels panels;
static float *out;
static size_t tile_bytes;
static uint32_t tile_begin, tile_end;
static uint64_t multiply_rounds = 40000;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/// This thread's half of the stretch, an even number of tiles for the first one.
static void half(int thread, uint32_t *begin, uint32_t *end) {
  uint32_t middle = tile_begin + (tile_end - tile_begin) / 2 / 2 * 2;
  *begin = thread ? middle : tile_begin;
  *end = thread ? tile_end : middle;
}

/// As many tiles at a time as a matrix of OUTPUTS rows has.
static void multiply(int thread) {
  uint32_t begin, end, most = OUTPUTS / 16;
  half(thread, &begin, &end);
  float *mine = out + (thread ? (size_t)panels.token_count * OUTPUTS : 0);
  for (; begin < end; begin += most) {
    vial_tensor matrix = weights;
    matrix.bytes += begin * tile_bytes;
    kernels->matmul_quantized(&matrix, &panels, 0, end - begin < most ? end - begin : most, mine, OUTPUTS);
  }
}

static void read_weights(int thread) {
  uint32_t begin, end;
  half(thread, &begin, &end);
  vial_ceiling_read(weights.bytes + begin * tile_bytes / 128 * 128, (end - begin) * tile_bytes / 128 * 128, AHEAD);
}

static void multiply_registers(int thread) {
  (void)thread;
  vial_ceiling_int8(kernels->name, multiply_rounds);
}

static void (*const turns[TURNS])(int) = {multiply, read_weights, multiply_registers};
static atomic_int phase, turn, pending;

static void *work(void *unused) {
  for (int seen = 0;;) {
    while (atomic_load(&phase) == seen) continue;
    seen++;
    turns[atomic_load(&turn)](1);
    atomic_store(&pending, 0);
  }
  return unused;
}

/// Seconds of one turn on both threads.
static double take(int which) {
  double start = now();
  atomic_store(&turn, which);
  atomic_store(&pending, 1);
  atomic_fetch_add(&phase, 1);
  turns[which](0);
  while (atomic_load(&pending)) continue;
  return now() - start;
}

static int ascending(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

/// Bytes of weights: a mapped file's, or made up with scales that are finite.
static const uint8_t *weight_bytes(size_t byte_count) {
  const char *path = getenv("WEIGHTS");
  if (path) {
    int file = open(path, O_RDONLY);
    void *mapped = mmap(NULL, byte_count, PROT_READ, MAP_SHARED, file, 0);
    if (file < 0 || mapped == MAP_FAILED) exit(fprintf(stderr, "cannot map %s\n", path));
    return mapped;
  }
  uint8_t *bytes = mmap(NULL, byte_count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) exit(fprintf(stderr, "not enough memory\n"));
  madvise(bytes, byte_count, MADV_HUGEPAGE);
  for (size_t i = 0; i < byte_count; i++) bytes[i] = (uint8_t)(i * 2654435761u >> 24 & 0x37);
  return bytes;
}

static void measure(uint32_t columns) {
  size_t stretch = columns > 64 ? 2 << 20 : columns > 4 ? 32 << 20 : 64 << 20;
  uint32_t all = (uint32_t)(WEIGHT_BYTES / tile_bytes), tiles = (uint32_t)(stretch / tile_bytes) / 4 * 4;
  float *x = malloc(sizeof *x * columns * weights.columns);
  for (size_t i = 0; i < (size_t)columns * weights.columns; i++) x[i] = (float)(int)(i * 7919 % 2001) * 0.001f - 1;
  size_t panel_bytes = vial_panels_byte_count(columns, weights.columns, weights.group);
  uint8_t *memory = aligned_alloc(4096, (panel_bytes + 4095) / 4096 * 4096), *marks = calloc(columns, 1);
  panels = vial_panels_make(memory, columns, weights.columns, weights.group,
                            kernels->zero_sums && weights.asymmetric);
  kernels->quantize(x, weights.columns, &panels, 0, panels.panel_count, marks);
  size_t out_bytes = (sizeof *out * 2 * columns * OUTPUTS + 4095) / 4096 * 4096;
  out = aligned_alloc(2 << 20, out_bytes);
  madvise(out, out_bytes, MADV_HUGEPAGE);
  memset(out, 0, out_bytes);
  double seconds[TURNS][ROUNDS];
  tile_end = 0;
  for (int round = -1; round < ROUNDS; round++)
    for (int which = 0; which < TURNS; which++) {
      tile_begin = tile_end + tiles > all ? 0 : tile_end;
      tile_end = tile_begin + tiles;
      double taken = take(which);
      if (round >= 0) seconds[which][round] = taken;
    }
  for (int which = 0; which < TURNS; which++) qsort(seconds[which], ROUNDS, sizeof(double), ascending);
  double bytes = (double)(tiles * tile_bytes), operations = 2.0 * 16 * tiles * weights.columns * columns;
  double time = seconds[0][ROUNDS / 2], read = bytes / seconds[1][ROUNDS / 2];
  double peak = 2.0 * (double)vial_ceiling_int8(kernels->name, multiply_rounds) / seconds[2][ROUNDS / 2];
  printf("%4u columns: %6.1f GB/s, %4.0f%% of reading (%.1f); %6.0f GOP/s, %4.0f%% of the int8 peak (%.0f)\n", columns,
         bytes / time / 1e9, 100 * bytes / time / read, read / 1e9, operations / time / 1e9, 100 * operations / time / peak,
         peak / 1e9);
  free(x), free(memory), free(marks), free(out);
}

int main(int argc, char **argv) {
  if (argc < 6 || atoi(argv[4]) < 0 || atoi(argv[4]) > 3) return fprintf(stderr, "usage: products FAMILY DEPTH GROUP FORM COLUMNS...\n"), 2;
  kernels = vial_kernels_find(argv[1]);
  if (!kernels) return fprintf(stderr, "this CPU has no %s\n", argv[1]), 2;
  const char *forms[] = {"symmetric", "asymmetric", "codebook", "int8"};
  weights = (vial_tensor){.rows = OUTPUTS, .columns = (uint32_t)atoi(argv[2]), .group = (uint32_t)atoi(argv[3]),
                          .encoding = atoi(argv[4]) == 3 ? VIAL_ENCODING_INT8 : VIAL_ENCODING_INT4,
                          .asymmetric = atoi(argv[4]) == 1,
                          .codebook = atoi(argv[4]) == 2};
  for (int i = 0; i < 16 && weights.codebook; i++) weights.entries[i] = (int8_t)(8 * i - 60);
  if (!vial_tensor_is_valid(&weights)) return fprintf(stderr, "no such tensor\n"), 2;
  tile_bytes = vial_tensor_tile_byte_count(&weights);
  weights.bytes = weight_bytes(WEIGHT_BYTES);
  vial_fp_enter();
  pthread_t other;
  pthread_create(&other, NULL, work, NULL);
  printf("%s, depth %u, group %u, %s\n", kernels->name, weights.columns, weights.group,
         forms[atoi(argv[4])]);
  for (int i = 5; i < argc; i++) measure((uint32_t)atoi(argv[i]));
  return 0;
}
