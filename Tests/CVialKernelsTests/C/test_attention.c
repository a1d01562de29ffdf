// Owns: tests of KV blocks and attention: families against the reference, the reference against f64, independence of
// chunking and of what lies in unused positions.
// Must not: share code with the kernels under test.
#include <math.h>
#include <stdlib.h>

#include "kernel_tests.h"
#include "support.h"

#pragma STDC FP_CONTRACT OFF

static const vial_kv_type types[3] = {VIAL_KV_F32, VIAL_KV_F16, VIAL_KV_INT8};

/// Odd dimensions and hostile values, against the reference: the whole block is the same.
static int compare_stores(const vial_kernels *kernels) {
  int failures = 0;
  static const uint32_t dims[] = {1, 7, 16, 17, 40, 72, 100};
  for (size_t s = 0; s < sizeof dims / sizeof *dims; s++)
    for (int y = 0; y < 3; y++)
      for (int flavour = 0; flavour < 5; flavour++) {
        uint32_t dim = dims[s];
        size_t size = vial_kv_block_byte_count(types[y], dim);
        uint8_t *wanted = guarded(size), *got = guarded(size);
        float *key = guarded(dim * sizeof *key), *value = guarded(dim * sizeof *value);
        for (uint32_t position = 0; position < 64; position++) {
          for (uint32_t d = 0; d < dim; d++) {
            key[d] = flavour == 0 ? random_float() * 0x1p17f : random_wild();
            value[d] = flavour == 1 ? random_float() * 0x1p-101f : flavour == 4 ? random_float() * 0x1p-20f : random_wild();
          }
          if (flavour == 2) key[random_below(dim)] = position & 1 ? __builtin_inff() : -__builtin_inff();
          if (flavour == 3) value[random_below(dim)] = position & 1 ? __builtin_nanf("") : -__builtin_nanf("");
          uint32_t bad = vial_kernels_find("reference")->kv_store(types[y], dim, key, value, position, wanted);
          CHECK(kernels->kv_store(types[y], dim, key, value, position, got) == bad, "%s: the mark differs", kernels->name);
        }
        CHECK(memcmp(wanted, got, size) == 0, "%s type %d dim %u flavour %d: blocks differ", kernels->name, y, dim, flavour);
        guarded_free_all();
      }
  return failures;
}

int test_kv_store(void) {
  int failures = 0;
  const vial_kernels *kernels;
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) failures += compare_stores(kernels);
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++)
    for (uint32_t dim = 8; dim <= 128; dim *= 2)
      for (int y = 0; y < 3; y++) {
        size_t size = vial_kv_block_byte_count(types[y], dim), element = y == 0 ? 4 : y == 1 ? 2 : 1;
        uint8_t *block = guarded(size);
        float key[128], value[128];
        for (uint32_t position = 0; position < 64; position++) {
          for (uint32_t d = 0; d < dim; d++) {
            key[d] = position % 3 ? random_float() : random_wild();
            value[d] = random_float() * 3;
          }
          if (position == 9) memset(key, 0, sizeof key);
          CHECK(kernels->kv_store(types[y], dim, key, value, position, block) == 0, "a finite key is marked");
          float amax[2] = {0, 0};
          for (uint32_t d = 0; d < dim; d++) {
            amax[0] = fmaxf(amax[0], fabsf(key[d]));
            amax[1] = fmaxf(amax[1], fabsf(value[d]));
          }
          for (int part = 0; part < 2; part++)
            for (uint32_t d = 0; d < dim; d++) {
              size_t index = part ? 64 * dim + (size_t)position * dim + d : ((size_t)(position / 16) * dim + d) * 16 + position % 16;
              float x = part ? value[d] : key[d], got, wanted = x;
              if (y == 0) {
                memcpy(&got, block + index * element, 4);
              } else if (y == 1) {
                uint16_t bits;
                memcpy(&bits, block + index * element, 2);
                got = vial_f16_to_f32(bits);
                wanted = fabsf(x) > 65504 ? copysignf(65504, x) : vial_f16_to_f32(vial_f32_to_f16(x));
              } else {
                float scale = ((const float *)(block + 128 * dim))[64 * part + (int)position];
                wanted = amax[part] < 0x1p-100f ? 0 : rintf(x * (127.0f / amax[part])) + 0.0f;
                got = (float)(int8_t)block[index];
                CHECK(scale == (amax[part] < 0x1p-100f ? 0 : amax[part] / 127.0f), "int8 scale at %u", position);
              }
              CHECK(differing(&wanted, &got, 1) == 0, "%s type %d dim %u position %u: %a, not %a", kernels->name, y, dim,
                position, (double)got, (double)wanted);
            }
        }
        key[3] = INFINITY;
        CHECK(kernels->kv_store(types[y], dim, key, value, 5, block) == 1, "an infinite key is not marked");
        key[3] = 0;
        value[1] = NAN;
        CHECK(kernels->kv_store(types[y], dim, key, value, 5, block) == 1, "a NaN value is not marked");
        guarded_free_all();
      }
  CHECK(vial_kv_block_byte_count(VIAL_KV_F16, 0) == 0 && vial_kv_block_byte_count(9, 64) == 0, "a bad block has a size");
  return failures;
}

