// Owns: digits between two bounds, as nodes.
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
  private var wholes: [DigitState: Int32?] = [:]
  private var fractions: [DigitState: Int32?] = [:]
  /// A fraction of any digits, perhaps of none.
  private var freeFraction: Int32?
  /// So many digits of any kind, then a free fraction.
  private var freeWholes: [Int32] = []

  private struct DigitState: Hashable {
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
      let state = DigitState(index: 0, isLow: !lowWhole.isEmpty, isHigh: !highWhole.isEmpty)
      if let start = try whole(state, &program) { starts.append(start) }
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
    _ state: DigitState, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    if let known = wholes[state] { return known }
    try program.spend(16)
    var result: Int32?
    if state.index == length {
      result = try fraction(
        DigitState(index: 0, isLow: state.isLow, isHigh: state.isHigh), &program)
    } else if !state.isLow, !state.isHigh, state.index > 0 {
      result = try anyWhole(length - state.index, &program)
    } else {
      let first = state.isLow ? lowWhole[state.index] : state.index == 0 && length > 1 ? 1 : 0
      let last = state.isHigh ? highWhole[state.index] : 9
      result = try edges(first, last, state, &program) {
        digits, state, program throws(GrammarError) in try digits.whole(state, &program)
      }
    }
    wholes[state] = .some(result)
    return result
  }

  /// One node for each stretch of digits that lead to the same place.
  private mutating func edges(
    _ first: UInt8, _ last: UInt8, _ state: DigitState, _ program: inout GrammarProgram,
    _ follow: (inout BoundedDigits, DigitState, inout GrammarProgram) throws(GrammarError) -> Int32?
  ) throws(GrammarError) -> Int32? {
    guard first <= last else { return nil }
    var starts: [Int32] = []
    var from = first
    while from <= last {
      let isLow = state.isLow && from == first
      // Digits between the bounds are all alike.
      var to = from
      if !isLow, !(state.isHigh && from == last) { to = state.isHigh ? last - 1 : last }
      let isHigh = state.isHigh && to == last
      let inner = DigitState(index: state.index + 1, isLow: isLow, isHigh: isHigh)
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
  private func mayEnd(_ state: DigitState) -> Bool {
    if state.isLow, state.index < lowFraction.count || low.isExclusive { return false }
    if state.isHigh, state.index >= highFraction.count, high?.isExclusive ?? false { return false }
    return true
  }

  /// What may follow the first digits of the fraction; nil when nothing does.
  private mutating func fraction(
    _ state: DigitState, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    // Behind its last digit a lower bound that may be met binds no more.
    let isLow = state.isLow && (state.index < lowFraction.count || low.isExclusive)
    let state = DigitState(index: state.index, isLow: isLow, isHigh: state.isHigh)
    if isInteger { return mayEnd(state) ? next : nil }
    if let known = fractions[state] { return known }
    try program.spend(16)
    let result: Int32?
    if !state.isLow, !state.isHigh {
      result = state.index == 0 ? try fractionOfAnyDigits(&program) : try anyDigits(&program)
    } else if state.index >= max(lowFraction.count, highFraction.count) {
      result = try beyond(state, &program)
    } else {
      result = try inside(state, &program)
    }
    fractions[state] = .some(result)
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
    _ state: DigitState, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    let least = state.isLow && state.index < lowFraction.count ? lowFraction[state.index] : 0
    let most =
      state.isHigh ? (state.index < highFraction.count ? highFraction[state.index] : 0) : 9
    let digits = try edges(least, most, state, &program) {
      digits, state, program throws(GrammarError) in try digits.fraction(state, &program)
    }
    return try ending(state, digits, &program)
  }

  /// The end, where there may be one, or more digits, behind a point where they are the first.
  private func ending(
    _ state: DigitState, _ digits: Int32?, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    var starts: [Int32] = mayEnd(state) ? [next] : []
    if let digits {
      starts.append(state.index == 0 ? try program.literal(".", digits) : digits)
    }
    return starts.isEmpty ? nil : try program.either(starts)
  }

  /// Behind all digits of the bounds: zeros say nothing new.
  private mutating func beyond(
    _ state: DigitState, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32? {
    // Above the lower bound and not above the upper one, which is the same number.
    if state.isLow, state.isHigh { return nil }
    if state.isHigh {
      guard mayEnd(state) else { return nil }
      let zeros = try program.placeholder()
      let zero = try program.digit(0...0, zeros)
      program.set(zeros, next, zero)
      return state.index == 0 ? try ending(state, zero, &program) : zeros
    }
    // The lower bound must be left behind.
    let rest = try anyDigits(&program)
    let zeros = try program.placeholder()
    let digits = try program.either([
      try program.digit(0...0, zeros), try program.digit(1...9, rest),
    ])
    program.set(zeros, digits, digits)
    return state.index == 0 ? try program.literal(".", digits) : digits
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
