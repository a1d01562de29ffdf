// Owns: numbers of a JSON answer: any, or between two bounds, digit by digit.
// Must not: allow a spelling that JSON does not (zeros in front, a plus sign, a lone point), or cut
// a number: where no more digits can be represented, more may still be written, but then the number
// has no end.

/// Which numbers an answer may have.
struct NumberRange {
  /// An end of a range.
  struct Bound {
    let value: DecimalNumber
    let isExclusive: Bool
  }

  var low: Bound?
  var high: Bound?

  /// Whether no number lies in it; whole ones are looked at only where those are meant.
  var isEmpty: Bool {
    guard let low, let high else { return false }
    let order = low.value.compared(with: high.value)
    return order > 0 || (order == 0 && (low.isExclusive || high.isExclusive))
  }

  /// With the nearest whole numbers inside of it as bounds.
  var whole: NumberRange {
    NumberRange(
      low: low.map {
        Bound(value: $0.value.wholeNumber(above: $0.isExclusive), isExclusive: false)
      },
      high: high.map {
        Bound(value: $0.value.wholeNumber(below: $0.isExclusive), isExclusive: false)
      })
  }
}

extension GrammarProgram {
  /// A number of the range, then `next`.
  mutating func number(
    _ range: NumberRange, isInteger: Bool, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    guard !(isInteger ? range.whole : range).isEmpty else { return try dead() }
    if let signs = NumberSigns(isInteger ? range.whole : range) {
      return try add(.call(start: try free(signs, isInteger: isInteger), next: next))
    }
    var starts = try bounded(
      isInteger ? range.whole : range.ofDoubles, isInteger: isInteger, next)
    if !isInteger, range.reachesWideNumbers {
      starts += try bounded(range.whole, isInteger: true, next)
    }
    return starts.isEmpty ? try dead() : try either(starts)
  }

  private mutating func bounded(
    _ range: NumberRange, isInteger: Bool, _ next: Int32
  ) throws(GrammarError) -> [Int32] {
    guard !range.isEmpty else { return [] }
    var starts: [Int32] = []
    if let (low, high) = range.magnitudes(ofNegative: false) {
      starts += try magnitude(low, high, isInteger: isInteger, next)
    }
    if let (low, high) = range.magnitudes(ofNegative: true) {
      let negative = try magnitude(low, high, isInteger: isInteger, next)
      if !negative.isEmpty { starts.append(try literal("-", try either(negative))) }
    }
    return starts
  }

  private mutating func magnitude(
    _ low: NumberRange.Bound, _ high: NumberRange.Bound?, isInteger: Bool, _ next: Int32
  ) throws(GrammarError) -> [Int32] {
    var digits = BoundedDigits(low, high, isInteger: isInteger, next)
    let plain = try digits.starts(&self)
    return isInteger ? plain : try plain + scientific(low, high, next)
  }

  // MARK: Numbers without bounds

  /// Most digits before the point of a number that has an end: no double has more.
  private static let wholeDigits = 300
  /// The greatest power of ten in exponent form, so that every number with one digit before the
  /// point is a double.
  static let greatestExponent = 307
  private static let leastExponent = -300

  /// A rule for numbers of which only the signs are bounded.
  mutating func free(
    _ signs: NumberSigns, isInteger: Bool
  ) throws(GrammarError) -> Int32 {
    try shared(isInteger ? .integer(signs) : .number(signs)) {
      program, end throws(GrammarError) in
      var starts: [Int32] = []
      if signs.allowsPositive {
        starts += try program.freeMagnitude(isInteger: isInteger, allowsZero: signs.allowsZero, end)
      } else if signs.allowsZero {
        starts.append(try program.literal("0", end))
      }
      if signs.allowsNegative {
        let negative = try program.freeMagnitude(
          isInteger: isInteger, allowsZero: signs.allowsZero, end)
        starts.append(try program.literal("-", try program.either(negative)))
      }
      return try program.either(starts)
    }
  }