/// Blocks with `count` random positions; unused positions keep `filler` bytes.
static uint8_t **make_blocks(vial_kv_type type, uint32_t dim, uint32_t count, int filler, float *keys, float *values) {
  uint32_t block_count = (count + 63) / 64;
  size_t size = vial_kv_block_byte_count(type, dim);
  uint8_t **blocks = guarded(block_count * sizeof *blocks);
  for (uint32_t i = 0; i < block_count; i++) memset(blocks[i] = guarded(size), filler, size);
  for (uint32_t p = 0; p < count; p++)
    vial_kernels_find("reference")->kv_store(
      type, dim, keys + (size_t)p * dim, values + (size_t)p * dim, p % 64, blocks[p / 64]);
  return blocks;
}

/// The scale that the next runs state; 0: none, which is 1 / sqrt(dim).
static float stated_scale;
/// What scores of the next runs are capped at, and the positions that queries see at most; 0: neither.
static float stated_cap;
static uint32_t stated_window;

/// Makes what lies before a position hostile: NaN where the block is read, no block where it is not.
static void hide(vial_kv_type type, uint32_t dim, uint8_t **blocks, uint32_t start) {
  float *nothing = guarded(dim * sizeof *nothing);
  for (uint32_t d = 0; d < dim; d++) nothing[d] = __builtin_nanf("");
  for (uint32_t p = start / 64 * 64; p < start; p++)
    vial_kernels_find("reference")->kv_store(type, dim, nothing, nothing, p % 64, blocks[p / 64]);
  for (uint32_t b = 0; b < start / 64; b++) blocks[b] = NULL;
}

static void run(
  const vial_kernels *kernels, vial_kv_type type, uint32_t dim, uint32_t heads, uint32_t queries, uint8_t **blocks,
  const uint32_t *counts, const float *q, float *out) {
  size_t stride = (size_t)heads * dim;
  vial_attention arguments = {
    .type = type, .head_dim = dim, .head_count = heads, .query_count = queries, .blocks = (const uint8_t *const *)blocks,
    .position_counts = counts, .q = q, .q_stride = stride, .out = out, .out_stride = stride, .scale = stated_scale,
    .soft_cap = stated_cap, .window = stated_window,
    .scratch = guarded(vial_attention_scratch_byte_count(dim, heads, queries))};
  // Asking for what comes next changes nothing, whatever it is: nothing, too few bytes for what is said of it, or this.
  if (random_below(4)) {
    arguments.next = random_below(2) ? blocks[(counts[0] - 1) / 64] : guarded(1);
    arguments.next_count = 1 + random_below(64);
  }
  kernels->attention(&arguments);
}

