// Owns: what the compiler knows about a value before the template runs.
// Must not: claim more than holds for every conversation.

/// A value that is the same for every conversation.
enum TemplateConstant: Equatable {
  case undefined
  case none
  case bool(Bool)
  case integer(Int)
  case string([UInt8])
  case list([TemplateConstant])
  /// Texts and what they stand for, which is looked up where it is known or compared with each text
  /// where it is not.
  case dictionary([TemplateEntry])

  /// Python's truth of it.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .string(let bytes): !bytes.isEmpty
    case .list(let elements): !elements.isEmpty
    case .dictionary(let entries): !entries.isEmpty
    }
  }
}

/// A member of a dictionary that is the same for every conversation.
struct TemplateEntry: Equatable {
  let key: [UInt8]
  let value: TemplateConstant
}

/// What is known about a value.
enum TemplateShape: Equatable {
  case constant(TemplateConstant)
  case string
  case bool
  case integer
  case message
  /// A list of messages.
  case list
  /// A list of strings.
  case strings
  /// A list of integers.
  case integers
  /// A list of whatever.
  case values
  /// The namespace with this number.
  case namespace(Int)
  /// A function of the environment.
  case function(String)
  /// A variable that was set to what cannot be compiled.
  case unsupported(TemplateError)
  case unknown

  /// The constant, if it is one.
  var constant: TemplateConstant? {
    if case .constant(let value) = self { return value }
    return nil
  }

  /// Whether it was set to what cannot be compiled.
  var isUnsupported: Bool {
    if case .unsupported = self { return true }
    return false
  }

  /// The members, when it is a dictionary.
  var entries: [TemplateEntry]? {
    if case .constant(.dictionary(let entries)) = self { return entries }
    return nil
  }

  /// Whether the value is certainly a list.
  var isList: Bool {
    switch self {
    case .list, .strings, .integers, .values, .constant(.list): true
    default: false
    }
  }

  /// What is known about a list's elements.
  var element: TemplateShape {
    switch self {
    case .list: return .message
    case .strings: return .string
    case .integers: return .integer
    case .constant(.list(let elements)):
      let shapes = elements.map { TemplateShape.constant($0) }
      if shapes.allSatisfy(\.isString) { return .string }
      return shapes.allSatisfy(\.isInteger) ? .integer : .unknown
    default: return .unknown
    }
  }

  /// Whether the value is certainly a string.
  var isString: Bool {
    if case .constant(.string) = self { return true }
    return self == .string
  }

  /// Whether the value is certainly an integer.
  var isInteger: Bool {
    if case .constant(.integer) = self { return true }
    return self == .integer
  }
}

/// A variable of a template: where it is kept and what is known about it.
struct TemplateVariable: Equatable {
  let slot: Int
  var shape: TemplateShape
}
