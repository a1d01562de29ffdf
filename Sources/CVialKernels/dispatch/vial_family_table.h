// Owns: what every vector family is: the wide functions compiled for its registers, its integer
// products, its table.
// Must not: be included outside of the family's target attribute, or without VIAL_FAMILY (the
// family's suffix), VIAL_FAMILY_NAME, VIAL_ZERO_SUMS (whether panels carry sums of zero points) and
// what vial_wide.h needs.
// Source: Spec/ARITHMETIC.md.
#include "wide/vial_wide_attention.h"
#include "wide/vial_wide_candidates.h"
#include "wide/vial_wide_decode_row.h"
#include "wide/vial_wide_elementwise.h"
#include "wide/vial_wide_kv_store.h"
#include "wide/vial_wide_matmul_float.h"
#include "wide/vial_wide_quantize.h"
#include "wide/vial_wide_quantize_weights.h"

#define VIAL_JOIN_NAMES(prefix, family) prefix##_##family
#define VIAL_OF_FAMILY(prefix, family) VIAL_JOIN_NAMES(prefix, family)

static void matmul_quantized(
  const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out, size_t out_stride) {
  if (w->encoding == VIAL_ENCODING_INT4)
    VIAL_OF_FAMILY(vial_matmul_q4, VIAL_FAMILY)(w, p, tile_begin, tile_end, out, out_stride);
  else
    VIAL_OF_FAMILY(vial_matmul_q8, VIAL_FAMILY)(w, p, tile_begin, tile_end, out, out_stride);
}

const vial_kernels VIAL_OF_FAMILY(vial_kernels, VIAL_FAMILY) = {
  .name = VIAL_FAMILY_NAME,
  .quantize = wide_quantize,
  .matmul_quantized = matmul_quantized,
  .matmul_float = wide_matmul_float,
  .decode_row = wide_decode_row,
  .add = wide_add,
  .scaled_add = wide_scaled_add,
  .scale = wide_scale,
  .rms_norm = wide_rms_norm,
  .silu_multiply = wide_silu_multiply,
  .gelu_multiply = wide_gelu_multiply,
  .soft_cap = wide_soft_cap_row,
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
  .quantize_codebook_row = wide_quantize_codebook_row,
  .quantize_int8_row = wide_quantize_int8_row,
  .zero_sums = VIAL_ZERO_SUMS,
};
