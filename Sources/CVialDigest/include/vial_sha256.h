// Owns: SHA-256 of one message that passes by, or of many at once: the hash's state, and the choice
// of the fastest code that this CPU runs.
// Must not: allocate, lock, do I/O, start threads, read the environment, abort.
// Source: FIPS 180-4.
// Everything is integer and exact: all families give the same digests. Pointers are borrowed for
// the call; nothing outside the given bytes is read.
#ifndef VIAL_SHA256_H
#define VIAL_SHA256_H
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/// Messages that vial_sha256_many hashes together at most.
#define VIAL_SHA256_MAXIMUM_LANES 16u

/// A hash in the making. It holds up to 63 bytes of the message.
typedef struct vial_sha256 {
  uint32_t words[8];
  uint64_t byte_count;
  uint8_t block[64];
} vial_sha256;

/// Takes whole blocks of 64 bytes of one message.
typedef void (*vial_sha256_stream)(uint32_t words[8], const uint8_t *data, size_t block_count);
/// Takes `block_count` whole blocks of each of `lane_count` messages; word w of lane l is words[w *
/// lane_count + l].
typedef void (*vial_sha256_lanes)(uint32_t *words, const uint8_t *const data[], size_t block_count);

/// One way to compute.
typedef struct vial_sha256_family {
  const char *name;
  /// For a single message.
  vial_sha256_stream stream;
  /// For `lane_count` messages at once; NULL (and lane_count 1) when one after another is as fast.
  vial_sha256_lanes lanes;
  uint32_t lane_count;
  /// From this many messages on, `lanes` pays even when some lanes stay empty.
  uint32_t least_lanes;
} vial_sha256_family;

/// Families that this CPU runs, the fastest first; NULL beyond the last, which is portable C.
const vial_sha256_family *vial_sha256_list(size_t index);

/// Begins a message.
void vial_sha256_init(vial_sha256 *hash);
/// Adds `count` bytes; `data` may be NULL when count is 0.
void vial_sha256_update(vial_sha256 *hash, const uint8_t *data, size_t count, const vial_sha256_family *family);
/// Ends the message. The hash must be begun again before its next use.
void vial_sha256_final(vial_sha256 *hash, uint8_t digest[32], const vial_sha256_family *family);

/// For each i < count: 32 bytes at digests + 32 * i = SHA-256(prefix, then lengths[i] bytes at
/// data[i]). Fastest when neighbours are equally long and `count` is a multiple of the family's
/// lane_count.
void vial_sha256_many(uint8_t prefix, const uint8_t *const data[], const size_t lengths[], size_t count,
                      uint8_t *digests, const vial_sha256_family *family);

#pragma GCC visibility pop

#endif
