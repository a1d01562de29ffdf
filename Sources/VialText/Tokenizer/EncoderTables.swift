// Owns: the columns that encoding reads, as spans, and the look-ups in them.
// Must not: trust any value of a column; every index is checked and every probe bounded.

internal import VialFormat

/// What two neighbouring symbols merge to.
enum Merge {
  /// The pair does not merge.
  static let none = UInt64.max
}

/// Spans over the tables of one `Tokenizer`, for the time of one encoding.
struct EncoderTables: ~Escapable {
  private let tokenBytes: Span<UInt8>
  private let tokenOffsets: Span<UInt32>
  private let vocabularySlots: Span<UInt32>
  private let mergeSlots: Span<UInt64>
  let byteTokens: Span<UInt32>
  let fallbackTokens: Span<UInt32>
  private let seed: UInt64
  private let mergeMask: Int
  private let mergeProbeCount: Int
  private let vocabularyMask: Int
  private let vocabularyProbeCount: Int
  let tokenCount: UInt32
  let longestToken: Int

  @_lifetime(borrow tokenizer)
  init(_ tokenizer: borrowing Tokenizer) {
    tokenBytes = tokenizer.tokenBytes.span
    tokenOffsets = tokenizer.tokenOffsets.span
    vocabularySlots = tokenizer.vocabularySlots.span
    mergeSlots = tokenizer.mergeSlots.span
    byteTokens = tokenizer.byteTokens.span
    fallbackTokens = tokenizer.fallbackTokens.span
    seed = tokenizer.header.hashSeed
    mergeMask = tokenizer.mergeSlots.count / 2 - 1
    mergeProbeCount = Int(tokenizer.header.mergeProbeCount)
    vocabularyMask = tokenizer.vocabularySlots.count - 1
    vocabularyProbeCount = Int(tokenizer.header.vocabularyProbeCount)
    tokenCount = tokenizer.header.tokenCount
    longestToken = Int(tokenizer.header.longestToken)
  }

  /// Rank << 32 | resulting symbol of a pair, or `Merge.none`. O(1), bounded probes.
  @inline(__always)
  func merge(_ left: UInt32, _ right: UInt32, _ work: inout WorkBudget) -> UInt64 {
    let pair = UInt64(left) << 32 | UInt64(right)
    var slot = Int(truncatingIfNeeded: TokenizerLayout.hash(pair: pair, seed: seed)) & mergeMask
    var probeCount = 0
    var found = Merge.none
    while probeCount < mergeProbeCount {
      probeCount &+= 1
      // The table has twice `mergeMask` + 1 words.
      let value = unsafe mergeSlots[unchecked: slot &* 2 &+ 1]
      // An empty slot ends the search; a real value is never all ones.
      if value == Merge.none { break }
      if unsafe mergeSlots[unchecked: slot &* 2] == pair {
        found = value >> 32 < TokenizerLayout.maxMergeCount ? value : Merge.none
        break
      }
      slot = (slot &+ 1) & mergeMask
    }
    return work.spend(probeCount) ? found : Merge.none
  }

  /// The token whose bytes are exactly `text[range]`, or nil. O(length), bounded probes.
  /// Nil, too, when the budget is spent.
  func token(
    _ text: Span<UInt8>, _ range: Range<Int>, _ work: inout WorkBudget
  ) -> UInt32? {
    guard range.count <= longestToken else { return nil }
    var hash = TokenizerLayout.hashStart(seed: seed)
    for index in range { hash = TokenizerLayout.hashStep(hash, text[index]) }
    hash = TokenizerLayout.hashEnd(hash)
    var slot = Int(truncatingIfNeeded: hash) & vocabularyMask
    // A slot leads to a token's place, and a token of this length to its bytes.
    let slotWork = 8
    for _ in 0..<vocabularyProbeCount {
      let entry = vocabularySlots[slot]
      if entry == 0 { return nil }
      let id = entry - 1
      guard work.spend(slotWork) else { return nil }
      if id < tokenCount, let bytes = bytes(of: id), bytes.count == range.count {
        guard work.spend(range.count) else { return nil }
        if spells(bytes, text, range) { return id }
      }
      slot = (slot &+ 1) & vocabularyMask
    }
    return nil
  }

  /// Where the token's bytes lie, or nil when the table has no such place.
  @inline(__always)
  private func bytes(of id: UInt32) -> Range<Int>? {
    let start = Int(tokenOffsets[Int(id)])
    let end = Int(tokenOffsets[Int(id) + 1])
    guard start <= end, end <= tokenBytes.count else { return nil }
    return start..<end
  }

  private func spells(_ bytes: Range<Int>, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    for index in 0..<range.count
    where tokenBytes[bytes.lowerBound + index] != text[range.lowerBound + index] {
      return false
    }
    return true
  }
}
