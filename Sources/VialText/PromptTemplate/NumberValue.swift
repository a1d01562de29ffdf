// Owns: a number with its unit as a value spells it: where its parts lie, and whether it fits its
// variable.
// Must not: make a `String` of a value: it may be a patient's.
// Source: Spec/TEMPLATES.md, "Values of variables" and "Numbers of version 2".

/// Where the parts of a number lie in its value.
struct NumberValue: Sendable {
  /// `<`, `<=`, `>=` or `>`; empty for none.
  private(set) var comparator: Range<Int>
  /// The digits with their sign, point and exponent.
  private(set) var number: Range<Int>
  /// Number of the variable's unit; nil when it has none.
  private(set) var unit: Int?
  /// The record's own flag; empty for none.
  private(set) var flag: Range<Int>
  /// The record's reference range with its brackets; empty for none.
  private(set) var reference: Range<Int>

  /// Why a value is none.
  enum Problem: Error {
    case notANumber
    case wrongUnit
    case outOfRange
  }

  /// Reads a value without white space at its ends.
  init(
    _ text: Span<UInt8>, _ variable: PromptVariable, _ version: PromptTemplate.FormatVersion
  ) throws(Problem) {
    let isQuoted = version == .quoted
    (comparator, flag, reference) = (0..<0, 0..<0, 0..<0)
    if isQuoted { comparator = 0..<Self.comparatorLength(text, at: 0) }
    let start = text.trimmed(comparator.upperBound..<text.count).lowerBound
    let length = DecimalText.prefixLength(
      text.extracting(start..<text.count), takesExponent: isQuoted)
    number = start..<(start + length)
    guard
      DecimalText(
        text.extracting(number),
        digitLimit: isQuoted ? DecimalText.digitLimit : DecimalRange.digitLimit,
        isInteger: variable.kind == .integer,
        takesExponent: isQuoted && variable.kind != .integer) != nil
    else { throw .notANumber }
    let rest = text.trimmed(number.upperBound..<text.count)
    if isQuoted {
      try readParts(text, rest, variable)
    } else {
      unit = Self.unit(text, rest, variable, aliases: false)
      // A bare number has the only unit there is.
      guard unit != nil || (rest.isEmpty && variable.units.count <= 1) else { throw .wrongUnit }
    }
    unit = unit ?? (variable.units.isEmpty ? nil : 0)
    guard let range = variable.range(of: unit.map { variable.units[$0] }) else { return }
    guard range.range.contains(text.extracting(number)) else { throw .outOfRange }
  }

  /// Unit, flag and reference range, each of which may be missing.
  private mutating func readParts(
    _ text: Span<UInt8>, _ rest: Range<Int>, _ variable: PromptVariable
  ) throws(Problem) {
    // The longest stretch that is a unit: a unit may have spaces in it.
    var rest = rest
    for end in Self.wordEnds(text, rest).reversed() {
      guard let found = Self.unit(text, rest.lowerBound..<end, variable, aliases: true) else {
        continue
      }
      unit = found
      rest = text.trimmed(end..<rest.upperBound)
      break
    }
    guard unit != nil || variable.units.count <= 1 else { throw .wrongUnit }
    let word = rest.lowerBound..<(Self.wordEnds(text, rest).first ?? rest.lowerBound)
    if Self.flags.contains(where: { text.extracting(word).isEqual(to: $0) }) {
      flag = word
      rest = text.trimmed(word.upperBound..<rest.upperBound)
    }
    guard rest.isEmpty || Self.isReference(text.extracting(rest)) else { throw .wrongUnit }
    reference = rest
  }

  /// Flags of numbers in HL7's ObservationInterpretation.
  private static let flags = ["N", "L", "LL", "LU", "H", "HH", "HU", "A", "AA", "<", ">"]

  /// Ends of the first words: before a space or an opening bracket, or at the end. No unit has more
  /// than 32 bytes.
  private static func wordEnds(_ text: Span<UInt8>, _ range: Range<Int>) -> [Int] {
    var ends: [Int] = []
    for index in range where index > range.lowerBound && index - range.lowerBound <= 256 {
      if text[index] == 0x20 || text[index] == 0x28 { ends.append(index) }
    }
    if !range.isEmpty { ends.append(range.upperBound) }
    return ends
  }

  /// Number of the unit that a stretch spells.
  private static func unit(
    _ text: Span<UInt8>, _ range: Range<Int>, _ variable: PromptVariable, aliases: Bool
  ) -> Int? {
    let spelled = text.extracting(range)
    if let index = variable.units.firstIndex(where: { spelled.isEqual(to: $0) }) { return index }
    guard aliases, let alias = variable.aliases.first(where: { spelled.isEqual(to: $0.alias) })
    else { return nil }
    return variable.units.firstIndex { $0.utf8.elementsEqual(alias.name.utf8) }
  }

  private static func comparatorLength(_ text: Span<UInt8>, at position: Int) -> Int {
    guard position < text.count, text[position] == 0x3C || text[position] == 0x3E else { return 0 }
    return position + 1 < text.count && text[position + 1] == 0x3D ? 2 : 1
  }

  /// `(low - high)` or `(< high)`, numbers without a unit.
  private static func isReference(_ text: Span<UInt8>) -> Bool {
    guard text.count > 2, text[0] == 0x28, text[text.count - 1] == 0x29 else { return false }
    let end = text.count - 1
    let comparator = comparatorLength(text, at: 1)
    guard let first = numberEnd(text, from: 1 + comparator, to: end) else { return false }
    var rest = text.trimmed(first..<end)
    if rest.isEmpty { return true }
    guard comparator == 0, text[rest.lowerBound] == 0x2D else { return false }
    rest = (rest.lowerBound + 1)..<end
    guard let second = numberEnd(text, from: rest.lowerBound, to: end) else { return false }
    return text.trimmed(second..<end).isEmpty
  }

  /// End of the number that stands there, perhaps behind spaces; nil when there is none.
  private static func numberEnd(_ text: Span<UInt8>, from start: Int, to end: Int) -> Int? {
    let start = text.trimmed(start..<end).lowerBound
    let part = text.extracting(start..<end)
    let length = DecimalText.prefixLength(part)
    guard
      DecimalText(part.extracting(0..<length), digitLimit: DecimalText.digitLimit) != nil
    else { return nil }
    return start + length
  }
}
