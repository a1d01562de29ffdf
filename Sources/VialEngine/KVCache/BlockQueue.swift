// Owns: an order of block numbers, oldest first, from which any can be taken out at once.
// Must not: know what a block holds.

/// A list of block numbers that is linked both ways. Every operation is O(1).
struct BlockQueue {
  private static let none = Int32(-1)
  private var newer: [Int32]
  private var older: [Int32]
  private var oldest = none
  private var newest = none
  /// Blocks in the list.
  private(set) var count = 0

  /// An empty list of numbers below `blockCount`.
  init(blockCount: Int) {
    newer = [Int32](repeating: Self.none, count: blockCount)
    older = newer
  }

  /// Puts a block that is not in the list at its newest end.
  mutating func append(_ block: Int) {
    older[block] = newest
    newer[block] = Self.none
    if newest == Self.none { oldest = Int32(block) } else { newer[Int(newest)] = Int32(block) }
    newest = Int32(block)
    count += 1
  }

  /// Takes out a block that is in the list.
  mutating func remove(_ block: Int) {
    let (before, after) = (older[block], newer[block])
    if before == Self.none { oldest = after } else { newer[Int(before)] = after }
    if after == Self.none { newest = before } else { older[Int(after)] = before }
    count -= 1
  }

  /// Takes out the oldest block.
  mutating func popOldest() -> Int? {
    guard oldest != Self.none else { return nil }
    let block = Int(oldest)
    remove(block)
    return block
  }
}
