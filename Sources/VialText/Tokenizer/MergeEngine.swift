// Owns: byte-pair merging of one word (always the pair of lowest rank, the leftmost of equals): a
// plain loop for short words, a tree of ranks for long ones.
// Must not: be quadratic in a long word's length: a megabyte without a space costs n log n.
// Source: Spec/TOKENIZER.md, "Merging".

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
      return mergeShort(
        count, tables, &workspace.symbols, &workspace.pairs, &workspace.work)
    }
    let word = LongWord(count: count)
    try workspace.ranks.reserve(LongWord.rankCount(count), fill: 0)
    try workspace.tree.reserve(word.entryCount, fill: 0)
    return word.merge(
      tables, &workspace.symbols, &workspace.ranks, &workspace.tree, &workspace.work)
  }

  private static func mergeShort(
    _ initialCount: Int, _ tables: EncoderTables, _ symbolBuffer: inout WipedBuffer<UInt32>,
    _ pairBuffer: inout WipedBuffer<UInt64>, _ work: inout WorkBudget
  ) -> Int {
    var symbols = symbolBuffer.mutableSpan
    var pairs = pairBuffer.mutableSpan
    var count = initialCount
    for index in 0..<count - 1 {
      pairs[index] = tables.merge(symbols[index], symbols[index + 1], &work)
    }
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
        pairs[position - 1] = tables.merge(symbols[position - 1], symbols[position], &work)
      }
      if position + 1 < count {
        pairs[position] = tables.merge(symbols[position], symbols[position + 1], &work)
      }
    }
    return count
  }
}
