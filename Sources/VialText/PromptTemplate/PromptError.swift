// Owns: why values do not fit a prompt template.
// Must not: carry any of a value; numbers only.

/// A value, or the lack of one, that a template cannot take. Variables and values are counted from
/// 0.
public enum PromptError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The value with this number names no variable of the template.
  case unknownName(value: Int)
  /// The value with this number is the second of its variable.
  case repeated(value: Int)
  /// A required variable has no value, or a blank one.
  case missing(variable: Int)
  /// The value has more bytes than the variable takes.
  case tooLong(variable: Int, limit: Int)
  /// The list has more items than the variable takes.
  case tooManyItems(variable: Int, limit: Int)
  /// The value is no number, or no whole one.
  case notANumber(variable: Int)
  /// The number is out of the variable's range.
  case outOfRange(variable: Int)
  /// The unit is missing or not one of the variable's.
  case wrongUnit(variable: Int)
  /// The value is not one of the variable's choices.
  case notAChoice(variable: Int)
  /// The value is no date: YYYY-MM-DD, in version 2 what FHIR writes.
  case notADate(variable: Int)
  /// The date lies before that of another variable, which it must not.
  case beforeOther(variable: Int, other: Int)
  /// The messages would be longer than `limit` bytes.
  case textTooLong(limit: Int)
  /// The value is not valid UTF-8 from `offset` on.
  case invalidUTF8(variable: Int, offset: Int)

  /// The variable, when it is about one.
  public var variable: Int? {
    switch self {
    case .unknownName, .repeated, .textTooLong: nil
    case .missing(let variable), .tooLong(let variable, _), .tooManyItems(let variable, _),
      .notANumber(let variable), .outOfRange(let variable), .wrongUnit(let variable),
      .notAChoice(let variable), .notADate(let variable), .beforeOther(let variable, _),
      .invalidUTF8(let variable, _):
      variable
    }
  }

  /// What is wrong, without saying where.
  public var what: String {
    switch self {
    case .unknownName: "the template has no such variable"
    case .repeated: "a variable has two values"
    case .missing: "a required value is missing"
    case .tooLong(_, let limit): "the value is longer than \(limit) bytes"
    case .tooManyItems(_, let limit): "the list has more than \(limit) items"
    case .notANumber: "the value is not a number as the variable takes it"
    case .outOfRange: "the number is out of the variable's range"
    case .wrongUnit: "the unit is missing or not one of the variable's"
    case .notAChoice: "the value is not one of the variable's choices"
    case .notADate: "the value is not a date as the variable takes it"
    case .beforeOther: "the date lies before that of another variable"
    case .textTooLong(let limit): "the messages would be longer than \(limit) bytes"
    case .invalidUTF8(_, let offset): "the value is not valid UTF-8 at byte \(offset)"
    }
  }

  /// One sentence with the number of the variable or value, counted from 1, and no text of
  /// anybody's.
  public var description: String {
    switch self {
    case .unknownName(let value), .repeated(let value): "value \(value + 1): \(what)"
    case .textTooLong: what
    default: "variable \((variable ?? 0) + 1) of the template: \(what)"
    }
  }
}

extension PromptTemplate {
  /// The sentence of an error with the variable's name, for whoever may see the template.
  public func sentence(_ error: PromptError) -> String {
    guard let index = error.variable, variables.indices.contains(index) else {
      return error.description
    }
    let variable = variables[index]
    switch error {
    case .wrongUnit where !variable.units.isEmpty:
      return "\(variable.name): \(error.what): \(variable.units.joined(separator: ", "))"
    case .notAChoice:
      return "\(variable.name): \(error.what): \(variable.choices.joined(separator: ", "))"
    case .outOfRange:
      let ranges = variable.ranges.map(\.source).joined(separator: ", ")
      return "\(variable.name): \(error.what): \(ranges)"
    case .notADate where formatVersion == .quoted:
      return "\(variable.name): the value is no date as FHIR writes it: "
        + "YYYY, YYYY-MM, YYYY-MM-DD, or a day and a time with its zone"
    case .beforeOther(_, let other) where variables.indices.contains(other):
      return "\(variable.name): the date lies before \(variables[other].name)"
    default: return "\(variable.name): \(error.what)"
    }
  }
}
