// Owns: what can go wrong with text at run time (a broken table is a `FormatError` instead).
// Must not: carry any of the text; offsets and limits only (ARCHITECTURE, rule 5).

/// A text or a list of messages that cannot be used.
public enum TextError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The byte at `offset` does not belong to valid UTF-8.
  case invalidUTF8(offset: Int)
  /// The text is longer than `limit` bytes.
  case textTooLong(limit: Int)
  /// The chat template refuses these messages, in words of its own (an offset into its text pool).
  case templateRefused(literal: Int)
  /// The chat template needs something that Vial does not run (a literal that names it).
  case templateUnsupported(literal: Int)
  /// The chat template took more than its step, slice or output limit.
  case templateLimit
  /// The chat template met a value of a kind that it cannot use there.
  case templateType
  /// Tools or the further fields of a message are no JSON at byte `offset`.
  case invalidJSON(offset: Int)
  /// The same have an object with a key twice; the second one begins at byte `offset`.
  case repeatedKey(offset: Int)
  /// The same are nested deeper than `ChatValueReader.depthLimit` levels at byte `offset`.
  case nestedTooDeep(offset: Int)
  /// The number at byte `offset` of the same is longer than `ChatValueReader` takes, or no finite
  /// double.
  case numberOutOfRange(offset: Int)
  /// Tools and further fields of a conversation have more than `ChatValueReader.nodeLimit` values.
  case tooManyValues
  /// Tools are no list of objects, or the further fields of a message are not `ChatFields`.
  case invalidFields
  /// The text's normalised form is longer than `TokenizerLimits` allows.
  case normalizedTextTooLong
  /// The tokenizer's tables are so bad that the text would take more than `TokenizerLimits.work`.
  case tokenizerLimit
  /// Memory is short.
  case outOfMemory

  /// One sentence in plain words.
  public var description: String {
    switch self {
    case .invalidUTF8(let offset): "invalid UTF-8 at byte \(offset)"
    case .textTooLong(let limit): "the text is longer than \(limit) bytes"
    case .templateRefused: "the chat template refuses these messages"
    case .templateUnsupported: "the chat template needs something that is not supported"
    case .templateLimit: "the chat template exceeds its limits"
    case .templateType: "the chat template uses a value of the wrong kind"
    case .invalidJSON(let offset): "tools or a message's fields are no JSON at byte \(offset)"
    case .repeatedKey(let offset):
      "tools or a message's fields have an object with a key twice, at byte \(offset)"
    case .nestedTooDeep(let offset):
      "tools or a message's fields are nested deeper than \(ChatValueReader.depthLimit) levels, at byte \(offset)"
    case .numberOutOfRange(let offset):
      "tools or a message's fields have a number that is out of range, at byte \(offset)"
    case .tooManyValues:
      "tools and messages' fields have more than \(ChatValueReader.nodeLimit) values together"
    case .invalidFields: "tools or a message's fields are not of the kinds that they must be"
    case .normalizedTextTooLong: "the text's normalised form is too long"
    case .tokenizerLimit: "the tokenizer's tables make this text too costly"
    case .outOfMemory: "memory is short"
    }
  }
}
