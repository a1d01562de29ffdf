// Settings that transformers reads in another way than they seem to say: what holds, and that it is said.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct SettingsReadingTests {
  private func frequencies(
    _ old: String, _ new: String
  ) throws -> (values: [Float], warnings: [String]) {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", old, new)
    let (file, warnings, _) = try fixture.packed()
    return (file.configuration.ropeInverseFrequencies, warnings)
  }

  private static let base = "\"rope_theta\": 1000000.0"

  @Test func ropeScalingWinsOverRopeParameters() throws {
    let linear = "\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 4.0"
    let newer = "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 1000000.0}"
    let expected = try frequencies(Self.base, "\(Self.base), \(linear)}")
    let plain = try frequencies(Self.base, Self.base)
    #expect(expected.values == plain.values.map { $0 / 4 } && expected.warnings == plain.warnings)
    let both = try frequencies(Self.base, "\(newer), \(linear), \"rope_theta\": 1000000.0}")
    #expect(both.values == expected.values)
    #expect(both.warnings.contains { $0.contains("rope_scaling holds, as in transformers") })
    // The base of the layout that does not hold goes with it.
    let lost = try frequencies(Self.base, "\(newer), \(linear)}")
    #expect(lost.warnings.contains { $0.contains("with rope_theta 10000.0, not the 1000000.0") })
    #expect(lost.values[1] > expected.values[1])
    // An empty one is none.
    #expect(try frequencies(Self.base, "\(newer), \"rope_scaling\": {}").values == plain.values)
    let factor = try frequencies(Self.base, "\(Self.base), \"rope_scaling\": {\"factor\": 4.0}")
    #expect(factor.values == plain.values)
    #expect(factor.warnings.contains { $0.contains("a factor without a type") })
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit(
      "config.json", Self.base, "\(newer), \"rope_scaling\": {\"type\": \"ntk\", \"factor\": 4.0}")
    #expect(fixture.failure()?.contains("rope type ntk") == true)
  }

  @Test func swishIsSilu() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let digest = try fixture.pack().modelDigest
    try fixture.edit("config.json", "\"silu\"", "\"swish\"")
    #expect(try fixture.pack().modelDigest == digest)
  }

  @Test(arguments: [("qwen2-tiny-tied", 32768), ("llama3-tiny", 2048)])
  func aMissingContextIsThatOfTheClass(_ name: String, _ count: Int) throws {
    let fixture = try Fixture(name)
    try fixture.edit("config.json", "\"max_position_embeddings\"", "\"ignored\"")
    let (file, warnings, _) = try fixture.packed()
    #expect(file.configuration.contextLength == count)
    #expect(warnings.contains { $0.contains("no max_position_embeddings; \(count) positions") })
  }

  /// NaN and repeated keys are what Python's reader takes them for; weights' headers stay strict.
  @Test func jsonIsReadAsPythonReadsIt() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit(
      "config.json", "\"vocab_size\": 512",
      "\"vocab_size\": 7, \"ignored\": [NaN, -Infinity, Infinity], \"vocab_size\": 512")
    try fixture.edit(
      "tokenizer_config.json", "\"add_bos_token\"",
      "\"padding_side\": 1, \"padding_side\": 2, \"add_bos_token\"")
    let (file, warnings, _) = try fixture.packed()
    #expect(file.configuration.vocabularySize == 512)
    #expect(warnings.contains { $0.hasPrefix("config.json: vocab_size stands twice") })
    #expect(warnings.contains { $0.hasPrefix("tokenizer_config.json: padding_side stands twice") })
    try FileManager.default.removeItem(atPath: fixture.output)
    try fixture.edit("config.json", "\"rms_norm_eps\"", "\"rms_norm_eps\": NaN, \"ignored2\"")
    #expect(fixture.failure()?.contains("rms_norm_eps is not a number") == true)
  }

  @Test func generationSettingsThatAreNotReadAreNamed() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let (_, before, _) = try fixture.packed()
    try fixture.edit(
      "generation_config.json", "{",
      """
      {"no_repeat_ngram_size": 3, "max_new_tokens": 512, "num_beams": 1, "typical_p": 1.0, "suppress_tokens": [],
      "bad_words_ids": null, "renormalize_logits": false, "suppress_tokens_2": [5], "max_length": 20,
      """)
    let (_, warnings, summary) = try fixture.packed()
    let new = warnings.filter { !before.contains($0) }
    #expect(
      new
        == ["no_repeat_ngram_size", "max_new_tokens", "suppress_tokens_2"].map {
          "generation_config.json: \($0) is not carried over"
        })
    #expect(summary.omissionCount == 3)
  }

  @Test func otherChatTemplatesAreNamed() throws {
    let fixture = try Fixture("llama3-tiny")
    try fixture.edit(
      "tokenizer_config.json", "\"chat_template\": ", "\"ignored\": ")
    try fixture.edit(
      "tokenizer_config.json", "\"add_bos_token\"",
      """
      "chat_template": [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}],
      "add_bos_token"
      """)
    let (_, warnings, _) = try fixture.packed()
    #expect(warnings.contains { $0.contains("chat template tool_use is not the default one") })
    try fixture.write("chat_template.jinja", Array("c".utf8))
    let (file, both, _) = try fixture.packed()
    #expect(both.contains { $0.contains("the file holds") })
    #expect(try file.text(.chatTemplateSource)?.copied() == [0x63])
  }
}
