// Owns: the private declarations behind the dispatch tables: which function fills which slot.
// Must not: be included by other targets.
// Source: Spec/ARITHMETIC.md.
#ifndef VIAL_FAMILY_H
#define VIAL_FAMILY_H
#include "vial_kernels.h"

#pragma GCC visibility push(hidden)

extern const vial_kernels vial_kernels_reference;

void vial_quantize_reference(const float *, size_t, const vial_panels *, uint32_t, uint32_t, uint8_t *);
void vial_matmul_quantized_reference(
  const vial_tensor *, const vial_panels *, uint32_t, uint32_t, float *, size_t);
void vial_matmul_float_reference(
  const vial_tensor *, const float *, size_t, uint32_t, uint32_t, uint32_t, float *, size_t);
void vial_decode_row_reference(const vial_tensor *, uint32_t, float *);
uint32_t vial_kv_store_reference(vial_kv_type, uint32_t, const float *, const float *, uint32_t, uint8_t *);
void vial_attention_reference(const vial_attention *);
vial_kernel_status vial_greatest_reference(const float *, uint32_t, const uint64_t *, vial_candidate *);
uint32_t vial_collect_reference(
  const float *, uint32_t, uint32_t, const uint64_t *, float, float, vial_candidate *);
vial_kernel_status vial_quantize_int4_row_reference(
  const float *, uint32_t, uint32_t, uint8_t *, uint16_t *, uint8_t *);
vial_kernel_status vial_quantize_codebook_row_reference(
  const float *, uint32_t, uint32_t, const int8_t *, uint8_t *, uint16_t *);
vial_kernel_status vial_quantize_int8_row_reference(const float *, uint32_t, uint32_t, int8_t *, uint16_t *);

#if defined(__x86_64__)
extern const vial_kernels vial_kernels_avx2, vial_kernels_avx512vnni;
/// What each x86 family may assume; the dispatcher checks the same lists.
#define VIAL_AVX2 "avx2,fma,f16c"
#define VIAL_AVX512VNNI "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"

void vial_matmul_q4_avx2(const vial_tensor *, const vial_panels *, uint32_t, uint32_t, float *, size_t);
void vial_matmul_q8_avx2(const vial_tensor *, const vial_panels *, uint32_t, uint32_t, float *, size_t);
void vial_matmul_q4_avx512vnni(const vial_tensor *, const vial_panels *, uint32_t, uint32_t, float *, size_t);
void vial_matmul_q8_avx512vnni(const vial_tensor *, const vial_panels *, uint32_t, uint32_t, float *, size_t);
#endif

#if defined(__aarch64__)
extern const vial_kernels vial_kernels_neon_dotprod, vial_kernels_neon_i8mm;
/// What each Arm family may assume beyond Armv8.0; the dispatcher checks the same lists.
#define VIAL_NEON_DOTPROD "dotprod"
#define VIAL_NEON_I8MM "dotprod,i8mm"

void vial_matmul_q4_neon_dotprod(const vial_tensor *, const vial_panels *, uint32_t, uint32_t, float *, size_t);
void vial_matmul_q8_neon_dotprod(const vial_tensor *, const vial_panels *, uint32_t, uint32_t, float *, size_t);
void vial_matmul_q4_neon_i8mm(const vial_tensor *, const vial_panels *, uint32_t, uint32_t, float *, size_t);
void vial_matmul_q8_neon_i8mm(const vial_tensor *, const vial_panels *, uint32_t, uint32_t, float *, size_t);
#endif

#pragma GCC visibility pop
/// What distinguishes int4 tensors of one function from those of another, as a number for `switch`.
#define VIAL_Q4_FORM(group, asymmetric, codebook) ((group) * 2u + (asymmetric) + 512u * (codebook))

#endif
