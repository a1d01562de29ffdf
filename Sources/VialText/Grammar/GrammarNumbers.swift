// Numbers of a JSON answer: any, or between two bounds, digit by digit.
// Must not: allow a spelling that JSON does not: no leading zeros, no plus sign, no lone point.

/// Which numbers an answer may have, in units of the last decimal place.
struct GrammarRange {
  /// Decimal places.
  let places: Int
  /// Digits before the point at most.
  static let integerDigits = 12
  let low: Int?
  let high: Int?
}

extension GrammarProgram {
  /// A number of the range, then `next`.
  mutating func number(_ range: GrammarRange, _ next: Int32) throws(GrammarError) -> Int32 {
    guard range.low != nil || range.high != nil else { return try anyNumber(range.places, next) }
    let unit = Self.power(range.places)
    let greatest = Self.power(GrammarRange.integerDigits) * unit - 1
    let (low, high) = (
      max(range.low ?? -greatest, -greatest), min(range.high ?? greatest, greatest)
    )
    guard low <= high else { throw .contradictory("a number has no value between its bounds") }
    var starts: [Int32] = []
    if high >= 0 { starts += try magnitude(max(0, low), high, range.places, next) }
    if low < 0 {
      let negative = try magnitude(max(1, -high), -low, range.places, next)
      starts.append(try literal("-", try either(negative)))
    }
    return try either(starts)
  }

  private mutating func anyNumber(_ places: Int, _ next: Int32) throws(GrammarError) -> Int32 {
    var end = next
    if places > 0 { end = try either([try literal(".", try digits(most: places, next)), next]) }
    let more = try either([try digits(most: GrammarRange.integerDigits - 1, end), end])
    let whole = try either([
      try add(.byte(low: 0x31, high: 0x39, next: more)), try literal("0", end),
    ])
    return try either([whole, try literal("-", whole)])
  }

  private static func power(_ exponent: Int) -> Int {
    (0..<exponent).reduce(1) { value, _ in value * 10 }
  }

  /// Numbers from `low` to `high`, not negative, for each length of the part before the point.
  private mutating func magnitude(
    _ low: Int, _ high: Int, _ places: Int, _ next: Int32
  ) throws(GrammarError) -> [Int32] {
    let unit = Self.power(places)
    var starts: [Int32] = []
    for length in 1...GrammarRange.integerDigits {
      let least = max(low, length == 1 ? 0 : Self.power(length - 1) * unit)
      let most = min(high, Self.power(length) * unit - 1)
      guard least <= most else { continue }
      var digits = GrammarDigits(least, most, length: length, places: places)
      starts.append(try digits.start(&self, next))
    }
    return starts
  }
}

/// Numbers between two of the same length, as nodes.
private struct GrammarDigits {
  private let low: [Int]
  private let high: [Int]
  private let length: Int
  private var memo: [Int: Int32] = [:]

  init(_ low: Int, _ high: Int, length: Int, places: Int) {
    func digits(_ number: Int) -> [Int] {
      var (rest, digits) = (number, [Int](repeating: 0, count: length + places))
      for index in digits.indices.reversed() {
        digits[index] = rest % 10
        rest /= 10
      }
      return digits
    }
    (self.low, self.high, self.length) = (digits(low), digits(high), length)
  }

  mutating func start(_ program: inout GrammarProgram, _ next: Int32) throws(GrammarError) -> Int32
  {
    try node(0, true, true, &program, next)
  }

  /// What may follow the first `position` digits, which are those of a bound where it is tight.
  private mutating func node(
    _ position: Int, _ isLow: Bool, _ isHigh: Bool, _ program: inout GrammarProgram, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    // A bound whose other digits are its extremes binds no more.
    let isLow = isLow && low[position...].contains { $0 != 0 }
    let isHigh = isHigh && high[position...].contains { $0 != 9 }
    let key = position * 4 + (isLow ? 2 : 0) + (isHigh ? 1 : 0)
    if let known = memo[key] { return known }
    var starts: [Int32] = []
    // The rest may be left out where zeros would do: behind the point's place.
    if position >= length, !isLow { starts.append(next) }
    if position < low.count {
      let digits = try digit(position, isLow, isHigh, &program, next)
      starts += position == length ? [try program.literal(".", try program.either(digits))] : digits
    }
    let result = try program.either(starts)
    memo[key] = result
    return result
  }

  private mutating func digit(
    _ position: Int, _ isLow: Bool, _ isHigh: Bool, _ program: inout GrammarProgram, _ next: Int32
  ) throws(GrammarError) -> [Int32] {
    let (first, last) = (isLow ? low[position] : 0, isHigh ? high[position] : 9)
    var starts: [Int32] = []
    func add(
      _ from: Int, _ to: Int, _ low: Bool, _ high: Bool, _ program: inout GrammarProgram,
      _ digits: inout GrammarDigits
    ) throws(GrammarError) {
      guard from <= to else { return }
      let rest = try digits.node(position + 1, low, high, &program, next)
      starts.append(
        try program.add(.byte(low: UInt8(0x30 + from), high: UInt8(0x30 + to), next: rest)))
    }
    if first == last {
      try add(first, first, isLow, isHigh, &program, &self)
      return starts
    }
    if isLow { try add(first, first, true, false, &program, &self) }
    try add(first + (isLow ? 1 : 0), last - (isHigh ? 1 : 0), false, false, &program, &self)
    if isHigh { try add(last, last, false, true, &program, &self) }
    return starts
  }
}
