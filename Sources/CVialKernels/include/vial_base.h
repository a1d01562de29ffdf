// Owns: status codes, the floating-point state and the rules that all kernels share.
// Must not: allocate, lock, do I/O, read the environment, abort.
// Source: Spec/ARITHMETIC.md, rules 1 and 15.
//
// Rules for every function of this target:
// - Pointers are borrowed for the call; nothing is retained. All scratch is the caller's.
// - Sizes and ranges are the caller's promise (VialCompute checks them); the *bytes* of weights, KV
//   blocks and activations may be anything, infinities and NaN included: no value can cause a
//   fault.
// - Functions that compute in floating point expect the state of vial_fp_enter().
// - Whether a result is NaN is part of the contract, the bits of a NaN are not.
#ifndef VIAL_BASE_H
#define VIAL_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/// The number of the arithmetic contract that these kernels implement (Spec/ARITHMETIC.md).
#define VIAL_ARITHMETIC_VERSION 1u

/// Outcome of the few functions that can fail.
typedef enum vial_kernel_status {
  VIAL_KERNEL_OK = 0,
  /// An input holds a NaN or an infinity where the contract wants a finite number.
  VIAL_KERNEL_NOT_FINITE = 1,
  /// A quantiser's scale does not fit a finite f16.
  VIAL_KERNEL_SCALE_OVERFLOW = 2,
  /// Nothing is left to sample from: every id is masked or has logit -infinity.
  VIAL_KERNEL_NO_CANDIDATE = 3,
  /// vial_tensor_check: a scale is infinite or NaN.
  VIAL_KERNEL_BAD_SCALE = 4,
  /// vial_tensor_check: a zero point is above 15.
  VIAL_KERNEL_BAD_ZERO_POINT = 5,
  /// vial_tensor_check: an int8 weight is -128, or a float weight is infinite or NaN.
  VIAL_KERNEL_BAD_WEIGHT = 6,
  /// vial_tensor_check: a padding byte differs from its prescribed value.
  VIAL_KERNEL_BAD_PADDING = 7,
} vial_kernel_status;

/// The host's floating-point control state, as found by vial_fp_enter().
typedef uint64_t vial_fp_state;

/// Sets round to nearest even, no flush-to-zero, no denormals-are-zero, all exceptions masked on
/// the calling thread (MXCSR 0x1F80, FPCR 0) and returns what was there. Call it on every thread
/// before computing.
static inline vial_fp_state vial_fp_enter(void) {
#if defined(__x86_64__)
  uint32_t before, wanted = 0x1F80;
  __asm__ volatile("stmxcsr %0" : "=m"(before));
  __asm__ volatile("ldmxcsr %0" : : "m"(wanted) : "memory");
  return before;
#elif defined(__aarch64__)
  uint64_t before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0) : "memory");
  return before;
#else
#error "Vial knows the floating-point control of x86-64 and AArch64 only"
#endif
}

/// Restores what vial_fp_enter() returned; same thread.
static inline void vial_fp_leave(vial_fp_state before) {
#if defined(__x86_64__)
  uint32_t word = (uint32_t)before;
  __asm__ volatile("ldmxcsr %0" : : "m"(word) : "memory");
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(before) : "memory");
#endif
}

#pragma GCC visibility pop
#endif
