// The tokenizer of a GGUF file: the same tables as from the tokenizer.json that it stands for.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct GGUFTokenizerTests {
  private func section(_ builder: GGUFBuilder) throws -> [UInt8] {
    let fixture = try Fixture()
    try fixture.write("model.gguf", builder.bytes)
    let options = PackOptions(
      sourcePath: fixture.url("model.gguf").path, outputPath: fixture.output)
    _ = try Packer.pack(options)
    let file = try FormatReader.open(
      ByteRegion(copying: Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output)))))
    return try #require(file.section(.tokenizer)).copied()
  }

  private func tables(_ json: String, _ config: String) throws -> [UInt8] {
    try TokenizerTables.build(
      tokenizerJSON: Array(json.utf8), tokenizerConfigJSON: Array(config.utf8)
    ).section
  }

  private static let pieces: [(text: String, score: Float, kind: Int32)] = [
    ("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("<0x0A>", 0, 6), ("\u{2581}", -9, 1),
    ("a", -10, 1), ("b", -11, 1), ("ab", -1, 1), ("\u{2581}a", -2, 1), ("\u{2581}ab", -3, 1),
    ("bb", -3, 1), ("é", -12, 1), ("éb", -0.5, 1), ("pad", 0, 5),
  ]

  private func sentencePiece() throws -> GGUFBuilder {
    var builder = try GGUFBuilder(Fixture("llama3-tiny"), pre: "llama-bpe")
    for key in ["pre", "merges", "padding_token_id"] { builder["tokenizer.ggml." + key] = nil }
    builder["tokenizer.chat_template"] = nil
    builder["tokenizer.ggml.model"] = .text("llama")
    builder["tokenizer.ggml.tokens"] = .texts(Self.pieces.map(\.text))
    builder["tokenizer.ggml.scores"] = .f32s(Self.pieces.map(\.score))
    builder["tokenizer.ggml.token_type"] = .i32s(Self.pieces.map(\.kind))
    builder["tokenizer.ggml.unknown_token_id"] = .u32(0)
    builder["tokenizer.ggml.bos_token_id"] = .u32(1)
    builder["tokenizer.ggml.eos_token_id"] = .u32(2)
    return builder
  }

  /// Merges as transformers' converter makes them: by score, the longer left part first; unused tokens are left out.
  @Test func scoresBecomeMerges() throws {
    let vocabulary = Self.pieces.dropLast().enumerated().map { "\"\($1.text)\": \($0)" }
    let added = ["<unk>", "<s>", "</s>"].map {
      "{\"content\": \"\($0)\", \"special\": true, \"normalized\": false}"
    }
    func json(_ merges: String, _ normalizers: String, _ strip: String) -> String {
      """
      {"added_tokens": [\(added.joined(separator: ","))],
       "normalizer": {"type": "Sequence", "normalizers": [\(normalizers)
         {"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"}]},
       "decoder": {"type": "Sequence", "decoders": [
         {"type": "Replace", "pattern": {"String": "\u{2581}"}, "content": " "},
         {"type": "ByteFallback"}, {"type": "Fuse"}\(strip)]},
       "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
         "vocab": {\(vocabulary.joined(separator: ","))}, "merges": \(merges)}}
      """
    }
    let config = """
      {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": true}
      """
    let merges = """
      [["é", "b"], ["a", "b"], ["\u{2581}", "a"], ["\u{2581}a", "b"], ["\u{2581}", "ab"], ["b", "b"]]
      """
    let prepend = "{\"type\": \"Prepend\", \"prepend\": \"\u{2581}\"},"
    let strip = ", {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}"
    var builder = try sentencePiece()
    builder["tokenizer.ggml.add_bos_token"] = nil
    #expect(try section(builder) == tables(json(merges, prepend, strip), config))
    let other = "[[\"a\", \"b\"], [\"é\", \"b\"]]"
    #expect(try section(builder) != tables(json(other, prepend, strip), config))
    builder["tokenizer.ggml.add_space_prefix"] = .flag(false)
    #expect(try section(builder) == tables(json(merges, "", ""), config))
    builder["tokenizer.ggml.add_bos_token"] = .flag(false)
    #expect(
      try section(builder)
        == tables(
          json(merges, "", ""),
          config.replacingOccurrences(of: "true", with: "false")))
  }

  @Test func scoresMustFit() throws {
    for (key, value) in [
      ("scores", GGUFBuilder.Value.f32s([1])),
      ("scores", .f32s([.nan] + [Float](repeating: 0, count: 13))),
      ("tokens", .texts(["a"])), ("unknown_token_id", .u32(99)),
    ] {
      var builder = try sentencePiece()
      builder["tokenizer.ggml." + key] = value
      #expect(throws: PackingError.self, "\(key)") { try section(builder) }
    }
  }

  /// Where unused tokens or a gap stand before the added ones, ids stay as the file has them.
  @Test func idsStay() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    var builder = try GGUFBuilder(fixture, pre: "qwen2")
    guard case .i32s(var kinds) = builder["tokenizer.ggml.token_type"] else {
      Issue.record("no token types")
      return
    }
    let whole = try section(builder)
    kinds[500] = 5
    builder["tokenizer.ggml.token_type"] = .i32s(kinds)
    let gap = try section(builder)
    #expect(gap != whole)
    let tables = try TokenizerTables.build(
      tokenizerJSON: fixture.bytes("tokenizer.json"),
      tokenizerConfigJSON: fixture.bytes("tokenizer_config.json"))
    #expect(whole == tables.section)
  }

  @Test func llamaTakesUpToThreeDigits() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let qwen = try section(GGUFBuilder(fixture, pre: "qwen2"))
    let llama = try section(GGUFBuilder(fixture, pre: "llama-bpe"))
    #expect(qwen != llama)
    #expect(try section(GGUFBuilder(fixture, pre: "deepseek-r1-qwen")) == qwen)
  }
}
