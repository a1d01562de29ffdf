// Owns: calibration documents as one stream of token ids, conversations through the model's chat
// template.
// Must not: drop an answer's reasoning, which templates do with past turns: it is what such models
// mostly write.

import VialFormat
import VialText

/// Turns documents into tokens with the source's own tokenizer.
struct CalibrationEncoder: ~Copyable {
  private let tokenizer: Tokenizer
  private let template: ChatTemplate?
  private let endToken: UInt32?
  /// What each window begins with.
  let beginToken: UInt32?
  private(set) var tokens: [UInt32] = []
  private var workspace = TokenizerWorkspace()

  init(_ source: PackSource) throws(PackingError) {
    let parts: (Tokenizer, ChatTemplate?)
    do {
      parts = (
        try Tokenizer(ByteRegion(copying: source.tokenizer.tables.section)),
        try source.tokenizer.chatTemplate.section.map {
          try ChatTemplate(ByteRegion(copying: $0))
        }
      )
    } catch { throw PackingError("\(error)") }
    (tokenizer, template) = parts
    endToken = source.tokenizer.tables.eosToken
    beginToken =
      source.tokenizer.addsBeginToken
      ? source.tokenizer.beginToken.flatMap { UInt32(exactly: $0) } : nil
  }

  /// Adds all documents.
  mutating func add(_ documents: CalibrationDocuments) throws(PackingError) {
    switch documents {
    case .text(let bytes): try append(bytes)
    case .lines(let lines):
      for line in lines {
        switch line {
        case .text(let bytes): try append(bytes)
        case .conversation(let messages): try append(messages)
        }
        if let endToken { tokens.append(endToken) }
      }
    }
  }

  /// The template renders what was there before the last answer; the answer follows as the model
  /// would write it.
  private mutating func append(_ messages: [CalibrationDocuments.Message]) throws(PackingError) {
    var answer: [UInt8] = []
    var asked = messages
    if let last = messages.last,
      last.role == Array("assistant".utf8) || last.role == Array("gpt".utf8)
    {
      answer = last.content
      asked.removeLast()
    }
    var (text, literals) = try render(asked)
    let mark = Array("<think>".utf8)
    // A template that opens the reasoning itself must not open it twice.
    if text.trimmed.suffix(mark.count).elementsEqual(mark), answer.starts(with: mark) {
      answer = Array(answer.dropFirst(mark.count).drop { $0 == 0x0A })
    }
    text += answer
    try append(text, literals: literals)
  }

  private func render(
    _ messages: [CalibrationDocuments.Message]
  ) throws(PackingError) -> ([UInt8], [TextRange]) {
    guard let template else {
      throw PackingError("it holds conversations, but the source has no chat template")
    }
    var text: [UInt8] = []
    var entries: [ChatMessage] = []
    for message in messages {
      let role = TextRange(start: text.count, byteCount: message.role.count)
      text += message.role
      let content = TextRange(start: text.count, byteCount: message.content.count)
      text += message.content
      let isOwn = message.role == Array("assistant".utf8)
      entries.append(ChatMessage(role: role, content: content, isLiteral: !isOwn))
    }
    var output = [UInt8](repeating: 0, count: text.count * 2 + 4096)
    var literals = [TextRange](
      repeating: TextRange(start: 0, byteCount: 0), count: entries.count + 8)
    while true {
      let result: RenderedChat
      do throws(TextError) {
        var bytes = output.mutableSpan
        var ranges = literals.mutableSpan
        result = try template.render(
          ChatMessages(text: text.span, entries: entries.span), addsGenerationPrompt: true,
          into: &bytes, literals: &ranges)
      } catch { throw PackingError("a conversation cannot be rendered: \(error)") }
      if result.byteCount <= output.count, result.literalCount <= literals.count {
        return (Array(output[..<result.byteCount]), Array(literals[..<result.literalCount]))
      }
      output = [UInt8](repeating: 0, count: max(output.count, result.byteCount))
      literals = [TextRange](
        repeating: TextRange(start: 0, byteCount: 0),
        count: max(literals.count, result.literalCount))
    }
  }

  private mutating func append(_ text: [UInt8], literals: [TextRange] = []) throws(PackingError) {
    var ids = [UInt32](repeating: 0, count: tokenizer.tokenCapacity(forByteCount: text.count))
    do throws(TextError) {
      var output = ids.mutableSpan
      let count = try tokenizer.encode(
        text.span, literals: literals.span, workspace: &workspace, into: &output)
      tokens += ids[..<min(count, ids.count)]
    } catch { throw PackingError("its text cannot be tokenised: \(error)") }
  }
}

extension [UInt8] {
  /// Without white space at the end.
  fileprivate var trimmed: ArraySlice<UInt8> {
    var slice = self[...]
    while let last = slice.last, last <= 0x20 { slice.removeLast() }
    return slice
  }
}
