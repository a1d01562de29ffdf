// Owns: random numbers, guarded memory and packed test matrices.
// Must not: test anything.
#include "support.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t seed = 88172645463325252ull;

uint32_t random_u32(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)(seed >> 16);
}
float random_float(void) { return (float)(int32_t)random_u32() * 0x1p-31f; }
uint32_t random_below(uint32_t limit) { return random_u32() % limit; }
float random_wild(void) {
  switch (random_below(16)) {
    case 0: return 0.0f;
    case 1: return -0.0f;
    case 2: return random_float() * 0x1p-130f;
    case 3: return random_float() * 0x1p40f;
    case 4: return random_float() * 0x1p-30f;
    default: return random_float();
  }
}

static struct {
  void *base;
  size_t length, used;
} regions[4096];
static size_t region_count;

void *guarded(size_t byte_count) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (byte_count + page - 1) / page * page;
  uint8_t *base = mmap(NULL, used + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (base == MAP_FAILED || region_count == sizeof regions / sizeof *regions) abort();
  mprotect(base + used, page, PROT_NONE);
  regions[region_count].base = base;
  regions[region_count].used = used;
  regions[region_count++].length = used + page;
  memset(base, 0xA5, used);
  return base + used - byte_count;
}
void seal(const void *memory) {
  for (size_t i = 0; i < region_count; i++)
    if ((uintptr_t)memory - (uintptr_t)regions[i].base < regions[i].used)
      mprotect(regions[i].base, regions[i].used, PROT_READ);
}
void guarded_free_all(void) {
  while (region_count > 0) {
    region_count--;
    munmap(regions[region_count].base, regions[region_count].length);
  }
}

size_t differing(const float *a, const float *b, size_t count) {
  size_t n = 0;
  for (size_t i = 0; i < count; i++) n += memcmp(a + i, b + i, 4) != 0 && !(a[i] != a[i] && b[i] != b[i]);
  return n;
}

int fail(int *failures, const char *format, ...) {
  if ((*failures)++ < 8) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "  FAILED: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
  }
  return *failures;
}

void random_codebook(int8_t entries[16], int extreme) {
  uint32_t wanted = 16;
  for (int entry = -127; entry <= 127 && wanted > 0; entry++)
    if (random_below((uint32_t)(128 - entry)) < wanted) entries[16 - wanted--] = (int8_t)entry;
  if (extreme) entries[0] = -127, entries[15] = 127;
}

matrix make_matrix(vial_encoding encoding, uint32_t rows, uint32_t columns, uint32_t group, int form, int extreme) {
  bool asymmetric = form == ASYMMETRIC;
  matrix m = {
    .tensor = {.rows = rows, .columns = columns, .group = group, .encoding = encoding, .asymmetric = asymmetric}};
  m.tensor.codebook = form == CODEBOOK;
  if (form == CODEBOOK) random_codebook(m.tensor.entries, extreme);
  uint32_t groups = vial_tensor_group_count(&m.tensor), tiles = vial_tensor_tile_count(&m.tensor);
  uint64_t byte_count = 0;
  if (!vial_tensor_byte_count(&m.tensor, &byte_count)) abort();
  m.q = guarded((size_t)rows * columns);
  m.scales = guarded((size_t)rows * groups * 2);
  m.zeros = guarded((size_t)rows * groups);
  for (size_t i = 0; i < (size_t)rows * columns; i++) {
    uint32_t r = random_u32();
    if (encoding == VIAL_ENCODING_INT4)
      m.q[i] = !extreme ? r & 15 : form == CODEBOOK && i % columns % 2 == 0 ? 0 : 15;
    else
      m.q[i] = (uint8_t)(int8_t)(extreme ? (r & 1 ? 127 : -127) : (int32_t)(r % 255) - 127);
  }
  for (size_t i = 0; i < (size_t)rows * groups; i++) {
    m.scales[i] = vial_f32_to_f16(random_float() * (i % 5 == 4 ? 0x1p-15f : 0.1f));
    m.zeros[i] = random_u32() & 15;
  }
  uint8_t *bytes = guarded(byte_count);
  for (uint32_t t = 0; t < tiles; t++) {
    uint8_t *tile = bytes + t * vial_tensor_tile_byte_count(&m.tensor);
    const uint8_t *q = m.q + (size_t)t * 16 * columns;
    const uint16_t *scales = m.scales + (size_t)t * 16 * groups;
    if (encoding == VIAL_ENCODING_INT4)
      vial_pack_int4_tile(
        &m.tensor, t, q, columns, scales, asymmetric ? m.zeros + (size_t)t * 16 * groups : NULL, groups, tile);
    else
      vial_pack_int8_tile(&m.tensor, t, (const int8_t *)q, columns, scales, groups, tile);
  }
  m.tensor.bytes = bytes;
  seal(bytes);
  return m;
}

int32_t matrix_q(const matrix *m, uint32_t n, uint32_t k) {
  uint8_t q = m->q[(size_t)n * m->tensor.columns + k];
  return m->tensor.encoding == VIAL_ENCODING_INT4 ? q : (int8_t)q;
}
int32_t matrix_zero(const matrix *m, uint32_t n, uint32_t k) {
  if (m->tensor.encoding == VIAL_ENCODING_INT8) return 0;
  if (!m->tensor.asymmetric) return 8;
  return m->zeros[(size_t)n * vial_tensor_group_count(&m->tensor) + k / m->tensor.group];
}
int32_t matrix_steps(const matrix *m, uint32_t n, uint32_t k) {
  if (m->tensor.codebook) return m->tensor.entries[matrix_q(m, n, k)];
  return matrix_q(m, n, k) - matrix_zero(m, n, k);
}

vial_panels make_panels(
  const vial_kernels *kernels, const float *x, uint32_t columns, uint32_t depth, uint32_t group, uint8_t *marks) {
  size_t byte_count = vial_panels_byte_count(columns, depth, group);
  if (byte_count == 0) abort();
  vial_panels p = vial_panels_make(guarded(byte_count), columns, depth, group, true);
  memset(marks, 0, columns);
  // In two parts, last first: panels are independent.
  uint32_t middle = p.panel_count / 2;
  kernels->quantize(x, depth, &p, middle, p.panel_count, marks);
  kernels->quantize(x, depth, &p, 0, middle, marks);
  seal(p.bytes);
  return p;
}
