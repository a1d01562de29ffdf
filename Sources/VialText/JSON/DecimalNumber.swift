// Owns: a decimal number of any length, exactly as a JSON text spells it.
// Must not: round.

/// A number as digits.
package struct DecimalNumber: Equatable {
  package var isNegative: Bool
  /// Digits before the point, 0 to 9, without zeros in front; none for a number below 1.
  package var whole: [UInt8]
  /// Digits behind the point, without zeros at the end.
  package var fraction: [UInt8]

  /// Most digits that a number is written out with.
  static let digitLimit = 700

  package static let zero = DecimalNumber(isNegative: false, whole: [], fraction: [])
  static let one = DecimalNumber(isNegative: false, whole: [1], fraction: [])

  init(isNegative: Bool, whole: [UInt8], fraction: [UInt8]) {
    self.whole = Array(whole.drop { $0 == 0 })
    var fraction = fraction
    while fraction.last == 0 { fraction.removeLast() }
    self.fraction = fraction
    self.isNegative = isNegative && !(self.whole.isEmpty && fraction.isEmpty)
  }

  /// Reads a number that is spelled as JSON has it; nil for another text or one that is too long
  /// written out.
  package init?(_ text: some Collection<UInt8>) {
    var digits: [UInt8] = []
    var (point, exponent, isNegativeExponent) = (Int?.none, 0, false)
    var rest = Array(text)[...]
    let isNegative = rest.first == 0x2D
    if isNegative { rest.removeFirst() }
    while let byte = rest.first, byte | 0x20 != 0x65 {
      rest.removeFirst()
      if byte == 0x2E, point == nil {
        point = digits.count
      } else if (0x30...0x39).contains(byte) {
        digits.append(byte - 0x30)
      } else {
        return nil
      }
    }
    if !rest.isEmpty {
      rest.removeFirst()
      isNegativeExponent = rest.first == 0x2D
      if rest.first == 0x2D || rest.first == 0x2B { rest.removeFirst() }
      for byte in rest {
        guard (0x30...0x39).contains(byte), exponent < Self.digitLimit else { return nil }
        exponent = exponent * 10 + Int(byte - 0x30)
      }
    }
    let scale = (point ?? digits.count) + (isNegativeExponent ? -exponent : exponent)
    guard !digits.isEmpty, abs(scale) <= Self.digitLimit, digits.count <= Self.digitLimit else {
      return nil
    }
    if scale < 0 { digits = [UInt8](repeating: 0, count: -scale) + digits }
    let wholeCount = max(0, scale)
    while digits.count < wholeCount { digits.append(0) }
    self.init(
      isNegative: isNegative, whole: Array(digits[..<wholeCount]),
      fraction: Array(digits[wholeCount...]))
  }

  /// The number written out; one number has one text.
  var text: [UInt8] {
    let digits = (whole.isEmpty ? [0] : whole).map { $0 + 0x30 }
    let scale = fraction.map { $0 + 0x30 }
    return (isNegative ? [0x2D] : []) + digits + (scale.isEmpty ? [] : [0x2E] + scale)
  }

  var isZero: Bool { whole.isEmpty && fraction.isEmpty }

  /// Without its sign.
  var magnitude: DecimalNumber {
    DecimalNumber(isNegative: false, whole: whole, fraction: fraction)
  }

  var isWhole: Bool { fraction.isEmpty }

  /// The magnitude of the whole part, one more.
  private var nextWhole: [UInt8] {
    var digits = [0] + whole
    for index in digits.indices.reversed() {
      guard digits[index] == 9 else {
        digits[index] += 1
        break
      }
      digits[index] = 0
    }
    return digits
  }

  /// The magnitude of the whole part, one less; it is not zero.
  private var previousWhole: [UInt8] {
    var digits = whole
    for index in digits.indices.reversed() {
      guard digits[index] == 0 else {
        digits[index] -= 1
        break
      }
      digits[index] = 9
    }
    return digits
  }

  /// The least whole number that is not below it, or above it.
  func wholeNumber(above isExclusive: Bool) -> DecimalNumber {
    if isNegative {
      let isMoved = isWhole && isExclusive
      return DecimalNumber(
        isNegative: true, whole: isMoved ? previousWhole : whole, fraction: [])
    }
    let isMoved = !isWhole || isExclusive
    return DecimalNumber(isNegative: false, whole: isMoved ? nextWhole : whole, fraction: [])
  }

  /// The greatest whole number that is not above it, or below it.
  func wholeNumber(below isExclusive: Bool) -> DecimalNumber {
    negated.wholeNumber(above: isExclusive).negated
  }

  var negated: DecimalNumber {
    DecimalNumber(isNegative: !isNegative, whole: whole, fraction: fraction)
  }

  /// -1, 0 or 1: how it compares with another number.
  package func compared(with other: DecimalNumber) -> Int {
    if isNegative != other.isNegative { return isNegative ? -1 : 1 }
    let order = Self.magnitudeOrder(self, other)
    return isNegative ? -order : order
  }

  private static func magnitudeOrder(_ one: DecimalNumber, _ other: DecimalNumber) -> Int {
    if one.whole.count != other.whole.count { return one.whole.count < other.whole.count ? -1 : 1 }
    let (left, right) = (one.whole + one.fraction, other.whole + other.fraction)
    for (first, second) in zip(left, right) where first != second { return first < second ? -1 : 1 }
    return left.count == right.count ? 0 : left.count < right.count ? -1 : 1
  }

  /// Its digits from the first that is not zero, and what power of ten that one counts; the number
  /// is not zero.
  var scientific: (digits: [UInt8], exponent: Int) {
    if !whole.isEmpty { return (whole + fraction, whole.count - 1) }
    let zeros = fraction.prefix { $0 == 0 }.count
    return (Array(fraction[zeros...]), -zeros - 1)
  }
}

extension JSONValue {
  /// The number, exactly; nil when this is something else, or too long written out.
  var decimal: DecimalNumber? {
    switch self {
    case .integer, .number, .wide: DecimalNumber(compactText)
    default: nil
    }
  }
}
