// Digits between two bounds, as nodes.
// Must not: have a node that leads nowhere, except where a number has more digits than any double.

/// Magnitudes between two bounds, in plain digits.
struct BoundedDigits {
  private let low: NumberRange.Bound
  private let high: NumberRange.Bound?
  private let isInteger: Bool
  private let next: Int32
  /// Digits of whole parts, for the length that is being built.
  private var length = 0
  private var lowWhole: [UInt8] = []
  private var highWhole: [UInt8] = []
  private var wholes: [Place: Int32?] = [:]
  private var fractions: [Place: Int32?] = [:]
  /// A fraction of any digits, perhaps of none.
  private var freeFraction: Int32?
  /// So many digits of any kind, then a free fraction.
  private var freeWholes: [Int32] = []

  private struct Place: Hashable {
    let index: Int
    let isLow: Bool
    let isHigh: Bool
  }

  init(
    _ low: NumberRange.Bound, _ high: NumberRange.Bound?, isInteger: Bool, _ next: Int32
  ) {
    (self.low, self.high, self.isInteger, self.next) = (low, high, isInteger, next)
  }

  /// Beginnings of all of them; none when there is no number.
  mutating func starts(_ program: inout GrammarProgram) throws(GrammarError) -> [Int32] {
    let least = max(1, low.value.whole.count)
    let most = high.map { max(1, $0.value.whole.count) }
    var starts: [Int32] = []
    for length in least...max(least, most ?? least) where length <= most ?? length {
      self.length = length
      lowWhole = length == low.value.whole.count ? low.value.whole : []
      highWhole = length == most ? high?.value.whole ?? [] : []
      if length == 1, low.value.whole.isEmpty { lowWhole = [0] }
      if length == 1, most == 1, highWhole.isEmpty { highWhole = [0] }
      wholes.removeAll(keepingCapacity: true)
      let place = Place(index: 0, isLow: !lowWhole.isEmpty, isHigh: !highWhole.isEmpty)
      if let start = try whole(place, &program) { starts.append(start) }
    }
    if most == nil { starts.append(try longer(than: least, &program)) }
    return starts
  }

