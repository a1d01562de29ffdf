// Rendering and tokenising conversations in tests.

import Foundation
import VialFormat
import VialPacking
import VialText

/// A message as tests write it.
struct TestMessage {
  let role: String
  let content: String

  init(_ role: String, _ content: String) {
    self.role = role
    self.content = content
  }

  init(_ json: JSONValue) {
    self.init(json["role"]?.text ?? "", json["content"]?.text ?? "")
  }
}

/// A compiled template.
struct TestTemplate {
  let compiled: CompiledTemplate
  let template: ChatTemplate

  init(_ source: String, specialTokens: [String: String]) throws {
    compiled = try ChatTemplateCompiler.compile(source, specialTokens: specialTokens)
    template = try ChatTemplate(ByteRegion(copying: compiled.section))
  }

  /// The rendered text and the stretches of it that stay text.
  func render(
    _ messages: [TestMessage], addsGenerationPrompt: Bool, isLiteral: Bool = false
  ) throws -> (text: [UInt8], literals: [TextRange]) {
    try Self.render(
      template, messages, addsGenerationPrompt: addsGenerationPrompt, isLiteral: isLiteral)
  }

  static func render(
    _ template: ChatTemplate, _ messages: [TestMessage], addsGenerationPrompt: Bool,
    isLiteral: Bool = false
  ) throws -> (text: [UInt8], literals: [TextRange]) {
    var text: [UInt8] = []
    var entries: [ChatMessage] = []
    let add = { (part: String) -> TextRange in
      let start = text.count
      text += Array(part.utf8)
      return TextRange(start: start, byteCount: text.count - start)
    }
    for message in messages {
      entries.append(
        ChatMessage(role: add(message.role), content: add(message.content), isLiteral: isLiteral))
    }
    var bytes = [UInt8](repeating: 0, count: 16)
    var literals = [TextRange](repeating: TextRange(start: 0, byteCount: 0), count: 1)
    while true {
      var output = bytes.mutableSpan
      var ranges = literals.mutableSpan
      let result = try template.render(
        ChatMessages(text: text.span, entries: entries.span),
        addsGenerationPrompt: addsGenerationPrompt, into: &output, literals: &ranges)
      if result.byteCount <= bytes.count, result.literalCount <= literals.count {
        return (Array(bytes[..<result.byteCount]), Array(literals[..<result.literalCount]))
      }
      bytes = [UInt8](repeating: 0, count: max(bytes.count, result.byteCount))
      literals = [TextRange](
        repeating: TextRange(start: 0, byteCount: 0),
        count: max(literals.count, result.literalCount))
    }
  }
}
