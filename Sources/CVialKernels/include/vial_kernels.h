// Owns: the dispatch table of the arithmetic contract and the choice of an ISA family at run time.
// Must not: allocate, lock, do I/O, start threads, read the environment, abort.
// Source: Spec/ARITHMETIC.md.
//
// Every family gives the same bits as "reference"; they differ in speed only. A caller takes a
// table once (vial_kernels_find) and shares it between threads: tables are constant.
#ifndef VIAL_KERNELS_H
#define VIAL_KERNELS_H
#include "vial_attention.h"
#include "vial_base.h"
#include "vial_functions.h"
#include "vial_panels.h"
#include "vial_sampling.h"
#include "vial_tensor.h"

#pragma GCC visibility push(hidden)

/// One ISA family. All arrays are f32 unless said otherwise; strides are in elements of what they
/// stride over.
typedef struct vial_kernels {
  /// "reference", "avx2", "avx512vnni", "neon_dotprod", "neon_i8mm".
  const char *name;
  /// Rule 3: quantises tokens x[m][k] (m * x_stride + k) into panels [panel_begin, panel_end).
  /// not_finite[m] (m < token_count) is set to 1 for a token with a NaN or an infinity and left
  /// alone otherwise.
  void (*quantize)(
    const float *x, size_t x_stride, const vial_panels *panels, uint32_t panel_begin, uint32_t panel_end,
    uint8_t *not_finite);
  /// Rule 4: out[m * out_stride + n] = sum over k of W[n][k] * x[m][k] for the rows n of tiles
  /// [tile_begin, tile_end) and all tokens m of the panels. The tensor is int4 or int8, of the
  /// panels' depth and group. Give each thread one contiguous range of tiles.
  void (*matmul_quantized)(
    const vial_tensor *weights, const vial_panels *panels, uint32_t tile_begin, uint32_t tile_end, float *out,
    size_t out_stride);
  /// Rule 5: the same for f32, f16 and bf16 tensors and unquantised tokens x[m * x_stride + k].
  void (*matmul_float)(
    const vial_tensor *weights, const float *x, size_t x_stride, uint32_t token_count, uint32_t tile_begin,
    uint32_t tile_end, float *out, size_t out_stride);
  /// Rule 6: decodes one row of a tensor of any encoding to `columns` floats (embedding lookup).
  void (*decode_row)(const vial_tensor *weights, uint32_t row, float *out);

  /// Rule 6: y[i] += x[i] (bias, residual).
  void (*add)(float *y, const float *x, size_t count);
  /// Rule 12: y[i] = fma(scale, u[i], y[i]).
  void (*scaled_add)(float *y, const float *u, float scale, size_t count);
  /// Rule 6: x[i] *= factor (multipliers).
  void (*scale)(float *x, float factor, size_t count);
  /// Rule 7: RMSNorm of one vector; out may be x. count is 1 ... 2^24.
  void (*rms_norm)(const float *x, const float *weight, size_t count, float epsilon, float *out);
  /// Rule 8: out[i] = silu(gate[i]) * up[i]; out may be gate or up.
  void (*silu_multiply)(const float *gate, const float *up, size_t count, float *out);
  /// Rule 8: out[i] = gelu(gate[i]) * up[i] by the tanh formula; out may be gate or up.
  void (*gelu_multiply)(const float *gate, const float *up, size_t count, float *out);
  /// Rule 8: x[i] = limit * tanh(x[i] / limit); what is not finite stays.
  void (*soft_cap)(float *x, float limit, size_t count);
  /// Rule 9: rotates one head in place; x has 2*half values, pairs are (i, i + half).
  void (*rope)(float *x, const float *cosines, const float *sines, uint32_t half);

  /// Rule 10: rounds one position's key (after RoPE) and value to the cache type and stores them in
  /// a block. position_in_block < 64. Returns 1 if key or value holds a NaN or an infinity (the
  /// request's numeric error), else 0.
  uint32_t (*kv_store)(
    vial_kv_type type, uint32_t head_dim, const float *key, const float *value, uint32_t position_in_block,
    uint8_t *block);
  /// Rule 11: attention of T queries; each query's result is the same as when it is computed alone.
  void (*attention)(const vial_attention *arguments);

  /// Rule 13: out[i] = exp2c((x[i] - maximum) * log2e); out may be x.
  void (*exponentials)(const float *x, size_t count, float maximum, float *out);
  /// Rule 13: the maximum of x (NaN ignored; -infinity if none) and the 16-lane sum of
  /// exp2c((x[i] - maximum) * log2e).
  void (*sum_exponentials)(const float *x, size_t count, float *out_maximum, float *out_sum);
  /// Rule 13: the 16-lane sum of exp2c(d * log2e) * d over d = x[i] - maximum, or -100 where that
  /// is not greater.
  void (*sum_weighted)(const float *x, size_t count, float maximum, float *out_sum);
  /// Rule 13: the allowed id (allowed: a bit per id, NULL for all) with the largest logit, the
  /// lowest among equals. NOT_FINITE if an allowed logit is NaN or +infinity; NO_CANDIDATE if none
  /// is above -infinity.
  vial_kernel_status (*greatest)(const float *logits, uint32_t count, const uint64_t *allowed, vial_candidate *out);
  /// Rule 13: the allowed ids of [begin, end) whose logit is above `floor`, ascending, with their
  /// logits divided by the temperature (step 4). begin is a multiple of 64; out has room for end -
  /// begin. Returns how many there are.
  uint32_t (*collect)(
    const float *logits, uint32_t begin, uint32_t end, const uint64_t *allowed, float temperature, float floor,
    vial_candidate *out);
  /// 1 if no value is infinite or NaN, else 0: the numeric check of a logits row.
  uint32_t (*all_finite)(const float *x, size_t count);

  /// Round to nearest with the scale (and zero point) of least squared error from a fixed grid, per
  /// group (Spec, "Quantisers"). q: `columns` values 0...15; scales (f16 bits), zeros: one per
  /// group (zeros NULL: symmetric, zero 8). NOT_FINITE or SCALE_OVERFLOW leave the outputs
  /// unspecified.
  vial_kernel_status (*quantize_int4_row)(
    const float *x, uint32_t columns, uint32_t group, uint8_t *q, uint16_t *scales, uint8_t *zeros);
  /// The same for a codebook: q are places in `entries`, which are strictly ascending and at least
  /// -127.
  vial_kernel_status (*quantize_codebook_row)(
    const float *x, uint32_t columns, uint32_t group, const int8_t entries[16], uint8_t *q, uint16_t *scales);
  /// The same for int8: q -127...127.
  vial_kernel_status (*quantize_int8_row)(
    const float *x, uint32_t columns, uint32_t group, int8_t *q, uint16_t *scales);

  /// Whether matmul_quantized takes zero points' products from the panels' zero_point_sums: panels
  /// that a tensor with zero points is multiplied with must have it.
  bool zero_sums;
} vial_kernels;

/// The family of that name if this CPU can run it, the best one for NULL, else NULL.
const vial_kernels *vial_kernels_find(const char *name);
/// The families that this CPU can run, best first: the `index`-th, or NULL past the end.
const vial_kernels *vial_kernels_list(size_t index);

#pragma GCC visibility pop
#endif
