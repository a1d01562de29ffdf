// Owns: what a running template holds: small values, strings as lists of slices.
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
    /// Digits, words and escapes that are the same in all templates.
    case builtin = 3
  }

  /// How its letters are written; all of them are ASCII where that is not `plain`.
  enum Form: UInt8 {
    case plain = 0
    case capitals = 1
    case small = 2

    /// A character as it is written.
    func applied(to scalar: UInt32) -> UInt32 {
      scalar < 0x80 ? UInt32(applied(to: UInt8(scalar))) : scalar
    }

    /// A byte as it is written.
    @inline(__always) func applied(to byte: UInt8) -> UInt8 {
      switch self {
      case .plain: byte
      case .capitals: (0x61...0x7A).contains(byte) ? byte - 0x20 : byte
      case .small: (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
      }
    }
  }

  var origin: Origin
  var start: Int
  var count: Int
  var form = Form.plain
}

/// A value of a running template.
struct TemplateValue: BitwiseCopyable {
  /// What the value is.
  enum Kind: UInt8 {
    case undefined = 0
    case none = 1
    case bool = 2
    case integer = 3
    /// Slices `first`..<`first + second` of the arena, of `byteCount` bytes together.
    case string = 4
    /// Message number `first`.
    case message = 5
    /// Values `first`..<`second` of the arena of lists.
    case list = 6
    /// Values `first`..<`second` of the arena of lists: keys and what they stand for, by turns.
    case object = 7
    /// A number of a JSON text: slices as of a string, of the number as Python writes it.
    case number = 8
  }

  var kind: Kind
  var first: Int
  var second: Int
  var byteCount = 0

  static let undefined = TemplateValue(kind: .undefined, first: 0, second: 0)
  static let none = TemplateValue(kind: .none, first: 0, second: 0)
  static func bool(_ value: Bool) -> TemplateValue {
    TemplateValue(kind: .bool, first: value ? 1 : 0, second: 0)
  }
  static func integer(_ value: Int) -> TemplateValue {
    TemplateValue(kind: .integer, first: value, second: 0)
  }
}
