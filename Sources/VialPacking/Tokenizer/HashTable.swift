// Open-addressing tables with linear probing, as the tokenizer section stores them.
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

  /// Places entries in order; at most 7 of 12 slots are taken, so a search that fails ends soon.
  static func build(hashes: [UInt64]) -> HashTable {
    var bits: UInt32 = 4
    while (1 << Int(bits)) * 7 < hashes.count * 12 { bits += 1 }
    let mask = (1 << Int(bits)) - 1
    var slots = [Int](repeating: -1, count: mask + 1)
    var longest = 1
    for (index, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & mask
      var probes = 1
      while slots[slot] >= 0 {
        slot = (slot + 1) & mask
        probes += 1
      }
      slots[slot] = index
      longest = max(longest, probes)
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
