// Owns: the tensor view and its tile layouts: sizes, packing, checking, element conversion.
// Must not: know names, files or models.
// Source: Spec/ARITHMETIC.md, "Tile layouts" and rules 4-6, 15.
//
// A weight tensor W[N rows (outputs)][K columns (inputs)] is ceil(N/16) tiles of 16 rows, back to
// back:
//   int4  per group of G columns one record: 8*G nibble bytes in steps of 64 for 8 consecutive k
//         (byte r*4+j: row r's k0+j low, k0+4+j high), 16 f16 scales, and 16 u8 zero points when
//         asymmetric (else zero = 8). With a codebook a nibble is the place of its weight in a
//         table of 16 entries, and there are no zero points.
//   int8  per group one record: 16*G bytes in steps of 64 for 4 consecutive k (byte r*4+j: row r's
//         k0+j), 16 f16 scales.
//   f32, f16, bf16   [k][16 rows]; K is not padded.
// Padding: rows >= N: q 8 (int8: 0), scale +0, zero 8, float +0; k >= K: q = the row's zero point
// (int8: 0). Scalars are little-endian. One-dimensional tensors (norms, biases) are plain f32
// arrays and need no view.
#ifndef VIAL_TENSOR_H
#define VIAL_TENSOR_H
#include "vial_base.h"

#pragma GCC visibility push(hidden)

/// How the elements of a tensor are stored.
typedef enum vial_encoding {
  VIAL_ENCODING_F32 = 1,
  VIAL_ENCODING_F16 = 2,
  VIAL_ENCODING_BF16 = 3,
  VIAL_ENCODING_INT8 = 4,
  VIAL_ENCODING_INT4 = 5,
} vial_encoding;

/// A borrowed view of a tiled weight tensor. Any alignment works; 64 bytes is fastest.
typedef struct vial_tensor {
  const uint8_t *bytes;  ///< vial_tensor_byte_count() bytes; nothing beyond them is ever loaded
  uint32_t rows;         ///< N >= 1, outputs
  uint32_t columns;      ///< K >= 1, inputs
  uint32_t group;        ///< 32, 64 or 128 for int4 and int8; 0 for the float encodings
  uint8_t encoding;      ///< a vial_encoding
  uint8_t asymmetric;    ///< int4 only: 1 when records carry zero points
  uint8_t codebook;      ///< int4 without zero points only: 1 when q stands for entries[q], 0 when it stands for q - zero
  int8_t entries[16];    ///< with a codebook -127 ... 127, strictly ascending, else 0
} vial_tensor;

/// Whether encoding, group, asymmetric, codebook, entries, rows and columns describe a layout of
/// this version. `bytes` is not looked at.
bool vial_tensor_is_valid(const vial_tensor *tensor);
/// Tiles of 16 rows: ceil(rows / 16).
uint32_t vial_tensor_tile_count(const vial_tensor *tensor);
/// Groups along the columns: ceil(columns / group); 0 for the float encodings.
uint32_t vial_tensor_group_count(const vial_tensor *tensor);
/// Bytes of one record `[tile][group]` (int4, int8), or of one `[k][16]` step (float encodings).
size_t vial_tensor_record_byte_count(const vial_tensor *tensor);
/// Bytes of one tile; the product is exact for every valid view (u32 columns).
uint64_t vial_tensor_tile_byte_count(const vial_tensor *tensor);
/// Bytes of the whole tensor, or false if the view is invalid or the count exceeds u64.
bool vial_tensor_byte_count(const vial_tensor *tensor, uint64_t *out_byte_count);

/// Checks tiles [tile_begin, tile_end): scales finite, zero points <= 15, no int8 -128, float
/// weights finite, padding as prescribed. On failure *out_offset is the byte offset of the first
/// offender in the tensor.
vial_kernel_status vial_tensor_check(
  const vial_tensor *tensor, uint32_t tile_begin, uint32_t tile_end, uint64_t *out_offset);

// Packing. `shape` gives rows, columns, group, encoding, asymmetric (bytes and entries are not
// used); tile t holds the rows 16t ... 16t+15; `out` receives vial_tensor_tile_byte_count(shape)
// bytes, padding included.

/// Packs one int4 tile. q: the tile's first row, 0...15 each, rows `q_stride` apart; scales (f16
/// bits) and zeros: `[row in tile][group]` with rows `group_stride` apart; zeros may be NULL when
/// symmetric.
void vial_pack_int4_tile(
  const vial_tensor *shape, uint32_t tile, const uint8_t *q, size_t q_stride, const uint16_t *scales,
  const uint8_t *zeros, size_t group_stride, uint8_t *out);
/// Packs one int8 tile; q: -127...127.
void vial_pack_int8_tile(
  const vial_tensor *shape, uint32_t tile, const int8_t *q, size_t q_stride, const uint16_t *scales,
  size_t group_stride, uint8_t *out);
/// Packs one f32, f16 or bf16 tile from elements of that very type, rows `row_stride` elements
/// apart, any alignment.
void vial_pack_float_tile(
  const vial_tensor *shape, uint32_t tile, const void *elements, size_t row_stride, uint8_t *out);

/// Prefetches `byte_count` bytes that will be read soon; any address, nothing is accessed.
static inline void vial_prefetch(const uint8_t *bytes, size_t byte_count) {
  for (size_t line = 0; line < byte_count; line += 64)
    __builtin_prefetch((const void *)((uintptr_t)bytes + line), 0, 2);
}

// Conversion of plain arrays (any alignment of the 16- and 32-bit side). NOT_FINITE if any input or
// any result is infinite or NaN; the whole output is written all the same.

/// Widens `count` elements of a float encoding to f32, exactly.
vial_kernel_status vial_widen(vial_encoding from, const void *elements, size_t count, float *out);
/// Narrows f32 to f16, bf16 (round to nearest even) or f32 (copy).
vial_kernel_status vial_narrow(vial_encoding to, const float *values, size_t count, void *out);
/// f16 bits to f32, exactly.
float vial_f16_to_f32(uint16_t bits);
/// f32 to f16 bits, round to nearest even, overflow to infinity, NaN to 0x7E00 with the sign kept.
uint16_t vial_f32_to_f16(float value);

#pragma GCC visibility pop
#endif
