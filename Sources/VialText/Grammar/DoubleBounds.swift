// Owns: bounds as validators see them that read numbers as doubles.
// Must not: let through a text that a double rounds to a bound which is excluded, or across one.

extension NumberRange {
  /// The part of the range in which a number with a point or an exponent stays when it becomes a
  /// double.
  ///
  /// 0.99999999999999999 is below 1, and the double 1 is not. Whole numbers without a point keep
  /// their digits everywhere.
  var ofDoubles: NumberRange {
    NumberRange(low: low?.ofDouble(isLow: true), high: high?.ofDouble(isLow: false))
  }

  /// Whether whole numbers may lie in it that lie outside of `ofDoubles`.
  var reachesWideNumbers: Bool {
    [low, high].contains { ($0?.value.whole.count ?? 0) >= Bound.wideDigits }
  }
}

extension NumberRange.Bound {
  /// From so many digits on, whole numbers may lie between two doubles.
  fileprivate static let wideDigits = 16
  /// The number next to zero that is written out.
  private static let least = 1e-300

  fileprivate func ofDouble(isLow: Bool) -> NumberRange.Bound {
    guard isExclusive || value.whole.count >= Self.wideDigits,
      var double = Double(String(decoding: value.text, as: UTF8.self)), double.isFinite
    else { return self }
    if value.isZero {
      double = isLow ? Self.least : -Self.least
    } else {
      let order = DecimalNumber(exactly: double).compared(with: value) * (isLow ? 1 : -1)
      if order < 0 || order == 0 && isExclusive {
        double = isLow ? double.nextUp : double.nextDown
      }
    }
    guard double.isFinite else { return self }
    return NumberRange.Bound(value: DecimalNumber(exactly: double), isExclusive: false)
  }
}

extension DecimalNumber {
  /// A double: a large one with all its digits, another one with as many as tell it from others.
  init(exactly double: Double) {
    let isWide = double.magnitude >= 0x1p53
    self =
      isWide ? DecimalNumber(wide: double) : DecimalNumber(Array("\(double)".utf8)) ?? .zero
  }

  /// 2⁵³ or more: a whole number.
  private init(wide double: Double) {
    let base: UInt64 = 1_000_000_000
    var groups = [(double.significandBitPattern | 1 << 52)].flatMap { [$0 % base, $0 / base] }
    var power = Int(double.exponent) - 52
    while power > 0 {
      let shift = min(power, 20)
      power -= shift
      var carry: UInt64 = 0
      for index in groups.indices {
        let product = groups[index] << UInt64(shift) + carry
        (groups[index], carry) = (product % base, product / base)
      }
      if carry > 0 { groups.append(carry) }
    }
    var digits: [UInt8] = []
    for var group in groups {
      for _ in 0..<9 {
        digits.append(UInt8(group % 10))
        group /= 10
      }
    }
    self.init(isNegative: double < 0, whole: digits.reversed(), fraction: [])
  }
}
