// Owns: conversations on their way to token ids: the text of all messages, their further fields and
// the tools in one wiped buffer, rendered through the file's chat template and encoded, user text
// literal.
// Must not: keep text longer than the call.

import VialFormat
public import VialSystem
import VialText

/// A conversation in wiped memory.
public final class Conversation {
  private var text: SecureBuffer<UInt8>
  private var entries: CheckedBuffer<ChatMessage>
  private var nodes: CheckedBuffer<ChatNode>?
  /// The node of the tools; -1: none.
  private var tools = -1

  /// Memory for messages of `byteCount` bytes together, roles included; nil when memory is short.
  /// - Parameters:
  ///   - byteCount: of all texts together; more do not fit.
  ///   - messageCount: how many are expected; more take more memory.
  public init?(byteCount: Int, messageCount: Int = 8) {
    guard let text = SecureBuffer<UInt8>(capacity: byteCount),
      let entries = CheckedBuffer<ChatMessage>(capacity: max(1, messageCount))
    else { return nil }
    self.text = text
    self.entries = entries
  }

  /// A conversation of messages that are literal as a whole, copied into wiped memory. It has no
  /// room for more.
  /// - Parameter messages: in order; roles are the chat template's, mostly `system`, `user` and
  ///   `assistant`. The caller's texts stay as they are, in ordinary memory.
  /// - Throws: `outOfMemory`.
  public init(_ messages: [(role: String, content: String)]) throws(VialError) {
    let byteCount = messages.reduce(0) { $0 + $1.role.utf8.count + $1.content.utf8.count }
    guard let text = SecureBuffer<UInt8>(capacity: byteCount),
      let entries = CheckedBuffer<ChatMessage>(capacity: max(1, messages.count))
    else { throw .outOfMemory }
    self.text = text
    self.entries = entries
    for message in messages {
      let (role, content) = (message.role, message.content)
      let roleText = role.utf8.span
      let contentText = content.utf8.span
      guard append(role: roleText, content: contentText, isLiteral: true) else {
        throw .outOfMemory
      }
    }
  }

  /// Adds a message; false when it does not fit, or memory is short.
  /// - Parameters:
  ///   - role: whose message it is.
  ///   - content: its text, which is copied.
  ///   - isLiteral: text that spells a special token stays text. True for everything that a person
  ///     or a record wrote.
  @discardableResult
  public func append(role: StaticString, content: Span<UInt8>, isLiteral: Bool) -> Bool {
    append(
      role: Span(_unsafeStart: role.utf8Start, count: role.utf8CodeUnitCount), content: content,
      isLiteral: isLiteral)
  }

  /// Adds a message whose role is the caller's text; false when it does not fit, or memory is
  /// short.
  @discardableResult
  public func append(role: Span<UInt8>, content: Span<UInt8>, isLiteral: Bool) -> Bool {
    let buffer = text.capacity - text.count
    guard role.count <= buffer, content.count <= buffer - role.count, makeBuffer() else {
      return false
    }
    let roleRange = TextRange(start: text.count, byteCount: role.count)
    text.append(contentsOf: role)
    let contentRange = TextRange(start: text.count, byteCount: content.count)
    text.append(contentsOf: content)
    return entries.append(
      ChatMessage(role: roleRange, content: contentRange, isLiteral: isLiteral))
  }

  // MARK: Further fields and tools

  /// Gives the last message further fields: the JSON of an object of `reasoning_content`,
  /// `reasoning`, `thinking`, `name` and `tool_call_id`, strings or null, and `tool_calls`, a list
  /// of objects as transformers has them. They are literal when the message is. A template that
  /// does not ask for a field does not see it. Linear in the text's length.
  /// - Throws: `text` with what `ChatValueReader` throws, `tooManyValues` also for all fields and
  ///   tools together, or `invalidFields` (also for a second object, and without a message);
  ///   `outOfMemory`.
  public func setFields(_ json: Span<UInt8>) throws(VialError) {
    guard entries.count > 0, entries.span[entries.count - 1].fields < 0 else {
      throw .text(.invalidFields)
    }
    let first = try take(json) { nodes, text in ChatFields.areFields(nodes, text) }
    let last = entries.count - 1
    entries.withMutableSpan { $0[last].fields = first }
  }

