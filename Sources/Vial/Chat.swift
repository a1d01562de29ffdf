// Owns: conversations on their way to token ids: the text of all messages in one wiped buffer, rendered through
// the file's chat template and encoded, user text literal.
// Must not: keep text longer than the call.

import VialFormat
public import VialSystem
import VialText

/// A conversation in wiped memory.
public final class Conversation {
  private let text: SecureBuffer<UInt8>
  private var entries: CheckedBuffer<ChatMessage>

  /// Room for messages of `byteCount` bytes together, roles included; nil when memory is short.
  /// - Parameter messageCount: how many are expected; more take more memory.
  public init?(byteCount: Int, messageCount: Int = 8) {
    guard let text = SecureBuffer<UInt8>(capacity: byteCount),
      let entries = CheckedBuffer<ChatMessage>(capacity: max(1, messageCount))
    else { return nil }
    self.text = text
    self.entries = entries
  }

  /// Adds a message; false when it does not fit, or memory is short.
  /// - Parameter isLiteral: text that spells a special token stays text. True for everything that a person
  ///   or a record wrote.
  @discardableResult
  public func append(role: StaticString, content: Span<UInt8>, isLiteral: Bool) -> Bool {
    append(
      role: Span(_unsafeStart: role.utf8Start, count: role.utf8CodeUnitCount), content: content,
      isLiteral: isLiteral)
  }

  /// Adds a message whose role is the caller's text; false when it does not fit, or memory is short.
  @discardableResult
  public func append(role: Span<UInt8>, content: Span<UInt8>, isLiteral: Bool) -> Bool {
    let room = text.capacity - text.count
    guard role.count <= room, content.count <= room - role.count, makeRoom() else { return false }
    let roleRange = TextRange(start: text.count, byteCount: role.count)
    text.append(contentsOf: role)
    let contentRange = TextRange(start: text.count, byteCount: content.count)
    text.append(contentsOf: content)
    return entries.append(
      ChatMessage(role: roleRange, content: contentRange, isLiteral: isLiteral))
  }

  private func makeRoom() -> Bool {
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
    let (source, messages) = (text, entries)
    var (byteCount, literalCount) = (text.count * 2 + 1024, entries.count + 8)
    while true {
      guard let output = SecureBuffer<UInt8>(capacity: byteCount),
        let literals = CheckedBuffer<TextRange>(capacity: literalCount)
      else { throw .outOfMemory }
      literals.fill(with: TextRange(start: 0, byteCount: 0))
      var rendered: RenderedChat?
      do throws(TextError) {
        try output.appendInPlace { room throws(TextError) in
          var bytes = room.mutableSpan
          let sourceSpan = source.span
          let messageSpan = messages.span
          let chat = ChatMessages(text: sourceSpan, entries: messageSpan)
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
  /// The ids of a conversation that asks for an answer, rendered through the file's chat template.
  /// - Parameter prefill: the answer's first words, literal; the model goes on behind them. Where the template opens the
  ///   reasoning, that is closed again, empty, before them.
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
    // One text: tokens may reach from the template's end into the prefill, as in what models were trained on.
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
  /// - Parameter prefill: the answer's first words, as above.
  public func chatTokens(
    user text: Span<UInt8>, prefill: SecureBuffer<UInt8>? = nil
  ) throws(VialError) -> SecureBuffer<UInt32> {
    guard let conversation = Conversation(byteCount: text.count + 16) else { throw .outOfMemory }
    conversation.append(role: "user", content: text, isLiteral: true)
    return try chatTokens(conversation, prefill: prefill)
  }

  /// The ids of a text behind the file's BOS, without a chat template, all of it literal, and of a prefill behind it.
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
