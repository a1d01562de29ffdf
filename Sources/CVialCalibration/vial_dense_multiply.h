// Owns: the blocked product: packing of both operands, and the register block.
// Must not: let blocking by rows or columns change a bit; only the depth blocks of 256 terms do.
// Included by vial_dense_lanes.h.
#ifndef VIAL_DENSE_MULTIPLY_H
#define VIAL_DENSE_MULTIPLY_H

enum {
  DENSE_DEPTH = 256,       ///< terms of a depth block
  DENSE_PANEL = 16 * VIAL_DENSE_VECTORS,
  DENSE_COLUMNS = 480,     ///< columns of a packed block of B
  DENSE_PACKED_ROWS = 96,  ///< rows of a packed block of A
};

/// B[k][n] as panels [k][DENSE_PANEL], columns beyond `columns` zero.
static void pack_b(const vial_dense_product *p, size_t k0, size_t depth, size_t n0, size_t columns, float *out) {
  for (size_t n = 0; n < columns; n += DENSE_PANEL) {
    size_t width = columns - n < DENSE_PANEL ? columns - n : DENSE_PANEL;
    const float *from = p->b + k0 * p->b_row + (n0 + n) * p->b_column;
    if (p->b_column == 1) {
      for (size_t k = 0; k < depth; k++, out += DENSE_PANEL) {
        memcpy(out, from + k * p->b_row, width * sizeof *out);
        for (size_t j = width; j < DENSE_PANEL; j++) out[j] = 0.0f;
      }
      continue;
    }
    for (size_t j = 0; j < DENSE_PANEL; j++)
      for (size_t k = 0; k < depth; k++)
        out[k * DENSE_PANEL + j] = j < width ? from[k * p->b_row + j * p->b_column] : 0.0f;
    out += depth * DENSE_PANEL;
  }
}

/// A[m][k] as panels [k][VIAL_DENSE_ROWS], rows beyond `rows` zero.
static void pack_a(const vial_dense_product *p, size_t m0, size_t rows, size_t k0, size_t depth, float *out) {
  for (size_t m = 0; m < rows; m += VIAL_DENSE_ROWS) {
    size_t height = rows - m < VIAL_DENSE_ROWS ? rows - m : VIAL_DENSE_ROWS;
    const float *from = p->a + (m0 + m) * p->a_row + k0 * p->a_column;
    if (p->a_row == 1) {
      for (size_t k = 0; k < depth; k++)
        for (size_t i = 0; i < VIAL_DENSE_ROWS; i++)
          out[k * VIAL_DENSE_ROWS + i] = i < height ? from[k * p->a_column + i] : 0.0f;
    } else {
      for (size_t i = 0; i < VIAL_DENSE_ROWS; i++)
        for (size_t k = 0; k < depth; k++)
          out[k * VIAL_DENSE_ROWS + i] = i < height ? from[i * p->a_row + k * p->a_column] : 0.0f;
    }
    out += depth * VIAL_DENSE_ROWS;
  }
}

/// One register block: the sums of `depth` terms, into `out` [VIAL_DENSE_ROWS][DENSE_PANEL].
DENSE_INLINE void block_sums(const float *a, const float *b, size_t depth, float *out) {
  lanes sums[VIAL_DENSE_ROWS][VIAL_DENSE_VECTORS];
  DENSE_UNROLL for (int i = 0; i < VIAL_DENSE_ROWS; i++)
    DENSE_UNROLL for (int j = 0; j < VIAL_DENSE_VECTORS; j++) sums[i][j] = (lanes){0};
  for (size_t k = 0; k < depth; k++, a += VIAL_DENSE_ROWS, b += DENSE_PANEL) {
    lanes right[VIAL_DENSE_VECTORS];
    DENSE_UNROLL for (int j = 0; j < VIAL_DENSE_VECTORS; j++) right[j] = load(b + 16 * j);
    DENSE_UNROLL for (int i = 0; i < VIAL_DENSE_ROWS; i++) {
      lanes left = all(a[i]);
      DENSE_UNROLL for (int j = 0; j < VIAL_DENSE_VECTORS; j++) sums[i][j] = fma16(left, right[j], sums[i][j]);
    }
  }
  DENSE_UNROLL for (int i = 0; i < VIAL_DENSE_ROWS; i++)
    DENSE_UNROLL for (int j = 0; j < VIAL_DENSE_VECTORS; j++) store(out + i * DENSE_PANEL + 16 * j, sums[i][j]);
}

/// Adds or writes the part of a register block that C has.
DENSE_INLINE void keep(const float *sums, float *c, size_t stride, size_t rows, size_t columns, bool adds, bool negates) {
  for (size_t i = 0; i < rows; i++) {
    float *row = c + i * stride;
    const float *from = sums + i * DENSE_PANEL;
    for (size_t j = 0; j < columns; j++) {
      float value = negates ? -from[j] : from[j];
      row[j] = adds ? row[j] + value : value;
    }
  }
}

static void clear(const vial_dense_product *p, size_t m0, size_t m1, size_t n0, size_t n1) {
  if (p->adds) return;
  for (size_t m = m0; m < m1; m++) memset(p->c + m * p->c_row + n0, 0, (n1 - n0) * sizeof *p->c);
}

static void multiply(const vial_dense_product *p, size_t m0, size_t m1, size_t n0, size_t n1, void *scratch) {
  if (m0 >= m1 || n0 >= n1) return;
  if (p->depth == 0) return clear(p, m0, m1, n0, n1);
  float *packed_b = scratch, *packed_a = packed_b + DENSE_DEPTH * DENSE_COLUMNS;
  float *sums = packed_a + DENSE_DEPTH * DENSE_PACKED_ROWS;
  for (size_t n = n0; n < n1; n += DENSE_COLUMNS) {
    size_t columns = n1 - n < DENSE_COLUMNS ? n1 - n : DENSE_COLUMNS;
    for (size_t k = 0; k < p->depth; k += DENSE_DEPTH) {
      size_t depth = p->depth - k < DENSE_DEPTH ? p->depth - k : DENSE_DEPTH;
      pack_b(p, k, depth, n, columns, packed_b);
      for (size_t m = m0; m < m1; m += DENSE_PACKED_ROWS) {
        size_t rows = m1 - m < DENSE_PACKED_ROWS ? m1 - m : DENSE_PACKED_ROWS;
        pack_a(p, m, rows, k, depth, packed_a);
        for (size_t j = 0; j < columns; j += DENSE_PANEL)
          for (size_t i = 0; i < rows; i += VIAL_DENSE_ROWS) {
            block_sums(packed_a + i * depth, packed_b + j * depth, depth, sums);
            keep(
              sums, p->c + (m + i) * p->c_row + n + j, p->c_row, rows - i < VIAL_DENSE_ROWS ? rows - i : VIAL_DENSE_ROWS,
              columns - j < DENSE_PANEL ? columns - j : DENSE_PANEL, p->adds || k > 0, p->negates);
          }
      }
    }
  }
}
#endif
