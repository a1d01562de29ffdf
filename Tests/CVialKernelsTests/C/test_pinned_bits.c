// Owns: digests of what the contract computes from fixed inputs: they pin `arithmetic 1` itself, on every machine.
// Must not: be updated without a new arithmetic number. Spec: ARITHMETIC.md, introduction.
#include "kernel_tests.h"
#include "support.h"

#pragma STDC FP_CONTRACT OFF

static uint64_t state;
static uint32_t next(void) { return (uint32_t)((state = state * 6364136223846793005ull + 1442695040888963407ull) >> 32); }
static float next_float(void) { return (float)(int32_t)next() * 0x1p-31f; }
static void fill(float *x, size_t count, float scale) {
  for (size_t i = 0; i < count; i++) x[i] = scale * next_float();
}

/// FNV-1a over 32-bit words, all NaN alike.
static uint64_t digest(uint64_t hash, const void *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t word;
    memcpy(&word, (const uint8_t *)words + 4 * i, 4);
    if ((word & 0x7FFFFFFF) > 0x7F800000) word = 0x7FC00000;
    hash = (hash ^ word) * 0x100000001B3ull;
  }
  return hash;
}
static const uint64_t start = 0xCBF29CE484222325ull;

static uint64_t scalar_digest(void) {
  uint64_t hash = start;
  for (int i = 0; i < 200000; i++) {
    float angle = next_float() * (i & 1 ? 131072.0f : 0x1p27f), out[4];
    vial_sincos(angle, out, out + 1);
    out[2] = vial_exp2c(63 * next_float() - 63);
    out[3] = vial_log2c((next_float() + 1.0f) * (i & 2 ? 1.0f : 1000.0f));
    hash = digest(hash, out, 4);
  }
  return hash;
}

static uint64_t vector_digest(const vial_kernels *k) {
  enum { N = 1003 };
  static float x[N], y[N], out[N];
  uint64_t hash = start;
  fill(x, N, 5);
  fill(y, N, 1);
  k->rms_norm(x, y, N, 1e-6f, out);
  hash = digest(hash, out, N);
  k->silu_multiply(x, y, N, out);
  k->add(out, x, N);
  k->scaled_add(out, y, 0.3f, N);
  k->rope(out, x, y, N / 2);
  hash = digest(hash, out, N);
  float softmax[3];
  k->sum_exponentials(x, N, softmax, softmax + 1);
  softmax[2] = vial_log_probability(x[3], softmax[0], softmax[1]);
  hash = digest(hash, softmax, 3);
  uint64_t scratch[2 * N + 3 * 1024];
  for (uint32_t i = 0; i < 300; i++) {
    vial_sampling s = {.temperature = 0.8f, .top_p = i & 1 ? 0.9f : 1, .min_p = i & 2 ? 0.01f : 0, .top_k = i & 4 ? 50 : 0, .seed = i};
    uint32_t id = 0;
    vial_sample(k, x, N, NULL, &s, i, 0, scratch, &id);
    hash = digest(hash, &id, 1);
  }
  return hash;
}

static uint64_t product_digest(const vial_kernels *k) {
  enum { N = 40, K = 328, M = 11 };
  static float w[N * K], x[M * K], out[M * N];
  static uint8_t q[N * K], zeros[N * 16];
  static uint16_t scales[N * 16];
  uint64_t hash = start;
  fill(w, N * K, 0.1f);
  fill(x, M * K, 3);
  for (int kind = 0; kind < 4; kind++) {
    vial_tensor t = {.rows = N, .columns = K, .group = 64};
    t.encoding = kind == 3 ? VIAL_ENCODING_F16 : kind == 2 ? VIAL_ENCODING_INT8 : VIAL_ENCODING_INT4;
    t.asymmetric = kind == 1;
    if (kind == 3) t.group = 0;
    uint64_t byte_count = 0, tile = vial_tensor_tile_byte_count(&t);
    vial_tensor_byte_count(&t, &byte_count);
    uint8_t *bytes = guarded(byte_count);
    for (uint32_t n = 0; n < N && kind < 3; n++) {
      if (kind == 2)
        k->quantize_int8_row(w + n * K, K, 64, (int8_t *)q + n * K, scales + n * 6);
      else
        k->quantize_int4_row(w + n * K, K, 64, q + n * K, scales + n * 6, kind ? zeros + n * 6 : NULL);
    }
    static uint16_t halves[N * K];
    vial_narrow(VIAL_ENCODING_F16, w, N * K, halves);
    for (uint32_t i = 0; i < 3; i++) {
      if (kind == 3)
        vial_pack_float_tile(&t, i, halves + i * 16 * K, K, bytes + i * tile);
      else if (kind == 2)
        vial_pack_int8_tile(&t, i, (int8_t *)q + i * 16 * K, K, scales + i * 96, 6, bytes + i * tile);
      else
        vial_pack_int4_tile(&t, i, q + i * 16 * K, K, scales + i * 96, zeros + i * 96, 6, bytes + i * tile);
    }
    t.bytes = bytes;
    hash = digest(hash, bytes, byte_count / 4);
    if (kind == 3) {
      k->matmul_float(&t, x, K, M, 0, 3, out, N);
    } else {
      uint8_t marks[M];
      vial_panels p = make_panels(k, x, M, K, 64, marks);
      k->matmul_quantized(&t, &p, 0, 3, out, N);
    }
    hash = digest(hash, out, M * N);
    k->decode_row(&t, 37, out);
    hash = digest(hash, out, K);
  }
  return hash;
}

