// Owns: multiples of a number, digit by digit, each digit with the remainder of those before it.
// Must not: explore remainders that no digits can make up for, or take a divisor that needs too
// many of them.

/// What the numbers of a range are multiples of, scaled so that it is whole.
struct GrammarMultiple {
  /// In units of the last decimal place.
  let divisor: Int
  /// Decimal places.
  let decimalPlaces: Int
  /// Most digits before the point of a multiple of a fraction: beyond, validators round, each in
  /// its way.
  let wholeDigits: Int?
  /// The divisor without its factors of two and five: all that digits far in front are told apart
  /// by.
  let coprime: Int
  /// From so many digits on, those in front are told apart by `coprime` alone.
  let tail: Int

  private static let greatestDivisor = 999_999_999
  private static let greatestCoprime = 1000

  /// Digits that a double holds, whatever they are.
  private static let exactDigits = 15

  /// Takes positive numbers that are whole, or halves, quarters and so on to sixty-fourths: of
  /// others, validators do not agree what their multiples are (4.35 is none of 0.01 to those that
  /// divide doubles).
  init(_ number: DecimalNumber, isInteger: Bool) throws(GrammarError) {
    guard !number.isNegative, !number.isZero else {
      throw .unsupported("a multipleOf that is not positive")
    }
    guard number.whole.count + number.fraction.count <= 9 else {
      throw .unsupported("multipleOf of more than nine digits")
    }
    var divisor = (number.whole + number.fraction).reduce(0) { $0 * 10 + Int($1) }
    var unit = number.fraction.reduce(1) { value, _ in value * 10 }
    let common = Self.gcd(divisor, unit)
    (divisor, unit) = (divisor / common, unit / common)
    guard [1, 2, 4, 8, 16, 32, 64].contains(unit) else {
      throw .unsupported("a multipleOf whose multiples validators do not agree on")
    }
    wholeDigits = unit == 1 ? nil : Self.exactDigits - unit.trailingZeroBitCount
    var decimalPlaces = 0
    if !isInteger {
      // From fractions of `unit` to decimal places.
      while unit > 1 {
        (divisor, unit, decimalPlaces) = (divisor * 5, unit / 2, decimalPlaces + 1)
      }
    }
    var coprime = divisor
    while coprime % 2 == 0 { coprime /= 2 }
    while coprime % 5 == 0 { coprime /= 5 }
    var (tail, power) = (0, 1)
    while power % (divisor / coprime) != 0, tail < 18 { (power, tail) = (power * 10, tail + 1) }
    guard divisor <= Self.greatestDivisor, coprime <= Self.greatestCoprime,
      power % (divisor / coprime) == 0
    else { throw .unsupported("a multipleOf with too many remainders") }
    (self.divisor, self.decimalPlaces, self.coprime, self.tail) = (
      divisor, decimalPlaces, coprime, tail
    )
  }

  /// What digits are told apart by that `count` others follow.
  func modulus(behind count: Int) -> Int {
    count >= tail ? coprime : divisor / Self.gcd(divisor, Self.power(count))
  }

  /// Whether some `count` digits make a multiple of what begins with `remainder`.
  func isViable(_ remainder: Int, _ count: Int) -> Bool {
    guard count < 9 else { return true }
    let rest = remainder * Self.power(count) % divisor
    return rest == 0 || divisor - rest < Self.power(count)
  }

  static func power(_ exponent: Int) -> Int { (0..<exponent).reduce(1) { value, _ in value * 10 } }

  private static func gcd(_ one: Int, _ other: Int) -> Int {
    var (one, other) = (one, other)
    while other != 0 { (one, other) = (other, one % other) }
    return one
  }
}

