// Regular expressions of a schema's `pattern`, as far as they are regular: parsed to a tree.
// Must not: take what it cannot match exactly (look-around, back references, word boundaries, flags).

/// Reads patterns.
struct GrammarPatternReader {
  private let scalars: [UInt32]
  private var position = 0
  private var depth = 0

  /// The pattern as it must match a whole string.
  static func read(_ text: String) throws(GrammarError) -> GrammarPattern {
    var reader = GrammarPatternReader(text)
    let tree = try reader.alternatives()
    guard reader.position == reader.scalars.count else { throw reader.error }
    return tree
  }

  private init(_ text: String) { scalars = text.unicodeScalars.map(\.value) }

  private var error: GrammarError { .unsupported("a form of 'pattern'") }

  private var current: UInt32? { position < scalars.count ? scalars[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard current == character.value else { return false }
    position += 1
    return true
  }

  private mutating func alternatives() throws(GrammarError) -> GrammarPattern {
    depth += 1
    guard depth <= GrammarLimits.depth else { throw .tooLarge("groups of a pattern") }
    defer { depth -= 1 }
    var parts = [try sequence()]
    while take("|") { parts.append(try sequence()) }
    return parts.count == 1 ? parts[0] : .alternatives(parts)
  }

  /// Without an anchor at an end, anything may stand there; only whole alternatives have anchors.
  private mutating func sequence() throws(GrammarError) -> GrammarPattern {
    let isOutermost = depth == 1
    var parts: [GrammarPattern] = []
    let isAnchored = take("^")
    if isAnchored, !isOutermost { throw error }
    if !isAnchored, isOutermost { parts.append(.anything) }
    while let character = current, character != 0x7C, character != 0x29, character != 0x24 {
      parts.append(try quantified(try atom()))
    }
    let endsHere = take("$")
    if endsHere, !isOutermost || (current != nil && current != 0x7C) { throw error }
    if !endsHere, isOutermost { parts.append(.anything) }
    return .sequence(parts)
  }

  private mutating func atom() throws(GrammarError) -> GrammarPattern {
    guard let character = current, let scalar = Unicode.Scalar(character) else { throw error }
    position += 1
    switch scalar {
    case "(":
      if take("?"), !take(":") { throw error }
      let inner = try alternatives()
      guard take(")") else { throw error }
      return inner
    case "[": return .characters(try characterClass())
    case ".": return .characters(Self.complement([0x0A...0x0A, 0x0D...0x0D]))
    case "\\": return .characters(try escape(inClass: false))
    case "*", "+", "?", "{", "^": throw error
    default: return .characters([character...character])
    }
  }

  private mutating func quantified(_ part: GrammarPattern) throws(GrammarError) -> GrammarPattern {
    var result = part
    if take("*") {
      result = .repetition(part, least: 0, most: nil)
    } else if take("+") {
      result = .repetition(part, least: 1, most: nil)
    } else if take("?") {
      result = .repetition(part, least: 0, most: 1)
    } else if take("{") {
      let least = try number()
      var most: Int? = least
      if take(",") { most = current == 0x7D ? nil : try number() }
      guard take("}") else { throw error }
      guard least <= most ?? least else { throw error }
      result = .repetition(part, least: least, most: most)
    } else {
      return part
    }
    // Lazy quantifiers match the same texts; a second quantifier is an error.
    _ = take("?")
    if let next = current, [0x2A, 0x2B, 0x7B].contains(next) { throw error }
    return result
  }

  private mutating func number() throws(GrammarError) -> Int {
    var (value, count) = (0, 0)
    while let digit = current, (0x30...0x39).contains(digit), value <= GrammarLimits.repetition {
      value = value * 10 + Int(digit - 0x30)
      position += 1
      count += 1
    }
    guard count > 0 else { throw error }
    guard value <= GrammarLimits.repetition else { throw .tooLarge("a repetition of a pattern") }
    return value
  }

  // MARK: Characters

  private static let digit: [ClosedRange<UInt32>] = [0x30...0x39]
  private static let word: [ClosedRange<UInt32>] = [
    0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A,
  ]
  private static let space: [ClosedRange<UInt32>] = [
    0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
    0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
  ]

  private mutating func escape(inClass: Bool) throws(GrammarError) -> [ClosedRange<UInt32>] {
    guard let character = current, let scalar = Unicode.Scalar(character) else { throw error }
    position += 1
    switch scalar {
    case "d": return Self.digit
    case "D": return Self.complement(Self.digit)
    case "w": return Self.word
    case "W": return Self.complement(Self.word)
    case "s": return Self.space
    case "S": return Self.complement(Self.space)
    case "n": return [0x0A...0x0A]
    case "r": return [0x0D...0x0D]
    case "t": return [0x09...0x09]
    case "u":
      guard position + 4 <= scalars.count else { throw error }
      var value: UInt32 = 0
      for _ in 0..<4 {
        guard let scalar = Unicode.Scalar(scalars[position]),
          let digit = Character(scalar).hexDigitValue
        else { throw error }
        value = value * 16 + UInt32(digit)
        position += 1
      }
      return [value...value]
    case "a"..."z", "A"..."Z", "0"..."9": throw error
    default: return [character...character]
    }
  }

  private mutating func characterClass() throws(GrammarError) -> [ClosedRange<UInt32>] {
    let isNegated = take("^")
    var ranges: [ClosedRange<UInt32>] = []
    while let character = current, character != 0x5D {
      position += 1
      let first = character == 0x5C ? try escape(inClass: true) : [character...character]
      guard current == 0x2D, position + 1 < scalars.count, scalars[position + 1] != 0x5D,
        first.count == 1, first[0].count == 1
      else {
        ranges += first
        continue
      }
      position += 1
      let end = scalars[position]
      position += 1
      let last = end == 0x5C ? try escape(inClass: true) : [end...end]
      guard last.count == 1, last[0].count == 1, first[0].lowerBound <= last[0].lowerBound else {
        throw error
      }
      ranges.append(first[0].lowerBound...last[0].lowerBound)
    }
    guard take("]") else { throw error }
    return isNegated ? Self.complement(ranges) : Self.union(ranges)
  }

  private static func union(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = result.last, range.lowerBound <= last.upperBound &+ 1 {
        result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        result.append(range)
      }
    }
    return result
  }

  private static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in union(ranges) {
      if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return result
  }
}