static uint64_t codebook_digest(const vial_kernels *k) {
  enum { N = 40, K = 328, M = 11 };
  static float w[N * K], x[M * K], out[M * N];
  static uint8_t q[N * K];
  static uint16_t scales[N * 16];
  static const int8_t entries[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  uint64_t hash = start, byte_count = 0;
  fill(w, N * K, 0.1f);
  fill(x, M * K, 3);
  vial_tensor t = {.rows = N, .columns = K, .group = 64, .encoding = VIAL_ENCODING_INT4, .codebook = 1};
  memcpy(t.entries, entries, sizeof entries);
  vial_tensor_byte_count(&t, &byte_count);
  uint8_t *bytes = guarded(byte_count), marks[M];
  for (uint32_t n = 0; n < N; n++) k->quantize_codebook_row(w + n * K, K, 64, entries, q + n * K, scales + n * 6);
  for (uint32_t i = 0; i < 3; i++)
    vial_pack_int4_tile(
      &t, i, q + i * 16 * K, K, scales + i * 96, NULL, 6, bytes + i * vial_tensor_tile_byte_count(&t));
  t.bytes = bytes;
  hash = digest(hash, bytes, byte_count / 4);
  vial_panels p = make_panels(k, x, M, K, 64, marks);
  k->matmul_quantized(&t, &p, 0, 3, out, N);
  hash = digest(hash, out, M * N);
  k->decode_row(&t, 37, out);
  return digest(hash, out, K);
}

static uint64_t attention_digest(const vial_kernels *k) {
  enum { D = 64, H = 3, COUNT = 150 };
  uint64_t hash = start;
  for (int type = VIAL_KV_F32; type <= VIAL_KV_INT8; type++) {
    const uint8_t *blocks[3];
    float key[D], value[D], q[H * D], out[H * D];
    uint32_t count = COUNT;
    for (int b = 0; b < 3; b++) blocks[b] = guarded(vial_kv_block_byte_count(type, D));
    for (uint32_t p = 0; p < COUNT; p++) {
      fill(key, D, 3);
      fill(value, D, 1);
      k->kv_store(type, D, key, value, p % 64, (uint8_t *)blocks[p / 64]);
    }
    fill(q, H * D, 2);
    k->attention(&(vial_attention){
      .type = type, .head_dim = D, .head_count = H, .query_count = 1, .blocks = blocks, .position_counts = &count,
      .q = q, .q_stride = H * D, .out = out, .out_stride = H * D,
      .scratch = guarded(vial_attention_scratch_byte_count(D, H, 1))});
    hash = digest(hash, out, H * D);
  }
  return hash;
}

int test_pinned_bits(void) {
  int failures = 0;
  state = 1;
  uint64_t scalar = scalar_digest();
  CHECK(scalar == 0xac38d430d6d65d09ull, "scalar functions: %016llx", (unsigned long long)scalar);
  const vial_kernels *k;
  for (size_t f = 0; (k = vial_kernels_list(f)) != NULL; f++) {
    state = 2;
    uint64_t vector = vector_digest(k), product = product_digest(k), attention = attention_digest(k);
    CHECK(vector == 0xf855941d6e37af93ull, "%s vector functions: %016llx", k->name, (unsigned long long)vector);
    CHECK(product == 0x75761def5701f39eull, "%s products: %016llx", k->name, (unsigned long long)product);
    uint64_t codebook = codebook_digest(k);
    CHECK(codebook == 0xe3af14e65d21343cull, "%s codebooks: %016llx", k->name, (unsigned long long)codebook);
    CHECK(attention == 0xd77833adb1c2312eull, "%s attention: %016llx", k->name, (unsigned long long)attention);
  }
  return failures;
}
