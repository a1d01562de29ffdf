// Owns: digests of what each family of CVialCalibration computes from fixed numbers.
// Must not: depend on a test framework: the same program runs under qemu-aarch64.
#ifndef DENSE_BITS_H
#define DENSE_BITS_H
#include <stddef.h>
#include <stdint.h>

/// Name of the index-th family that this CPU runs; NULL past the end.
const char *dense_bits_family(size_t index);
/// Name of the index-th part that has a digest; NULL past the end.
const char *dense_bits_part(size_t index);
/// Whether a family computes the pinned bits in a part; what it computed instead goes to stderr.
int dense_bits_hold(size_t family, size_t part);

#endif
