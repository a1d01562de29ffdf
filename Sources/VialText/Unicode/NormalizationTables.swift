// Owns: lookups in the pinned normalisation tables, and Hangul's arithmetic.
// Must not: know text; `NormalizationC` does.
// Source: Spec/TOKENIZER.md, "NFC".

/// Combining classes, decompositions and compositions.
enum NormalizationTables {
  static let hangulBase: UInt32 = 0xAC00
  static let hangulCount: UInt32 = 11172
  private static let leadBase: UInt32 = 0x1100
  private static let vowelBase: UInt32 = 0x1161
  private static let tailBase: UInt32 = 0x11A7

  /// The canonical combining class, 0 for starters. O(log n).
  static func combiningClass(_ scalar: UInt32) -> UInt8 {
    let runs = UnicodeNormalizationData.combiningRuns
    // The last run that starts at or before the scalar.
    let position = lowerBound(runs.count) { runs[$0] >> 8 <= scalar }
    return position == 0 ? 0 : UInt8(truncatingIfNeeded: runs[position - 1])
  }

  /// Calls `body` with each character of the full canonical decomposition.
  @inline(__always)
  static func decompose(_ scalar: UInt32, _ body: (UInt32) -> Void) {
    if scalar >= hangulBase, scalar - hangulBase < hangulCount {
      let index = scalar - hangulBase
      body(leadBase + index / 588)
      body(vowelBase + index % 588 / 28)
      if index % 28 != 0 { body(tailBase + index % 28) }
      return
    }
    let keys = UnicodeNormalizationData.decomposable
    let position = lowerBound(keys.count) { keys[$0] < scalar }
    guard position < keys.count, keys[position] == scalar else {
      body(scalar)
      return
    }
    let starts = UnicodeNormalizationData.decompositionStarts
    for index in Int(starts[position])..<Int(starts[position + 1]) {
      body(UnicodeNormalizationData.decompositions[index])
    }
  }

  /// What two characters compose to, or nil.
  static func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if first >= leadBase, first < leadBase + 19, second >= vowelBase, second < vowelBase + 21 {
      return hangulBase + ((first - leadBase) * 21 + (second - vowelBase)) * 28
    }
    if first >= hangulBase, first - hangulBase < hangulCount, (first - hangulBase) % 28 == 0,
      second > tailBase, second < tailBase + 28
    {
      return first + (second - tailBase)
    }
    let key = UInt64(first) << 32 | UInt64(second)
    let pairs = UnicodeNormalizationData.compositionPairs
    let position = lowerBound(pairs.count) { pairs[$0] < key }
    guard position < pairs.count, pairs[position] == key else { return nil }
    return UnicodeNormalizationData.composites[position]
  }

  /// The number of leading positions for which `isBefore` holds (they come first).
  @inline(__always)
  private static func lowerBound(_ count: Int, _ isBefore: (Int) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(middle) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
