// Byte-pair merging of one word: always the pair of lowest rank, the leftmost of equals.
// Owns the two loops: a plain one for short words, a tree of ranks for long ones, so that a
// megabyte without a space costs n log n. Implements Spec/TOKENIZER.md, "Merging".

/// Merges symbols in place.
enum MergeEngine {
  /// Words up to this many symbols take the plain loop.
  static let shortCount = 40

  /// Merges the first `count` symbols of `workspace.symbols` and returns how many remain.
  static func merge(
    count: Int, _ tables: EncoderTables, _ workspace: inout TokenizerWorkspace
  ) throws(TextError) -> Int {
    if count < 2 { return count }
    if count <= shortCount {
      try workspace.pairs.reserve(count, fill: 0)
      return mergeShort(count, tables, &workspace.symbols, &workspace.pairs)
    }
    let long = LongWord(count: count)
    try workspace.next.reserve(count, fill: 0)
    try workspace.previous.reserve(count, fill: 0)
    try workspace.ranks.reserve(long.leaves * 2, fill: 0)
    return long.merge(
      tables, &workspace.symbols, &workspace.next, &workspace.previous, &workspace.ranks)
  }

  private static func mergeShort(
    _ initialCount: Int, _ tables: EncoderTables, _ symbolBuffer: inout WipedBuffer<UInt32>,
    _ pairBuffer: inout WipedBuffer<UInt64>
  ) -> Int {
    var symbols = symbolBuffer.mutableSpan
    var pairs = pairBuffer.mutableSpan
    var count = initialCount
    for index in 0..<count - 1 { pairs[index] = tables.merge(symbols[index], symbols[index + 1]) }
    while count > 1 {
      var best = Merge.none
      var position = 0
      for index in 0..<count - 1 where pairs[index] < best {
        best = pairs[index]
        position = index
      }
      if best == Merge.none { break }
      symbols[position] = UInt32(truncatingIfNeeded: best)
      count -= 1
      for index in position + 1..<max(position + 1, count) {
        symbols[index] = symbols[index + 1]
        pairs[index - 1] = pairs[index]
      }
      if position > 0 {
        pairs[position - 1] = tables.merge(symbols[position - 1], symbols[position])
      }
      if position + 1 < count {
        pairs[position] = tables.merge(symbols[position], symbols[position + 1])
      }
    }
    return count
  }
}

/// A long word: linked symbols and a tournament tree over the rank of each symbol's right pair.
private struct LongWord {
  /// No neighbour, and no rank.
  private static let none = UInt32.max
  private let count: Int
  /// Leaves of the tree: a power of two, at least `count`.
  let leaves: Int

  init(count: Int) {
    self.count = count
    var leaves = 1
    while leaves < count { leaves *= 2 }
    self.leaves = leaves
  }

  func merge(
    _ tables: EncoderTables, _ symbolBuffer: inout WipedBuffer<UInt32>,
    _ nextBuffer: inout WipedBuffer<UInt32>, _ previousBuffer: inout WipedBuffer<UInt32>,
    _ rankBuffer: inout WipedBuffer<UInt32>
  ) -> Int {
    var symbols = symbolBuffer.mutableSpan
    var next = nextBuffer.mutableSpan
    var previous = previousBuffer.mutableSpan
    var ranks = rankBuffer.mutableSpan
    link(tables, symbols.span, &next, &previous, &ranks)
    while ranks[1] != Self.none {
      let position = leftmost(ranks.span)
      let right = Int(next[position])
      guard right < count else { break }
      let merged = tables.merge(symbols[position], symbols[right])
      guard merged != Merge.none else { break }
      symbols[position] = UInt32(truncatingIfNeeded: merged)
      let after = next[right]
      next[position] = after
      next[right] = Self.none
      set(right, Self.none, &ranks)
      if after != Self.none { previous[Int(after)] = UInt32(position) }
      set(position, rank(position, tables, symbols.span, next.span), &ranks)
      let before = previous[position]
      if before != Self.none {
        set(Int(before), rank(Int(before), tables, symbols.span, next.span), &ranks)
      }
    }
    return compact(&symbols, next.span)
  }

  private func link(
    _ tables: EncoderTables, _ symbols: Span<UInt32>, _ next: inout MutableSpan<UInt32>,
    _ previous: inout MutableSpan<UInt32>, _ ranks: inout MutableSpan<UInt32>
  ) {
    for index in 0..<count {
      next[index] = index + 1 < count ? UInt32(index + 1) : Self.none
      previous[index] = index > 0 ? UInt32(index - 1) : Self.none
    }
    for index in 0..<leaves {
      ranks[leaves + index] =
        index < count ? rank(index, tables, symbols, next.span) : Self.none
    }
    for index in stride(from: leaves - 1, to: 0, by: -1) {
      ranks[index] = min(ranks[index * 2], ranks[index * 2 + 1])
    }
  }

  /// The rank of the pair that starts at `position`.
  @inline(__always)
  private func rank(
    _ position: Int, _ tables: EncoderTables, _ symbols: Span<UInt32>, _ next: Span<UInt32>
  ) -> UInt32 {
    let right = next[position]
    if right == Self.none { return Self.none }
    return UInt32(truncatingIfNeeded: tables.merge(symbols[position], symbols[Int(right)]) >> 32)
  }

  /// The leftmost position of the lowest rank.
  @inline(__always)
  private func leftmost(_ ranks: Span<UInt32>) -> Int {
    let best = ranks[1]
    var node = 1
    while node < leaves {
      node *= 2
      if ranks[node] != best { node += 1 }
    }
    return node - leaves
  }

  @inline(__always)
  private func set(_ position: Int, _ rank: UInt32, _ ranks: inout MutableSpan<UInt32>) {
    var node = leaves + position
    ranks[node] = rank
    while node > 1 {
      node /= 2
      let best = min(ranks[node * 2], ranks[node * 2 + 1])
      if ranks[node] == best { return }
      ranks[node] = best
    }
  }

  /// Moves the remaining symbols to the front.
  private func compact(_ symbols: inout MutableSpan<UInt32>, _ next: Span<UInt32>) -> Int {
    var written = 0
    var position = 0
    while true {
      symbols[written] = symbols[position]
      written += 1
      let following = next[position]
      if following == Self.none { return written }
      position = Int(following)
    }
  }
}
