// Owns: byte-pair merging of a long word: the array of symbols with gaps, and the tree that finds
// the lowest rank.
// Must not: know text or tables beyond what a pair merges to.
// Source: Spec/TOKENIZER.md, "Merging".
// It takes n log n whatever the word's pairs, in some nine bytes for each of its symbols.

/// The symbols of a long word while they merge.
///
/// A symbol that was merged is the first place of a *span*; the other places of the span are dead
/// and hold where it begins and ends (boundary tags), so that neighbours are found without links:
///
///     place     p        p + 1   …   q − 1    q
///     symbol    merged   q           p        next
///
/// A span of two places has only the tag at q − 1: what follows it is alive, which tells it from
/// longer ones. Each place's pair has a rank; each 16 places have one entry in the tree, which is
/// (rank, place); each 8 entries of a level have one in the next. So the root names the leftmost
/// pair of lowest rank, and a merge touches a line of cache a level.
struct LongWord {
  /// The rank of a pair that does not merge.
  static let noRank = TokenizerLayout.maxMergeCount
  /// The rank of a place whose symbol became part of the one before.
  private static let dead = noRank + 1
  /// An entry of the tree over nothing that merges.
  private static let nothing = UInt64.max
  private static let blockCount = 16
  private static let fanOut = 8

  private let count: Int
  /// Where each level of the tree begins in its buffer; the last level is the root.
  private var levels = InlineArray<12, Int>(repeating: 0)
  private var levelCount = 0
  /// Entries of all levels.
  private(set) var entryCount = 0

  /// A word of `count` symbols.
  init(count: Int) {
    self.count = count
    var entries = Self.blocks(count)
    while true {
      levels[levelCount] = entryCount
      levelCount += 1
      if entries == 1 { break }
      // The last group of a level is full, with entries over nothing.
      entryCount += (entries + Self.fanOut - 1) / Self.fanOut * Self.fanOut
      entries = (entries + Self.fanOut - 1) / Self.fanOut
    }
    entryCount += 1
  }

  private static func blocks(_ count: Int) -> Int { (count + blockCount - 1) / blockCount }

  /// Ranks that a word of `count` symbols has room for: whole blocks.
  static func rankCount(_ count: Int) -> Int { blocks(count) * blockCount }

  /// Merges the symbols, moves what remains to the front and returns its number. When the budget
  /// ends, what remains means nothing.
  func merge(
    _ tables: EncoderTables, _ symbolBuffer: inout WipedBuffer<UInt32>,
    _ rankBuffer: inout WipedBuffer<UInt32>, _ treeBuffer: inout WipedBuffer<UInt64>,
    _ work: inout WorkBudget
  ) -> Int {
    var symbols = symbolBuffer.mutableSpan
    var ranks = rankBuffer.mutableSpan
    var tree = treeBuffer.mutableSpan
    guard fill(tables, symbols.span, &ranks, &tree, &work) else { return 0 }
    let root = levels[levelCount - 1]
    while tree[root] != Self.nothing {
      let position = Int(UInt32(truncatingIfNeeded: tree[root]))
      let middle = end(of: position, symbols.span, ranks.span)
      let value = tables.merge(symbols[position], symbols[middle], &work)
      // Another process may have changed the table, or the budget is spent.
      guard value != Merge.none, work.spend(Self.mergeWork) else { return 0 }
      let after = end(of: middle, symbols.span, ranks.span)
      symbols[position] = UInt32(truncatingIfNeeded: value)
      ranks[middle] = Self.dead
      symbols[after - 1] = UInt32(truncatingIfNeeded: position)
      if after - position > 2 { symbols[position + 1] = UInt32(truncatingIfNeeded: after) }
      rerank(position, middle, after, tables, symbols.span, &ranks, &tree, &work)
    }
    return compact(&symbols, ranks.span)
  }

  /// What a merge costs besides the slots that it looks at, in steps: its symbols, ranks and tree
  /// lie far apart.
  private static let mergeWork = 32

