// Owns: tests of the vector functions across families, of scalar functions and RoPE against the C library, of Philox
// against its published vectors.
// Must not: test sampling (test_sampling.c does).
#include <math.h>

#include "kernel_tests.h"
#include "support.h"

#pragma STDC FP_CONTRACT OFF

enum { LONGEST = 5000 };
static float a[LONGEST], b[LONGEST], c[LONGEST], wanted[LONGEST];

int test_vector_functions(void) {
  int failures = 0;
  static const size_t counts[] = {1, 2, 7, 15, 16, 17, 31, 32, 33, 64, 100, 896, 1536, 4999};
  const vial_kernels *reference = vial_kernels_find("reference"), *kernels;
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++)
    for (size_t s = 0; s < 2 * sizeof counts / sizeof *counts; s++) {
      size_t n = counts[s / 2];
      bool wild = s & 1;
      float *got = guarded(n * sizeof *got), *x = guarded(n * sizeof *x), *y = guarded(n * sizeof *y);
      for (size_t i = 0; i < n; i++) {
        a[i] = x[i] = wild ? random_wild() : 4 * random_float();
        b[i] = y[i] = wild ? random_wild() : random_float();
      }
      if (wild && n > 20) {
        a[5] = x[5] = __builtin_inff();
        a[7] = x[7] = -__builtin_inff();
        a[11] = x[11] = __builtin_nanf("");
        a[13] = x[13] = 200.0f;
        a[14] = x[14] = -200.0f;
      }
      seal(x);
      seal(y);
#define SAME(WHAT) CHECK(differing(wanted, got, n) == 0, "%s " WHAT " of %zu, wild %d", kernels->name, n, wild)
      memcpy(wanted, b, n * 4);
      memcpy(got, b, n * 4);
      reference->add(wanted, a, n);
      kernels->add(got, x, n);
      SAME("add");
      reference->scaled_add(wanted, a, 0.37f, n);
      kernels->scaled_add(got, x, 0.37f, n);
      SAME("scaled_add");
      reference->scale(wanted, 0.37f, n);
      kernels->scale(got, 0.37f, n);
      SAME("scale");
      reference->rms_norm(a, b, n, 1e-6f, wanted);
      kernels->rms_norm(x, y, n, 1e-6f, got);
      SAME("rms_norm");
      reference->silu_multiply(a, b, n, wanted);
      kernels->silu_multiply(x, y, n, got);
      SAME("silu_multiply");
      memcpy(got, a, n * 4);
      kernels->silu_multiply(got, y, n, got);
      SAME("silu_multiply in place");
      reference->gelu_multiply(a, b, n, wanted);
      kernels->gelu_multiply(x, y, n, got);
      SAME("gelu_multiply");
      memcpy(got, a, n * 4);
      kernels->gelu_multiply(got, y, n, got);
      SAME("gelu_multiply in place");
      memcpy(wanted, a, n * 4);
      memcpy(got, a, n * 4);
      reference->soft_cap(wanted, 30.0f, n);
      kernels->soft_cap(got, 30.0f, n);
      SAME("soft_cap");
      reference->exponentials(a, n, 4.0f, wanted);
      kernels->exponentials(x, n, 4.0f, got);
      SAME("exponentials");
      float m[2], sum[2];
      reference->sum_exponentials(a, n, m, sum);
      kernels->sum_exponentials(x, n, m + 1, sum + 1);
      CHECK(differing(m, m + 1, 1) == 0 && differing(sum, sum + 1, 1) == 0, "%s sum_exponentials of %zu", kernels->name, n);
      reference->sum_weighted(a, n, m[0], sum);
      kernels->sum_weighted(x, n, m[0], sum + 1);
      CHECK(differing(sum, sum + 1, 1) == 0, "%s sum_weighted of %zu", kernels->name, n);
      CHECK(kernels->all_finite(x, n) == !(wild && n > 20), "%s all_finite of %zu", kernels->name, n);
      if (n % 2 == 0) {
        float *cosines = guarded(n / 2 * sizeof *cosines), *sines = guarded(n / 2 * sizeof *sines);
        for (size_t i = 0; i < n / 2; i++) vial_sincos((float)i, sines + i, cosines + i);
        seal(cosines);
        seal(sines);
        memcpy(wanted, a, n * 4);
        memcpy(got, a, n * 4);
        reference->rope(wanted, cosines, sines, (uint32_t)n / 2);
        kernels->rope(got, cosines, sines, (uint32_t)n / 2);
        SAME("rope");
      }
      guarded_free_all();
    }
  // Against f64.
  double squares = 0, total = 0;
  for (int i = 0; i < 1000; i++) {
    a[i] = 3 * random_float();
    b[i] = random_float();
    squares += (double)a[i] * a[i];
    total += exp((double)a[i]);
  }
  kernels = vial_kernels_find(NULL);
  kernels->rms_norm(a, b, 1000, 1e-5f, wanted);
  kernels->silu_multiply(a, b, 1000, c);
  for (int i = 0; i < 1000; i++) {
    double norm = (double)a[i] / sqrt(squares / 1000 + 1e-5) * b[i], silu = (double)a[i] / (1 + exp(-(double)a[i])) * b[i];
    CHECK(fabs(norm - (double)wanted[i]) <= 1e-6 * fabs(norm) + 1e-30, "rms_norm is %g, not %g", (double)wanted[i], norm);
    CHECK(fabs(silu - (double)c[i]) <= 1e-6 * fabs(silu) + 1e-30, "silu is %g, not %g", (double)c[i], silu);
  }
  kernels->gelu_multiply(a, b, 1000, c);
  memcpy(wanted, a, 1000 * sizeof *a);
  kernels->soft_cap(wanted, 2.5f, 1000);
  for (int i = 0; i < 1000; i++) {
    double x = (double)a[i], inner = 0.7978845608028654 * (x + 0.044715 * x * x * x);
    double gelu = 0.5 * x * (1 + tanh(inner)) * b[i], capped = 2.5 * tanh(x / 2.5);
    CHECK(fabs(gelu - (double)c[i]) <= 2e-6 * fabs(gelu) + 1e-7, "gelu of %g is %g, not %g", x, (double)c[i], gelu);
    CHECK(fabs(capped - (double)wanted[i]) <= 5e-7, "soft_cap of %g is %g, not %g", x, (double)wanted[i], capped);
  }
  float maximum, sum;
  kernels->sum_exponentials(a, 1000, &maximum, &sum);
  double log_probability = (double)a[3] - log(total), got = (double)vial_log_probability(a[3], maximum, sum);
  CHECK(fabs(log_probability - got) < 2e-6, "log-probability is %g, not %g", got, log_probability);
  double entropy = log(total);
  for (int i = 0; i < 1000; i++) entropy -= exp((double)a[i]) / total * (double)a[i];
  float weighted;
  kernels->sum_weighted(a, 1000, maximum, &weighted);
  got = (double)vial_entropy(sum, weighted);
  CHECK(fabs(entropy - got) < 1e-5, "entropy is %g, not %g", got, entropy);
  // One certain id, the others impossible.
  float certain[40];
  for (int i = 0; i < 40; i++) certain[i] = i == 7 ? 3.0f : -INFINITY;
  kernels->sum_exponentials(certain, 40, &maximum, &sum);
  kernels->sum_weighted(certain, 40, maximum, &weighted);
  CHECK(vial_entropy(sum, weighted) == 0, "certainty has entropy %g", (double)vial_entropy(sum, weighted));
  return failures;
}

