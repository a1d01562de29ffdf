// Decimal numbers as people write them, and ranges of them.
// Must not: make a `String` of a value: it may be a patient's.

/// Numbers from one to another, both included; a missing end is open.
public struct DecimalRange: Sendable, Equatable {
  /// The least number.
  public let low: Double?
  /// The greatest number.
  public let high: Double?
  /// As it was written, `low..high`.
  public let source: String

  /// Reads `low..high`, of which either may be missing; nil for anything else or when low is above high.
  public init?(_ source: String) {
    let bytes = Array(source.utf8)
    guard
      let dots = bytes.indices.dropLast().first(where: {
        bytes[$0] == 0x2E && bytes[$0 + 1] == 0x2E
      })
    else { return nil }
    func end(_ part: ArraySlice<UInt8>) -> Double?? {
      if part.isEmpty { return .some(nil) }
      let copy = Array(part)
      return DecimalText.parse(copy.span).map { .some($0) } ?? nil
    }
    guard let low = end(bytes[..<dots]), let high = end(bytes[(dots + 2)...]) else { return nil }
    if let low, let high, low > high { return nil }
    (self.low, self.high, self.source) = (low, high, source)
  }

  /// Whether a number lies in the range.
  func contains(_ number: Double) -> Bool {
    if let low, number < low { return false }
    if let high, number > high { return false }
    return true
  }
}

/// Decimal numbers: `-`, digits, and perhaps a point with digits behind it.
enum DecimalText {
  /// Most digits: all numbers of so many are exact or equal for equal spellings.
  static let digitLimit = 15

  /// The number; nil when it is spelled otherwise or has too many digits.
  static func parse(_ text: Span<UInt8>, isInteger: Bool = false) -> Double? {
    var position = text.count > 0 && text[0] == 0x2D ? 1 : 0
    let isNegative = position == 1
    var (mantissa, digits, fraction) = (0, 0, 0)
    var (hasPoint, lastIsDigit) = (false, false)
    while position < text.count {
      let byte = text[position]
      if byte == 0x2E, !hasPoint, lastIsDigit, !isInteger {
        (hasPoint, lastIsDigit) = (true, false)
      } else if (0x30...0x39).contains(byte), digits < digitLimit {
        mantissa = mantissa * 10 + Int(byte - 0x30)
        digits += 1
        fraction += hasPoint ? 1 : 0
        lastIsDigit = true
      } else {
        return nil
      }
      position += 1
    }
    guard lastIsDigit else { return nil }
    var scale = 1.0
    for _ in 0..<fraction { scale *= 10 }
    let value = Double(mantissa) / scale
    return isNegative ? -value : value
  }

  /// Length of the number that `text` begins with; 0 when it begins with none.
  static func prefixLength(_ text: Span<UInt8>) -> Int {
    var position = 0
    while position < text.count {
      let byte = text[position]
      guard (0x30...0x39).contains(byte) || byte == 0x2E || (byte == 0x2D && position == 0) else {
        break
      }
      position += 1
    }
    return position
  }
}
