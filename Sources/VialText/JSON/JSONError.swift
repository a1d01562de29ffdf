// What can be wrong with a JSON text, and where.
// Must not: carry text from the document: it may be a request's. The offset says where to look.

/// A JSON text that the strict reader refuses.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Byte offset of the first byte that is wrong.
  public let offset: Int
  /// One sentence in plain words.
  public let message: String

  /// Makes an error; `offset` is in bytes from the start of the text.
  public init(offset: Int, _ message: String) {
    self.offset = offset
    self.message = message
  }

  /// `byte 17: expected ':' after an object key`.
  public var description: String { "byte \(offset): \(message)" }
}
