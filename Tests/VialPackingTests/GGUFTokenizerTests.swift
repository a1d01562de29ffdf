// The tokenizer of a GGUF file: the same tables as from the tokenizer.json that it stands for.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

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

  /// What each name of `tokenizer.ggml.pre` stands for; the last is for the flags of the header.
  private static let names: [(String, PreTokenizerPattern, TokenizerNormalizer, UInt8)] = [
    ("qwen2", .qwen2, .nfc, 0), ("deepseek-r1-qwen", .qwen2, .nfc, 0),
    ("qwen35", .qwen35, .nfc, 0), ("llama-bpe", .llama3, .none, 1), ("llama3", .llama3, .none, 1),
    ("llama-v3", .llama3, .none, 1), ("glm4", .llama3, .none, 1), ("dbrx", .llama3, .none, 0),
    ("tekken", .tekken, .none, 1), ("gpt-4o", .o200k, .none, 0), ("llama4", .o200k, .none, 0),
    ("deepseek-v3", .deepSeekV3, .none, 0), ("gpt-2", .gpt2, .none, 0), ("phi-2", .gpt2, .none, 0),
    ("smollm", .gpt2Digits, .none, 0), ("starcoder", .gpt2Digits, .none, 0),
    ("refact", .gpt2Digits, .none, 0), ("command-r", .gpt2Digits, .nfc, 0),
  ]

  @Test(arguments: names)
  func namesStandForPatterns(
    _ name: String, _ pattern: PreTokenizerPattern, _ normalizer: TokenizerNormalizer,
    _ flags: UInt8
  ) throws {
    let section = try section(GGUFBuilder(Fixture("qwen2-tiny-tied"), pre: name))
    let tokenizer = try Tokenizer(ByteRegion(copying: section))
    #expect(tokenizer.pattern == pattern)
    #expect(tokenizer.normalizer == normalizer)
    #expect(section[20] == flags)
  }

  @Test func unknownNamesAreRefused() throws {
    let builder = try GGUFBuilder(Fixture("qwen2-tiny-tied"), pre: "poro-chat")
    #expect {
      try section(builder)
    } throws: { error in
      "\(error)".contains("tokenizer.ggml.pre poro-chat is not supported (qwen2,")
    }
  }

  /// Gemma 4 lists its merges and puts no space in front.
  @Test func gemma4ListsItsMerges() throws {
    var builder = try sentencePiece()
    builder["tokenizer.ggml.model"] = .text("gemma4")
    builder["tokenizer.ggml.scores"] = nil
    builder["tokenizer.ggml.merges"] = .texts(["a b", "\u{2581} ab", "\u{2581} a"])
    let tokenizer = try Tokenizer(ByteRegion(copying: section(builder)))
    #expect(tokenizer.mergeCount == 3)
    #expect(try TestTokenizer.encode(tokenizer, Array("ab ab".utf8)) == [7, 9])
  }

  @Test func llamaTakesUpToThreeDigits() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let qwen = try section(GGUFBuilder(fixture, pre: "qwen2"))
    let llama = try section(GGUFBuilder(fixture, pre: "llama-bpe"))
    #expect(qwen != llama)
    #expect(try section(GGUFBuilder(fixture, pre: "deepseek-r1-qwen")) == qwen)
  }
}
