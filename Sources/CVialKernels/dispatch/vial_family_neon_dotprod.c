// Owns: the neon_dotprod family: the wide functions compiled for 128-bit registers, and its integer products.
// Must not: be called on a CPU without the dot product instructions (vial_dispatch.c checks). Spec: ARITHMETIC.md.
#if defined(__aarch64__)
#include <string.h>

#include "dispatch/vial_family.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_NEON_DOTPROD))), apply_to = function)
#define VIAL_FLOAT_COLUMNS 2
#define VIAL_ATTENTION_ROWS 4
#define VIAL_ATTENTION_VECTORS 1
#include "wide/vial_wide_attention.h"
#include "wide/vial_wide_candidates.h"
#include "wide/vial_wide_decode_row.h"
#include "wide/vial_wide_elementwise.h"
#include "wide/vial_wide_kv_store.h"
#include "wide/vial_wide_matmul_float.h"
#include "wide/vial_wide_quantize.h"
#include "wide/vial_wide_quantize_weights.h"

static void matmul_quantized(
  const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out, size_t out_stride) {
  if (w->encoding == VIAL_ENCODING_INT4)
    vial_matmul_q4_neon_dotprod(w, p, tile_begin, tile_end, out, out_stride);
  else
    vial_matmul_q8_neon_dotprod(w, p, tile_begin, tile_end, out, out_stride);
}
#pragma clang attribute pop

const vial_kernels vial_kernels_neon_dotprod = {
  .name = "neon_dotprod",
  .quantize = wide_quantize,
  .matmul_quantized = matmul_quantized,
  .matmul_float = wide_matmul_float,
  .decode_row = wide_decode_row,
  .add = wide_add,
  .scaled_add = wide_scaled_add,
  .rms_norm = wide_rms_norm,
  .silu_multiply = wide_silu_multiply,
  .rope = wide_rope,
  .kv_store = wide_kv_store,
  .attention = wide_attention,
  .exponentials = wide_exponentials,
  .sum_exponentials = wide_sum_exponentials,
  .sum_weighted = wide_sum_weighted,
  .greatest = wide_greatest,
  .collect = wide_collect,
  .all_finite = wide_all_finite,
  .quantize_int4_row = wide_quantize_int4_row,
  .quantize_levels_row = wide_quantize_levels_row,
  .quantize_int8_row = wide_quantize_int8_row,
};
#endif
