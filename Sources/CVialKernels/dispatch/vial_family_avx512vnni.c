// Owns: the avx512vnni family: the wide functions compiled for 512-bit registers, and its integer
// products.
// Must not: be called on a CPU without AVX-512 F, BW, VL, DQ and VNNI (vial_dispatch.c checks).
// Source: Spec/ARITHMETIC.md.
#if defined(__x86_64__)
#include <string.h>

#include "dispatch/vial_family.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_AVX512VNNI))), apply_to = function)
#define VIAL_FLOAT_TOKENS 8
#define VIAL_ATTENTION_ROWS 8
#define VIAL_ATTENTION_VECTORS 3
#define VIAL_FAMILY avx512vnni
#define VIAL_FAMILY_NAME "avx512vnni"
#define VIAL_ZERO_SUMS true
#include "dispatch/vial_family_table.h"
#pragma clang attribute pop
#endif
