// Owns: what can be wrong with a JSON text, and where.
// Must not: carry text from the document: it may be a request's.
// The offset says where to look.

/// A JSON text that the strict reader refuses.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Byte offset of the first byte that is wrong.
  public let offset: Int
  /// What kind of fault it is.
  public let kind: Kind
  /// One sentence in plain words.
  public let message: String

  /// Kinds of faults that are told apart.
  public enum Kind: Sendable {
    /// Not a JSON text.
    case syntax
    /// JSON, but nested too deeply or too long.
    case size
    /// JSON, but a key stands twice in an object.
    case repeatedKey
    /// JSON, but a number is too large for a double.
    case number
  }

  /// Makes an error of syntax; `offset` is in bytes from the start of the text.
  public init(offset: Int, _ message: String) { self.init(offset: offset, .syntax, message) }

  /// Makes an error; `offset` is in bytes from the start of the text.
  public init(offset: Int, _ kind: Kind, _ message: String) {
    self.offset = offset
    self.kind = kind
    self.message = message
  }

  /// `byte 17: expected ':' after an object key`.
  public var description: String { "byte \(offset): \(message)" }
}