  private mutating func freeMagnitude(
    isInteger: Bool, allowsZero: Bool, _ next: Int32
  ) throws(GrammarError) -> [Int32] {
    if isInteger {
      let whole = try wholeDigits(most: Self.wholeDigits, next)
      return allowsZero ? [whole, try literal("0", next)] : [whole]
    }
    let fraction = try either([try literal(".", try digits(next)), next])
    var starts = [try wholeDigits(most: Self.wholeDigits, fraction)]
    // With an exponent: behind one digit any that a double has, behind more of them 99 at most.
    let large = try exponent(Self.leastExponent...99, allowsMore: true, next)
    let largeFraction = try either([try literal(".", try digits(large)), large])
    starts.append(try wholeDigits(most: Self.wholeDigits - 100, largeFraction))
    let any = try exponent(Self.leastExponent...Self.greatestExponent, allowsMore: true, next)
    let anyFraction = try either([try literal(".", try digits(any)), any])
    starts.append(try digit(1...9, anyFraction))
    if allowsZero {
      starts += [try literal("0", fraction), try literal("0", anyFraction)]
    } else {
      starts.append(try literal("0.", try zerosAndMore(next)))
    }
    return starts
  }

  /// A digit that is not zero, and others behind it; with more than `most` the number has no end.
  private mutating func wholeDigits(most: Int, _ next: Int32) throws(GrammarError) -> Int32 {
    try digit(1...9, try openDigits(0...9, most: most - 1, next))
  }

  /// Any number of digits; behind more than `most` of them there is no end.
  private mutating func openDigits(
    _ digits: ClosedRange<UInt8>, most: Int, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let scope = GrammarScope(least: 0, most: most, isOpen: true)
    return try inScope(scope) { program throws(GrammarError) in
      let loop = try program.placeholder()
      let digit = try program.digit(digits, loop)
      program.set(
        loop, try program.add(.leave(next: next)), try program.add(.count(rest: 0, next: digit)))
      return loop
    }
  }

  /// Zeros, then a digit that is not zero, then any: a fraction that is not zero as a double
  /// either.
  private mutating func zerosAndMore(_ next: Int32) throws(GrammarError) -> Int32 {
    let rest = try placeholder()
    set(rest, next, try digit(0...9, rest))
    return try openDigits(0...0, most: Self.wholeDigits, try digit(1...9, rest))
  }

  mutating func digit(_ digits: ClosedRange<UInt8>, _ next: Int32) throws(GrammarError) -> Int32 {
    try add(.byte(low: 0x30 + digits.lowerBound, high: 0x30 + digits.upperBound, next: next))
  }

  /// At least one digit, then `next`.
  mutating func digits(_ next: Int32) throws(GrammarError) -> Int32 {
    let loop = try placeholder()
    let digit = try digit(0...9, loop)
    set(loop, next, digit)
    return digit
  }

  // MARK: Exponents

  /// `e` or `E`, perhaps a sign, and up to three digits of a power in the range.
  /// - Parameter allowsMore: a power beyond the range may be written, too, but then the number has
  ///   no end.
  mutating func exponent(
    _ range: ClosedRange<Int>, allowsMore: Bool = false, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    var signs: [Int32] = []
    if range.upperBound >= 0 {
      let powers = try power(max(0, range.lowerBound)...range.upperBound, allowsMore, next)
      signs += [powers, try literal("+", powers)]
    }
    if range.lowerBound < 0 {
      let most = -range.lowerBound
      let powers = try power(max(0, -range.upperBound)...most, allowsMore, next)
      signs.append(try literal("-", powers))
    }
    let sign = try either(signs)
    return try either([try literal("e", sign), try literal("E", sign)])
  }

  private mutating func power(
    _ range: ClosedRange<Int>, _ allowsMore: Bool, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    var starts: [Int32] = []
    for count in 1...3 {
      let greatest = count == 1 ? 9 : count == 2 ? 99 : 999
      guard range.lowerBound <= greatest else { continue }
      let digits = FixedDigits(range.lowerBound, min(range.upperBound, greatest), count: count)
      if let start = try digits.start(&self, next) { starts.append(start) }
    }
    if allowsMore {
      // Three digits or more that lead nowhere: the end of the answer is its budget's.
      starts.append(try openDigits(0...9, most: -1, next))
    }
    return try either(starts)
  }