static float *random_array(size_t count, float scale) {
  float *x = guarded(count * sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = scale * random_float();
  return x;
}

int test_attention_equality(void) {
  int failures = 0;
  static const uint32_t dims[] = {8, 16, 48, 64, 80, 128, 256};
  for (size_t s = 0; s < sizeof dims / sizeof *dims; s++)
    for (int y = 0; y < 3; y++)
      for (uint32_t count = 1; count <= 700; count += 1 + count / 3) {
        uint32_t dim = dims[s], heads = 1 + (count + (uint32_t)s) % 9;
        stated_scale = count % 2 ? 0 : 0.8f / sqrtf((float)dim);
        stated_window = count % 3 ? 1 + count * 7 / 13 % 230 : 0;
        stated_cap = count % 5 > 2 ? 3.0f : 0;
        uint32_t start = stated_window && count > stated_window ? count - stated_window : 0;
        float *keys = random_array((size_t)count * dim, 4), *values = random_array((size_t)count * dim, 1);
        float *q = random_array((size_t)heads * dim, 1), *wanted = guarded((size_t)heads * dim * 4);
        // Unused positions hold NaN bytes.
        uint8_t **blocks = make_blocks(types[y], dim, count, 0xFF, keys, values);
        hide(types[y], dim, blocks, start);
        run(vial_kernels_find("reference"), types[y], dim, heads, 1, blocks, &count, q, wanted);
        for (uint32_t h = 0; h < heads; h++) {  // f64, from the rounded cache only in spirit: tolerances by type
          double scores[700], top = -INFINITY, sum = 0, worst = 0;
          for (uint32_t p = start; p < count; p++) {
            scores[p] = 0;
            for (uint32_t d = 0; d < dim; d++) scores[p] += (double)q[h * dim + d] * keys[(size_t)p * dim + d];
            scores[p] *= stated_scale != 0 ? (double)stated_scale : 1 / sqrt((double)dim);
            if (stated_cap != 0) scores[p] = (double)stated_cap * tanh(scores[p] / (double)stated_cap);
            top = fmax(top, scores[p]);
          }
          for (uint32_t p = start; p < count; p++) sum += scores[p] = exp(scores[p] - top);
          for (uint32_t d = 0; d < dim; d++) {
            double o = 0;
            for (uint32_t p = start; p < count; p++) o += scores[p] / sum * values[(size_t)p * dim + d];
            worst = fmax(worst, fabs(o - (double)wanted[h * dim + d]));
          }
          CHECK(worst < (y == 0 ? 3e-6 : y == 1 ? 5e-3 : 8e-2), "type %d dim %u count %u: %g from f64", y, dim, count, worst);
        }
        const vial_kernels *kernels;
        for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
          float *got = guarded((size_t)heads * dim * 4);
          run(kernels, types[y], dim, heads, 1, blocks, &count, q, got);
          size_t bad = differing(wanted, got, (size_t)heads * dim);
          CHECK(bad == 0, "%s type %d dim %u heads %u count %u: %zu differ", kernels->name, y, dim, heads, count, bad);
        }
        guarded_free_all();
      }
  stated_scale = stated_cap = 0;
  stated_window = 0;
  return failures;
}

int test_attention_dimensions(void) {
  int failures = 0;
  static const uint32_t dims[] = {1, 7, 8, 12, 24, 40, 72, 100, 264};
  enum { HEADS = 3, QUERIES = 5 };
  for (size_t s = 0; s < sizeof dims / sizeof *dims; s++)
    for (int y = 0; y < 3; y++)
      for (uint32_t start = 0; start <= 126; start += 21) {
        uint32_t dim = dims[s], count = start + QUERIES, counts[QUERIES];
        size_t row = (size_t)HEADS * dim;
        float *keys = random_array((size_t)count * dim, 4), *values = random_array((size_t)count * dim, 1);
        float *q = random_array(QUERIES * row, 1), *wanted = guarded(QUERIES * row * 4), *got = guarded(QUERIES * row * 4);
        for (uint32_t t = 0; t < QUERIES; t++) counts[t] = start + t + 1;
        stated_window = start % 2 ? 1 + start / 3 : 0;
        uint8_t **blocks = make_blocks(types[y], dim, count, 0xFF, keys, values);
        hide(types[y], dim, blocks, stated_window && counts[0] > stated_window ? counts[0] - stated_window : 0);
        run(vial_kernels_find("reference"), types[y], dim, HEADS, QUERIES, blocks, counts, q, wanted);
        const vial_kernels *kernels;
        for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
          memset(got, 0xFF, QUERIES * row * 4);
          run(kernels, types[y], dim, HEADS, QUERIES, blocks, counts, q, got);
          size_t bad = differing(wanted, got, QUERIES * row);
          CHECK(bad == 0, "%s type %d dim %u start %u: %zu differ", kernels->name, y, dim, start, bad);
        }
        guarded_free_all();
      }
  stated_window = 0;
  return failures;
}