  /// Ranks and tree of a word whose symbols are all alive; false when the budget is spent.
  private func fill(
    _ tables: EncoderTables, _ symbols: Span<UInt32>, _ ranks: inout MutableSpan<UInt32>,
    _ tree: inout MutableSpan<UInt64>, _ work: inout WorkBudget
  ) -> Bool {
    for block in 0..<Self.blocks(count) {
      let start = block * Self.blockCount
      for position in start..<start + Self.blockCount {
        ranks[position] =
          position + 1 < count
          ? Self.rank(tables.merge(symbols[position], symbols[position + 1], &work)) : Self.noRank
      }
      guard work.spend(Self.blockCount) else { return false }
      tree[block] = Self.least(ranks.span, block)
    }
    var filled = Self.blocks(count)
    for level in 0..<levelCount - 1 {
      let above = levels[level + 1]
      let groups = (filled + Self.fanOut - 1) / Self.fanOut
      for entry in levels[level] + filled..<levels[level] + groups * Self.fanOut {
        tree[entry] = Self.nothing
      }
      for group in 0..<groups { tree[above + group] = least(tree.span, level, group) }
      filled = groups
    }
    return true
  }

  /// Ranks the pairs that a merge made: the one that begins at `position` and the one before it.
  @inline(__always)
  private func rerank(
    _ position: Int, _ middle: Int, _ after: Int, _ tables: EncoderTables, _ symbols: Span<UInt32>,
    _ ranks: inout MutableSpan<UInt32>, _ tree: inout MutableSpan<UInt64>,
    _ work: inout WorkBudget
  ) {
    let merged = symbols[position]
    ranks[position] =
      after < count ? Self.rank(tables.merge(merged, symbols[after], &work)) : Self.noRank
    let block = position / Self.blockCount
    if middle / Self.blockCount != block { update(middle / Self.blockCount, ranks.span, &tree) }
    if position > 0 {
      let before =
        ranks[position - 1] == Self.dead ? Int(symbols[position - 1]) : position - 1
      ranks[before] = Self.rank(tables.merge(symbols[before], merged, &work))
      if before / Self.blockCount != block { update(before / Self.blockCount, ranks.span, &tree) }
    }
    update(block, ranks.span, &tree)
  }

  @inline(__always)
  private static func rank(_ value: UInt64) -> UInt32 {
    value == Merge.none ? noRank : UInt32(truncatingIfNeeded: value >> 32)
  }

  /// The place behind the span that begins at `position`.
  @inline(__always)
  private func end(of position: Int, _ symbols: Span<UInt32>, _ ranks: Span<UInt32>) -> Int {
    guard position + 1 < count, ranks[position + 1] == Self.dead else { return position + 1 }
    guard position + 2 < count, ranks[position + 2] == Self.dead else { return position + 2 }
    return Int(symbols[position + 1])
  }

  /// Takes a block's new ranks into the tree.
  @inline(__always)
  private func update(
    _ block: Int, _ ranks: Span<UInt32>, _ tree: inout MutableSpan<UInt64>
  ) {
    var entry = Self.least(ranks, block)
    var index = block
    var level = 0
    while true {
      if tree[levels[level] + index] == entry { return }
      tree[levels[level] + index] = entry
      if level == levelCount - 1 { return }
      index /= Self.fanOut
      entry = least(tree.span, level, index)
      level += 1
    }
  }

  /// The leftmost lowest rank of a block's places.
  @inline(__always)
  private static func least(_ ranks: Span<UInt32>, _ block: Int) -> UInt64 {
    let start = block * blockCount
    precondition(start >= 0 && start + blockCount <= ranks.count)
    // Ranks and "dead" have 26 bits, so four more for the place leave the sign alone.
    var least = Int32.max
    for index in 0..<blockCount {
      least = min(
        least, Int32(bitPattern: unsafe ranks[unchecked: start &+ index] &<< 4 | UInt32(index)))
    }
    let rank = UInt32(bitPattern: least) >> 4
    if rank >= noRank { return nothing }
    return UInt64(rank) << 32 | UInt64(start + Int(least & 15))
  }

  /// The least entry of a group of a level.
  @inline(__always)
  private func least(_ tree: Span<UInt64>, _ level: Int, _ group: Int) -> UInt64 {
    let start = levels[level] + group * Self.fanOut
    precondition(start >= 0 && start + Self.fanOut <= tree.count)
    var least = unsafe tree[unchecked: start]
    for index in start + 1..<start + Self.fanOut {
      least = min(least, unsafe tree[unchecked: index])
    }
    return least
  }

  /// Moves the remaining symbols to the front.
  private func compact(_ symbols: inout MutableSpan<UInt32>, _ ranks: Span<UInt32>) -> Int {
    var written = 0
    for position in 0..<count where ranks[position] != Self.dead {
      symbols[written] = symbols[position]
      written += 1
    }
    return written
  }
}
