// Owns: why a checkpoint's tokenizer or chat template cannot be packed.
// Must not: be a bare failure; each message is one clear line that names the culprit.

/// A tokenizer that Vial cannot represent exactly.
public struct TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One sentence in plain words.
  public let message: String

  /// Makes an error.
  public init(_ message: String) { self.message = message }

  /// `tokenizer.json: merge 12 'a b': 'ab' is not in the vocabulary`.
  public var description: String { "tokenizer.json: \(message)" }
}
