// Owns: the arrays of a prompt template that declare its variables, one element for each: rules
//
// Must not: see a value.

internal import VialFormat

/// The arrays that declare variables, of equal length.
struct PromptColumns {
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
  private let aliases: [String]
  private let earlierDates: [String]
  private let version: PromptTemplate.FormatVersion

  init(
    _ fields: PromptFields, _ names: [String], _ version: PromptTemplate.FormatVersion
  ) throws(FormatError) {
    self.fields = fields
    self.names = names
    self.version = version
    kinds = try fields.texts("variable.types")
    limits = try fields.numbers("variable.limits")
    required = try fields.numbers("variable.required")
    items = try fields.optionalNumbers("variable.items", count: names.count)
    ranges = try fields.optionalTexts("variable.ranges", count: names.count)
    units = try fields.optionalTexts("variable.units", count: names.count)
    choices = try fields.optionalTexts("variable.choices", count: names.count)
    defaults = try fields.optionalTexts("variable.defaults", count: names.count)
    notes = try fields.optionalTexts("variable.notes", count: names.count)
    if version == .quoted {
      aliases = try fields.optionalTexts("variable.aliases", count: names.count)
      earlierDates = try fields.optionalTexts("variable.not_before", count: names.count)
    } else {
      // Version 1 does not know these keys.
      aliases = [String](repeating: "", count: names.count)
      earlierDates = aliases
    }
    try fields.expect(
      names.count <= PromptLimits.variableCount && names.allSatisfy(PromptVariable.isName)
        && Set(names).count == names.count, rule: 523, "variable.names",
      "names of variables are too many, misspelled or not distinct")
    let columns: [(key: String, count: Int)] = [
      ("variable.types", kinds.count), ("variable.limits", limits.count),
      ("variable.required", required.count), ("variable.items", items.count),
      ("variable.ranges", ranges.count), ("variable.units", units.count),
      ("variable.choices", choices.count), ("variable.defaults", defaults.count),
      ("variable.notes", notes.count), ("variable.aliases", aliases.count),
      ("variable.not_before", earlierDates.count),
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
    let units = Self.lines(units[index], PromptLimits.unitCount)
    try expect(
      Self.areFine(units, isNumber ? PromptLimits.unitCount : 0, PromptLimits.unitByteCount),
      "variable.units")
    let ranges = unitRanges(index, units)
    try expect(ranges != nil && (isNumber || ranges?.isEmpty == true), "variable.ranges")
    let choices = Self.lines(choices[index], PromptLimits.choiceCount)
    try expect(
      Self.areFine(
        choices, kind == .choice ? PromptLimits.choiceCount : 0, PromptLimits.choiceByteCount)
        && (kind != .choice || !choices.isEmpty), "variable.choices")
    try expect(
      defaults[index].utf8.count <= PromptLimits.noteByteCount
        && (required[index] == 0 || defaults[index].isEmpty), "variable.defaults")
    try expect(notes[index].utf8.count <= PromptLimits.noteByteCount, "variable.notes")
    let aliases = aliases(index, units + choices)
    try expect(aliases != nil, "variable.aliases")
    let earlier = earlierDates[index].isEmpty ? nil : earlierDate(index)
    try expect(earlierDates[index].isEmpty || earlier != nil, "variable.not_before")
    return PromptVariable(
      name: names[index], kind: kind, isRequired: required[index] == 1,
      byteLimit: Int(limits[index]), itemLimit: Int(items[index]), ranges: ranges ?? [],
      units: units, choices: choices, aliases: aliases ?? [], earlierDate: earlier,
      fallback: defaults[index], note: notes[index])
  }

  /// One range for all units, or, from version 2 on, one for each unit that has one; nil when they
  /// are misspelled.
  private func unitRanges(_ index: Int, _ units: [String]) -> [UnitRange]? {
    let lines = Self.lines(ranges[index], PromptLimits.unitCount)
    guard version == .quoted else {
      guard let line = lines.first else { return [] }
      guard lines.count == 1, let range = UnitRange(line), range.unit == nil else { return nil }
      return [range]
    }
    var result: [UnitRange] = []
    for line in lines {
      guard let range = UnitRange(line) else { return nil }
      if let unit = range.unit {
        guard Self.number(of: unit, in: units) != nil,
          !result.contains(where: { $0.unit.map { Self.areEqual($0, unit) } ?? false })
        else { return nil }
      } else if units.count > 1 {
        // What is right in one unit is wrong in another.
        return nil
      }
      result.append(range)
    }
    // A range without a unit holds for everything, so it stands alone.
    return result.count > 1 && result.contains(where: { $0.unit == nil }) ? nil : result
  }

  /// Lines of an alias, a tab and one of `names`; nil when they are anything else.
  private func aliases(_ index: Int, _ names: [String]) -> [PromptAlias]? {
    let lines = Self.lines(aliases[index], PromptLimits.aliasCount)
    guard lines.count <= PromptLimits.aliasCount else { return nil }
    var result: [PromptAlias] = []
    for line in lines {
      let parts = line.utf8.split(separator: 0x09, omittingEmptySubsequences: false).map {
        String(Substring($0))
      }
      guard parts.count == 2, Self.number(of: parts[1], in: names) != nil else { return nil }
      result.append(PromptAlias(alias: parts[0], name: parts[1]))
    }
    let known = names + result.map(\.alias)
    return Self.areFine(known, known.count, PromptLimits.choiceByteCount) ? result : nil
  }

  /// The number of the date that this one, a date too, must not lie before.
  private func earlierDate(_ index: Int) -> Int? {
    guard kinds[index] == "date", let other = names.firstIndex(of: earlierDates[index]),
      other != index, kinds[other] == "date"
    else { return nil }
    return other
  }

  /// The lines of a text; of more than `most` so many that it shows, whatever a file says.
  private static func lines(_ text: String, _ most: Int) -> [String] {
    text.isEmpty
      ? []
      : text.utf8.split(separator: 0x0A, maxSplits: most, omittingEmptySubsequences: false).map {
        String(Substring($0))
      }
  }

  /// Equal byte for byte; to Swift, strings that only look alike are equal, too.
  private static func areEqual(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
  }

  private static func number(of text: String, in texts: [String]) -> Int? {
    texts.firstIndex { areEqual($0, text) }
  }

  /// Few and short enough, no two alike, none empty or with spaces at an end.
  private static func areFine(_ texts: [String], _ count: Int, _ byteCount: Int) -> Bool {
    texts.count <= count && Set(texts.map { Array($0.utf8) }).count == texts.count
      && texts.allSatisfy {
        (1...byteCount).contains($0.utf8.count) && $0.utf8.first != 0x20 && $0.utf8.last != 0x20
      }
  }
}
