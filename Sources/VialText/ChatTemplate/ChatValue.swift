// Owns: what a conversation carries besides roles and contents: the values of JSON texts, as the
// caller gave them.
// Must not: own or copy text; a node says where its text lies.

/// One value of a JSON text. A value's nodes stand one behind the other: a list is followed by its
/// elements, an object by its keys and values by turns.
public struct ChatNode: BitwiseCopyable, Sendable {
  /// What the value is.
  public enum Kind: UInt8, BitwiseCopyable, Sendable {
    case null = 0
    case no = 1
    case yes = 2
    /// The text is the number as Python writes it.
    case number = 3
    /// The text is the string, its escapes replaced.
    case string = 4
    case list = 5
    case object = 6
  }

  /// What the value is.
  public var kind: Kind
  /// Where the text of a number or a string lies in the conversation's text.
  public var text: TextRange
  /// The first node behind the value's own.
  public var end: Int

  /// A node.
  public init(kind: Kind, text: TextRange, end: Int) {
    self.kind = kind
    self.text = text
    self.end = end
  }
}

/// The fields that a message may have besides its role and content.
public enum ChatFields {
  /// Fields that are strings or null.
  static let texts = ["reasoning_content", "reasoning", "thinking", "name", "tool_call_id"]
  /// The field that is a list of objects or null.
  static let calls = "tool_calls"

  /// Their names, in the order in which documents list them.
  public static let names = texts + [calls]

  /// Whether nodes are a message's further fields: an object of nothing but the above.
  package static func areFields(_ nodes: Span<ChatNode>, _ text: Span<UInt8>) -> Bool {
    guard nodes.count > 0, nodes[0].kind == .object else { return false }
    var index = 1
    while index + 1 < nodes[0].end {
      let (key, value) = (nodes[index], nodes[index + 1])
      if isKey(key, calls, text) {
        guard value.kind == .null || isListOfObjects(nodes, index + 1) else { return false }
      } else {
        guard value.kind == .null || value.kind == .string,
          texts.contains(where: { isKey(key, $0, text) })
        else { return false }
      }
      index = value.end
    }
    return true
  }

  /// Whether nodes are tools: a list of objects.
  package static func areTools(_ nodes: Span<ChatNode>) -> Bool {
    nodes.count > 0 && isListOfObjects(nodes, 0)
  }

  private static func isListOfObjects(_ nodes: Span<ChatNode>, _ node: Int) -> Bool {
    guard nodes[node].kind == .list else { return false }
    var index = node + 1
    while index < nodes[node].end {
      guard nodes[index].kind == .object else { return false }
      index = nodes[index].end
    }
    return true
  }

  private static func isKey(
    _ key: ChatNode, _ name: String, _ text: Span<UInt8>
  ) -> Bool {
    guard key.text.byteCount == name.utf8.count,
      key.text.start + key.text.byteCount <= text.count
    else { return false }
    for (index, byte) in name.utf8.enumerated() where text[key.text.start + index] != byte {
      return false
    }
    return true
  }
}
