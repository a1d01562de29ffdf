// Owns: regular expressions of a schema's `pattern`, as far as they are regular: parsed to a tree.
// Must not: take what it cannot match exactly (look-around, back references, word boundaries,
// flags), or what dialects read differently.

/// Reads patterns.
struct GrammarPatternReader {
  private let scalars: [UInt32]
  private var position = 0
  private var depth = 0

  /// What is meant where dialects differ.
  enum Reading {
    /// Texts that match to all: for what is offered.
    case common
    /// Texts that match to any: for what is left out.
    case either
  }

  private let reading: Reading

  /// The pattern as it must match a whole string.
  static func read(
    _ text: String, _ reading: Reading = .common
  ) throws(GrammarError) -> GrammarPattern {
    var reader = GrammarPatternReader(text, reading)
    let tree = try reader.alternatives(isOutermost: true)
    guard reader.position == reader.scalars.count else { throw reader.error }
    return tree
  }

  private init(_ text: String, _ reading: Reading) {
    scalars = text.unicodeScalars.map(\.value)
    self.reading = reading
  }

  private func characters(_ set: DialectSet) -> GrammarPattern {
    .characters(reading == .common ? set.common : set.either)
  }

  private var error: GrammarError {
    .unsupported("a pattern that is none, or that dialects read differently")
  }

  private var current: UInt32? { position < scalars.count ? scalars[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard current == character.value else { return false }
    position += 1
    return true
  }

  /// `isOutermost`: what the alternatives match is all that the string holds.
  private mutating func alternatives(isOutermost: Bool) throws(GrammarError) -> GrammarPattern {
    depth += 1
    guard depth <= GrammarLimits.depth else { throw .tooLarge("groups of a pattern") }
    defer { depth -= 1 }
    var parts = [try sequence(isOutermost: isOutermost)]
    while take("|") { parts.append(try sequence(isOutermost: isOutermost)) }
    return parts.count == 1 ? parts[0] : .alternatives(parts)
  }

  /// Without an anchor at an end, anything may stand there; only whole alternatives have anchors.
  private mutating func sequence(isOutermost: Bool) throws(GrammarError) -> GrammarPattern {
    if isOutermost, current == 0x28, let whole = try wholeGroup() { return whole }
    var parts: [GrammarPattern] = []
    let isAnchored = take("^")
    if isAnchored, !isOutermost { throw Self.innerAnchor }
    if !isAnchored, isOutermost { parts.append(.anything) }
    while let character = current, character != 0x7C, character != 0x29, character != 0x24 {
      parts.append(try quantified(try atom()))
    }
    let endsHere = take("$")
    if endsHere, !isOutermost || !isAtEnd { throw Self.innerAnchor }
    if !endsHere, isOutermost { parts.append(.anything) }
    // To Python, `$` matches before a line end, too.
    if endsHere, reading == .either {
      parts.append(.repetition(characters(DialectSet([0x0A...0x0A])), least: 0, most: 1))
    }
    return .sequence(parts)
  }

  private static let innerAnchor = GrammarError.unsupported(
    "a pattern with an anchor inside of it")

  /// Whether an alternative ends here.
  private var isAtEnd: Bool { current == nil || current == 0x7C || current == 0x29 }

  /// A group that is an alternative by itself: its own alternatives may have anchors. Nil when more
  /// follows it.
  private mutating func wholeGroup() throws(GrammarError) -> GrammarPattern? {
    let start = position
    position += 1
    try groupKind()
    let inner = try alternatives(isOutermost: true)
    if take(")"), isAtEnd { return inner }
    position = start
    return nil
  }

  /// What may stand behind the parenthesis that opens a group.
  private mutating func groupKind() throws(GrammarError) {
    if take("?"), !take(":") {
      throw .unsupported("a pattern with a look-around, a flag or a name of a group")
    }
  }

  private mutating func atom() throws(GrammarError) -> GrammarPattern {
    guard let character = current, let scalar = Unicode.Scalar(character) else { throw error }
    position += 1
    switch scalar {
    case "(":
      try groupKind()
      let inner = try alternatives(isOutermost: false)
      guard take(")") else { throw error }
      return inner
    case "[": return characters(try characterClass())
    case ".": return characters(DialectSet.dot)
    case "\\": return characters(try escape())
    case "^": throw Self.innerAnchor
    case "*", "+", "?", "{": throw error
    default: return characters(DialectSet([character...character]))
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

  private mutating func escape() throws(GrammarError) -> DialectSet {
    guard let character = current, let scalar = Unicode.Scalar(character) else { throw error }
    position += 1
    switch scalar {
    case "d": return .digit
    case "D": return DialectSet.digit.complement
    case "w": return .word
    case "W": return DialectSet.word.complement
    case "s": return .space
    case "S": return DialectSet.space.complement
    case "n": return DialectSet([0x0A...0x0A])
    case "r": return DialectSet([0x0D...0x0D])
    case "t": return DialectSet([0x09...0x09])
    case "f": return DialectSet([0x0C...0x0C])
    case "v": return DialectSet([0x0B...0x0B])
    case "x": return try hexadecimal(2)
    case "u": return try hexadecimal(4)
    case "b", "B": throw .unsupported("a pattern with a word boundary")
    case "0"..."9": throw .unsupported("a pattern with a back-reference")
    case "p", "P": throw .unsupported("a pattern with a Unicode property")
    case "a"..."z", "A"..."Z": throw error
    default: return DialectSet([character...character])
    }
  }

  private mutating func hexadecimal(_ count: Int) throws(GrammarError) -> DialectSet {
    guard scalars.count - position >= count else { throw error }
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let scalar = Unicode.Scalar(scalars[position]),
        let digit = Character(scalar).hexDigitValue
      else { throw error }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    // Half of a pair is a character to one dialect only.
    guard !(0xD800..<0xE000).contains(value) else {
      throw .unsupported("a pattern with half of a surrogate pair")
    }
    return DialectSet([value...value])
  }

  private mutating func characterClass() throws(GrammarError) -> DialectSet {
    let isNegated = take("^")
    // `[]` is empty to ECMA-262, and begins a class that holds the bracket to Python.
    guard current != 0x5D else { throw error }
    var set = DialectSet([])
    while let character = current, character != 0x5D {
      position += 1
      let first = character == 0x5C ? try escape() : DialectSet([character...character])
      guard current == 0x2D, position + 1 < scalars.count, scalars[position + 1] != 0x5D,
        let low = first.single
      else {
        set.ecma += first.ecma
        set.python += first.python
        continue
      }
      position += 1
      let end = scalars[position]
      position += 1
      let last = end == 0x5C ? try escape() : DialectSet([end...end])
      guard let high = last.single, low <= high else { throw error }
      set.ecma.append(low...high)
      set.python.append(low...high)
    }
    guard take("]") else { throw error }
    return isNegated ? set.complement : set
  }
}

extension DialectSet {
  /// The one character that it holds in both readings.
  fileprivate var single: UInt32? {
    guard ecma.count == 1, ecma[0].count == 1, ecma == python else { return nil }
    return ecma[0].lowerBound
  }
}
