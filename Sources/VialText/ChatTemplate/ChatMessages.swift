// Owns: a conversation as the caller holds it: one buffer of text, and where each message lies in
// it.
// Must not: own or copy text.

/// Where one message's role and content lie in the text of a `ChatMessages`.
public struct ChatMessage: BitwiseCopyable, Sendable {
  /// The role's bytes ("system", "user", "assistant", "tool").
  public var role: TextRange
  /// The content's bytes.
  public var content: TextRange
  /// Text in the content that spells an added token stays text.
  public var isLiteral: Bool
  /// The node of the object of its further fields (`ChatFields`); -1: none.
  public var fields: Int

  /// A message; ranges count from the start of the conversation's text, nodes from the start of its
  /// nodes.
  public init(role: TextRange, content: TextRange, isLiteral: Bool, fields: Int = -1) {
    self.role = role
    self.content = content
    self.isLiteral = isLiteral
    self.fields = fields
  }
}

/// A conversation. Ranges that lie outside the text are refused when it is rendered.
public struct ChatMessages: ~Escapable {
  /// All roles and contents, in any order.
  public let text: Span<UInt8>
  /// The messages in order.
  public let entries: Span<ChatMessage>
  /// The values of the messages' further fields and of the tools.
  public let nodes: Span<ChatNode>
  /// The node of the list of tools; -1: none.
  public let tools: Int

  /// Puts text and messages together.
  @_lifetime(copy text, copy entries)
  public init(text: Span<UInt8>, entries: Span<ChatMessage>) {
    self.text = text
    self.entries = entries
    nodes = Span()
    tools = -1
  }

  /// Puts text, messages, and what else they have together.
  @_lifetime(copy text, copy entries, copy nodes)
  public init(
    text: Span<UInt8>, entries: Span<ChatMessage>, nodes: Span<ChatNode>, tools: Int
  ) {
    self.text = text
    self.entries = entries
    self.nodes = nodes
    self.tools = tools
  }

  /// Whether every range lies inside the text, and every value among the nodes.
  var isValid: Bool {
    for index in 0..<entries.count {
      let message = entries[index]
      guard isInside(message.role), isInside(message.content), message.fields < nodes.count else {
        return false
      }
      if message.fields >= 0, nodes[message.fields].kind != .object { return false }
    }
    for index in 0..<nodes.count {
      let node = nodes[index]
      guard isInside(node.text), node.end > index, node.end <= nodes.count else { return false }
      let isScalar = node.kind != .list && node.kind != .object
      if isScalar, node.end != index + 1 { return false }
    }
    return tools < nodes.count && (tools < 0 || nodes[tools].kind == .list)
  }

  private func isInside(_ range: TextRange) -> Bool {
    let (end, overflow) = range.start.addingReportingOverflow(range.byteCount)
    return !overflow && range.start >= 0 && range.byteCount >= 0 && end <= text.count
  }
}

/// What rendering a conversation needs and gives.
public struct RenderedChat: Sendable, Equatable {
  /// Bytes of the rendered text.
  public let byteCount: Int
  /// Number of stretches that stay text.
  public let literalCount: Int
}
