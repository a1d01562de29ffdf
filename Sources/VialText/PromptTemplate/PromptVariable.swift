// Owns: a variable of a prompt template: its type and what its values must keep to.
// Must not: see a value, or read the template's section (`PromptColumns` does).

internal import VialFormat

/// Another spelling of a unit or of a choice.
public struct PromptAlias: Sendable, Equatable {
  /// How a value may spell it.
  public let alias: String
  /// What it stands for: one of the variable's units or choices.
  public let name: String
}

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
  /// Where numbers lie: one range for all units, or one for each unit that has one.
  public let ranges: [UnitRange]
  /// Units that a number may have; none: it has no unit.
  public let units: [String]
  /// Values of a choice.
  public let choices: [String]
  /// Other spellings of units or choices, which stand in the text as what they mean.
  public let aliases: [PromptAlias]
  /// Number of the date before which this one must not lie; nil for none.
  public let earlierDate: Int?
  /// What stands in the text when an optional variable has no value.
  public let fallback: String
  /// For people.
  public let note: String

  /// The range that holds for numbers in `unit`; nil when none does.
  func range(of unit: String?) -> UnitRange? {
    ranges.first { range in
      guard let own = range.unit else { return true }
      return unit?.utf8.elementsEqual(own.utf8) ?? false
    }
  }

  /// The choice that a value spells, itself or by an alias.
  func choice(_ value: Span<UInt8>) -> String? {
    choices.first { value.isEqual(to: $0) }
      ?? aliases.first { value.isEqual(to: $0.alias) }?.name
  }

  /// Reads the parallel arrays of a template.
  static func list(
    _ fields: PromptFields, _ names: [String], _ version: PromptTemplate.FormatVersion
  ) throws(FormatError) -> [PromptVariable] {
    let columns = try PromptColumns(fields, names, version)
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