extension GrammarProgram {
  /// A multiple in the range, then `next`; nil when there is none.
  mutating func multiple(
    _ multiple: GrammarMultiple, _ range: NumberRange, _ next: Int32
  ) throws(GrammarError) -> Int32? {
    var offered = range
    if let digits = multiple.wholeDigits {
      let limit = DecimalNumber(
        isNegative: false, whole: [1] + [UInt8](repeating: 0, count: digits), fraction: [])
      offered.narrow(NumberRange.Bound(value: limit, isExclusive: true), isLow: false)
      offered.narrow(NumberRange.Bound(value: limit.negated, isExclusive: true), isLow: true)
    }
    let scaled = offered.scaled(by: multiple.decimalPlaces)
    var starts: [Int32] = []
    for isNegative in [false, true] where !scaled.isEmpty {
      guard let (low, high) = scaled.magnitudes(ofNegative: isNegative) else { continue }
      let least = low.value.wholeNumber(above: low.isExclusive)
      var digits = MultipleDigits(multiple, least.whole, high?.value.whole, next)
      guard let start = try digits.start(&self) else { continue }
      starts.append(isNegative ? try literal("-", start) : start)
    }
    guard starts.isEmpty else { return try either(starts) }
    // There may be some among those that are not offered.
    if let digits = multiple.wholeDigits, range.reaches(digits) {
      throw .unsupported("multiples of a fraction that have more digits than a double")
    }
    return nil
  }
}

extension NumberRange {
  /// In units of the last of so many decimal places, whole numbers only.
  fileprivate func scaled(by decimalPlaces: Int) -> NumberRange {
    NumberRange(low: low?.shifted(decimalPlaces), high: high?.shifted(decimalPlaces)).whole
  }

  /// Whether numbers of more than so many digits before the point lie in it.
  fileprivate func reaches(_ digits: Int) -> Bool {
    let bounds = [low, high].compactMap { $0 }
    return !isEmpty && (bounds.count < 2 || bounds.contains { $0.value.whole.count > digits })
  }
}

extension NumberRange.Bound {
  /// The same times a power of ten.
  fileprivate func shifted(_ decimalPlaces: Int) -> NumberRange.Bound {
    var fraction = value.fraction[...]
    var whole = value.whole
    for _ in 0..<decimalPlaces { whole.append(fraction.popFirst() ?? 0) }
    return NumberRange.Bound(
      value: DecimalNumber(
        isNegative: value.isNegative, whole: whole, fraction: Array(fraction)),
      isExclusive: isExclusive)
  }
}

/// Multiples from one whole number to another, not negative, with a point before the last places.
private struct MultipleDigits {
  private let multiple: GrammarMultiple
  private let low: [UInt8]
  private let high: [UInt8]?
  private let next: Int32
  /// Digits of the bounds that bind, for the length that is being built.
  private var tightLow: [UInt8] = []
  private var tightHigh: [UInt8] = []
  private var length = 0
  private var memo: [DigitState: Int32?] = [:]

  private struct DigitState: Hashable {
    /// The length that is being built, where a bound binds or no digit was written; 0 elsewhere.
    let length: Int
    let left: Int
    let remainder: Int
    let isLow: Bool
    let isHigh: Bool
  }

  init(_ multiple: GrammarMultiple, _ low: [UInt8], _ high: [UInt8]?, _ next: Int32) {
    self.multiple = multiple
    (self.low, self.high, self.next) = (low, high, next)
  }

  /// Nil when there is none.
  mutating func start(_ program: inout GrammarProgram) throws(GrammarError) -> Int32? {
    let shortest = multiple.decimalPlaces + 1
    let least = max(shortest, low.count)
    let most = high.map { max(shortest, $0.count) } ?? max(least, multiple.tail)
    var starts: [Int32] = []
    for length in least...max(least, most) where length <= most {
      self.length = length
      tightLow = length == least ? padded(low, length) : []
      tightHigh = high.map { length == max(shortest, $0.count) ? padded($0, length) : [] } ?? []
      let found = try node(0, length, 0, !tightLow.isEmpty, !tightHigh.isEmpty, &program)
      if let found { starts.append(found) }
    }
    if high == nil, let longer = try longer(than: most, &program) { starts.append(longer) }
    return starts.isEmpty ? nil : try program.either(starts)
  }

