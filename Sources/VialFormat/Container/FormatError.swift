// Owns: the one error of everything that reads a `.vial` file: which rule was broken, and where.
// Must not: carry bytes or text from the file (they may be anybody's).

/// A broken rule of Spec/FORMAT.md, Spec/TOKENIZER.md or Spec/TEMPLATES.md.
public struct FormatError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The rule's number, as in `R-203`; 0 when memory was short.
  public let rule: Int
  /// Byte offset where the broken field starts, from the start of `context`.
  public let offset: UInt64
  /// What `offset` counts from: "file", or a section's name.
  public let context: StaticString
  /// One sentence in plain words, without any text from the file.
  public let message: StaticString

  /// Makes an error; `offset` is in bytes.
  public init(
    rule: Int, offset: UInt64, context: StaticString = "file", _ message: StaticString
  ) {
    self.rule = rule
    self.offset = offset
    self.context = context
    self.message = message
  }

  /// No rule was broken: memory is short, so nothing is known about the file. Whoever collects
  /// errors must not take it for one of the file's.
  public static let outOfMemory = FormatError(
    rule: 0, offset: 0, context: "memory", "memory is short")

  /// Whether memory was short, and no rule broken.
  public var isOutOfMemory: Bool { rule == 0 }

  /// `R-203 at byte 12288 of file: section table does not match its digest`
  public var description: String {
    isOutOfMemory
      ? message.description : "R-\(rule) at byte \(offset) of \(context): \(message)"
  }

  public static func == (left: FormatError, right: FormatError) -> Bool {
    left.rule == right.rule && left.offset == right.offset
  }
}