int test_scalar_functions(void) {
  int failures = 0;
  double worst = 0;
  for (float x = 0; x > -126; x -= 0.000977f) {
    double error = fabs((double)vial_exp2c(x) / exp2((double)x) - 1);
    worst = error > worst ? error : worst;
  }
  CHECK(worst < 2.1e-7, "exp2c: relative error %g", worst);
  CHECK(vial_exp2c(0) == 1 && vial_exp2c(-1) == 0.5f && vial_exp2c(-126) == 0x1p-126f, "exp2c of integers");
  CHECK(vial_exp2c(-126.00001f) == 0 && vial_exp2c(-INFINITY) == 0 && vial_exp2c(NAN) == 0, "exp2c of nothing");
  worst = 0;
  for (int i = 0; i < 1000000; i++) {
    uint32_t bits = random_below(0x7F800000u);
    float x;
    memcpy(&x, &bits, 4);
    if (i % 4 == 0) x = 1 + 0.01f * random_float();
    double exact = log2((double)x), error = fabs((double)vial_log2c(x) - exact) / (fabs(exact) + 1e-30);
    worst = x > 0 && error > worst ? error : worst;
  }
  CHECK(worst < 6.1e-8, "log2c: relative error %g", worst);
  CHECK(vial_log2c(1) == 0 && vial_log2c(8) == 3 && vial_log2c(0x1p-140f) == -140, "log2c of powers of two");
  CHECK(vial_log2c(0) == -INFINITY && isnan(vial_log2c(-1)) && isnan(vial_log2c(NAN)), "log2c of the rest");
  return failures;
}

