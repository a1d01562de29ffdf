// A conversation as the caller holds it: one buffer of text, and where each message lies in it.
// Must not: own or copy text.

/// Where one message's role and content lie in the text of a `ChatMessages`.
public struct ChatMessage: BitwiseCopyable, Sendable {
  /// The role's bytes ("system", "user", "assistant", "tool").
  public var role: TextRange
  /// The content's bytes.
  public var content: TextRange
  /// Text in the content that spells an added token stays text.
  public var isLiteral: Bool

  /// A message; ranges count from the start of the conversation's text.
  public init(role: TextRange, content: TextRange, isLiteral: Bool) {
    self.role = role
    self.content = content
    self.isLiteral = isLiteral
  }
}

/// A conversation. Ranges that lie outside the text are refused when it is rendered.
public struct ChatMessages: ~Escapable {
  /// All roles and contents, in any order.
  public let text: Span<UInt8>
  /// The messages in order.
  public let entries: Span<ChatMessage>

  /// Puts text and messages together.
  @_lifetime(copy text, copy entries)
  public init(text: Span<UInt8>, entries: Span<ChatMessage>) {
    self.text = text
    self.entries = entries
  }

  /// Whether every range lies inside the text.
  var isValid: Bool {
    for index in 0..<entries.count {
      for range in [entries[index].role, entries[index].content] {
        let (end, overflow) = range.start.addingReportingOverflow(range.byteCount)
        if overflow || range.start < 0 || range.byteCount < 0 || end > text.count { return false }
      }
    }
    return true
  }
}

/// What rendering a conversation needs and gives.
public struct RenderedChat: Sendable, Equatable {
  /// Bytes of the rendered text.
  public let byteCount: Int
  /// Number of stretches that stay text.
  public let literalCount: Int
}