  /// Numbers of more digits than the lower bound.
  private mutating func longer(
    than count: Int, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32 {
    let fraction = try fractionOfAnyDigits(&program)
    // Behind more digits than a double has there is no end.
    let scope = GrammarScope(least: count, most: max(count, 299), isOpen: true)
    let rest = try program.inScope(scope) { program throws(GrammarError) in
      let loop = try program.placeholder()
      let digit = try program.digit(0...9, loop)
      program.set(
        loop, try program.add(.leave(next: fraction)),
        try program.add(.count(rest: 0, next: digit)))
      return loop
    }
    return try program.digit(1...9, rest)
  }

  /// What may follow the first digits of the whole part; nil when nothing does.
  private mutating func whole(
    _ place: Place, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    if let known = wholes[place] { return known }
    try program.spend(16)
    var result: Int32?
    if place.index == length {
      result = try fraction(Place(index: 0, isLow: place.isLow, isHigh: place.isHigh), &program)
    } else if !place.isLow, !place.isHigh, place.index > 0 {
      result = try anyWhole(length - place.index, &program)
    } else {
      let first = place.isLow ? lowWhole[place.index] : place.index == 0 && length > 1 ? 1 : 0
      let last = place.isHigh ? highWhole[place.index] : 9
      result = try edges(first, last, place, &program) {
        digits, place, program throws(GrammarError) in try digits.whole(place, &program)
      }
    }
    wholes[place] = .some(result)
    return result
  }

  /// One node for each stretch of digits that lead to the same place.
  private mutating func edges(
    _ first: UInt8, _ last: UInt8, _ place: Place, _ program: inout GrammarProgram,
    _ follow: (inout BoundedDigits, Place, inout GrammarProgram) throws(GrammarError) -> Int32?
  ) throws(GrammarError) -> Int32? {
    guard first <= last else { return nil }
    var starts: [Int32] = []
    var from = first
    while from <= last {
      let isLow = place.isLow && from == first
      // Digits between the bounds are all alike.
      var to = from
      if !isLow, !(place.isHigh && from == last) { to = place.isHigh ? last - 1 : last }
      let isHigh = place.isHigh && to == last
      let inner = Place(index: place.index + 1, isLow: isLow, isHigh: isHigh)
      if let rest = try follow(&self, inner, &program) {
        starts.append(try program.digit(from...to, rest))
      }
      from = to + 1
    }
    return starts.isEmpty ? nil : try program.either(starts)
  }

  /// So many digits of any kind.
  private mutating func anyWhole(
    _ count: Int, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32 {
    if freeWholes.isEmpty { freeWholes = [try fractionOfAnyDigits(&program)] }
    while freeWholes.count <= count {
      freeWholes.append(try program.digit(0...9, freeWholes[freeWholes.count - 1]))
    }
    return freeWholes[count]
  }

  private mutating func fractionOfAnyDigits(
    _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32 {
    if let freeFraction { return freeFraction }
    let node =
      isInteger
      ? next : try program.either([try program.literal(".", try program.digits(next)), next])
    freeFraction = node
    return node
  }

  // MARK: Fractions

  private var lowFraction: [UInt8] { low.value.fraction }
  private var highFraction: [UInt8] { high?.value.fraction ?? [] }

  /// Whether the number may end behind so many digits of its fraction, the rest being zeros.
  private func mayEnd(_ place: Place) -> Bool {
    if place.isLow, place.index < lowFraction.count || low.isExclusive { return false }
    if place.isHigh, place.index >= highFraction.count, high?.isExclusive ?? false { return false }
    return true
  }

  /// What may follow the first digits of the fraction; nil when nothing does.
  private mutating func fraction(
    _ place: Place, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    // Behind its last digit a lower bound that may be met binds no more.
    let isLow = place.isLow && (place.index < lowFraction.count || low.isExclusive)
    let place = Place(index: place.index, isLow: isLow, isHigh: place.isHigh)
    if isInteger { return mayEnd(place) ? next : nil }
    if let known = fractions[place] { return known }
    try program.spend(16)
    let result: Int32?
    if !place.isLow, !place.isHigh {
      result = place.index == 0 ? try fractionOfAnyDigits(&program) : try anyDigits(&program)
    } else if place.index >= max(lowFraction.count, highFraction.count) {
      result = try beyond(place, &program)
    } else {
      result = try inside(place, &program)
    }
    fractions[place] = .some(result)
    return result
  }

  private mutating func anyDigits(
    _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32 {
    let loop = try program.placeholder()
    program.set(loop, next, try program.digit(0...9, loop))
    return loop
  }

  private mutating func inside(
    _ place: Place, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    let least = place.isLow && place.index < lowFraction.count ? lowFraction[place.index] : 0
    let most =
      place.isHigh ? (place.index < highFraction.count ? highFraction[place.index] : 0) : 9
    let digits = try edges(least, most, place, &program) {
      digits, place, program throws(GrammarError) in try digits.fraction(place, &program)
    }
    return try ending(place, digits, &program)
  }

  /// The end, where there may be one, or more digits, behind a point where they are the first.
  private func ending(
    _ place: Place, _ digits: Int32?, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    var starts: [Int32] = mayEnd(place) ? [next] : []
    if let digits {
      starts.append(place.index == 0 ? try program.literal(".", digits) : digits)
    }
    return starts.isEmpty ? nil : try program.either(starts)
  }

  /// Behind all digits of the bounds: zeros say nothing new.
  private mutating func beyond(
    _ place: Place, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    // Above the lower bound and not above the upper one, which is the same number.
    if place.isLow, place.isHigh { return nil }
    if place.isHigh {
      guard mayEnd(place) else { return nil }
      let zeros = try program.placeholder()
      let zero = try program.digit(0...0, zeros)
      program.set(zeros, next, zero)
      return place.index == 0 ? try ending(place, zero, &program) : zeros
    }
    // The lower bound must be left behind.
    let rest = try anyDigits(&program)
    let zeros = try program.placeholder()
    let digits = try program.either([
      try program.digit(0...0, zeros), try program.digit(1...9, rest),
    ])
    program.set(zeros, digits, digits)
    return place.index == 0 ? try program.literal(".", digits) : digits
  }
}

/// Numbers from one to another as so many digits, with zeros in front.
struct FixedDigits {
  private let low: [UInt8]
  private let high: [UInt8]

  init(_ low: Int, _ high: Int, count: Int) {
    func digits(_ value: Int) -> [UInt8] {
      var (rest, digits) = (value, [UInt8](repeating: 0, count: count))
      for index in digits.indices.reversed() {
        digits[index] = UInt8(rest % 10)
        rest /= 10
      }
      return digits
    }
    (self.low, self.high) = (digits(low), digits(high))
  }

  /// Nil when there are none.
  func start(_ program: inout GrammarProgram, _ next: Int32) throws(GrammarError) -> Int32? {
    try node(0, true, true, &program, next)
  }

  private func node(
    _ index: Int, _ isLow: Bool, _ isHigh: Bool, _ program: inout GrammarProgram, _ next: Int32
  ) throws(GrammarError) -> Int32? {
    guard index < low.count else { return next }
    let (first, last) = (isLow ? low[index] : 0, isHigh ? high[index] : 9)
    guard first <= last else { return nil }
    var starts: [Int32] = []
    var from = first
    while from <= last {
      let atLow = isLow && from == first
      var to = from
      if !atLow, !(isHigh && from == last) { to = isHigh ? last - 1 : last }
      let rest = try node(index + 1, atLow, isHigh && to == last, &program, next)
      if let rest { starts.append(try program.digit(from...to, rest)) }
      from = to + 1
    }
    return starts.isEmpty ? nil : try program.either(starts)
  }
}
