// Owns: work that nothing but the machine limits: reading memory, multiplying int8 numbers in
// registers.
// Must not: know models or take the time; threads and memory are the caller's.
// `vial bench` is the only client.
#ifndef VIAL_CEILINGS_H
#define VIAL_CEILINGS_H
#include <stddef.h>
#include <stdint.h>

/// Bytes that a stretch to read must be a multiple of.
#define VIAL_CEILING_READ_GRAIN 4096

/// Reads memory once from its first to its last byte with the widest loads that this CPU has.
///
/// `bytes` is aligned to 64, `byte_count` a multiple of VIAL_CEILING_READ_GRAIN. `ahead`: how many
/// bytes before its use a line is prefetched; 0 leaves that to the hardware. Returns a number that
/// depends on every byte.
uint64_t vial_ceiling_read(const void *bytes, size_t byte_count, size_t ahead);

/// Multiplies and adds int8 numbers with the instructions that a family of kernels has for it, in
/// registers only.
///
/// `family` is the name of a family of CVialKernels that this CPU runs; a plain loop stands in for
/// one that is not known here. Returns how many operations were done, a multiplication and an
/// addition being two.
uint64_t vial_ceiling_int8(const char *family, uint64_t rounds);
#endif
