// Owns: a file's prompt templates, and values on their way through one to token ids.
// Must not: keep values longer than the call that renders them; they live in wiped memory.

public import VialEngine
import VialFormat
public import VialSystem
public import VialText

/// Values for a template's variables, in wiped memory.
public final class TemplateValues {
  private let text: SecureBuffer<UInt8>
  private var entries: [PromptValue] = []

  /// Memory for names and values of `byteCount` bytes together; nil when memory is short.
  public init?(byteCount: Int) {
    guard let text = SecureBuffer<UInt8>(capacity: byteCount) else { return nil }
    self.text = text
  }

  /// Adds a value; false when it does not fit.
  @discardableResult
  public func append(name: Span<UInt8>, value: Span<UInt8>) -> Bool {
    let buffer = text.capacity - text.count
    guard name.count <= buffer, value.count <= buffer - name.count else { return false }
    let nameRange = TextRange(start: text.count, byteCount: name.count)
    text.append(contentsOf: name)
    let valueRange = TextRange(start: text.count, byteCount: value.count)
    text.append(contentsOf: value)
    entries.append(PromptValue(name: nameRange, content: valueRange))
    return true
  }

  /// The messages of a template with these values.
  public func render(_ template: PromptTemplate) throws(VialError) -> PromptMessages {
    guard MemoryReserve.hold(MemoryReserve.template) else { throw .outOfMemory }
    defer { MemoryReserve.release(MemoryReserve.template) }
    // Constants of this call: spans of stored properties cannot be lent out.
    let (source, values) = (text, entries)
    var byteCount = min(
      PromptLimits.renderedByteCount, PromptLimits.textByteCount / 4 + source.count * 2)
    while true {
      guard let output = SecureBuffer<UInt8>(capacity: byteCount) else { throw .outOfMemory }
      var rendered: RenderedPrompt?
      do throws(PromptError) {
        try output.appendInPlace { buffer throws(PromptError) in
          var bytes = buffer.mutableSpan
          let text = source.span
          let entries = values.span
          let result = try template.render(
            PromptValues(text: text, entries: entries), into: &bytes)
          rendered = result
          return result.systemByteCount + result.userByteCount
        }
      } catch { throw .template(error) }
      guard let rendered else { throw .outOfMemory }
      let needed = rendered.systemByteCount + rendered.userByteCount
      if needed <= byteCount {
        return PromptMessages(text: output, systemByteCount: rendered.systemByteCount)
      }
      byteCount = needed
    }
  }
}

/// A template's system message and the user's message, in wiped memory.
public struct PromptMessages {
  /// Both, one behind the other.
  public let text: SecureBuffer<UInt8>
  /// Bytes of the system message; 0 when there is none.
  public let systemByteCount: Int
}

extension StopList {
  /// A template's stop strings; nil when memory is short.
  public convenience init?(_ template: PromptTemplate) {
    self.init(byteCount: template.stops.reduce(0) { $0 + $1.utf8.count })
    for stop in template.stops {
      let bytes = Array(stop.utf8)
      _ = append(bytes.span)
    }
  }
}

extension Model {
  /// The file's prompt templates in file order, read and checked now.
  /// - Throws: `format` for the first that breaks a rule.
  public func promptTemplates() throws(VialError) -> [PromptTemplate] {
    var templates: [PromptTemplate] = []
    for index in promptSections { templates.append(try promptTemplate(file.sections[Int(index)])) }
    return templates
  }

  /// Prompt templates of the file.
  public var promptTemplateCount: Int { promptSections.count }

  /// The prompt template with this number, in file order, read and checked now; nil when there are
  /// not so many. O(bytes of it).
  /// - Throws: `format` when it breaks a rule, whatever the others do.
  public func promptTemplate(at index: Int) throws(VialError) -> PromptTemplate? {
    guard promptSections.indices.contains(index) else { return nil }
    return try promptTemplate(file.sections[Int(promptSections[index])])
  }

  /// The prompt template with this id; nil when the file has none.
  public func promptTemplate(_ id: String) throws(VialError) -> PromptTemplate? {
    let sectionID = PromptTemplate.sectionID(of: id)
    guard let section = file.sectionTable.find(.promptTemplate, id: sectionID) else { return nil }
    let template = try promptTemplate(section)
    return template.id == id ? template : nil
  }

  private func promptTemplate(_ section: SectionDescriptor) throws(VialError) -> PromptTemplate {
    guard let region = file.storedBytes(of: section) else { throw .outOfMemory }
    do throws(FormatError) {
      return try PromptTemplate(copying: region, section: section.id)
    } catch { throw VialError(error) }
  }

  /// The ids of a template's messages, rendered through the file's chat template, both literal as a
  /// whole.
  ///
  /// Where the chat template opens the reasoning by itself, as DeepSeek-R1's does, the system
  /// message becomes the beginning of the user's: such models were trained without one.
  /// - Parameters:
  ///   - messages: of a template, rendered.
  ///   - prefill: the answer's first words, as in `chatTokens`.
  public func tokens(
    of messages: PromptMessages, prefill: SecureBuffer<UInt8>? = nil
  ) throws(VialError) -> SecureBuffer<UInt32> {
    let (text, split) = (messages.text, messages.systemByteCount)
    guard split > 0 else { return try chatTokens(user: text.span, prefill: prefill) }
    if try opensReasoning() {
      guard let joined = SecureBuffer<UInt8>(capacity: text.count + 2) else { throw .outOfMemory }
      joined.append(contentsOf: text.span.extracting(0..<split))
      joined.append(0x0A)
      joined.append(0x0A)
      joined.append(contentsOf: text.span.extracting(split..<text.count))
      return try chatTokens(user: joined.span, prefill: prefill)
    }
    guard let conversation = Conversation(byteCount: text.count + 32) else { throw .outOfMemory }
    conversation.append(
      role: "system", content: text.span.extracting(0..<split), isLiteral: true)
    conversation.append(
      role: "user", content: text.span.extracting(split..<text.count), isLiteral: true)
    return try chatTokens(conversation, prefill: prefill)
  }

  /// Whether the chat template ends a prompt inside the reasoning.
  private func opensReasoning() throws(VialError) -> Bool {
    guard reasoningMarks != nil else { return false }
    if let known = knownOpening.withLock({ $0 }) { return known }
    let probe: [UInt8] = [0x78]
    let tokens = try chatTokens(user: probe.span)
    let opens = isInsideReasoning(tokens.span)
    knownOpening.withLock { $0 = opens }
    return opens
  }

  /// The file's sampling parameters with those of a template in front of them.
  public func sampling(of template: PromptTemplate) -> SamplingParameters {
    var sampling = recommendedSampling
    let own = template.sampling
    if let value = own.temperature { sampling.temperature = Float(value) }
    if let value = own.topK { sampling.topK = UInt32(clamping: value) }
    if let value = own.topP { sampling.topP = Float(value) }
    if let value = own.minP { sampling.minP = Float(value) }
    if let value = own.repetitionPenalty { sampling.repetitionPenalty = Float(value) }
    return sampling
  }
}
