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
  /// What a number is a multiple of.
  var multiple = 1
  /// Greatest multiple.
  static let greatestMultiple = 1_000_000
}

extension GrammarProgram {
  /// A number of the range, then `next`.
  mutating func number(_ range: GrammarRange, _ next: Int32) throws(GrammarError) -> Int32 {
    guard range.low != nil || range.high != nil || range.multiple != 1 else {
      return try anyNumber(range.places, next)
    }
    let unit = Self.power(range.places)
    let greatest = Self.power(GrammarRange.integerDigits) * unit - 1
    let (low, high) = (
      max(range.low ?? -greatest, -greatest), min(range.high ?? greatest, greatest)
    )
    guard low <= high else { throw .contradictory("a number has no value between its bounds") }
    var digits = GrammarDigits(range, next)
    var starts: [Int32] = []
    if high >= 0 { starts += try magnitude(max(0, low), high, &digits) }
    if low < 0 {
      let negative = try magnitude(max(1, -high), -low, &digits)
      if !negative.isEmpty { starts.append(try literal("-", try either(negative))) }
    }
    guard !starts.isEmpty else { throw .contradictory("a number has no value between its bounds") }
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

  fileprivate static func power(_ exponent: Int) -> Int {
    (0..<exponent).reduce(1) { value, _ in value * 10 }
  }

  /// Numbers from `low` to `high`, not negative, for each length of the part before the point.
  private mutating func magnitude(
    _ low: Int, _ high: Int, _ digits: inout GrammarDigits
  ) throws(GrammarError) -> [Int32] {
    let unit = Self.power(digits.places)
    var starts: [Int32] = []
    for length in 1...GrammarRange.integerDigits {
      let least = max(low, length == 1 ? 0 : Self.power(length - 1) * unit)
      let most = min(high, Self.power(length) * unit - 1)
      guard least <= most else { continue }
      if let start = try digits.start(&self, least, most, length: length) { starts.append(start) }
    }
    return starts
  }
}

/// Multiples between two numbers of the same length, as nodes.
private struct GrammarDigits {
  let places: Int
  private let multiple: Int
  private let next: Int32
  private var low: [Int] = []
  private var high: [Int] = []
  private var length = 0
  /// Bounds that were begun; what no bound binds is the same for all.
  private var boundCount = 0
  private var memo: [Place: Int32?] = [:]

  /// Where a number stands.
  private struct Place: Hashable {
    var bounds: Int
    var digitsLeft: Int
    var isLow: Bool
    var isHigh: Bool
    /// Of what the digits so far are worth.
    var remainder: Int
  }

  init(_ range: GrammarRange, _ next: Int32) {
    (places, multiple, self.next) = (range.places, range.multiple, next)
  }

  private func digits(_ number: Int) -> [Int] {
    var (rest, digits) = (number, [Int](repeating: 0, count: length + places))
    for index in digits.indices.reversed() {
      digits[index] = rest % 10
      rest /= 10
    }
    return digits
  }

  /// Multiples from `least` to `most`, both of so many digits before the point; nil when there are none.
  mutating func start(
    _ program: inout GrammarProgram, _ least: Int, _ most: Int, length: Int
  ) throws(GrammarError) -> Int32? {
    self.length = length
    (low, high) = (digits(least), digits(most))
    boundCount += 1
    return try node(0, true, true, 0, &program)
  }

  /// What may follow the first `position` digits, which are those of a bound where it is tight; nil when nothing.
  private mutating func node(
    _ position: Int, _ isLow: Bool, _ isHigh: Bool, _ remainder: Int,
    _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    // A bound whose other digits are its extremes binds no more.
    let isLow = isLow && low[position...].contains { $0 != 0 }
    let isHigh = isHigh && high[position...].contains { $0 != 9 }
    let left = low.count - position
    let place = Place(
      bounds: isLow || isHigh || position == 0 ? boundCount : 0, digitsLeft: left, isLow: isLow,
      isHigh: isHigh, remainder: remainder)
    if let known = memo[place] { return known }
    try program.spend(24)
    try program.reserve(1, of: 128)
    var starts: [Int32] = []
    // The rest may be left out where zeros would do: behind the point's place.
    if position >= length, !isLow, remainder == 0 {
      starts.append(next)
    }
    if left > 0 {
      let digits = try digit(position, isLow, isHigh, remainder, &program)
      if position == length, !digits.isEmpty {
        starts.append(try program.literal(".", try program.either(digits)))
      } else {
        starts += digits
      }
    }
    let result = starts.isEmpty ? nil : try program.either(starts)
    memo[place] = .some(result)
    return result
  }

  private mutating func digit(
    _ position: Int, _ isLow: Bool, _ isHigh: Bool, _ remainder: Int,
    _ program: inout GrammarProgram
  ) throws(GrammarError) -> [Int32] {
    let (first, last) = (isLow ? low[position] : 0, isHigh ? high[position] : 9)
    guard first <= last else { return [] }
    // What the place is worth: where that is a multiple itself, digits cannot be told apart.
    let worth = GrammarProgram.power(low.count - position - 1) % multiple
    var edges: [(from: Int, to: Int, rest: Int32)] = []
    for digit in first...last {
      let rest = try node(
        position + 1, isLow && digit == first, isHigh && digit == last,
        (remainder + digit * worth) % multiple, &program)
      guard let rest else { continue }
      if let edge = edges.last, edge.rest == rest, edge.to == digit - 1 {
        edges[edges.count - 1].to = digit
      } else {
        edges.append((digit, digit, rest))
      }
    }
    var starts: [Int32] = []
    for edge in edges {
      starts.append(
        try program.add(
          .byte(low: UInt8(0x30 + edge.from), high: UInt8(0x30 + edge.to), next: edge.rest)))
    }
    return starts
  }
}
