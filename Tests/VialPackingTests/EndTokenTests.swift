// What ends an answer: ids of all settings, tokens by what they are called, or nothing.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct EndTokenTests {
  private static let end = "<\u{FF5C}end\u{2581}of\u{2581}sentence\u{FF5C}>"

  /// A checkpoint whose settings name no end, and whose tokenizer has one called `name` in its place.
  private func endless(_ name: String) throws -> Fixture {
    let fixture = try Fixture("llama3-tiny")
    try FileManager.default.removeItem(at: fixture.url("generation_config.json"))
    try fixture.edit("config.json", "\"eos_token_id\"", "\"ignored\"")
    try fixture.edit("tokenizer_config.json", "\"eos_token\"", "\"ignored\"")
    try fixture.edit("tokenizer_config.json", Self.end, name)
    try fixture.edit("tokenizer.json", Self.end, name)
    return fixture
  }

  @Test func idsOfAllSettingsAreUnited() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", "\"eos_token_id\": 490", "\"eos_token_id\": 491")
    try fixture.edit(
      "tokenizer_config.json", "\"eos_token\": \"\(Self.end)\"", "\"eos_token\": \"<|quad_end|>\"")
    let (file, warnings, _) = try fixture.packed()
    #expect(file.configuration.eosTokens == [490, 491, 498])
    #expect(!warnings.contains { $0.contains("ends an answer") })
  }

  @Test func aTokenMayEndByItsName() throws {
    let named = try endless(Self.end).packed()
    #expect(named.file.configuration.eosTokens == [490])
    #expect(named.warnings.contains { $0.hasPrefix("token 490 '\(Self.end)' ends an answer by") })
    #expect(try endless("<|eot_id|>").packed().file.configuration.eosTokens == [490])
    // One that is no special token may be a part of an answer: <|EOT|> (494) is not among them.
    let nothing = try endless("<|other|>").packed()
    #expect(nothing.file.configuration.eosTokens.isEmpty)
    #expect(nothing.warnings.contains { $0.hasPrefix("nothing can end an answer") })
  }

  @Test func anEndBeyondTheEmbeddingIsLeftOut() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", "\"eos_token_id\": 490", "\"eos_token_id\": [490, 600]")
    let (file, warnings, summary) = try fixture.packed()
    #expect(file.configuration.eosTokens == [490])
    #expect(warnings.contains("end token 600 has no row in the embedding of 512 rows; left out"))
    #expect(summary.omissionCount == 1)
  }

  /// The same of the token that begins a text, unless every text needs it.
  @Test func aBeginBeyondTheEmbedding() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let begin = "<\u{FF5C}begin\u{2581}of\u{2581}sentence\u{FF5C}>"
    try fixture.edit("tokenizer_config.json", "\"bos_token\": \"\(begin)\"", "\"ignored\": 1")
    try fixture.edit("config.json", "\"bos_token_id\": 493", "\"bos_token_id\": 600")
    try fixture.edit("generation_config.json", "\"bos_token_id\"", "\"pad_token_id\"")
    try fixture.edit("tokenizer.json", "\"TemplateProcessing\"", "\"ByteLevel\"")
    let (file, warnings, _) = try fixture.packed()
    #expect(file.configuration.bosToken == nil)
    #expect(warnings.contains("first token 600 has no row in the embedding of 512 rows; left out"))
  }

  @Test func aGGUFFileNamesItsEndOfTurnByItsSpelling() throws {
    let fixture = try endless("<|eot_id|>")
    var source = try GGUFBuilder(fixture, pre: "qwen2")
    source["tokenizer.ggml.eos_token_id"] = .u32(498)
    try fixture.write("model.gguf", source.bytes)
    let (file, warnings, _) = try fixture.packed("model.gguf")
    #expect(file.configuration.eosTokens == [490, 498])
    #expect(warnings.contains { $0.hasPrefix("token 490 '<|eot_id|>' ends an answer by") })
    source["tokenizer.ggml.eom_token_id"] = .u32(500)
    try fixture.write("model.gguf", source.bytes)
    #expect(try fixture.packed("model.gguf").file.configuration.eosTokens == [490, 498, 500])
  }
}
