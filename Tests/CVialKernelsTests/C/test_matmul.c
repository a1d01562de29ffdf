// Owns: tests of activation panels and of all products: every family against an independent form of the contract,
// bit for bit, and against f64 for sense.
// Must not: share code with the kernels under test.
#include <math.h>

#include "kernel_tests.h"
#include "support.h"

#pragma STDC FP_CONTRACT OFF

/// Rule 3 written from the Spec with the C library's functions. Returns 0 for a column to be marked.
static int plain_quantize(const float *x, uint32_t count, int8_t *q, float *scale, int32_t *sum) {
  float amax = 0;
  *scale = 0;
  *sum = 0;
  memset(q, 0, count);
  for (uint32_t i = 0; i < count; i++) {
    if (!isfinite(x[i])) return 0;
    amax = fmaxf(amax, fabsf(x[i]));
  }
  if (amax < 0x1p-100f) return 1;
  *scale = amax / 127.0f;
  float inverse = 127.0f / amax;
  for (uint32_t i = 0; i < count; i++) *sum += q[i] = (int8_t)rintf(x[i] * inverse);
  return 1;
}

/// Rules 3 and 4 on plain arrays.
static void plain_matmul(const matrix *m, const float *x, uint32_t column_count, float *out, uint8_t *marks) {
  uint32_t K = m->tensor.columns, G = m->tensor.group, groups = vial_tensor_group_count(&m->tensor);
  for (uint32_t c = 0; c < column_count; c++) {
    int8_t q[2048];
    float scales[64];
    marks[c] = 0;
    for (uint32_t g = 0; g < groups; g++) {
      uint32_t count = K - g * G < G ? K - g * G : G;
      int32_t sum;
      if (!plain_quantize(x + (size_t)c * K + g * G, count, q + g * G, scales + g, &sum)) marks[c] = 1;
    }
    for (uint32_t n = 0; n < m->tensor.rows; n++) {
      float acc = 0;
      for (uint32_t g = 0; g < groups; g++) {
        int32_t dot = 0;
        for (uint32_t k = g * G; k < K && k < (g + 1) * G; k++) dot += matrix_steps(m, n, k) * q[k];
        acc = fmaf((float)dot, vial_f16_to_f32(m->scales[n * groups + g]) * scales[g], acc);
      }
      out[(size_t)c * m->tensor.rows + n] = acc;
    }
  }
}

static void fill_columns(float *x, uint32_t column_count, uint32_t depth, int flavour) {
  for (size_t i = 0; i < (size_t)column_count * depth; i++)
    x[i] = flavour == 1 ? (i & 1 ? 127.0f : -127.0f) : flavour == 2 ? random_wild() : flavour == 6 ? random_float() * 0x1p-98f : random_float();
  if (flavour == 3) memset(x, 0, depth * sizeof *x);
  if (flavour == 4) {
    x[depth / 2] = __builtin_inff();
    x[(size_t)column_count * depth - 1] = __builtin_nanf("");
  }
  if (flavour == 5) x[0] = 0x1.fffffep127f;
}

int test_activation_panels(void) {
  int failures = 0;
  static const uint32_t depths[] = {1, 40, 128, 300};
  const vial_kernels *kernels;
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++)
    for (size_t d = 0; d < 4; d++)
      for (uint32_t group = 32; group <= 128; group *= 2)
        for (uint32_t M = 1; M <= 20; M += M < 9 ? 1 : 5)
          for (int flavour = 0; flavour < 7; flavour++) {
            uint32_t K = depths[d];
            float *x = guarded((size_t)M * K * sizeof *x);
            uint8_t marks[32];
            fill_columns(x, M, K, flavour);
            seal(x);
            vial_panels p = make_panels(kernels, x, M, K, group, marks);
            for (uint32_t c = 0; c < p.panel_count * p.width; c++) {
              const uint8_t *base = p.bytes + c / p.width * p.panel_byte_count;
              int finite = 1;
              for (uint32_t g = 0; g < p.group_count; g++) {
                int8_t q[128] = {0};
                float scale = 0;
                int32_t sum = 0;
                uint32_t count = K - g * group < group ? K - g * group : group, lane = c % p.width;
                if (c < M) finite &= plain_quantize(x + (size_t)c * K + g * group, count, q, &scale, &sum);
                size_t at = (size_t)g * p.width + lane;
                float got_scale = ((const float *)(base + p.scale_offset))[at];
                int32_t got_sum = ((const int32_t *)(base + p.sum_offset))[at];
                CHECK(differing(&scale, &got_scale, 1) == 0, "%s K %u M %u scale of column %u", kernels->name, K, M, c);
                CHECK(got_sum == -8 * sum, "%s K %u M %u sum of column %u", kernels->name, K, M, c);
                const int32_t *zero_sums = (const int32_t *)(base + p.zero_offset) + at * 16;
                for (int zero = 0; zero < 16; zero++)
                  CHECK(zero_sums[zero] == -zero * sum, "%s K %u M %u zero sum of column %u", kernels->name, K, M, c);
                for (uint32_t k = 0; k < group; k++)
                  CHECK(
                    (int8_t)base[((g * group + k) / 4 * p.width + lane) * 4 + k % 4] == q[k],
                    "%s K %u M %u flavour %d: q of column %u, k %u", kernels->name, K, M, flavour, c, k);
              }
              if (c < M) CHECK(marks[c] == !finite, "%s: mark of column %u", kernels->name, c);
            }
            guarded_free_all();
          }
  return failures;
}

