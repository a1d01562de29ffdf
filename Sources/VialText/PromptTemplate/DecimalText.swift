// Owns: decimal numbers as people and FHIR write them, compared digit for digit.
// Must not: make a `String` of a value, which may be a patient's, or a double, which has 15 digits.

/// Where the digits of a number lie in the text that it was read from: `-`, digits, perhaps a point
/// with digits behind it, perhaps an exponent.
struct DecimalText: Sendable {
  /// Most digits of a value; FHIR asks for 18 at least.
  static let digitLimit = 64
  /// Exponents lie between minus this and this.
  private static let exponentLimit = 99

  /// Whether it is below zero.
  private let isNegative: Bool
  /// From the first digit that is not 0 to behind the last digit, perhaps with the point; empty:
  /// the number is 0.
  private let digits: Range<Int>
  /// The number is 0.d₁d₂d₃… times ten to this power.
  private let magnitude: Int

  /// Reads the whole of `text`; nil when it is spelled otherwise or has more digits.
  init?(
    _ text: Span<UInt8>, digitLimit: Int, isInteger: Bool = false, takesExponent: Bool = false
  ) {
    var position = text.count > 0 && text[0] == 0x2D ? 1 : 0
    isNegative = position == 1
    var (count, whole, first) = (0, 0, Int?.none)
    var (hasPoint, lastIsDigit) = (false, false)
    var leadingZeros = 0
    while position < text.count {
      let byte = text[position]
      if byte == 0x2E, !hasPoint, lastIsDigit, !isInteger {
        (hasPoint, lastIsDigit) = (true, false)
      } else if (0x30...0x39).contains(byte), count < digitLimit {
        count += 1
        whole += hasPoint ? 0 : 1
        if first == nil {
          if byte == 0x30 { leadingZeros += 1 } else { first = position }
        }
        lastIsDigit = true
      } else {
        break
      }
      position += 1
    }
    guard lastIsDigit else { return nil }
    digits = first.map { $0..<position } ?? position..<position
    guard position < text.count else {
      magnitude = whole - leadingZeros
      return
    }
    guard takesExponent, let exponent = Self.exponent(text.extracting(position..<text.count)) else {
      return nil
    }
    magnitude = whole - leadingZeros + exponent
  }

  /// `e` or `E`, perhaps a sign, one or two digits.
  private static func exponent(_ text: Span<UInt8>) -> Int? {
    guard text.count > 1, text[0] | 0x20 == 0x65 else { return nil }
    let start = text[1] == 0x2B || text[1] == 0x2D ? 2 : 1
    guard (1...2).contains(text.count - start) else { return nil }
    var value = 0
    for index in start..<text.count {
      guard (0x30...0x39).contains(text[index]) else { return nil }
      value = value * 10 + Int(text[index] - 0x30)
    }
    guard value <= exponentLimit else { return nil }
    return text[1] == 0x2D ? -value : value
  }

  /// Less than 0, 0 or more than 0. Each number goes with the text that it was read from.
  func compare(_ text: Span<UInt8>, _ other: DecimalText, _ otherText: Span<UInt8>) -> Int {
    let (sign, otherSign) = (self.sign, other.sign)
    guard sign == otherSign, sign != 0 else { return sign - otherSign }
    guard magnitude == other.magnitude else { return magnitude < other.magnitude ? -sign : sign }
    var (left, right) = (digits.lowerBound, other.digits.lowerBound)
    while left < digits.upperBound || right < other.digits.upperBound {
      let a = Self.digit(text, &left, digits.upperBound)
      let b = Self.digit(otherText, &right, other.digits.upperBound)
      if a != b { return a < b ? -sign : sign }
    }
    return 0
  }

  private var sign: Int { digits.isEmpty ? 0 : isNegative ? -1 : 1 }

  /// The digit at `position`, or behind a point there; 0 behind the last one.
  private static func digit(_ text: Span<UInt8>, _ position: inout Int, _ end: Int) -> UInt8 {
    if position < end, text[position] == 0x2E { position += 1 }
    guard position < end else { return 0x30 }
    defer { position += 1 }
    return text[position]
  }

  /// Length of the number that `text` begins with; 0 when it begins with none.
  static func prefixLength(_ text: Span<UInt8>, takesExponent: Bool = false) -> Int {
    var position = 0
    while position < text.count {
      let byte = text[position]
      guard (0x30...0x39).contains(byte) || byte == 0x2E || (byte == 0x2D && position == 0) else {
        break
      }
      position += 1
    }
    guard takesExponent, position > 0, position < text.count, text[position] | 0x20 == 0x65 else {
      return position
    }
    var end = position + 1
    if end < text.count, text[end] == 0x2B || text[end] == 0x2D { end += 1 }
    let start = end
    while end < text.count, (0x30...0x39).contains(text[end]) { end += 1 }
    return end > start ? end : position
  }
}
