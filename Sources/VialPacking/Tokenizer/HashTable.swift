// Owns: open-addressing tables with linear probing, as the tokenizer section stores them.
// Must not: depend on anything but the order of its entries: the same input gives the same slots.

import VialText

/// Slots of a table and how far a search must look.
struct HashTable {
  /// Index of the entry in each slot, -1 where it is empty.
  let slots: [Int]
  /// log2 of the number of slots.
  let bits: UInt32
  /// Most slots that a successful search looks at.
  let probeCount: UInt32

  /// Places entries in order, at most 31 of 32 slots taken. An entry that is farther from its first
  /// slot than the one that it meets takes that one's place, and the other moves on (Robin Hood
  /// hashing): so even a full table has no entry far away, and a search that fails ends soon.
  static func build(hashes: [UInt64]) -> HashTable {
    var bits: UInt32 = 4
    while (31 << Int(bits)) < hashes.count * 32 { bits += 1 }
    let mask = (1 << Int(bits)) - 1
    var slots = [Int](repeating: -1, count: mask + 1)
    var longest = 1
    for index in hashes.indices {
      var moving = index
      var slot = Int(truncatingIfNeeded: hashes[index]) & mask
      var distance = 0
      while slots[slot] >= 0 {
        let other = (slot - Int(truncatingIfNeeded: hashes[slots[slot]])) & mask
        if other < distance {
          longest = max(longest, distance + 1)
          swap(&moving, &slots[slot])
          distance = other
        }
        slot = (slot + 1) & mask
        distance += 1
      }
      slots[slot] = moving
      longest = max(longest, distance + 1)
    }
    return HashTable(slots: slots, bits: bits, probeCount: UInt32(longest))
  }

  /// The hash of a token's bytes.
  static func hash(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
    var hash = TokenizerLayout.hashStart(seed: seed)
    for byte in bytes { hash = TokenizerLayout.hashStep(hash, byte) }
    return TokenizerLayout.hashEnd(hash)
  }
}