/// One shape in all families. `parts`: the tiles are computed in that many ranges, the last first.
static int compare_products(const matrix *m, const float *x, uint32_t M, uint32_t parts, const char *what) {
  int failures = 0;
  uint32_t N = m->tensor.rows, K = m->tensor.columns, tiles = vial_tensor_tile_count(&m->tensor);
  float *wanted = guarded((size_t)M * N * 4), *got = guarded((size_t)M * N * 4);
  uint8_t wanted_marks[64], marks[64];
  plain_matmul(m, x, M, wanted, wanted_marks);
  const vial_kernels *kernels;
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
    vial_panels p = make_panels(kernels, x, M, K, m->tensor.group, marks);
    memset(got, 0xFF, (size_t)M * N * 4);
    for (uint32_t i = parts; i-- > 0;)
      kernels->matmul_quantized(&m->tensor, &p, tiles * i / parts, tiles * (i + 1) / parts, got, N);
    size_t bad = differing(wanted, got, (size_t)M * N);
    CHECK(bad == 0, "%s %s N %u K %u G %u asymmetric %d codebook %d M %u: %zu of %u differ", kernels->name, what, N,
      K, m->tensor.group, m->tensor.asymmetric, m->tensor.codebook, M, bad, M * N);
    CHECK(memcmp(marks, wanted_marks, M) == 0, "%s: marks differ", kernels->name);
  }
  return failures;
}

static int products_of(vial_encoding encoding) {
  static const uint32_t shapes[][2] = {{16, 128}, {48, 256}, {37, 300}, {5, 40}, {129, 513}, {100, 1000}, {1, 1}, {33, 172}};
  int failures = 0;
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (uint32_t group = 32; group <= 128; group *= 2)
      for (int form = 0; form < (encoding == VIAL_ENCODING_INT4 ? FORM_COUNT : 1); form++)
        for (uint32_t M = 1; M <= 33; M += s == 2 ? 1 : 1 + M / 2) {
          int flavour = (int)(M + s) % 7;
          matrix m = make_matrix(encoding, shapes[s][0], shapes[s][1], group, form, flavour == 1);
          float *x = guarded((size_t)M * shapes[s][1] * sizeof *x);
          fill_columns(x, M, shapes[s][1], flavour);
          seal(x);
          failures += compare_products(&m, x, M, 1 + M % 3, encoding == VIAL_ENCODING_INT4 ? "int4" : "int8");
          guarded_free_all();
        }
  // Against f64: the quantised product is near the product of what was packed with what was quantised.
  matrix m = make_matrix(encoding, 64, 512, 128, 0, 0);
  float x[512], out[64];
  uint8_t mark;
  fill_columns(x, 1, 512, 0);
  vial_panels p = make_panels(vial_kernels_find(NULL), x, 1, 512, 128, &mark);
  vial_kernels_find(NULL)->matmul_quantized(&m.tensor, &p, 0, 4, out, 64);
  double error = 0, norm = 0;
  for (uint32_t n = 0; n < 64; n++) {
    double sum = 0;
    for (uint32_t k = 0; k < 512; k++)
      sum += (double)vial_f16_to_f32(m.scales[n * 4 + k / 128]) * matrix_steps(&m, n, k) * (double)x[k];
    error += (sum - (double)out[n]) * (sum - (double)out[n]);
    norm += sum * sum;
  }
  CHECK(sqrt(error / norm) < 0.02 && norm > 0, "relative error against f64: %g", sqrt(error / norm));
  // Hostile bytes: any weights, infinite scales, zero points above 15. Nothing may fault, and the families agree.
  for (uint32_t group = 32; group <= 128; group *= 2)
    for (int form = 0; form < (encoding == VIAL_ENCODING_INT4 ? FORM_COUNT : 1); form++) {
      vial_tensor t = {.rows = 21, .columns = 200, .group = group, .encoding = encoding, .asymmetric = form == ASYMMETRIC};
      t.codebook = form == CODEBOOK;
      if (form == CODEBOOK) random_codebook(t.entries, 1);
      uint64_t byte_count;
      vial_tensor_byte_count(&t, &byte_count);
      uint8_t *bytes = guarded(byte_count);
      for (size_t i = 0; i < byte_count; i++) bytes[i] = (uint8_t)(random_below(4) ? random_u32() : 0x80);
      t.bytes = bytes;
      float activations[17 * 200], wanted[17 * 21], got[17 * 21];
      uint8_t marks[17];
      fill_columns(activations, 17, 200, 0);
      for (uint32_t M = 1; M <= 17; M += 4) {
        const vial_kernels *kernels;
        for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
          vial_panels panels = make_panels(vial_kernels_find("reference"), activations, M, 200, group, marks);
          vial_kernels_find("reference")->matmul_quantized(&t, &panels, 0, 2, wanted, 21);
          kernels->matmul_quantized(&t, &panels, 0, 2, got, 21);
          CHECK(differing(wanted, got, M * 21) == 0, "%s: hostile bytes, G %u, M %u", kernels->name, group, M);
        }
      }
      guarded_free_all();
    }
  return failures;
}

