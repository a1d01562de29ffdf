// Owns: fixed numbers through every dense function, and the digests that all families must give on every machine:
// the same checkpoint and text are packed into the same bytes because of them.
// Must not: be updated without saying in the changelog that calibrated files change.
#include "dense_bits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vial_dense.h"

#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__)
extern const vial_dense vial_dense_avx2 __attribute__((visibility("hidden")));
#endif

enum { M = 45, N = 101, K = 300, COLUMNS = 96, ROWS = 16 };

static uint64_t state;
static float next_float(void) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (float)(int32_t)(state >> 32) * 0x1p-31f;
}
static void fill(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = next_float();
}

/// FNV-1a over 32-bit words.
static uint64_t digest(uint64_t hash, const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t word;
    memcpy(&word, x + i, 4);
    hash = (hash ^ word) * 0x100000001B3ull;
  }
  return hash;
}
static const uint64_t start = 0xCBF29CE484222325ull;

/// A plain and a subtracted product, A by rows and by columns, in two shares.
static uint64_t multiply(const vial_dense *functions) {
  static float a[M * K], b[K * N], c[M * N];
  void *scratch = aligned_alloc(64, vial_dense_scratch_byte_count());
  if (scratch == NULL) return 0;
  fill(a, M * K), fill(b, K * N), fill(c, M * N);
  vial_dense_product product = {
    .a = a, .a_row = K, .a_column = 1, .b = b, .b_row = N, .b_column = 1, .c = c, .c_row = N, .depth = K, .adds = true, .negates = true};
  functions->multiply(&product, 0, M, 0, 37, scratch);
  functions->multiply(&product, 0, M, 37, N, scratch);
  uint64_t hash = digest(start, c, M * N);
  product.a_row = 1, product.a_column = M, product.b_row = 1, product.b_column = K, product.adds = product.negates = false;
  functions->multiply(&product, 0, 19, 0, N, scratch);
  functions->multiply(&product, 19, M, 0, N, scratch);
  free(scratch);
  return digest(hash, c, M * N);
}

/// xᵀx of more rows than columns: positive definite.
static void make_hessian(float *h, size_t size) {
  static float x[3 * COLUMNS * COLUMNS];
  fill(x, 3 * size * size);
  for (size_t i = 0; i < size; i++)
    for (size_t j = 0; j < size; j++) {
      double sum = i == j ? 0.5 : 0.0;
      for (size_t k = 0; k < 3 * size; k++) sum += (double)x[k * size + i] * (double)x[k * size + j];
      h[i * size + j] = (float)sum;
    }
}

static uint64_t cholesky(const vial_dense *functions) {
  static float h[COLUMNS * COLUMNS], inverse[COLUMNS * COLUMNS];
  static double scratch[2 * COLUMNS * COLUMNS];
  (void)functions;
  make_hessian(h, COLUMNS);
  if (!vial_dense_cholesky(h, COLUMNS, COLUMNS, inverse, scratch)) return 0;
  return digest(digest(start, h, COLUMNS * COLUMNS), inverse, COLUMNS * COLUMNS);
}

/// What is chosen for 16 rows of 96 columns in groups of 32.
typedef struct choice {
  float weights[COLUMNS * ROWS], residual[COLUMNS * ROWS], scales[3 * ROWS], zeros[3 * ROWS];
  uint8_t integers[COLUMNS * ROWS];
} choice;

/// How integers become weights.
typedef enum form { SYMMETRIC, ASYMMETRIC, CODEBOOK } form;
static const float table[VIAL_DENSE_ENTRIES] = {-127, -97, -76, -60, -45, -32, -21, -9, 2, 12, 24, 35, 49, 64, 82, 107};

static void scale_search(const vial_dense *functions, choice *c, const float *hessian, form form) {
  float importance[COLUMNS];
  for (size_t i = 0; i < COLUMNS; i++) importance[i] = hessian[i * COLUMNS + i];
  for (size_t g = 0; g < 3; g++) {
    const float *weights = c->weights + g * 32 * ROWS;
    if (form == CODEBOOK)
      functions->codebook_scale_search(weights, ROWS, importance + g * 32, 32, table, c->scales + g * ROWS);
    else
      functions->scale_search(
        weights, ROWS, importance + g * 32, 32, form == ASYMMETRIC, c->scales + g * ROWS, c->zeros + g * ROWS);
  }
}

