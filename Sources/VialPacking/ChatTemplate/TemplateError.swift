// Owns: why a chat template cannot be compiled.
// Must not: stop the packer; it packs without a template and says this line.

/// A chat template outside the subset that Vial compiles.
public struct TemplateError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Line of the template, from 1.
  public let line: Int
  /// What it uses, in plain words.
  public let message: String

  /// Makes an error.
  public init(line: Int, _ message: String) {
    self.line = line
    self.message = message
  }

  /// `chat template, line 3: the filter 'tojson' is not supported`.
  public var description: String { "chat template, line \(line): \(message)" }
}
