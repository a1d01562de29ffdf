// What a running template holds: small values, strings as lists of slices.
// Must not: hold text; slices point into the template's pool or the caller's messages.

/// A stretch of a running template's text.
struct TemplateSlice: BitwiseCopyable {
  /// Where the bytes are.
  enum Origin: UInt8 {
    /// The template's own literals.
    case pool = 0
    /// A message's text in which added tokens are recognised.
    case message = 1
    /// A message's text that stays text.
    case literalMessage = 2
  }

  var origin: Origin
  var start: Int
  var count: Int
}

/// A value of a running template.
struct TemplateValue: BitwiseCopyable {
  /// What the value is.
  enum Kind: UInt8 {
    case undefined = 0
    case none = 1
    case bool = 2
    case integer = 3
    /// Slices `first`..<`first + second` of the arena.
    case string = 4
    /// Message number `first`.
    case message = 5
    /// Messages `first`..<`second`.
    case list = 6
  }

  var kind: Kind
  var first: Int
  var second: Int

  static let undefined = TemplateValue(kind: .undefined, first: 0, second: 0)
  static let none = TemplateValue(kind: .none, first: 0, second: 0)
  static func bool(_ value: Bool) -> TemplateValue {
    TemplateValue(kind: .bool, first: value ? 1 : 0, second: 0)
  }
  static func integer(_ value: Int) -> TemplateValue {
    TemplateValue(kind: .integer, first: value, second: 0)
  }
}
