// Owns: tests of tile layouts, tensor checks, conversions and row decoding, against plain arrays.
// Must not: trust the packers: layouts are decoded here by the Spec's words.
#include "kernel_tests.h"
#include "support.h"

int test_float_conversions(void) {
  int failures = 0;
  for (uint32_t h = 0; h < 65536; h++) {
    _Float16 wanted;
    uint16_t bits = (uint16_t)h;
    memcpy(&wanted, &bits, 2);
    float w = (float)wanted, got = vial_f16_to_f32(bits);
    CHECK(differing(&w, &got, 1) == 0, "f16 %04x widens to %a, not %a", h, (double)got, (double)w);
    if (w == w) CHECK(vial_f32_to_f16(got) == h, "f16 %04x does not survive", h);
  }
  for (int i = 0; i < 2000000; i++) {
    uint32_t bits = i < 1000000 ? random_u32() : (random_u32() % 0x20000000u) + 0x30000000u;
    float x;
    memcpy(&x, &bits, 4);
    if (x != x) continue;
    _Float16 wanted = (_Float16)x;
    uint16_t w;
    memcpy(&w, &wanted, 2);
    CHECK(vial_f32_to_f16(x) == w, "%a narrows to %04x, not %04x", (double)x, vial_f32_to_f16(x), w);
  }
  const float values[3] = {1.0f, 0x1.01p0f, 0x1.03p0f};  // bf16: exact, tie to even, tie to even
  uint16_t b[3];
  CHECK(vial_narrow(VIAL_ENCODING_BF16, values, 3, b) == VIAL_KERNEL_OK, "bf16 narrowing reports an error");
  CHECK(b[0] == 0x3F80 && b[1] == 0x3F80 && b[2] == 0x3F82, "bf16 rounds wrongly: %x %x %x", b[0], b[1], b[2]);
  float back[3];
  CHECK(vial_widen(VIAL_ENCODING_BF16, b, 3, back) == VIAL_KERNEL_OK && back[2] == 0x1.04p0f, "bf16 widens wrongly");
  const float large[1] = {70000.0f};
  uint16_t h;
  CHECK(vial_narrow(VIAL_ENCODING_F16, large, 1, &h) == VIAL_KERNEL_NOT_FINITE, "an f16 overflow passes");
  const float bad[2] = {1.0f, __builtin_nanf("")};
  float copy[2];
  CHECK(vial_widen(VIAL_ENCODING_F32, bad, 2, copy) == VIAL_KERNEL_NOT_FINITE, "a NaN passes");
  return failures;
}

