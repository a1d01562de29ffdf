// Owns: ranges of decimal numbers.
// Must not: make a `String` of a value: it may be a patient's.

/// Numbers from one to another, both included; a missing end is open.
public struct DecimalRange: Sendable, Equatable {
  /// The least number as it was written; nil when there is none.
  private let low: [UInt8]?
  /// The greatest number as it was written; nil when there is none.
  private let high: [UInt8]?
  /// As it was written, `low..high`.
  public let source: String

  /// Most digits of an end.
  static let digitLimit = 15

  /// Reads `low..high`, of which either may be missing; nil for anything else or when low is above
  /// high.
  public init?(_ source: String) {
    let bytes = Array(source.utf8)
    guard
      let dots = bytes.indices.dropLast().first(where: {
        bytes[$0] == 0x2E && bytes[$0 + 1] == 0x2E
      })
    else { return nil }
    let low = Array(bytes[..<dots])
    let high = Array(bytes[(dots + 2)...])
    for end in [low, high] where !end.isEmpty {
      guard DecimalText(end.span, digitLimit: Self.digitLimit) != nil else { return nil }
    }
    self.low = low.isEmpty ? nil : low
    self.high = high.isEmpty ? nil : high
    self.source = source
    if let low = self.low, !high.isEmpty, Self.compare(high.span, low) < 0 { return nil }
  }

  /// Whether a number lies in the range, digit for digit. `text` is one, as `DecimalText` reads it.
  func contains(_ text: Span<UInt8>) -> Bool {
    if let low, Self.compare(text, low) < 0 { return false }
    if let high, Self.compare(text, high) > 0 { return false }
    return true
  }

  /// Less than 0, 0 or more than 0: as `text` lies below, at or above `end`.
  private static func compare(_ text: Span<UInt8>, _ end: [UInt8]) -> Int {
    guard let left = DecimalText(text, digitLimit: text.count, takesExponent: true),
      let right = DecimalText(end.span, digitLimit: digitLimit)
    else { return 0 }
    return left.compare(text, right, end.span)
  }
}

/// A range of a variable's numbers, in one of its units.
public struct UnitRange: Sendable, Equatable {
  /// The numbers.
  public let range: DecimalRange
  /// The unit in which they are counted; nil: whatever the unit, or none.
  public let unit: String?

  /// As it was written: `low..high`, a space and the unit.
  public var source: String { unit.map { range.source + " " + $0 } ?? range.source }

  /// Reads `low..high`, perhaps with a space and a unit behind it.
  init?(_ source: String) {
    let bytes = Array(source.utf8)
    let space = bytes.firstIndex(of: 0x20)
    guard
      let range = DecimalRange(String(decoding: bytes[..<(space ?? bytes.count)], as: UTF8.self))
    else { return nil }
    self.range = range
    unit = space.map { String(decoding: bytes[($0 + 1)...], as: UTF8.self) }
  }
}