int test_rope(void) {
  int failures = 0;
  double worst = 0;
  float sine, cosine;
  for (int i = 0; i < 1000000; i++) {
    float limit = i % 3 == 0 ? 0x1p27f : i % 3 == 1 ? 131072.0f : 4.0f, angle = random_float() * limit;
    vial_sincos(angle, &sine, &cosine);
    double e1 = fabs((double)sine - sin((double)angle)), e2 = fabs((double)cosine - cos((double)angle));
    worst = e1 > worst ? e1 : worst;
    worst = e2 > worst ? e2 : worst;
  }
  CHECK(worst < 6e-8, "sine and cosine: absolute error %g", worst);
  vial_sincos(0, &sine, &cosine);
  CHECK(sine == 0 && cosine == 1, "sine and cosine of 0");
  vial_sincos(INFINITY, &sine, &cosine);
  CHECK(isnan(sine) && isnan(cosine), "sine and cosine of infinity");
  const float frequencies[4] = {1.0f, 0.1f, 0.01f, 0.001f};
  float cosines[4], sines[4], x[8], turned[8];
  for (uint32_t position = 0; position < 131072; position += 977) {
    vial_rope_angles(position, frequencies, 4, cosines, sines);
    for (int i = 0; i < 8; i++) turned[i] = x[i] = random_float();
    vial_kernels_find(NULL)->rope(turned, cosines, sines, 4);
    for (int i = 0; i < 4; i++) {
      double angle = (double)((float)position * frequencies[i]);
      double first = x[i] * cos(angle) - x[i + 4] * sin(angle), second = x[i + 4] * cos(angle) + x[i] * sin(angle);
      CHECK(fabs(first - (double)turned[i]) < 3e-7 && fabs(second - (double)turned[i + 4]) < 3e-7, "position %u pair %d", position, i);
    }
  }
  return failures;
}

int test_philox(void) {
  int failures = 0;
  // Random123's kat_vectors, philox4x32 with 10 rounds.
  static const struct {
    uint32_t counter[4], key[2], wanted[4];
  } vectors[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (int i = 0; i < 3; i++) {
    uint32_t out[4];
    vial_philox4x32(vectors[i].counter, vectors[i].key, out);
    CHECK(memcmp(out, vectors[i].wanted, sizeof out) == 0, "known answer %d", i);
  }
  CHECK(vial_uniform(0, 0, 0) == (float)(0x6627e8d5 >> 8) * 0x1p-24f, "uniform number of seed 0");
  double sum = 0;
  for (uint32_t i = 0; i < 100000; i++) {
    float u = vial_uniform(42, i, 0);
    CHECK(u >= 0 && u < 1, "uniform number out of range");
    sum += (double)u;
  }
  CHECK(fabs(sum / 100000 - 0.5) < 0.005, "mean of uniform numbers: %g", sum / 100000);
  CHECK(vial_uniform(42, 7, 0) != vial_uniform(42, 7, 1) && vial_uniform(42, 7, 0) != vial_uniform(43, 7, 0) &&
          vial_uniform(42, 7, 0) != vial_uniform(42ull + (1ull << 32), 7, 0), "seed or index is ignored");
  return failures;
}
