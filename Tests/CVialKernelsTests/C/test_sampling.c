// Owns: tests of weight quantisers and of sampling, against brute force and by their properties.
// Must not: share code with the kernels under test.
#include <math.h>
#include <stdlib.h>

#include "kernel_tests.h"
#include "support.h"

#pragma STDC FP_CONTRACT OFF

int test_quantizers(void) {
  int failures = 0;
  static const uint32_t lengths[] = {1, 31, 40, 64, 172, 300, 1024};
  const vial_kernels *reference = vial_kernels_find("reference"), *kernels;
  for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
    for (uint32_t group = 32; group <= 128; group *= 2)
      for (int flavour = 0; flavour < 6; flavour++) {
        uint32_t n = lengths[l], groups = (n + group - 1) / group;
        float *x = guarded(n * sizeof *x);
        for (uint32_t i = 0; i < n; i++) {
          float gaussian = random_float() + random_float() + random_float();
          x[i] = flavour == 0 ? 0.05f * gaussian : flavour == 1 ? random_wild() * 0x1p-30f : flavour == 2 ? 0.3f + 0.1f * random_float()
               : flavour == 3 ? 0.0f : flavour == 4 ? gaussian * 0x1p-24f : -0x1p-24f * (float)(16 + i / 128);
        }
        seal(x);
        int8_t entries[16];
        random_codebook(entries, flavour % 2);
        for (int kind = 0; kind < 4; kind++) {  // symmetric, asymmetric, int8, codebook
          uint8_t *q[2] = {guarded(n), guarded(n)}, *zeros[2] = {guarded(groups), guarded(groups)};
          uint16_t *scales[2] = {guarded(2 * groups), guarded(2 * groups)};
          vial_kernel_status status[2];
          for (size_t f = 0; (kernels = f ? vial_kernels_list(f - 1) : reference) != NULL; f++) {
            int i = f > 0;
            status[i] = kind == 3 ? kernels->quantize_codebook_row(x, n, group, entries, q[i], scales[i])
                        : kind == 2 ? kernels->quantize_int8_row(x, n, group, (int8_t *)q[i], scales[i])
                                  : kernels->quantize_int4_row(x, n, group, q[i], scales[i], kind ? zeros[i] : NULL);
            bool same = status[i] == status[0] && memcmp(q[0], q[i], n) == 0 && memcmp(scales[0], scales[i], 2 * groups) == 0;
            if (kind == 1) same = same && memcmp(zeros[0], zeros[i], groups) == 0;
            CHECK(same, "%s kind %d n %u G %u flavour %d differs", kernels->name, kind, n, group, flavour);
          }
          CHECK(status[0] == VIAL_KERNEL_OK, "status %d", status[0]);
          double error = 0, plain = 0;
          for (uint32_t i = 0; i < n; i++) {
            float scale = vial_f16_to_f32(scales[0][i / group]), amax = 0;
            CHECK(isfinite(scale) && (kind == 2 ? (int8_t)q[0][i] >= -127 : q[0][i] <= 15), "out of range");
            int value = kind == 3   ? entries[q[0][i] & 15]
                        : kind == 2 ? (int8_t)q[0][i]
                                    : q[0][i] - (kind ? zeros[0][i / group] : 8);
            for (int j = 0; j < 16 && kind == 3 && scale != 0; j++)  // no other entry is nearer
              CHECK(
                fabs((double)x[i] - (double)scale * value) <= fabs((double)x[i] - (double)scale * entries[j]) * (1 + 0x1p-20),
                "entry %d of %u is not the nearest", value, i);
            if (kind == 1) CHECK(zeros[0][i / group] <= 15, "zero out of range");
            for (uint32_t j = i / group * group; j < n && j < (i / group + 1) * group; j++) amax = fmaxf(amax, fabsf(x[j]));
            double step = (double)amax / (kind == 2 ? 127 : 7), rounded = step > 0 ? step * rint((double)x[i] / step) : 0;
            error += pow((double)x[i] - (double)scale * value, 2);
            plain += pow((double)x[i] - rounded, 2);
          }
          if (flavour == 0 && n >= 300 && kind != 3) CHECK(error <= plain * 1.001, "kind %d: error %g, plain rounding %g", kind, error, plain);
          if (flavour == 3) CHECK(error == 0, "zeros are not zeros");
        }
        guarded_free_all();
      }
  float bad[32] = {0};
  uint8_t q[32], zero;
  uint16_t scale;
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
    bad[3] = 1e7f;
    CHECK(kernels->quantize_int4_row(bad, 32, 32, q, &scale, NULL) == VIAL_KERNEL_SCALE_OVERFLOW, "int4 overflow");
    CHECK(kernels->quantize_int4_row(bad, 32, 32, q, &scale, &zero) == VIAL_KERNEL_SCALE_OVERFLOW, "asymmetric overflow");
    CHECK(kernels->quantize_int8_row(bad, 32, 32, (int8_t *)q, &scale) == VIAL_KERNEL_SCALE_OVERFLOW, "int8 overflow");
    bad[3] = NAN;
    CHECK(kernels->quantize_int4_row(bad, 32, 32, q, &scale, NULL) == VIAL_KERNEL_NOT_FINITE, "int4 NaN");
    CHECK(kernels->quantize_int8_row(bad, 32, 32, (int8_t *)q, &scale) == VIAL_KERNEL_NOT_FINITE, "int8 NaN");
  }
  return failures;
}