static void gptq_round(const vial_dense *functions, choice *c, float *hessian, form form) {
  static float inverse[COLUMNS * COLUMNS], feedback[COLUMNS * ROWS], residual[COLUMNS * ROWS];
  static double scratch[2 * COLUMNS * COLUMNS];
  uint32_t columns[COLUMNS], groups[COLUMNS];
  float factor[COLUMNS * COLUMNS];
  memcpy(factor, hessian, sizeof factor);
  vial_dense_cholesky(factor, COLUMNS, COLUMNS, inverse, scratch);
  fill(feedback, COLUMNS * ROWS);
  for (uint32_t i = 0; i < COLUMNS; i++) columns[i] = (i * 35) % COLUMNS, groups[i] = columns[i] / 32;
  vial_dense_columns work = {
    .weights = c->weights, .residual = residual, .integers = c->integers, .feedback = feedback, .stride = ROWS,
    .factor = factor, .factor_stride = COLUMNS, .columns = columns, .groups = groups, .scales = c->scales,
    .zeros = c->zeros, .group_stride = ROWS, .entries = form == CODEBOOK ? table : NULL, .count = COLUMNS};
  functions->gptq_round(&work);
  for (uint32_t i = 0; i < COLUMNS; i++) memcpy(c->residual + columns[i] * ROWS, residual + i * ROWS, ROWS * sizeof(float));
}

static void coordinate_descent(const vial_dense *functions, choice *c, const float *hessian, form form) {
  for (size_t g = 0; g < 3; g++) {
    float gradient[32 * ROWS];
    for (size_t i = 0; i < 32; i++)
      for (size_t r = 0; r < ROWS; r++) {
        float sum = 0;
        for (size_t j = 0; j < COLUMNS; j++)
          sum = fmaf(hessian[(g * 32 + i) * COLUMNS + j], c->residual[j * ROWS + r], sum);
        gradient[i * ROWS + r] = sum;
      }
    vial_dense_group work = {
      .weights = c->weights + g * 32 * ROWS, .residual = c->residual + g * 32 * ROWS,
      .integers = c->integers + g * 32 * ROWS, .gradient = gradient, .stride = ROWS, .gradient_stride = ROWS,
      .hessian = hessian + g * 32 * (COLUMNS + 1), .hessian_stride = COLUMNS, .scales = c->scales + g * ROWS,
      .zeros = c->zeros + g * ROWS, .entries = form == CODEBOOK ? table : NULL, .count = 32};
    functions->coordinate_descent(&work);
  }
}

/// Search, decisions and two passes of improvement; what all of them leave.
static uint64_t rounding(const vial_dense *functions, form form) {
  static choice c;
  static float hessian[COLUMNS * COLUMNS];
  uint64_t hash = start;
  fill(c.weights, COLUMNS * ROWS);
  make_hessian(hessian, COLUMNS);
  memset(c.zeros, 0, sizeof c.zeros);
  scale_search(functions, &c, hessian, form);
  gptq_round(functions, &c, hessian, form);
  for (int pass = 0; pass < 3; pass++) {
    hash = digest(digest(digest(hash, c.scales, 3 * ROWS), c.zeros, 3 * ROWS), c.residual, COLUMNS * ROWS);
    for (size_t i = 0; i < COLUMNS * ROWS; i++) hash = (hash ^ c.integers[i]) * 0x100000001B3ull;
    if (pass < 2) coordinate_descent(functions, &c, hessian, form);
  }
  return hash;
}
static uint64_t asymmetric(const vial_dense *functions) { return rounding(functions, ASYMMETRIC); }
static uint64_t symmetric(const vial_dense *functions) { return rounding(functions, SYMMETRIC); }
static uint64_t entries(const vial_dense *functions) { return rounding(functions, CODEBOOK); }

static const struct {
  const char *name;
  uint64_t (*run)(const vial_dense *);
  uint64_t pinned;
} parts[] = {
  {"multiply", multiply, 0x15B6071AF3CE39F3ull},
  {"cholesky", cholesky, 0xF8B412F422D337B6ull},
  {"asymmetric", asymmetric, 0x84E7DD9C8C8235D5ull},
  {"symmetric", symmetric, 0x9FFF697C34E49FA2ull},
  {"levels", entries, 0x128F425F6DF778ABull},
};

static size_t list(const vial_dense *families[3]) {
  size_t count = 0;
  families[count++] = vial_dense_find(true);
  const vial_dense *best = vial_dense_find(false);
  if (best != families[0]) families[count++] = best;
#if defined(__x86_64__)
  // A CPU of the third family runs the second one, too.
  if (best != families[0] && best != &vial_dense_avx2) families[count++] = &vial_dense_avx2;
#endif
  return count;
}

const char *dense_bits_family(size_t index) {
  const vial_dense *families[3];
  return index < list(families) ? families[index]->name : NULL;
}

const char *dense_bits_part(size_t index) { return index < sizeof parts / sizeof *parts ? parts[index].name : NULL; }

int dense_bits_hold(size_t family, size_t part) {
  const vial_dense *families[3];
  if (family >= list(families) || dense_bits_part(part) == NULL) return 0;
  state = part;
  uint64_t hash = parts[part].run(families[family]);
  if (hash == parts[part].pinned) return 1;
  fprintf(stderr, "%s %s: 0x%016llX\n", families[family]->name, parts[part].name, (unsigned long long)hash);
  return 0;
}