  /// Numbers with one digit before the point, not zero, and an exponent.
  private mutating func scientific(
    _ low: NumberRange.Bound, _ high: NumberRange.Bound?, _ next: Int32
  ) throws(GrammarError) -> [Int32] {
    if let high, high.value.isZero { return [] }
    let least = low.value.isZero ? nil : low.value.scientific
    let greatest = high?.value.scientific
    // Below the lower bound's digits the power must be greater than its, above the upper bound's
    // less.
    var starts: [Int32] = []
    for reachesLow in least == nil ? [true] : [true, false] {
      for staysBelowHigh in greatest == nil ? [true] : [true, false] {
        let from = least.map { $0.exponent + (reachesLow ? 0 : 1) } ?? Self.leastExponent
        let to = greatest.map { $0.exponent - (staysBelowHigh ? 0 : 1) } ?? Self.greatestExponent
        let powers = (max(from, Self.leastExponent), min(to, Self.greatestExponent))
        guard powers.0 <= powers.1 else { continue }
        let range = NumberRange.mantissas(
          least?.digits, low.isExclusive, reachesLow, greatest?.digits, high?.isExclusive ?? false,
          staysBelowHigh)
        guard let range else { continue }
        let exponent = try exponent(powers.0...powers.1, next)
        var digits = BoundedDigits(range.low, range.high, isInteger: false, exponent)
        starts += try digits.starts(&self)
      }
    }
    return starts
  }
}

/// The signs that a range without other bounds allows.
struct NumberSigns: Hashable, Sendable {
  let allowsNegative: Bool
  let allowsZero: Bool
  let allowsPositive: Bool

  private init() { (allowsNegative, allowsZero, allowsPositive) = (true, true, true) }

  /// Any number.
  static let any = NumberSigns()

  /// Nil for a range that bounds more than signs.
  init?(_ range: NumberRange) {
    guard range.low?.value.isZero ?? true, range.high?.value.isZero ?? true else { return nil }
    allowsNegative = range.low == nil
    allowsPositive = range.high == nil
    allowsZero = !(range.low?.isExclusive ?? false) && !(range.high?.isExclusive ?? false)
  }
}

extension NumberRange {
  /// The magnitudes of its numbers with one sign, zero counting as positive; nil when it has none.
  func magnitudes(ofNegative isNegative: Bool) -> (low: Bound, high: Bound?)? {
    let (near, far) = isNegative ? (high, low) : (low, high)
    let zero = Bound(value: .zero, isExclusive: isNegative)
    if let far,
      far.value.isZero ? isNegative || far.isExclusive : far.value.isNegative != isNegative
    {
      return nil
    }
    let farthest = far.map { Bound(value: $0.value.magnitude, isExclusive: $0.isExclusive) }
    guard let near, !near.value.isZero, near.value.isNegative == isNegative else {
      let isZeroOut = near.map { $0.value.isZero && $0.isExclusive } ?? false
      return (isZeroOut ? Bound(value: .zero, isExclusive: true) : zero, farthest)
    }
    return (Bound(value: near.value.magnitude, isExclusive: near.isExclusive), farthest)
  }

  /// Digits from 1 to below 10, as a number with one digit before the point, that reach those of a
  /// lower bound or do not, and stay within those of an upper one or do not; nil when there are
  /// none.
  static func mantissas(
    _ least: [UInt8]?, _ isLowExclusive: Bool, _ reachesLow: Bool, _ greatest: [UInt8]?,
    _ isHighExclusive: Bool, _ staysBelowHigh: Bool
  ) -> (low: Bound, high: Bound)? {
    func number(_ digits: [UInt8]) -> DecimalNumber {
      DecimalNumber(isNegative: false, whole: [digits[0]], fraction: Array(digits[1...]))
    }
    let ten = DecimalNumber(isNegative: false, whole: [1, 0], fraction: [])
    var range = NumberRange(
      low: Bound(value: .one, isExclusive: false), high: Bound(value: ten, isExclusive: true))
    func raise(_ bound: Bound) {
      guard let low = range.low else { return }
      let order = bound.value.compared(with: low.value)
      if order > 0 || (order == 0 && bound.isExclusive) { range.low = bound }
    }
    func lower(_ bound: Bound) {
      guard let high = range.high else { return }
      let order = bound.value.compared(with: high.value)
      if order < 0 || (order == 0 && bound.isExclusive) { range.high = bound }
    }
    if let least {
      let value = number(least)
      if reachesLow {
        raise(Bound(value: value, isExclusive: isLowExclusive))
      } else {
        lower(Bound(value: value, isExclusive: !isLowExclusive))
      }
    }
    if let greatest {
      let value = number(greatest)
      if staysBelowHigh {
        lower(Bound(value: value, isExclusive: isHighExclusive))
      } else {
        raise(Bound(value: value, isExclusive: !isHighExclusive))
      }
    }
    guard !range.isEmpty, let low = range.low, let high = range.high else { return nil }
    return (low, high)
  }
}