/// A codebook whose entries are a grid finds that grid; a skewed one takes the sign of the scale that fits.
int test_codebook_quantizer(void) {
  int failures = 0;
  int8_t entries[16];
  float x[64];
  uint8_t q[64];
  uint16_t scales[2];
  const vial_kernels *kernels;
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
    for (int sign = -1; sign <= 1; sign += 2) {
      for (int i = 0; i < 16; i++) entries[i] = (int8_t)(8 * i - 64);
      entries[0] = -127;
      for (int i = 0; i < 64; i++) x[i] = (float)(sign * entries[i * 5 % 16]) * 0x1p-7f;
      CHECK(kernels->quantize_codebook_row(x, 64, 64, entries, q, scales) == VIAL_KERNEL_OK, "status");
      CHECK(vial_f16_to_f32(scales[0]) == (float)sign * 0x1p-7f, "%s scale %a", kernels->name, (double)vial_f16_to_f32(scales[0]));
      for (int i = 0; i < 64; i++) CHECK(q[i] == i * 5 % 16, "%s q of %d", kernels->name, i);
    }
    // Midway between two entries the lower one is taken; without a value there is no scale and q is 8.
    memset(x, 0, sizeof x);
    x[0] = -127.0f;
    x[1] = 4.0f;
    CHECK(kernels->quantize_codebook_row(x, 64, 32, entries, q, scales) == VIAL_KERNEL_OK, "status");
    CHECK(scales[0] == 0x3C00 && q[0] == 0 && q[1] == 8 && q[2] == 8, "%s: a tie goes up", kernels->name);
    CHECK(scales[1] == 0 && q[32] == 8 && q[63] == 8, "%s: zeros are not zeros", kernels->name);
    for (int i = 0; i < 16; i++) entries[i] = (int8_t)(i + 1);  // no entry is 0: the error of padding must not count
    memset(x, 0, sizeof x);
    x[0] = 16.0f;
    CHECK(kernels->quantize_codebook_row(x, 1, 32, entries, q, scales) == VIAL_KERNEL_OK, "status");
    CHECK(vial_f16_to_f32(scales[0]) * entries[q[0]] == 16.0f, "%s: a single value is not exact", kernels->name);
    x[0] = 1e7f;
    CHECK(kernels->quantize_codebook_row(x, 32, 32, entries, q, scales) == VIAL_KERNEL_SCALE_OVERFLOW, "overflow");
    x[0] = NAN;
    CHECK(kernels->quantize_codebook_row(x, 32, 32, entries, q, scales) == VIAL_KERNEL_NOT_FINITE, "NaN");
  }
  return failures;
}

static int by_logit(const void *x, const void *y) {
  const vial_candidate *a = x, *b = y;
  if (a->logit != b->logit) return a->logit > b->logit ? -1 : 1;
  return a->id < b->id ? -1 : a->id > b->id;
}

