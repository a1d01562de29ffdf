// Owns: the dense f32 arithmetic of calibrated quantisation: blocked products, Cholesky blocks, and
// the choice of integers and scales under a Hessian.
// Must not: allocate, lock, start threads, do I/O, know models.
//
// Nothing here decides a bit of an answer; it decides which integers a packed file holds. So that
// the same input gives the same file everywhere, every sum has one order: an element of a product
// is a chain of fused multiply-adds over blocks of 256 terms, whatever the instruction set and
// however the work is shared. Lanes are output rows.
#ifndef VIAL_DENSE_H
#define VIAL_DENSE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/// Rows that a lane kernel handles together; every row count given to one is a multiple of it.
#define VIAL_DENSE_LANES 16u
/// Order of the largest block that is factored whole.
#define VIAL_DENSE_BLOCK 256u
/// Largest group of columns under one scale.
#define VIAL_DENSE_GROUP 128u
/// Entries of a codebook.
#define VIAL_DENSE_ENTRIES 16u

/// C[m][n] (+)= sum over k of A[m][k] * B[k][n], in f32; A and B have any strides, in elements.
typedef struct vial_dense_product {
  const float *a;
  size_t a_row, a_column;  ///< A[m][k] at m * a_row + k * a_column
  const float *b;
  size_t b_row, b_column;  ///< B[k][n] at k * b_row + n * b_column
  float *c;
  size_t c_row;  ///< C[m][n] at m * c_row + n
  size_t depth;  ///< terms of each sum; 0 leaves or clears C
  bool adds;     ///< adds to what C holds
  bool negates;  ///< subtracts the products
} vial_dense_product;

/// Integers of up to 256 columns in the making, for 16 rows. Arrays are [column][row] with `stride`
/// between columns.
typedef struct vial_dense_columns {
  const float *weights;     ///< what the matrix should be, all its columns in their own order
  float *residual;          ///< weights less what was chosen, of the block in the order of L; written
  uint8_t *integers;        ///< q, 0...15, all columns in their own order; those of the block are written
  const float *feedback;    ///< sum over decided columns of residual * L, for each column of the block
  size_t stride;
  const float *factor;      ///< the block of L, [column][column] with `factor_stride`
  size_t factor_stride;
  const uint32_t *columns;  ///< of each column of the block: its own place
  const uint32_t *groups;   ///< and its group, an index into scales and zeros
  const float *scales;      ///< [group][row], above 0; with entries not 0
  const float *zeros;       ///< [group][row], 0...15; not read with entries
  size_t group_stride;
  const float *entries;      ///< 16 ascending integers that q stands for, or NULL: q less the zero point
  uint32_t count;           ///< columns
} vial_dense_columns;

/// One group of columns that is improved, for 16 rows.
typedef struct vial_dense_group {
  const float *weights;   ///< [column][row]
  float *residual;        ///< [column][row]; rewritten
  uint8_t *integers;      ///< [column][row]; rewritten
  const float *gradient;  ///< [column][row]: residual times the Hessian, for the group's columns
  size_t stride, gradient_stride;
  const float *hessian;   ///< [column][column] of the group, with `hessian_stride`
  size_t hessian_stride;
  float *scales;          ///< [row]; rewritten, the sign stays
  const float *zeros;     ///< [row]; not read with entries
  const float *entries;    ///< as in vial_dense_columns
  uint32_t count;         ///< columns, at most 128
} vial_dense_group;

/// One instruction set's functions; all give the same bits.
typedef struct vial_dense {
  const char *name;
  /// Rows [row_begin, row_end) and columns [column_begin, column_end) of C. `scratch`: the caller's
  /// own, vial_dense_scratch_byte_count() bytes, 64-byte aligned.
  void (*multiply)(
    const vial_dense_product *product, size_t row_begin, size_t row_end, size_t column_begin, size_t column_end,
    void *scratch);
  /// Chooses the integers of a block, the last column first: each is rounded after the residuals of
  /// the columns behind it were taken in, which is GPTQ's order of work on the factor of the
  /// Hessian itself.
  void (*gptq_round)(const vial_dense_columns *columns);
  /// Coordinate descent in a group: each integer, then the scale, goes to where the weighted
  /// squared error of the whole row is least while all else stays.
  void (*coordinate_descent)(const vial_dense_group *group);
  /// Scale and zero point of a group for 16 rows, by squared error weighted per column, from a
  /// fixed grid. weights: [column][row] with `stride`; importance: [column]; scales, zeros: [row].
  void (*scale_search)(
    const float *weights, size_t stride, const float *importance, uint32_t count, bool asymmetric, float *scales,
    float *zeros);
  /// The scale alone, of either sign, for a group of `entries`.
  void (*codebook_scale_search)(
    const float *weights, size_t stride, const float *importance, uint32_t count, const float *entries, float *scales);
} vial_dense;

/// The best functions that this CPU runs; `portable` asks for those that run everywhere.
const vial_dense *vial_dense_find(bool portable);
/// Bytes of scratch of `multiply`.
size_t vial_dense_scratch_byte_count(void);

/// Factors a block of `count` <= 256 rows in place, A = L * L^T, in f64: the lower triangle becomes
/// L, the upper is left alone. Also writes the inverse of L to `inverse` ([count][count], zeros
/// above the diagonal). `scratch`: 2 * count * count doubles. False when A is not positive
/// definite.
bool vial_dense_cholesky(float *a, size_t stride, uint32_t count, float *inverse, double *scratch);

#pragma GCC visibility pop
#endif