int test_tile_layouts(void) {
  int failures = 0;
  static const uint32_t shapes[][2] = {{16, 128}, {5, 40}, {37, 300}, {1, 1}};
  for (size_t s = 0; s < 4; s++)
    for (uint32_t group = 32; group <= 128; group *= 2)
      for (int kind = 0; kind <= FORM_COUNT; kind++) {
        bool four = kind < FORM_COUNT;
        matrix m = make_matrix(
          four ? VIAL_ENCODING_INT4 : VIAL_ENCODING_INT8, shapes[s][0], shapes[s][1], group, four ? kind : SYMMETRIC, 0);
        const vial_tensor *t = &m.tensor;
        uint32_t groups = (t->columns + group - 1) / group, tiles = (t->rows + 15) / 16;
        size_t record = (four ? 8 : 16) * group + 32 + (kind == 1 ? 16 : 0), seen = 0;
        uint64_t byte_count;
        CHECK(vial_tensor_byte_count(t, &byte_count) && byte_count == tiles * groups * record, "byte count");
        for (uint32_t n = 0; n < tiles * 16; n++)
          for (uint32_t k = 0; k < groups * group; k++) {
            const uint8_t *r = t->bytes + (n / 16 * groups + k / group) * record;
            uint32_t in = k % group, row = n % 16;
            int32_t got, wanted;
            if (four) {
              uint8_t byte = r[in / 8 * 64 + row * 4 + in % 4];
              got = in % 8 >= 4 ? byte >> 4 : byte & 15;
              wanted = n < t->rows && k < t->columns ? matrix_q(&m, n, k) : n < t->rows ? matrix_zero(&m, n, k) : 8;
            } else {
              got = (int8_t)r[in / 4 * 64 + row * 4 + in % 4];
              wanted = n < t->rows && k < t->columns ? matrix_q(&m, n, k) : 0;
            }
            CHECK(got == wanted, "kind %d group %u: element (%u, %u) is %d, not %d", kind, group, n, k, got, wanted);
            seen++;
            if (in != 0) continue;
            const uint8_t *tail = r + (four ? 8 : 16) * group;
            uint16_t scale = n < t->rows ? m.scales[n * groups + k / group] : 0;
            CHECK((tail[2 * row] | tail[2 * row + 1] << 8) == scale, "scale of (%u, %u)", n, k);
            if (kind == 1) CHECK(tail[32 + row] == (n < t->rows ? matrix_zero(&m, n, k) : 8), "zero of (%u, %u)", n, k);
          }
        CHECK(seen == (size_t)tiles * 16 * groups * group, "not all elements were seen");
      }
  vial_tensor wrong = {.rows = 16, .columns = 16, .group = 48, .encoding = VIAL_ENCODING_INT4};
  uint64_t n;
  CHECK(!vial_tensor_byte_count(&wrong, &n), "group 48 passes");
  wrong = (vial_tensor){.rows = 16, .columns = 16, .group = 32, .encoding = VIAL_ENCODING_INT8, .asymmetric = 1};
  CHECK(!vial_tensor_byte_count(&wrong, &n), "asymmetric int8 passes");
  wrong = (vial_tensor){.rows = 16, .columns = 16, .group = 32, .encoding = VIAL_ENCODING_INT4, .codebook = 1};
  CHECK(!vial_tensor_byte_count(&wrong, &n), "entries that do not ascend pass");
  for (int i = 0; i < 16; i++) wrong.entries[i] = (int8_t)(8 * i - 127);
  CHECK(vial_tensor_byte_count(&wrong, &n) && n == 288, "a codebook does not pass");
  wrong.entries[0] = -128;
  CHECK(!vial_tensor_byte_count(&wrong, &n), "entry -128 passes");
  wrong.entries[0] = -127;
  wrong.asymmetric = 1;
  CHECK(!vial_tensor_byte_count(&wrong, &n), "a codebook with zero points passes");
  wrong.asymmetric = 0;
  wrong.encoding = VIAL_ENCODING_INT8;
  CHECK(!vial_tensor_byte_count(&wrong, &n), "int8 with a codebook passes");
  wrong.encoding = VIAL_ENCODING_INT4;
  wrong.codebook = 0;
  CHECK(!vial_tensor_byte_count(&wrong, &n), "entries without a codebook pass");
  wrong = (vial_tensor){.rows = 16, .columns = 16, .encoding = 77};
  CHECK(!vial_tensor_byte_count(&wrong, &n), "encoding 77 passes");
  wrong = (vial_tensor){.rows = UINT32_MAX, .columns = UINT32_MAX, .encoding = VIAL_ENCODING_F32};
  CHECK(!vial_tensor_byte_count(&wrong, &n), "2^66 bytes pass");
  wrong = (vial_tensor){.rows = UINT32_MAX, .columns = UINT32_MAX, .group = 128, .encoding = VIAL_ENCODING_INT4};
  CHECK(vial_tensor_byte_count(&wrong, &n) && n == (1ull << 28) * (1ull << 25) * 1056, "large count is wrong");
  return failures;
}

int test_tensor_check(void) {
  int failures = 0;
  for (int kind = 0; kind <= FORM_COUNT; kind++) {
    bool four = kind < FORM_COUNT;
    matrix m = make_matrix(four ? VIAL_ENCODING_INT4 : VIAL_ENCODING_INT8, 37, 300, 64, four ? kind : SYMMETRIC, 0);
    uint64_t byte_count, offset;
    vial_tensor_byte_count(&m.tensor, &byte_count);
    uint8_t *bytes = guarded(byte_count);
    memcpy(bytes, m.tensor.bytes, byte_count);
    m.tensor.bytes = bytes;
    size_t record = vial_tensor_record_byte_count(&m.tensor), tail = record + (four ? 8 : 16) * 64;  // record 1
    CHECK(vial_tensor_check(&m.tensor, 0, 3, &offset) == VIAL_KERNEL_OK, "kind %d: a good tensor is refused", kind);
    const struct {
      size_t at;
      uint8_t value;
      vial_kernel_status status;
      int kinds;
    } damages[] = {
      {tail + 5, 0x7C, VIAL_KERNEL_BAD_SCALE, 15},
      {tail + 32 + 3, 16, VIAL_KERNEL_BAD_ZERO_POINT, 2},
      {record + 70, 0x80, VIAL_KERNEL_BAD_WEIGHT, 8},
      {byte_count - record + 100, 0x33, VIAL_KERNEL_BAD_PADDING, 15},
      {byte_count - record + (four ? 8 : 16) * 64 + 20, 0x01, VIAL_KERNEL_BAD_PADDING, 15},
    };
    for (size_t d = 0; d < sizeof damages / sizeof *damages; d++) {
      if (!(damages[d].kinds >> kind & 1)) continue;
      uint8_t before = bytes[damages[d].at];
      bytes[damages[d].at] = damages[d].value;
      vial_kernel_status got = vial_tensor_check(&m.tensor, 0, 3, &offset);
      CHECK(got == damages[d].status, "kind %d damage %zu: status %d", kind, d, got);
      CHECK(offset <= damages[d].at && damages[d].at - offset < 2, "kind %d damage %zu: offset %zu", kind, d, (size_t)offset);
      bytes[damages[d].at] = before;
    }
  }
  float values[21 * 33];
  for (int i = 0; i < 21 * 33; i++) values[i] = random_float();
  vial_tensor t = {.rows = 21, .columns = 33, .encoding = VIAL_ENCODING_F32};
  uint64_t byte_count, offset;
  vial_tensor_byte_count(&t, &byte_count);
  uint8_t *bytes = guarded(byte_count);
  for (uint32_t tile = 0; tile < 2; tile++)
    vial_pack_float_tile(&t, tile, values + tile * 16 * 33, 33, bytes + tile * vial_tensor_tile_byte_count(&t));
  t.bytes = bytes;
  CHECK(vial_tensor_check(&t, 0, 2, &offset) == VIAL_KERNEL_OK, "a good float tensor is refused");
  return failures;
}