/// Rule 13 by brute force: sort everything, then cut.
static uint32_t plain_sample(
  const float *logits, uint32_t count, const uint64_t *allowed, const vial_sampling *s, uint32_t position, uint32_t index) {
  vial_candidate *all = malloc(count * sizeof *all);
  uint32_t n = 0;
  for (uint32_t id = 0; id < count; id++)
    if ((!allowed || (allowed[id / 64] >> id % 64 & 1)) && logits[id] > -INFINITY)
      all[n++] = (vial_candidate){.logit = s->temperature > 0 ? logits[id] / s->temperature : logits[id], .id = id};
  qsort(all, n, sizeof *all, by_logit);
  float *p = malloc(count * sizeof *p), total = 0, cumulative = 0;
  if (s->top_k && n > s->top_k) n = s->top_k;
  for (uint32_t i = 0; i < n; i++) total += p[i] = vial_exp2c((all[i].logit - all[0].logit) * 0x1.715476p0f);
  uint32_t kept = n;
  if (s->top_p < 1)
    for (uint32_t i = 0; i < n; i++)
      if ((cumulative += p[i]) >= s->top_p * total) {
        kept = i + 1;
        break;
      }
  while (kept > 1 && p[kept - 1] < s->min_p) kept--;
  total = cumulative = 0;
  for (uint32_t i = 0; i < kept; i++) total += p[i];
  float target = vial_uniform(s->seed, position, index) * total;
  uint32_t i = 0;
  if (s->temperature > 0)
    for (; i + 1 < kept; i++)
      if ((cumulative += p[i]) > target) break;
  uint32_t id = all[i].id;
  free(all);
  free(p);
  return id;
}

/// Penalties against values that were computed by hand: a logit of 3, of -3 and of 0.1.
int test_penalties(void) {
  int failures = 0;
  float l[6] = {3, -3, 0.1f, 3, 3, -INFINITY};
  const vial_token_count counts[] = {
    {0, 7, 0}, {1, 1, 3}, {2, 0, 2}, {UINT32_MAX, 1, 1}, {6, 1, 1}, {4, 0, 0}, {5, 1, 1}};
  vial_penalize(l, 6, counts, 7, &(vial_penalties){.repetition = 1.5f, .frequency = 0.25f, .presence = 0.5f});
  CHECK(l[0] == 2.0f, "repetition divides, once: %a", (double)l[0]);
  CHECK(l[1] == -4.5f - 0.75f - 0.5f, "below zero it multiplies, then counts and presence: %a", (double)l[1]);
  float expected = 0.1f;
  expected = expected - 0.25f * 2.0f;
  expected = expected - 0.5f;
  CHECK(l[2] == expected && l[2] < -0.89f && l[2] > -0.91f, "counts without repetition: %a", (double)l[2]);
  CHECK(l[3] == 3 && l[4] == 3 && l[5] == -INFINITY, "ids without a count change");
  // Negative ones encourage; a count is exact, and above 2^24 stays there.
  float m[2] = {1, 0};
  const vial_token_count many[] = {{0, 0, 4}, {1, 0, UINT32_MAX}};
  vial_penalize(m, 2, many, 2, &(vial_penalties){.repetition = 1, .frequency = -0.5f, .presence = -2});
  CHECK(m[0] == 5 && m[1] == 0x1p23f + 2, "negative penalties: %a %a", (double)m[0], (double)m[1]);
  return failures;
}

/// Distributions around the point where probabilities stop to count: steep ones, huge ones, tiny min-p.
int test_sampling_tails(void) {
  int failures = 0;
  enum { COUNT = 9000 };
  static const float spreads[] = {1.0f, 20.0f, 60.0f, 1e10f, 1e37f};
  const vial_kernels *kernels;
  float *logits = guarded(COUNT * sizeof *logits);
  void *scratch = guarded(vial_sample_scratch_byte_count(COUNT));
  for (int round = 0; round < 150; round++) {
    for (uint32_t i = 0; i < COUNT; i++) {
      logits[i] = spreads[round % 5] * random_float();
      if (round % 5 == 2 && i % 16) logits[i] = 40.0f - 17.4f - 0.0001f * (float)(i % 4000);  // near 2^-25
    }
    if (round % 5 == 2) logits[77] = 40.0f;
    vial_sampling s = {
      .temperature = round % 3 == 0 ? 1.0f : round % 3 == 1 ? 0.83f : 1.7f, .top_p = round % 2 ? 1.0f : 0x1.fffffep-1f,
      .min_p = round % 7 == 0 ? 0x1p-25f : round % 7 == 1 ? 0x1p-26f : round % 7 == 2 ? 0x1p-24f : 0.0f,
      .top_k = round % 11 == 0 ? 900 : round % 11 == 1 ? 5 : round % 11 == 2 ? 4000 : 0, .seed = (uint64_t)round};
    uint32_t wanted = plain_sample(logits, COUNT, NULL, &s, 3, 0), id = 0;
    for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
      vial_kernel_status status = vial_sample(kernels, logits, COUNT, NULL, &s, 3, 0, scratch, &id);
      CHECK(status == VIAL_KERNEL_OK && id == wanted, "%s round %d: %u, not %u", kernels->name, round, id, wanted);
    }
  }
  return failures;
}

