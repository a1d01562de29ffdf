// Owns: conversion of plain arrays between f32, f16 and bf16, with the finding of infinities and
// NaN.
// Must not: saturate (the KV cache does, by its own rule).
// Source: Spec/ARITHMETIC.md, "Number formats".
#include "math/vial_bits.h"
#include "vial_tensor.h"

#pragma STDC FP_CONTRACT OFF

float vial_f16_to_f32(uint16_t bits) { return vial_half_to_float(bits); }
uint16_t vial_f32_to_f16(float value) { return vial_float_to_half(value); }

// A loop for each format, so that the compiler can make vectors of them; `largest` is the greatest
// magnitude's bits.
vial_kernel_status vial_widen(vial_encoding from, const void *elements, size_t count, float *out) {
  const uint8_t *p = elements;
  uint32_t largest = 0;
  if (from == VIAL_ENCODING_BF16) {
    for (size_t i = 0; i < count; i++) {
      uint32_t bits = (uint32_t)vial_load_u16(p + 2 * i) << 16, magnitude = bits & 0x7FFFFFFF;
      largest = magnitude > largest ? magnitude : largest;
      out[i] = vial_bits_float(bits);
    }
  } else {
    bool half = from == VIAL_ENCODING_F16;
    for (size_t i = 0; i < count; i++) {
      out[i] = half ? vial_half_to_float(vial_load_u16(p + 2 * i)) : vial_load_f32(p + 4 * i);
      uint32_t magnitude = vial_float_bits(out[i]) & 0x7FFFFFFF;
      largest = magnitude > largest ? magnitude : largest;
    }
  }
  return largest < 0x7F800000 ? VIAL_KERNEL_OK : VIAL_KERNEL_NOT_FINITE;
}

vial_kernel_status vial_narrow(vial_encoding to, const float *values, size_t count, void *out) {
  uint8_t *p = out;
  bool finite = true;
  for (size_t i = 0; i < count; i++) {
    if (to == VIAL_ENCODING_F32) {
      finite = finite & vial_is_finite(values[i]);
      memcpy(p + 4 * i, values + i, 4);
      continue;
    }
    bool half = to == VIAL_ENCODING_F16;
    uint16_t bits = half ? vial_float_to_half(values[i]) : vial_float_to_bfloat(values[i]), top = half ? 0x7C00 : 0x7F80;
    finite = finite & ((bits & top) != top);
    memcpy(p + 2 * i, &bits, 2);
  }
  return finite ? VIAL_KERNEL_OK : VIAL_KERNEL_NOT_FINITE;
}
