// Owns: a pattern of a schema as a tree over characters.
// Must not: hold a part that matches nothing but the empty text, except as the whole: repeating it
// would be work without a result.

/// A parsed pattern over characters.
struct GrammarPattern: Sendable {
  /// What it is made of.
  indirect enum Form: Sendable {
    case characters([ClosedRange<UInt32>])
    case sequence([GrammarPattern])
    case alternatives([GrammarPattern])
    case repetition(GrammarPattern, least: Int, most: Int?)
  }

  let form: Form
  /// Fewest characters that it matches, at most `countLimit`: so many are more than any string has.
  let least: Int
  /// Whether it matches the empty text only.
  let isEmpty: Bool
  /// Whether it matches no text at all.
  let isImpossible: Bool

  /// More characters than any string may have.
  static let countLimit = GrammarLimits.stringLength + 1

  private init(_ form: Form, least: Int, isEmpty: Bool = false, isImpossible: Bool = false) {
    self.form = form
    self.least = min(least, Self.countLimit)
    self.isEmpty = isEmpty
    self.isImpossible = isImpossible
  }

  private static let nothing = GrammarPattern(
    .characters([]), least: countLimit, isImpossible: true)

  /// One character of the ranges, of which none is a surrogate or a control character without a
  /// short escape.
  static func characters(_ ranges: [ClosedRange<UInt32>]) -> GrammarPattern {
    ranges.isEmpty ? nothing : GrammarPattern(.characters(ranges), least: 1)
  }

  /// All parts, one behind the other.
  static func sequence(_ parts: [GrammarPattern]) -> GrammarPattern {
    if parts.contains(where: \.isImpossible) { return nothing }
    let parts = parts.filter { !$0.isEmpty }
    if parts.count == 1 { return parts[0] }
    let least = parts.reduce(0) { sum($0, $1.least) }
    return GrammarPattern(.sequence(parts), least: least, isEmpty: parts.isEmpty)
  }

  /// One of the parts.
  static func alternatives(_ parts: [GrammarPattern]) -> GrammarPattern {
    let parts = parts.filter { !$0.isImpossible }
    if parts.isEmpty { return nothing }
    return GrammarPattern(
      .alternatives(parts), least: parts.map(\.least).min() ?? 0,
      isEmpty: parts.allSatisfy(\.isEmpty))
  }

  /// `part` from `least` to `most` times; nil: any number of times.
  static func repetition(_ part: GrammarPattern, least: Int, most: Int?) -> GrammarPattern {
    if part.isEmpty || most == 0 { return sequence([]) }
    if part.isImpossible { return least == 0 ? sequence([]) : nothing }
    let (count, overflow) = part.least.multipliedReportingOverflow(by: least)
    return GrammarPattern(
      .repetition(part, least: least, most: most), least: overflow ? countLimit : count)
  }

  /// Characters of two parts together, at most `countLimit`.
  static func sum(_ first: Int, _ second: Int) -> Int {
    let (count, overflow) = first.addingReportingOverflow(second)
    return overflow ? countLimit : min(count, countLimit)
  }

  /// Any character.
  static let any = DialectSet([0...0x10FFFF]).common
  /// Any number of any characters.
  static let anything = repetition(.characters(any), least: 0, most: nil)
}

extension GrammarProgram {
  /// A string in quotes that the pattern matches, of at most `most` characters, then `next`.
  mutating func jsonString(
    matching pattern: GrammarPattern, most: Int, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    guard pattern.least <= most else { return try dead() }
    let close = try literal("\"", next)
    let content = try inScope(GrammarScope(least: 0, most: most)) { program throws(GrammarError) in
      try program.add(pattern, rest: 0, try program.add(.leave(next: close)))
    }
    return try literal("\"", content)
  }

  /// The pattern, then `next`, from where `rest` characters are needed at least.
  private mutating func add(
    _ pattern: GrammarPattern, rest: Int, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    try spend(1)
    switch pattern.form {
    case .characters(let ranges): return try add(characters: ranges, rest: rest, next)
    case .sequence(let parts):
      var (rest, next) = (rest, next)
      for part in parts.reversed() {
        next = try add(part, rest: rest, next)
        rest = GrammarPattern.sum(rest, part.least)
      }
      return next
    case .alternatives(let parts):
      var starts: [Int32] = []
      for part in parts { starts.append(try add(part, rest: rest, next)) }
      return try either(starts)
    case .repetition(let part, let least, let most):
      return try add(part, least, most, rest: rest, next)
    }
  }

  private mutating func add(
    _ part: GrammarPattern, _ least: Int, _ most: Int?, rest: Int, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    var start = next
    if let most {
      for _ in least..<max(least, most) {
        start = try either([next, try add(part, rest: rest, start)])
      }
    } else {
      start = try placeholder()
      set(start, next, try add(part, rest: rest, start))
    }
    var rest = rest
    for _ in 0..<least {
      start = try add(part, rest: rest, start)
      rest = GrammarPattern.sum(rest, part.least)
    }
    return start
  }

  /// One character of the ranges, counted.
  private mutating func add(
    characters ranges: [ClosedRange<UInt32>], rest: Int, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    try add(.count(rest: Int32(clamping: rest), next: try add(characters: ranges, next)))
  }

  /// One character of the ranges, as it stands in a JSON string.
  mutating func add(
    characters ranges: [ClosedRange<UInt32>], _ next: Int32
  ) throws(GrammarError) -> Int32 {
    var starts: [Int32] = []
    for range in ranges {
      for (first, last) in [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0x10FFFF)] as [(UInt32, UInt32)] {
        let (low, high) = (max(range.lowerBound, first), min(range.upperBound, last))
        if low <= high { starts += try characters(low, high, next) }
      }
      for (scalar, escape) in [
        (0x22, "\\\""), (0x5C, "\\\\"), (0x0A, "\\n"), (0x0D, "\\r"), (0x09, "\\t"),
        (0x08, "\\b"), (0x0C, "\\f"),
      ] as [(UInt32, StaticString)] where range.contains(scalar) {
        starts.append(try literal(escape, next))
      }
    }
    return starts.isEmpty ? try dead() : try either(starts)
  }
}