int test_matmul_int4(void) { return products_of(VIAL_ENCODING_INT4); }
int test_matmul_int8(void) { return products_of(VIAL_ENCODING_INT8); }

int test_matmul_float(void) {
  int failures = 0;
  static const vial_encoding encodings[3] = {VIAL_ENCODING_F32, VIAL_ENCODING_F16, VIAL_ENCODING_BF16};
  static const uint32_t shapes[][2] = {{16, 64}, {37, 301}, {5, 1}, {64, 172}, {1, 2}};
  for (int e = 0; e < 3; e++)
    for (size_t s = 0; s < 5; s++)
      for (uint32_t M = 1; M <= 33; M += s == 1 ? 1 : 1 + M / 2) {
        uint32_t N = shapes[s][0], K = shapes[s][1], tiles = (N + 15) / 16;
        size_t size = e ? 2 : 4;
        vial_tensor t = {.rows = N, .columns = K, .encoding = encodings[e]};
        float *values = guarded((size_t)N * K * 4), *x = guarded((size_t)M * K * 4), *wanted = guarded((size_t)M * N * 4);
        for (size_t i = 0; i < (size_t)N * K; i++) values[i] = M % 2 ? random_float() : random_wild();
        for (size_t i = 0; i < (size_t)M * K; i++) x[i] = M % 2 ? random_wild() : random_float();
        uint8_t *source = guarded((size_t)N * K * size), *bytes = guarded(tiles * vial_tensor_tile_byte_count(&t));
        vial_narrow(encodings[e], values, (size_t)N * K, source);
        vial_widen(encodings[e], source, (size_t)N * K, values);
        for (uint32_t i = 0; i < tiles; i++)
          vial_pack_float_tile(
            &t, i, source + (size_t)i * 16 * K * size, K, bytes + i * vial_tensor_tile_byte_count(&t));
        t.bytes = bytes;
        seal(bytes);
        seal(x);
        for (uint32_t c = 0; c < M; c++)
          for (uint32_t n = 0; n < N; n++) {
            float even = 0, odd = 0;
            for (uint32_t k = 0; k < K; k += 2) even = fmaf(values[(size_t)n * K + k], x[(size_t)c * K + k], even);
            for (uint32_t k = 1; k < K; k += 2) odd = fmaf(values[(size_t)n * K + k], x[(size_t)c * K + k], odd);
            wanted[(size_t)c * N + n] = even + odd;
          }
        const vial_kernels *kernels;
        for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
          float *got = guarded((size_t)M * N * 4);
          kernels->matmul_float(&t, x, K, M, tiles / 2, tiles, got, N);
          kernels->matmul_float(&t, x, K, M, 0, tiles / 2, got, N);
          size_t bad = differing(wanted, got, (size_t)M * N);
          CHECK(bad == 0, "%s encoding %d N %u K %u M %u: %zu differ", kernels->name, e, N, K, M, bad);
        }
        guarded_free_all();
      }
  return failures;
}