int test_sampling(void) {
  int failures = 0;
  static const uint32_t sizes[] = {1, 2, 100, 512, 5000, 151936};
  const vial_kernels *kernels;
  for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
    uint32_t n = sizes[z];
    float *logits = guarded(n * sizeof *logits);
    uint64_t *allowed = guarded((n + 63) / 64 * 8);
    void *scratch = guarded(vial_sample_scratch_byte_count(n));
    for (int round = 0; round < (n > 10000 ? 12 : 200); round++) {
      for (uint32_t i = 0; i < n; i++) {
        logits[i] = (round % 4 == 0 ? 0.5f : 12.0f) * random_float();
        if (round % 3 == 0) logits[i] = rintf(logits[i]);  // many equals, both zeros
        if (round % 5 == 0 && i % 7 == 0) logits[i] = -INFINITY;
      }
      memset(allowed, 0xFF, (n + 63) / 64 * 8);
      for (uint32_t i = 0; i < n; i += 3) allowed[i / 64] &= ~(1ull << i % 64);
      if (n == 1) {
        allowed[0] = 1;
        logits[0] = 3;
      }
      logits[n / 2] = 1;
      allowed[n / 2 / 64] |= 1ull << n / 2 % 64;
      vial_sampling s = {
        .temperature = round % 10 == 9 ? 0.0f : 0.2f + 0.2f * (float)(round % 7), .top_p = round % 2 ? 0.9f : 1.0f,
        .min_p = round % 3 ? 0.0f : 0.05f, .top_k = round % 4 == 1 ? 40 : round % 4 == 2 ? 2000 : 0, .seed = 0x123456789abcull + (uint64_t)round};
      const uint64_t *mask = round % 2 ? allowed : NULL;
      uint32_t wanted = plain_sample(logits, n, mask, &s, 17, (uint32_t)round), id = 0;
      for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
        vial_kernel_status status = vial_sample(kernels, logits, n, mask, &s, 17, (uint32_t)round, scratch, &id);
        CHECK(status == VIAL_KERNEL_OK && id == wanted, "%s n %u round %d: %u, not %u", kernels->name, n, round, id, wanted);
      }
      uint32_t k = 1 + random_below(n > 5 ? 5 : n);
      if (round % 8 == 0) k = n < 3000 ? n : 3000;
      vial_candidate *top = malloc(k * sizeof *top), *all = malloc(n * sizeof *all);
      uint32_t finite = 0, got = vial_top_candidates(logits, n, k, scratch, top);
      for (uint32_t i = 0; i < n; i++)
        if (logits[i] > -INFINITY) all[finite++] = (vial_candidate){logits[i], i};
      qsort(all, finite, sizeof *all, by_logit);
      CHECK(got == (k < finite ? k : finite), "top candidates: %u of %u", got, k);
      for (uint32_t i = 0; i < got; i++) CHECK(top[i].id == all[i].id, "top candidate %u: id %u, not %u", i, top[i].id, all[i].id);
      free(top);
      free(all);
    }
    guarded_free_all();
  }

  // Properties.
  kernels = vial_kernels_find(NULL);
  float logits[8] = {1, 5, 5, -3, 0, 2, 5, 1};
  uint64_t scratch[4096], none[1] = {0}, some[1] = {0x9};
  uint32_t id = 99, tally[8] = {0};
  vial_sampling greedy = {.temperature = 0, .top_p = 1}, warm = {.temperature = 1, .top_p = 1, .seed = 3};
  CHECK(vial_sample_scratch_byte_count(8) <= sizeof scratch, "scratch");
  vial_sample(kernels, logits, 8, NULL, &greedy, 0, 0, scratch, &id);
  CHECK(id == 1, "greedy takes the lowest id among equals, not %u", id);
  vial_sample(kernels, logits, 8, some, &greedy, 0, 0, scratch, &id);
  CHECK(id == 0, "a masked id was drawn: %u", id);
  CHECK(vial_sample(kernels, logits, 8, none, &warm, 0, 0, scratch, &id) == VIAL_KERNEL_NO_CANDIDATE, "nothing to draw");
  double total = 0;
  for (int i = 0; i < 8; i++) total += exp((double)logits[i]);
  for (uint32_t i = 0; i < 100000; i++) {
    vial_sample(kernels, logits, 8, NULL, &warm, i, 0, scratch, &id);
    tally[id]++;
  }
  for (int i = 0; i < 8; i++) {
    double p = exp((double)logits[i]) / total;
    CHECK(fabs(tally[i] / 1e5 - p) < 0.006, "id %d drawn %u times of 100000, expected %g", i, tally[i], p * 1e5);
  }
  warm.top_k = 2;
  for (uint32_t i = 0; i < 1000; i++) {
    vial_sample(kernels, logits, 8, NULL, &warm, i, 0, scratch, &id);
    CHECK(id == 1 || id == 2, "top-k 2 drew %u", id);
  }
  warm = (vial_sampling){.temperature = 1, .top_p = 1, .min_p = 1, .seed = 3};
  memset(tally, 0, sizeof tally);
  for (uint32_t i = 0; i < 1000; i++) {
    vial_sample(kernels, logits, 8, NULL, &warm, i, 0, scratch, &id);
    tally[id]++;
  }
  CHECK(tally[1] > 200 && tally[2] > 200 && tally[6] > 200, "min-p 1 drops equals of the best");
  // Temperatures below the bound are greedy, whatever else is asked; the bound itself is not.
  static const float cold[] = {0.0f, 0x1p-149f, 0x1p-126f, 3e-38f, 1e-6f, 0x1.4f8b56p-17f};
  const float close[8] = {1, 0x1.400002p+2f, 5, -3, 0, 2, 0x1.400002p+2f, 1};
  for (size_t c = 0; c < sizeof cold / sizeof *cold; c++)
    for (uint32_t i = 0; i < 200; i++) {
      warm = (vial_sampling){.temperature = cold[c], .top_p = 1, .min_p = 0, .seed = i};
      vial_kernel_status status = vial_sample(kernels, close, 8, NULL, &warm, i, 0, scratch, &id);
      CHECK(status == VIAL_KERNEL_OK && id == 1, "temperature %g draws %u", (double)cold[c], id);
    }
  memset(tally, 0, sizeof tally);
  warm.temperature = 0x1.4f8b58p-17f;
  for (uint32_t i = 0; i < 1000; i++) {
    vial_sample(kernels, close, 8, NULL, &warm, i, 0, scratch, &id);
    tally[id]++;
  }
  CHECK(tally[1] > 200 && tally[2] > 200 && tally[6] > 200, "the least temperature is greedy");
  logits[4] = NAN;
  CHECK(vial_sample(kernels, logits, 8, NULL, &warm, 0, 0, scratch, &id) == VIAL_KERNEL_NOT_FINITE, "a NaN logit passes");
  CHECK(vial_sample(kernels, logits, 8, some, &warm, 0, 0, scratch, &id) == VIAL_KERNEL_OK, "a masked NaN counts");
  float l[4] = {2, -2, 1, 0};
  const vial_token_count once[] = {{0, 1, 0}, {1, 1, 0}};
  vial_penalize(l, 4, once, 2, &(vial_penalties){.repetition = 2});
  CHECK(l[0] == 1 && l[1] == -4 && l[2] == 1, "penalty");
  const vial_logit_bias biases[3] = {{2, 0.5f}, {9, 1}, {2, 0.25f}};
  vial_bias(l, 4, biases, 3);
  CHECK(l[2] == 1.75f && l[3] == 0, "bias");
  return failures;
}