  /// Gives the conversation tools: the JSON of a list of objects as transformers has them, always
  /// literal. A template that does not ask for tools does not see them (`Model.readsTools`). Linear
  /// in the text's length.
  /// - Throws: as `setFields`; `invalidFields` also for a second list.
  public func setTools(_ json: Span<UInt8>) throws(VialError) {
    guard tools < 0 else { throw .text(.invalidFields) }
    tools = try take(json) { nodes, _ in ChatFields.areTools(nodes) }
  }

  /// Reads a JSON text behind what there is; returns its first node.
  private func take(
    _ json: Span<UInt8>, _ isFit: (Span<ChatNode>, Span<UInt8>) -> Bool
  ) throws(VialError) -> Int {
    // Keys of objects are remembered while they are read.
    guard MemoryReserve.hold(MemoryReserve.template) else { throw .outOfMemory }
    defer { MemoryReserve.release(MemoryReserve.template) }
    var noText = MutableSpan<UInt8>()
    var noNodes = MutableSpan<ChatNode>()
    let size: ChatValueReader.Size
    do throws(TextError) {
      size = try ChatValueReader.read(json, into: &noText, at: 0, nodes: &noNodes, at: 0)
    } catch { throw VialError(error) }
    guard size.nodeCount <= ChatValueReader.nodeLimit - (nodes?.count ?? 0) else {
      throw .text(.tooManyValues)
    }
    guard let buffer = grown(text, by: size.byteCount),
      let values = CheckedBuffer<ChatNode>(capacity: size.nodeCount)
    else { throw .outOfMemory }
    text = buffer
    values.fill(with: ChatNode(kind: .null, text: TextRange(start: 0, byteCount: 0), end: 0))
    let (textStart, nodeStart) = (text.count, nodes?.count ?? 0)
    do throws(TextError) {
      try text.appendInPlace { buffer throws(TextError) in
        var bytes = buffer.mutableSpan
        return try values.withMutableSpan { list throws(TextError) in
          try ChatValueReader.read(
            json, into: &bytes, at: textStart, nodes: &list, at: 0
          ).byteCount
        }
      }
    } catch { throw VialError(error) }
    let source = text
    guard isFit(values.span, source.span) else {
      text.truncate(to: textStart)
      throw .text(.invalidFields)
    }
    guard let list = grown(nodes, by: size.nodeCount) else { throw .outOfMemory }
    let span = values.span
    for index in span.indices {
      var node = span[index]
      node.end += nodeStart
      _ = list.append(node)
    }
    nodes = list
    return nodeStart
  }

  /// A buffer with room for more, with what there is in it; the old one is wiped with its last use.
  private func grown(_ old: SecureBuffer<UInt8>, by count: Int) -> SecureBuffer<UInt8>? {
    guard count > old.capacity - old.count else { return old }
    guard let new = SecureBuffer<UInt8>(capacity: max(old.capacity + count, 2 * old.capacity))
    else { return nil }
    new.append(contentsOf: old.span)
    return new
  }

  private func grown(
    _ old: CheckedBuffer<ChatNode>?, by count: Int
  ) -> CheckedBuffer<ChatNode>? {
    guard let old else { return CheckedBuffer(capacity: count) }
    guard count > old.capacity - old.count else { return old }
    let new = CheckedBuffer<ChatNode>(capacity: max(old.count + count, 2 * old.capacity))
    _ = new?.append(contentsOf: old.span)
    return new
  }

  private func makeBuffer() -> Bool {
    guard entries.count == entries.capacity else { return true }
    guard let larger = CheckedBuffer<ChatMessage>(capacity: entries.capacity * 2) else {
      return false
    }
    let old = entries
    _ = larger.append(contentsOf: old.span)
    entries = larger
    return true
  }