int test_attention_independence(void) {
  int failures = 0;
  static const uint32_t windows[] = {0, 1, 5, 40, 64, 70, 100};
  const vial_kernels *kernels;
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++)
    for (int y = 0; y < 3; y++)
      for (uint32_t heads = 1; heads <= 7; heads += 2)
        for (uint32_t start = 0; start <= 120; start += 30) {
          // A chunk of 40 queries after `start` positions, at once, one at a time, and in two chunks, the blocks' unused
          // positions being different each time.
          enum { QUERIES = 40, DIM = 64 };
          stated_window = windows[random_below(7)];
          stated_cap = random_below(2) ? 2.0f : 0;
          uint32_t count = start + QUERIES, counts[QUERIES];
          size_t row = (size_t)heads * DIM;
          float *keys = random_array((size_t)count * DIM, 4), *values = random_array((size_t)count * DIM, 1);
          float *q = random_array(QUERIES * row, 1), *at_once = guarded(QUERIES * row * 4);
          float *split = guarded(QUERIES * row * 4), *single = guarded(QUERIES * row * 4);
          for (uint32_t t = 0; t < QUERIES; t++) counts[t] = start + t + 1;
          uint8_t **blocks = make_blocks(types[y], DIM, count, 0xFF, keys, values);
          run(kernels, types[y], DIM, heads, QUERIES, blocks, counts, q, at_once);
          blocks = make_blocks(types[y], DIM, count, 0x00, keys, values);
          run(kernels, types[y], DIM, heads, 13, blocks, counts, q, split);
          run(kernels, types[y], DIM, heads, QUERIES - 13, blocks, counts + 13, q + 13 * row, split + 13 * row);
          for (uint32_t t = 0; t < QUERIES; t++) {
            blocks = make_blocks(types[y], DIM, counts[t], 0x7F, keys, values);
            hide(types[y], DIM, blocks, stated_window && counts[t] > stated_window ? counts[t] - stated_window : 0);
            run(kernels, types[y], DIM, heads, 1, blocks, counts + t, q + t * row, single + t * row);
          }
          CHECK(differing(at_once, split, QUERIES * row) == 0, "%s type %d heads %u start %u: chunks differ", kernels->name, y, heads, start);
          CHECK(differing(at_once, single, QUERIES * row) == 0, "%s type %d heads %u start %u: single queries differ", kernels->name, y, heads, start);
          guarded_free_all();
        }
  stated_window = 0;
  stated_cap = 0;
  // Hostile queries and caches: infinities and NaN must give the same result in all families.
  for (int round = 0; round < 40; round++)
    for (int y = 0; y < 3; y++) {
      uint32_t count = 1 + random_below(200);
      float *q = random_array(6 * 64, 1), *wanted = guarded(6 * 64 * 4);
      float *keys = random_array((size_t)count * 64, 4), *values = random_array((size_t)count * 64, 1);
      uint8_t **blocks = make_blocks(types[y], 64, count, 0, keys, values);
      static const float poison[4] = {__builtin_inff(), 1, 0x1.fffffep127f, 0};
      q[random_below(6 * 64)] = poison[round % 4];
      q[random_below(6 * 64)] = round % 4 == 3 ? __builtin_nanf("") : 1;
      for (int i = 0; i < 5; i++) {  // keys (for int8: key scales) that are NaN or infinite
        static const uint32_t bits[2] = {0x7FC00000, 0xFF800000};
        size_t at = y == 2 ? 2 * 64 * 64 + 4 * random_below(64) : y ? 2 * random_below(64 * 64) : 4 * random_below(64 * 64);
        memcpy(blocks[0] + at, (const uint8_t *)&bits[i & 1] + (y == 1 ? 2 : 0), y == 1 ? 2 : 4);
      }
      run(vial_kernels_find("reference"), types[y], 64, 6, 1, blocks, &count, q, wanted);
      for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++) {
        float *got = guarded(6 * 64 * 4);
        run(kernels, types[y], 64, 6, 1, blocks, &count, q, got);
        CHECK(differing(wanted, got, 6 * 64) == 0, "%s type %d: hostile values, round %d", kernels->name, y, round);
      }
      guarded_free_all();
    }
  return failures;
}
