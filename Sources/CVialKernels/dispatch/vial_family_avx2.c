// Owns: the avx2 family: the wide functions compiled for 256-bit registers, and its integer
// products.
// Must not: be called on a CPU without AVX2, FMA and F16C (vial_dispatch.c checks).
// Source: Spec/ARITHMETIC.md.
#if defined(__x86_64__)
#include <string.h>

#include "dispatch/vial_family.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(VIAL_AVX2))), apply_to = function)
#define VIAL_FLOAT_TOKENS 2
#define VIAL_ATTENTION_ROWS 4
#define VIAL_ATTENTION_VECTORS 1
#define VIAL_FAMILY avx2
#define VIAL_FAMILY_NAME "avx2"
#define VIAL_ZERO_SUMS false
#include "dispatch/vial_family_table.h"
#pragma clang attribute pop
#endif
