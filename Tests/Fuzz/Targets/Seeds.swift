// What the fuzzers start from: small valid inputs of every target, made here, so that no byte of them is
// anybody else's.
import VialFormat
import VialPacking

/// First inputs.
public enum Seeds {
  /// Valid inputs of a target.
  public static func inputs(_ target: FuzzTarget) -> [[UInt8]] {
    switch target {
    case .open:
      return [
        TinyModel.bytes, TinyModel.twoRoots, TinyModel.adapted, TinyModel.withCodebook,
        TinyModel.adapterFile,
      ].map { SparseFile.fold($0, .all) }
    case .sections: return [Array(TinyModel.bytes[TinyModel.tableOffset...])]
    case .tensors:
      let units = FileSeal.littleEndian(UInt16(TinyModel.weights.count / 64))
      return [units + [0, 0] + TinyModel.tensorTable, [2, 0, 1, 0] + twoSections]
    case .keyvalues: return [TinyModel.configuration, provenance]
    case .tokenizer:
      let text = Array("the 1\u{E9} <think>".utf8)
      return tokenizers.map { [UInt8(text.count)] + text + $0 }
    case .encoding: return encodings
    case .template: return [TinyModel.chatTemplate]
    case .lz4: return [compressed("ab", times: 100), compressed("The quick brown fox. ", times: 1)]
    case .safetensors: return [TinyTokenizer.safetensors]
    case .config: return [TinyTokenizer.configuration]
    case .tokenizerjson:
      return [
        TinyTokenizer.byteLevel, TinyTokenizer.pieces,
        TinyTokenizer.pieces + [0] + TinyTokenizer.settings,
      ]
    case .jinja:
      return [
        Array(TinyTokenizer.chatTemplate.utf8),
        Array("{# c #}{{ bos_token }}{{- messages[-1].content | length }}".utf8),
        Array(
          "{% set ns = namespace(a=1) %}{% for m in messages[::1] %}{% set ns.a = ns.a + 1 %}{% endfor %}"
            .utf8),
      ]
    case .prompt: return [section(of: promptFile), section(of: quotedFile)]
    case .promptfile: return [Array(promptFile.utf8), Array(quotedFile.utf8)]
    case .pattern:
      return [
        [0, 0] + Array("^(a|[^b-d]{2})+$".utf8) + [0, 1, 2, 3],
        [2, 9] + Array("^.*(th|e)?.{3,20}x$".utf8) + [0, 9, 9, 9, 9],
        [0, 4] + Array(#"^((\d{2}){3}|\w+?|(?:\u00e9)*)$"#.utf8),
      ]
    case .schema: return schemas.map { Array($0.0.utf8) + [0] + Array($0.1.utf8) }
    }
  }

  private static let promptFile = """
    ---
    id: a
    version: 1
    task: other
    language: en
    variable: a
      required: yes
    variable: w
      type: number
      units: kg, lb
      range: 0..9
      default: none
    ---
    # system
    S {{w}}
    # user
    {{a}} {{{{
    """

  /// Version 2 of the format.
  private static let quotedFile = """
    ---
    format: 2
    id: q
    version: 1
    task: other
    language: en
    variable: a
      required: yes
    variable: w
      type: number
      units: kg = KG, lb av
      range: 0..100 kg, 0..200 lb av
    variable: l
      type: choice
      choices: English = en | German
    variable: f
      type: date
    variable: t
      type: date
      not_before: f
    ---
    # user
    <r>
    {{a}}
    {{w}}
    </r>
    {{l}} {{f}} {{t}}
    """

  private static func section(of file: String) -> [UInt8] {
    must { try PromptTemplateFile(Array(file.utf8), name: "seed").section }
  }

  private static let schemas: [(String, String)] = [
    (
      #"{"type":"object","properties":{"a":{"type":"string","maxLength":3},"b":{"enum":[1,"x"]}}}"#,
      #"{"a":"é","b":1}"#
    ),
    (
      #"{"type":"array","items":{"type":"number","minimum":-1.5,"maximum":2},"maxItems":2}"#,
      "[0.5]"
    ),
    (#"{"type":"string","pattern":"^(a|[^b-d]{2})+$"}"#, #""axy""#),
    (
      ##"{"anyOf":[{"$ref":"#/$defs/a"},{"type":"null"}],"$defs":{"a":{"const":{"k":[]}}}}"##,
      "null"
    ),
    (
      ##"{"$defs":{"n":{"type":"object","properties":{"l":{"$ref":"#/$defs/n"},"r":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}"##,
      "{}"
    ),
    (
      #"{"allOf":[{"oneOf":[{"type":"integer","multipleOf":7},{"type":"null"}]},{"anyOf":[{"minimum":3},{"const":21}]}],"required":["a"]}"#,
      "21"
    ),
  ]

  /// Parts of texts, under both tables and what is done to them.
  private static let encodings: [[UInt8]] = {
    let parts = [
      "the", "the ", "\u{E9}<think>", "a\u{301}\u{316}", "<|user", "\u{1D160}", "   mask",
    ]
    var inputs: [[UInt8]] = []
    for (index, part) in parts.enumerated() {
      for table: UInt8 in 0...1 {
        inputs.append([7, table, UInt8(index * 3 % 16), UInt8(part.utf8.count)] + Array(part.utf8))
      }
    }
    return inputs
  }()

  static let tokenizers: [[UInt8]] = [TinyTokenizer.byteLevel, TinyTokenizer.pieces].map {
    guard let tables = try? TokenizerTables.build(tokenizerJSON: $0) else {
      fatalError("a tiny tokenizer is not valid")
    }
    return tables.section
  }

  private static let provenance: [UInt8] = {
    var builder = KeyValueBuilder()
    builder["a"] = .textArray(["x", "", "\u{E9}"])
    builder["b"] = .signed(-1)
    builder["c"] = .bool(true)
    builder["d"] = .floatArray([1, -2.5])
    builder["e"] = .unsignedArray([7])
    builder["f"] = .bytes([0, 255])
    builder["g"] = .float(0.5)
    return must { try builder.build() }
  }()

  /// Tensors in two weights sections of 128 and 64 bytes.
  private static let twoSections: [UInt8] = must {
    var table = TensorTableBuilder()
    try table.add("a", TensorFormat(.f32), shape: [32])
    try table.add("b", TensorFormat(.f32), shape: [1, 1], section: 1)
    return try table.build()
  }

  private static func compressed(_ text: String, times: Int) -> [UInt8] {
    let raw = Array(String(repeating: text, count: times).utf8)
    let frame: [UInt8] = must {
      var writer = FileWriter(MemorySink())
      try writer.add(.text, id: 5, codec: .lz4, raw)
      _ = try writer.finish()
      let file = writer.takeSink().bytes
      let table = Int(FileSeal.long(file, 4096 + 16))
      return Array(file[12288..<12288 + Int(FileSeal.long(file, table + 24))])
    }
    return FileSeal.littleEndian(UInt32(raw.count)) + frame
  }

  private static func must(_ body: () throws -> [UInt8]) -> [UInt8] {
    do { return try body() } catch { fatalError("a seed cannot be made: \(error)") }
  }
}
