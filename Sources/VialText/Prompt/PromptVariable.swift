// A variable of a prompt template: its type and what its values must keep to.
// Owns. Must not: see a value.

internal import VialFormat

/// A declared variable.
public struct PromptVariable: Sendable, Equatable {
  /// What values are.
  public enum Kind: String, Sendable, CaseIterable {
    /// Any text.
    case text
    /// Whole, perhaps with a unit.
    case integer
    /// Decimal, perhaps with a unit.
    case number
    /// Items, one a line.
    case list
    /// One of a list.
    case choice
    /// A day, YYYY-MM-DD.
    case date
  }

  /// Letters, digits, underscores.
  public let name: String
  /// What values are.
  public let kind: Kind
  /// Whether there must be a value.
  public let isRequired: Bool
  /// Most bytes of a text or of all items of a list; 0 for other kinds.
  public let byteLimit: Int
  /// Most items of a list; 0 for other kinds.
  public let itemLimit: Int
  /// Where numbers lie; nil for no range.
  public let range: DecimalRange?
  /// Units that a number may have; none: it has no unit.
  public let units: [String]
  /// Values of a choice.
  public let choices: [String]
  /// What stands in the text when an optional variable has no value.
  public let fallback: String
  /// For people.
  public let note: String

  /// Reads the parallel arrays of a template.
  static func list(
    _ fields: PromptFields, _ names: [String]
  ) throws(FormatError) -> [PromptVariable] {
    let columns = try PromptColumns(fields, names)
    var variables: [PromptVariable] = []
    for index in names.indices { variables.append(try columns.variable(index)) }
    return variables
  }

  /// Whether `text` is spelled as names are.
  public static func isName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
      }
  }
}

/// The arrays that declare variables, of equal length.
private struct PromptColumns {
  private let fields: PromptFields
  private let names: [String]
  private let kinds: [String]
  private let limits: [UInt64]
  private let required: [UInt64]
  private let items: [UInt64]
  private let ranges: [String]
  private let units: [String]
  private let choices: [String]
  private let defaults: [String]
  private let notes: [String]

  init(_ fields: PromptFields, _ names: [String]) throws(FormatError) {
    self.fields = fields
    self.names = names
    kinds = try fields.texts("variable.types")
    limits = try fields.numbers("variable.limits")
    required = try fields.numbers("variable.required")
    items = try fields.optionalNumbers("variable.items", count: names.count)
    ranges = try fields.optionalTexts("variable.ranges", count: names.count)
    units = try fields.optionalTexts("variable.units", count: names.count)
    choices = try fields.optionalTexts("variable.choices", count: names.count)
    defaults = try fields.optionalTexts("variable.defaults", count: names.count)
    notes = try fields.optionalTexts("variable.notes", count: names.count)
    try fields.expect(
      names.count <= PromptLimits.variableCount && names.allSatisfy(PromptVariable.isName)
        && Set(names).count == names.count, rule: 523, "variable.names",
      "names of variables are too many, misspelled or not distinct")
    let columns: [(key: String, count: Int)] = [
      ("variable.types", kinds.count), ("variable.limits", limits.count),
      ("variable.required", required.count), ("variable.items", items.count),
      ("variable.ranges", ranges.count), ("variable.units", units.count),
      ("variable.choices", choices.count), ("variable.defaults", defaults.count),
      ("variable.notes", notes.count),
    ]
    for column in columns {
      try fields.expect(
        column.count == names.count, rule: 523, column.key,
        "an array does not have an element for each variable")
    }
  }

  func variable(_ index: Int) throws(FormatError) -> PromptVariable {
    guard let kind = PromptVariable.Kind(rawValue: kinds[index]) else {
      throw fields.error(rule: 524, "variable.types", "a variable has an unknown type")
    }
    let isNumber = kind == .number || kind == .integer
    let isText = kind == .text || kind == .list
    func expect(_ condition: Bool, _ key: String) throws(FormatError) {
      try fields.expect(
        condition, rule: 524, key, "a variable has something that its type does not take")
    }
    try expect(
      isText ? (1...PromptLimits.valueByteCount).contains(limits[index]) : limits[index] == 0,
      "variable.limits")
    try expect(required[index] <= 1, "variable.required")
    try expect(
      kind == .list ? (1...PromptLimits.itemCount).contains(items[index]) : items[index] == 0,
      "variable.items")
    let range = ranges[index].isEmpty ? nil : DecimalRange(ranges[index])
    try expect(ranges[index].isEmpty || (isNumber && range != nil), "variable.ranges")
    let units = Self.lines(units[index])
    try expect(
      Self.areFine(units, isNumber ? PromptLimits.unitCount : 0, PromptLimits.unitByteCount),
      "variable.units")
    let choices = Self.lines(choices[index])
    try expect(
      Self.areFine(
        choices, kind == .choice ? PromptLimits.choiceCount : 0, PromptLimits.choiceByteCount)
        && (kind != .choice || !choices.isEmpty), "variable.choices")
    try expect(
      defaults[index].utf8.count <= PromptLimits.noteByteCount
        && (required[index] == 0 || defaults[index].isEmpty), "variable.defaults")
    try expect(notes[index].utf8.count <= PromptLimits.noteByteCount, "variable.notes")
    return PromptVariable(
      name: names[index], kind: kind, isRequired: required[index] == 1,
      byteLimit: Int(limits[index]), itemLimit: Int(items[index]), range: range, units: units,
      choices: choices, fallback: defaults[index], note: notes[index])
  }

  private static func lines(_ text: String) -> [String] {
    text.isEmpty
      ? []
      : text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map {
        String(Substring($0))
      }
  }

  /// Few and short enough, no two alike, none empty or with spaces at an end.
  private static func areFine(_ texts: [String], _ count: Int, _ byteCount: Int) -> Bool {
    texts.count <= count && Set(texts.map { Array($0.utf8) }).count == texts.count
      && texts.allSatisfy {
        (1...byteCount).contains($0.utf8.count) && $0.utf8.first != 0x20 && $0.utf8.last != 0x20
      }
  }
}
