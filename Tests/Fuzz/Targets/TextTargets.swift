// Targets that read what VialText reads: tokenizer tables and chat template programs, used on texts
// that reach into their corners.
import VialFormat
import VialText

enum TextTargets {
  static let texts: [[UInt8]] = [
    Array("the <|user|> cafe\u{301} \u{2581}x  12345\n\n 'll \u{1FA7A}<think>".utf8),
    Array(String(repeating: "the", count: 30).utf8),
  ]

  /// One byte for the length of a text, the text, then the section.
  static func tokenizer(_ input: [UInt8]) {
    var reader = InputReader(input)
    let text = Array(reader.bytes(Int(reader.byte())))
    guard let tokenizer = try? Tokenizer(ByteRegion(copying: reader.rest())) else { return }
    use(tokenizer, texts: texts + [text])
  }

  /// Encodes and decodes.
  static func use(_ tokenizer: Tokenizer, texts: [[UInt8]]) {
    for text in texts {
      let ids = encode(tokenizer, text)
      for id in ids {
        _ = tokenizer.bytes(of: id).count
        if Int(id) >= tokenizer.tokenCount { fatalError("an id outside the vocabulary") }
      }
      decode(tokenizer, ids)
    }
    decode(tokenizer, [0, 1, 2, 3, 255, 256, .max, UInt32(tokenizer.tokenCount - 1)])
  }

  static func encode(_ tokenizer: Tokenizer, _ text: [UInt8]) -> [UInt32] {
    var workspace = TokenizerWorkspace()
    var ids = [UInt32](repeating: 0, count: tokenizer.tokenCapacity(forByteCount: text.count))
    let literals = [TextRange(start: 3, byteCount: 9)]
    var result: [UInt32] = []
    for isLiteral in [false, true] {
      var output = ids.mutableSpan
      let options = EncodeOptions(addsSpecialTokens: true, isLiteral: isLiteral)
      let count =
        try? tokenizer.encode(
          text.span, options, literals: literals.span, workspace: &workspace, into: &output)
      result += ids.prefix(count ?? 0)
    }
    return result
  }

  private static func decode(_ tokenizer: Tokenizer, _ ids: [UInt32]) {
    var text = [UInt8](repeating: 0, count: 4096)
    var decoder = StreamingDecoder(tokenizer)
    for id in ids {
      var buffer = [UInt8](repeating: 0, count: min(4096, decoder.capacity(for: id)))
      var output = buffer.mutableSpan
      let count = decoder.append(id, into: &output)
      if count > decoder.capacity(for: id) { fatalError("a token is longer than its capacity") }
    }
    var output = text.mutableSpan
    let count = tokenizer.decode(ids.span, into: &output)
    guard count <= text.count, String(validating: text[..<count], as: UTF8.self) == nil else {
      return
    }
    fatalError("decoded text is not UTF-8")
  }

  /// The input is the section.
  static func template(_ input: [UInt8]) {
    guard let template = try? ChatTemplate(ByteRegion(copying: input)) else { return }
    for addsGenerationPrompt in [true, false] {
      render(template, few, addsGenerationPrompt: addsGenerationPrompt)
    }
    render(template, many, addsGenerationPrompt: true)
  }

  private static let few = [
    ("system", " be brief\n"), ("user", "a</think> b"), ("tool", "\u{E9}"),
  ]
  /// What a program can spend its time on.
  private static let many =
    [("system", String(repeating: "ab ", count: 2000))]
    + (0..<60).map { (["user", "assistant"][$0 % 2], String(repeating: " a</", count: $0)) }

  static func render(
    _ template: ChatTemplate, _ messages: [(String, String)], addsGenerationPrompt: Bool
  ) {
    var text: [UInt8] = []
    var entries: [ChatMessage] = []
    for (role, content) in messages {
      let roleRange = TextRange(start: text.count, byteCount: role.utf8.count)
      text += role.utf8
      let contentRange = TextRange(start: text.count, byteCount: content.utf8.count)
      text += content.utf8
      entries.append(
        ChatMessage(role: roleRange, content: contentRange, isLiteral: role == "user"))
    }
    var nodes: [ChatNode] = []
    let tools = add(toolsText, &text, &nodes)
    for index in entries.indices where messages[index].0 != "user" {
      entries[index].fields = add(fieldsText, &text, &nodes)
    }
    var bytes = [UInt8](repeating: 0, count: 1024)
    var literals = [TextRange](repeating: TextRange(start: 0, byteCount: 0), count: 8)
    var output = bytes.mutableSpan
    var ranges = literals.mutableSpan
    _ = try? template.render(
      ChatMessages(text: text.span, entries: entries.span, nodes: nodes.span, tools: tools),
      addsGenerationPrompt: addsGenerationPrompt, into: &output, literals: &ranges)
  }

  private static let toolsText =
    #"[{"function": {"name": "f", "parameters": {"b": [1, 2.5e9, null], "a": {}}}}, {}]"#
  private static let fieldsText =
    #"{"reasoning_content": "r", "name": null, "tool_calls": [{"id": "i", "function": {"arguments": {"z": [[]], "A": true}}}]}"#

  /// Adds a JSON text to a conversation's; its first node, or -1.
  private static func add(
    _ json: String, _ text: inout [UInt8], _ nodes: inout [ChatNode]
  ) -> Int {
    let bytes = Array(json.utf8)
    var room = [UInt8](repeating: 0, count: bytes.count)
    let empty = ChatNode(kind: .null, text: TextRange(start: 0, byteCount: 0), end: 0)
    var values = [ChatNode](repeating: empty, count: bytes.count)
    var output = room.mutableSpan
    var list = values.mutableSpan
    guard
      let size = try? ChatValueReader.read(
        bytes.span, into: &output, at: text.count, nodes: &list, at: nodes.count)
    else { return -1 }
    let first = nodes.count
    text += room
    nodes += values[..<size.nodeCount]
    return first
  }
}