  private func padded(_ digits: [UInt8], _ length: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: max(0, length - digits.count)) + digits
  }

  /// Any digits that are followed by `tail` others, told apart by their remainder.
  private mutating func longer(
    than tail: Int, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    let coprime = multiple.coprime
    var tails: [Int32?] = []
    for remainder in 0..<coprime {
      let isViable = multiple.isViable(remainder, tail)
      tails.append(isViable ? try node(1, tail, remainder, false, false, &program) : nil)
    }
    guard tails.contains(where: { $0 != nil }) else { return nil }
    // Behind more digits than a double has there is no end.
    let scope = GrammarScope(least: 0, most: max(1, 290 - tail), isOpen: true)
    return try program.inScope(scope) { program throws(GrammarError) in
      var loops: [Int32] = []
      for _ in 0..<coprime { loops.append(try program.placeholder()) }
      for remainder in 0..<coprime {
        let digits = try Self.digits(0, remainder, loops, &program)
        let more = try program.add(.count(rest: 0, next: digits))
        let leave = try tails[remainder].map { tail throws(GrammarError) in
          try program.add(.leave(next: tail))
        }
        program.set(loops[remainder], leave ?? more, more)
      }
      return try Self.digits(1, 0, loops, &program)
    }
  }

  /// A digit from `first` to 9, then the loop of the remainder that it leads to.
  private static func digits(
    _ first: Int, _ remainder: Int, _ loops: [Int32], _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32 {
    var starts: [Int32] = []
    for digit in first...9 {
      let value = UInt8(digit)
      starts.append(
        try program.digit(value...value, loops[(remainder * 10 + digit) % loops.count]))
    }
    return try program.either(starts)
  }

  /// What may follow `written` digits with `left` to come; nil when nothing does.
  private mutating func node(
    _ written: Int, _ left: Int, _ remainder: Int, _ isLow: Bool, _ isHigh: Bool,
    _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    let isLow = isLow && tightLow[written...].contains { $0 != 0 }
    let isHigh = isHigh && tightHigh[written...].contains { $0 != 9 }
    let state = DigitState(
      length: isLow || isHigh || written == 0 ? length : 0, left: left, remainder: remainder,
      isLow: isLow, isHigh: isHigh)
    if let known = memo[state] { return known }
    try program.spend(24)
    try program.reserve(1, of: 128)
    var starts: [Int32] = []
    if written > 0, left <= multiple.decimalPlaces, !isLow, remainder == 0 { starts.append(next) }
    if left > 0 {
      let digits = try edges(written, left, remainder, isLow, isHigh, &program)
      if left == multiple.decimalPlaces, !digits.isEmpty {
        starts.append(try program.literal(".", try program.either(digits)))
      } else {
        starts += digits
      }
    }
    let result = starts.isEmpty ? nil : try program.either(starts)
    memo[state] = .some(result)
    return result
  }

  private mutating func edges(
    _ written: Int, _ left: Int, _ remainder: Int, _ isLow: Bool, _ isHigh: Bool,
    _ program: inout GrammarProgram
  ) throws(GrammarError) -> [Int32] {
    // A whole part of several digits does not begin with a zero.
    let least: UInt8 = written == 0 && left > multiple.decimalPlaces + 1 ? 1 : 0
    let first = isLow ? max(least, tightLow[written]) : least
    let last = isHigh ? tightHigh[written] : 9
    guard first <= last else { return [] }
    let modulus = multiple.modulus(behind: left - 1)
    var edges: [(from: UInt8, to: UInt8, rest: Int32)] = []
    for digit in first...last {
      let rest = (remainder * 10 + Int(digit)) % modulus
      guard multiple.isViable(rest, left - 1),
        let next = try node(
          written + 1, left - 1, rest, isLow && digit == tightLow[written],
          isHigh && digit == last, &program)
      else { continue }
      if let edge = edges.last, edge.rest == next, edge.to == digit - 1 {
        edges[edges.count - 1].to = digit
      } else {
        edges.append((digit, digit, next))
      }
    }
    var starts: [Int32] = []
    for edge in edges { starts.append(try program.digit(edge.from...edge.to, edge.rest)) }
    return starts
  }
}