/// All rows of a quantised tensor against its plain arrays.
static int compare_quantized_rows(const vial_kernels *kernels, int kind, uint32_t columns, uint32_t group) {
  int failures = 0;
  bool four = kind < FORM_COUNT;
  matrix m = make_matrix(
    four ? VIAL_ENCODING_INT4 : VIAL_ENCODING_INT8, 37, columns, group, four ? kind : SYMMETRIC, 0);
  uint32_t groups = vial_tensor_group_count(&m.tensor);
  float *row = guarded(columns * sizeof *row);
  for (uint32_t n = 0; n < 37; n++) {
    kernels->decode_row(&m.tensor, n, row);
    for (uint32_t k = 0; k < columns; k++) {
      float wanted = vial_f16_to_f32(m.scales[n * groups + k / group]) * (float)matrix_steps(&m, n, k);
      CHECK(differing(&wanted, row + k, 1) == 0, "%s kind %d K %u G %u (%u, %u)", kernels->name, kind, columns, group, n, k);
    }
  }
  guarded_free_all();
  return failures;
}

/// All rows of a float tensor against its source; every f16 and bf16 pattern may come.
static int compare_float_rows(const vial_kernels *kernels, vial_encoding encoding, uint32_t columns) {
  int failures = 0;
  enum { ROWS = 21 };
  vial_tensor t = {.rows = ROWS, .columns = columns, .encoding = (uint8_t)encoding};
  size_t size = encoding == VIAL_ENCODING_F32 ? 4 : 2, row_bytes = columns * size;
  float *row = guarded(columns * sizeof *row), *widened = guarded(columns * sizeof *widened);
  uint8_t *source = guarded(ROWS * row_bytes);
  for (size_t i = 0; i < ROWS * row_bytes; i++) source[i] = (uint8_t)random_u32();
  uint64_t byte_count = 0;
  vial_tensor_byte_count(&t, &byte_count);
  uint8_t *bytes = guarded(byte_count);
  for (uint32_t tile = 0; tile < 2; tile++)
    vial_pack_float_tile(&t, tile, source + tile * 16 * row_bytes, columns, bytes + tile * vial_tensor_tile_byte_count(&t));
  t.bytes = bytes;
  seal(bytes);
  for (uint32_t n = 0; n < ROWS; n++) {
    vial_widen(encoding, source + n * row_bytes, columns, widened);
    kernels->decode_row(&t, n, row);
    CHECK(differing(row, widened, columns) == 0, "%s encoding %d K %u row %u", kernels->name, encoding, columns, n);
  }
  guarded_free_all();
  return failures;
}

int test_decode_row(void) {
  int failures = 0;
  static const uint32_t columns[] = {1, 15, 16, 33, 64, 300};
  const vial_kernels *kernels;
  for (size_t f = 0; (kernels = vial_kernels_list(f)) != NULL; f++)
    for (size_t s = 0; s < sizeof columns / sizeof *columns; s++) {
      for (int kind = 0; kind <= FORM_COUNT; kind++)
        for (uint32_t group = 32; group <= 128; group *= 2)
          failures += compare_quantized_rows(kernels, kind, columns[s], group);
      for (int e = VIAL_ENCODING_F32; e <= VIAL_ENCODING_BF16; e++)
        failures += compare_float_rows(kernels, (vial_encoding)e, columns[s]);
    }
  return failures;
}
