// Owns: messages of any length over functions that take whole blocks: buffering, padding, lanes.
// Must not: know instruction sets.
#include "vial_sha256.h"

#include <string.h>

static const uint32_t first_words[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void vial_sha256_init(vial_sha256 *hash) {
  memcpy(hash->words, first_words, sizeof first_words);
  hash->byte_count = 0;
}

void vial_sha256_update(vial_sha256 *hash, const uint8_t *data, size_t count, const vial_sha256_family *family) {
  if (count == 0) return;
  size_t fill = hash->byte_count % 64;
  hash->byte_count += count;
  if (fill > 0) {
    size_t step = count < 64 - fill ? count : 64 - fill;
    memcpy(hash->block + fill, data, step);
    if (fill + step < 64) return;
    family->stream(hash->words, hash->block, 1);
    data += step, count -= step;
  }
  family->stream(hash->words, data, count / 64);
  memcpy(hash->block, data + count / 64 * 64, count % 64);
}

void vial_sha256_final(vial_sha256 *hash, uint8_t digest[32], const vial_sha256_family *family) {
  size_t fill = hash->byte_count % 64;
  uint64_t bit_count = hash->byte_count * 8;
  uint8_t end[128] = {0};
  memcpy(end, hash->block, fill);
  end[fill] = 0x80;
  size_t block_count = fill < 56 ? 1 : 2;
  for (size_t i = 0; i < 8; i++) end[block_count * 64 - 1 - i] = (uint8_t)(bit_count >> 8 * i);
  family->stream(hash->words, end, block_count);
  for (size_t i = 0; i < 32; i++) digest[i] = (uint8_t)(hash->words[i / 4] >> (24 - i % 4 * 8));
}

/// One message after another.
static void hash_one(uint8_t prefix, const uint8_t *data, size_t length, uint8_t digest[32],
                     const vial_sha256_family *family) {
  vial_sha256 hash;
  vial_sha256_init(&hash);
  vial_sha256_update(&hash, &prefix, 1, family);
  vial_sha256_update(&hash, data, length, family);
  vial_sha256_final(&hash, digest, family);
}

/// Up to lane_count messages of at least 63 bytes: the blocks that all of them have go through the
/// lanes, the rest of each through the stream. Empty lanes repeat the first message.
static void hash_lanes(uint8_t prefix, const uint8_t *const data[], const size_t lengths[], size_t count,
                       uint8_t *digests, const vial_sha256_family *family) {
  const size_t lanes = family->lane_count;
  uint32_t words[8 * VIAL_SHA256_MAXIMUM_LANES];
  uint8_t first[VIAL_SHA256_MAXIMUM_LANES][64];
  const uint8_t *blocks[VIAL_SHA256_MAXIMUM_LANES];
  size_t shortest = lengths[0];
  for (size_t l = 0; l < lanes; l++) {
    size_t source = l < count ? l : 0;
    if (lengths[source] < shortest) shortest = lengths[source];
    for (size_t w = 0; w < 8; w++) words[w * lanes + l] = first_words[w];
    first[l][0] = prefix;
    memcpy(first[l] + 1, data[source], 63);
    blocks[l] = first[l];
  }
  family->lanes(words, blocks, 1);
  size_t block_count = (shortest - 63) / 64;
  for (size_t l = 0; l < lanes; l++) blocks[l] = data[l < count ? l : 0] + 63;
  family->lanes(words, blocks, block_count);
  for (size_t l = 0; l < count; l++) {
    vial_sha256 hash;
    for (size_t w = 0; w < 8; w++) hash.words[w] = words[w * lanes + l];
    size_t done = 63 + block_count * 64;
    hash.byte_count = 1 + done;
    vial_sha256_update(&hash, data[l] + done, lengths[l] - done, family);
    vial_sha256_final(&hash, digests + 32 * l, family);
  }
}

void vial_sha256_many(uint8_t prefix, const uint8_t *const data[], const size_t lengths[], size_t count,
                      uint8_t *digests, const vial_sha256_family *family) {
  while (count > 0) {
    // A group ends before a message that has no whole block.
    size_t group = 0;
    while (group < count && group < family->lane_count && lengths[group] >= 63) group++;
    if (family->lanes != NULL && group >= family->least_lanes) {
      hash_lanes(prefix, data, lengths, group, digests, family);
    } else {
      group = 1;
      hash_one(prefix, data[0], lengths[0], digests, family);
    }
    data += group, lengths += group, digests += 32 * group, count -= group;
  }
}
