// Owns: what the kernel tests share: random numbers, guarded memory, bit comparison, reporting.
// Must not: test anything.
#ifndef SUPPORT_H
#define SUPPORT_H
#include <stdio.h>
#include <string.h>

#include "vial_kernels.h"

uint32_t random_u32(void);
/// Uniform in [-1, 1).
float random_float(void);
/// Mostly ordinary values, some denormal, huge, zero.
float random_wild(void);
uint32_t random_below(uint32_t limit);

/// Memory whose last byte is followed by an unreadable page; filled with 0xA5. Freed by guarded_free_all().
void *guarded(size_t byte_count);
/// Like guarded, but made read-only by seal(); for inputs.
void seal(const void *memory);
void guarded_free_all(void);

/// Number of f32 that differ in bits, two NaN counting as equal.
size_t differing(const float *a, const float *b, size_t count);
/// Prints the first few failures and counts.
int fail(int *failures, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define CHECK(CONDITION, ...)                       \
  do {                                              \
    if (!(CONDITION)) fail(&failures, __VA_ARGS__); \
  } while (0)

/// A quantised matrix as plain arrays, and its packed tensor.
typedef struct matrix {
  vial_tensor tensor;
  uint8_t *q;         ///< [rows][columns]; int8 as its bits
  uint16_t *scales;   ///< [rows][groups]
  uint8_t *zeros;     ///< [rows][groups]
} matrix;
/// Forms of int4.
enum { SYMMETRIC, ASYMMETRIC, CODEBOOK, FORM_COUNT };
/// Random quantised matrix, packed. `form`: of int4, else SYMMETRIC. `extreme`: largest values everywhere.
matrix make_matrix(vial_encoding encoding, uint32_t rows, uint32_t columns, uint32_t group, int form, int extreme);
/// 16 strictly ascending entries; `extreme`: from -127 to 127.
void random_codebook(int8_t entries[16], int extreme);
/// The stored value of element (n, k) of such a matrix, and of its zero point (0 for int8, 8 without one).
int32_t matrix_q(const matrix *m, uint32_t n, uint32_t k);
int32_t matrix_zero(const matrix *m, uint32_t n, uint32_t k);
/// What is multiplied with the scale: q - zero, or the entry.
int32_t matrix_steps(const matrix *m, uint32_t n, uint32_t k);

/// Panels of x[M][K], quantised by the family.
vial_panels make_panels(
  const vial_kernels *kernels, const float *x, uint32_t columns, uint32_t depth, uint32_t group, uint8_t *marks);
#endif
