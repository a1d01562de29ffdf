// Owns: a JSON string as the bytes that it spells.
// Must not: compare by Swift's `String`, for which "é" and "e\u{301}" are equal: vocabularies hold
// both as different tokens, so equality and hashing here are of bytes.

/// A string of a JSON text: unescaped, valid UTF-8, compared byte by byte.
public struct JSONString: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The UTF-8 bytes.
  public let bytes: [UInt8]

  /// Wraps bytes that are already known to be valid UTF-8.
  public init(bytes: [UInt8]) { self.bytes = bytes }

  /// The UTF-8 bytes of `text`.
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// The UTF-8 bytes of a literal.
  public init(stringLiteral value: String) { self.init(value) }

  /// The text, for messages and file names.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The same as `text`.
  public var description: String { text }

  /// Whether the bytes are those of `literal`.
  public static func == (left: JSONString, right: StaticString) -> Bool {
    left.bytes.elementsEqual(right.description.utf8)
  }
}
