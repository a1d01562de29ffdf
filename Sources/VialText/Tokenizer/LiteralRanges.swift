// Owns: which bytes of a text may not become added tokens: what a user wrote stays text.
// Must not: know the text itself.

/// A stretch of a text in bytes.
public struct TextRange: BitwiseCopyable, Sendable, Equatable {
  /// Offset of the first byte.
  public var start: Int
  /// Number of bytes.
  public var byteCount: Int

  /// `byteCount` bytes from `start`.
  public init(start: Int, byteCount: Int) {
    self.start = start
    self.byteCount = byteCount
  }
}

/// The literal stretches of a text: ascending, not overlapping; or all of it.
struct LiteralRanges: ~Escapable {
  private let ranges: Span<TextRange>
  /// The whole text is literal.
  let isEverything: Bool

  @_lifetime(copy ranges)
  init(_ ranges: Span<TextRange>, isEverything: Bool) {
    self.ranges = ranges
    self.isEverything = isEverything
  }

  /// Nothing is literal.
  var isEmpty: Bool { !isEverything && ranges.isEmpty }

  /// Answers for places that ascend.
  var cursor: LiteralCursor {
    @_lifetime(copy self)
    get { LiteralCursor(ranges, isEverything: isEverything) }
  }

  /// The first stretch without literal bytes that starts at or after `position`, cut at `limit`.
  func freeZone(from position: Int, limit: Int) -> Range<Int> {
    if isEverything { return limit..<limit }
    var start = position
    var index = firstEnding(after: position)
    while index < ranges.count, ranges[index].start <= start {
      start = max(start, ranges[index].start &+ ranges[index].byteCount)
      index += 1
    }
    guard start < limit else { return limit..<limit }
    let end = index < ranges.count ? min(limit, ranges[index].start) : limit
    return start..<max(start, end)
  }

  /// Index of the first range that ends behind `position`.
  private func firstEnding(after position: Int) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].start &+ ranges[middle].byteCount <= position {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}

/// Tells whether places of a text are literal, one behind the other: O(1) each on the whole.
struct LiteralCursor: ~Escapable {
  private let ranges: Span<TextRange>
  private let isEverything: Bool
  private var index = 0

  @_lifetime(copy ranges)
  init(_ ranges: Span<TextRange>, isEverything: Bool) {
    self.ranges = ranges
    self.isEverything = isEverything
  }

  /// Whether any byte of `range` is literal; it must not begin before the one that was asked about
  /// last.
  @inline(__always)
  mutating func meets(_ range: Range<Int>) -> Bool {
    if isEverything { return true }
    while index < ranges.count,
      ranges[index].start &+ ranges[index].byteCount <= range.lowerBound
    { index += 1 }
    return index < ranges.count && ranges[index].start < range.upperBound
  }
}