  /// Renders through `template` into `output`, which is grown until everything fits.
  fileprivate func render(
    _ template: ChatTemplate
  ) throws(VialError) -> (text: SecureBuffer<UInt8>, literals: CheckedBuffer<TextRange>) {
    guard MemoryReserve.hold(MemoryReserve.template) else { throw .outOfMemory }
    defer { MemoryReserve.release(MemoryReserve.template) }
    // Constants of this call: spans of stored properties cannot be lent out.
    let (source, messages, tools) = (text, entries, tools)
    guard let values = nodes ?? CheckedBuffer<ChatNode>(capacity: 0) else { throw .outOfMemory }
    var (byteCount, literalCount) = (text.count * 2 + 1024, entries.count + 8)
    while true {
      guard let output = SecureBuffer<UInt8>(capacity: byteCount),
        let literals = CheckedBuffer<TextRange>(capacity: literalCount)
      else { throw .outOfMemory }
      literals.fill(with: TextRange(start: 0, byteCount: 0))
      var rendered: RenderedChat?
      do throws(TextError) {
        try output.appendInPlace { buffer throws(TextError) in
          var bytes = buffer.mutableSpan
          let sourceSpan = source.span
          let messageSpan = messages.span
          let nodeSpan = values.span
          let chat = ChatMessages(
            text: sourceSpan, entries: messageSpan, nodes: nodeSpan, tools: tools)
          let result = try literals.withMutableSpan { ranges throws(TextError) in
            try template.render(
              chat, addsGenerationPrompt: true, into: &bytes, literals: &ranges)
          }
          rendered = result
          return result.byteCount
        }
      } catch { throw VialError(error) }
      guard let rendered else { throw .outOfMemory }
      if rendered.byteCount <= byteCount, rendered.literalCount <= literalCount {
        literals.truncate(to: rendered.literalCount)
        return (output, literals)
      }
      (byteCount, literalCount) = (rendered.byteCount, rendered.literalCount)
    }
  }
}

extension Model {
  /// Whether the file's chat template asks for tools; one that does not never shows them to the
  /// model.
  public var readsTools: Bool { chatTemplate?.readsTools ?? false }

  /// The ids of a conversation that asks for an answer, rendered through the file's chat template.
  /// - Parameters:
  ///   - conversation: is left as it is.
  ///   - prefill: the answer's first words, literal; the model goes on behind them. Where the
  ///     template opens the reasoning, that is closed again, empty, before them.
  public func chatTokens(
    _ conversation: Conversation, prefill: SecureBuffer<UInt8>? = nil
  ) throws(VialError) -> SecureBuffer<UInt32> {
    guard let chatTemplate else { throw .noChatTemplate }
    let (text, literals) = try conversation.render(chatTemplate)
    guard let prefill, prefill.count > 0 else {
      return try encode(text.span, literals: literals.span)
    }
    let opening = try encode(text.span, literals: literals.span)
    let closing: [UInt8] = isInsideReasoning(opening.span) ? Array("\n</think>\n\n".utf8) : []
    // One text: tokens may reach from the template's end into the prefill, as in what models were
    // trained on.
    let start = text.count + closing.count
    guard let whole = SecureBuffer<UInt8>(capacity: start + prefill.count),
      let ranges = CheckedBuffer<TextRange>(capacity: literals.count + 1)
    else { throw .outOfMemory }
    whole.append(contentsOf: text.span)
    whole.append(contentsOf: closing.span)
    whole.append(contentsOf: prefill.span)
    _ = ranges.append(contentsOf: literals.span)
    _ = ranges.append(TextRange(start: start, byteCount: prefill.count))
    return try encode(whole.span, literals: ranges.span)
  }

  /// The ids of one user message, its text being literal.
  /// - Parameters:
  ///   - text: UTF-8 of the message.
  ///   - prefill: the answer's first words, as above.
  public func chatTokens(
    user text: Span<UInt8>, prefill: SecureBuffer<UInt8>? = nil
  ) throws(VialError) -> SecureBuffer<UInt32> {
    guard let conversation = Conversation(byteCount: text.count + 16) else { throw .outOfMemory }
    conversation.append(role: "user", content: text, isLiteral: true)
    return try chatTokens(conversation, prefill: prefill)
  }

  /// The ids of a text behind the file's BOS, without a chat template, all of it literal, and of a
  /// prefill behind it.
  public func rawTokens(
    _ text: Span<UInt8>, prefill: SecureBuffer<UInt8>? = nil
  ) throws(VialError) -> SecureBuffer<UInt32> {
    let options = EncodeOptions.raw
    guard let prefill else { return try encode(text, options: options) }
    guard let whole = SecureBuffer<UInt8>(capacity: text.count + prefill.count) else {
      throw .outOfMemory
    }
    whole.append(contentsOf: text)
    whole.append(contentsOf: prefill.span)
    return try encode(whole.span, options: options)
  }
}
