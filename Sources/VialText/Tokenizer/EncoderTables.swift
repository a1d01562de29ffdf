// The columns that encoding reads, as spans, and the look-ups in them.
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
  func merge(_ left: UInt32, _ right: UInt32) -> UInt64 {
    let pair = UInt64(left) << 32 | UInt64(right)
    var slot = Int(truncatingIfNeeded: TokenizerLayout.hash(pair: pair, seed: seed)) & mergeMask
    var probesLeft = mergeProbeCount
    while probesLeft > 0 {
      let value = mergeSlots[slot &* 2 &+ 1]
      // An empty slot ends the search; a real value is never all ones.
      if value == Merge.none { return Merge.none }
      if mergeSlots[slot &* 2] == pair { return value }
      slot = (slot &+ 1) & mergeMask
      probesLeft &-= 1
    }
    return Merge.none
  }

  /// The token whose bytes are exactly `text[range]`, or nil. O(length), bounded probes.
  func token(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt32? {
    guard range.count <= longestToken else { return nil }
    var hash = TokenizerLayout.hashStart(seed: seed)
    for index in range { hash = TokenizerLayout.hashStep(hash, text[index]) }
    hash = TokenizerLayout.hashEnd(hash)
    var slot = Int(truncatingIfNeeded: hash) & vocabularyMask
    for _ in 0..<vocabularyProbeCount {
      let entry = vocabularySlots[slot]
      if entry == 0 { return nil }
      let id = entry - 1
      if id < tokenCount, spells(id, text, range) { return id }
      slot = (slot &+ 1) & vocabularyMask
    }
    return nil
  }

  private func spells(_ id: UInt32, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let start = Int(tokenOffsets[Int(id)])
    let end = Int(tokenOffsets[Int(id) + 1])
    guard start <= end, end <= tokenBytes.count, end - start == range.count else { return false }
    for index in 0..<range.count
    where tokenBytes[start + index] != text[range.lowerBound + index] {
      return false
    }
    return true
  }
}
