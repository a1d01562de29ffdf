// Rendering and tokenising conversations in tests.

import Foundation
import VialFormat
import VialPacking
import VialText

/// A message as tests write it.
struct TestMessage {
  let role: String
  let content: String
  /// Its further fields as JSON; empty without any.
  let fields: String

  init(_ role: String, _ content: String, fields: String = "") {
    self.role = role
    self.content = content
    self.fields = fields
  }

  /// A message as transformers has it.
  init(_ json: JSONValue) {
    let members = (json.object?.members ?? []).filter {
      $0.key != "role" && $0.key != "content"
    }
    let further = JSONValue.object(JSONObject(members: members, index: [:]))
    self.init(
      json["role"]?.text ?? "", json["content"]?.text ?? "",
      fields: members.isEmpty ? "" : String(decoding: further.compactText, as: UTF8.self))
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
    _ messages: [TestMessage], tools: String = "", addsGenerationPrompt: Bool,
    isLiteral: Bool = false
  ) throws -> (text: [UInt8], literals: [TextRange]) {
    try Self.render(
      template, messages, tools: tools, addsGenerationPrompt: addsGenerationPrompt,
      isLiteral: isLiteral)
  }

  static func render(
    _ template: ChatTemplate, _ messages: [TestMessage], tools: String = "",
    addsGenerationPrompt: Bool, isLiteral: Bool = false
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
    var nodes: [ChatNode] = []
    for (index, message) in messages.enumerated() where !message.fields.isEmpty {
      entries[index].fields = try read(message.fields, &text, &nodes)
    }
    let toolsNode = tools.isEmpty ? -1 : try read(tools, &text, &nodes)
    var bytes = [UInt8](repeating: 0, count: 16)
    var literals = [TextRange](repeating: TextRange(start: 0, byteCount: 0), count: 1)
    while true {
      var output = bytes.mutableSpan
      var ranges = literals.mutableSpan
      let result = try template.render(
        ChatMessages(
          text: text.span, entries: entries.span, nodes: nodes.span, tools: toolsNode),
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

  /// Adds a JSON text to a conversation's; returns its first node.
  static func read(
    _ json: String, _ text: inout [UInt8], _ nodes: inout [ChatNode]
  ) throws -> Int {
    let bytes = Array(json.utf8)
    var room = [UInt8](repeating: 0, count: 24 * bytes.count)
    let empty = ChatNode(kind: .null, text: TextRange(start: 0, byteCount: 0), end: 0)
    var values = [ChatNode](repeating: empty, count: bytes.count)
    var output = room.mutableSpan
    var list = values.mutableSpan
    let size = try ChatValueReader.read(
      bytes.span, into: &output, at: text.count, nodes: &list, at: nodes.count)
    let first = nodes.count
    text += room[..<size.byteCount]
    nodes += values[..<size.nodeCount]
    return first
  }
}
