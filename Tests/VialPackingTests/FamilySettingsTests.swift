// Settings of architectures: what is refused by the key's name, and what absent keys mean.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct FamilySettingsTests {
  /// Puts a value into a checkpoint's config.json; the key may be one of an inner object, behind a dot.
  private func set(_ key: String, _ json: String, in fixture: Fixture) throws {
    let bytes = Data(try fixture.bytes("config.json"))
    var config = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    let value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
    let parts = key.split(separator: ".").map(String.init)
    if parts.count == 2 {
      var inner = try #require(config[parts[0]] as? [String: Any])
      inner[parts[1]] = value
      config[parts[0]] = inner
    } else {
      config[key] = value
    }
    try fixture.write(
      "config.json", Array(try JSONSerialization.data(withJSONObject: config)))
  }

  /// Takes keys out of a checkpoint's config.json.
  private func remove(_ keys: String..., from fixture: Fixture) throws {
    let bytes = Data(try fixture.bytes("config.json"))
    var config = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    for key in keys { #expect(config.removeValue(forKey: key) != nil) }
    try fixture.write(
      "config.json", Array(try JSONSerialization.data(withJSONObject: config)))
  }

  @Test(arguments: [
    ("qwen3-tiny", "hidden_act", #""gelu_tanh""#, "gelu_tanh"),
    ("qwen3-tiny", "architectures", #"["Qwen3MoeForCausalLM"]"#, "Qwen3MoeForCausalLM"),
    ("qwen3-tiny", "layer_types", #"["full_attention"]"#, "layer_types has 1"),
    ("qwen3-yarn-tiny", "rope_scaling.rope_type", #""yran""#, "rope type yran"),
    ("qwen3-yarn-tiny", "rope_scaling.factor", #""4""#, "factor is not a number"),
    ("mistral-headdim-tiny", "sliding_window", "48", "sliding_window of 48"),
    ("mistral-headdim-tiny", "attention_bias", "true", "attention_bias"),
    ("phi3-longrope-tiny", "rope_scaling.short_factor", "[1, 1.1]", "short_factor has 2"),
    ("phi3-longrope-tiny", "rope_scaling.long_factor", "[0, 1, 1, 1, 1, 1]", "long_factor"),
    ("phi3-longrope-tiny", "partial_rotary_factor", "1.75", "partial_rotary_factor"),
    ("llama-headdim-tiny", "partial_rotary_factor", "0.5", "partial_rotary_factor"),
    ("smollm3-tiny", "no_rope_layers", "[1, 1, 1]", "no_rope_layers has 3 entries, the model 4"),
    ("smollm3-tiny", "no_rope_layers", "[1, 1, 2, 0]", "no_rope_layers"),
    ("granite-tiny", "residual_multiplier", "0", "residual_multiplier"),
    ("granite-tiny", "final_logit_softcapping", "30", "final_logit_softcapping is 30"),
    ("granite-tiny", "num_local_experts", "40", "num_local_experts is 40"),
    ("olmo2-tiny", "attention_bias", "true", "attention_bias"),
  ])
  func unknownTraitsAreRefusedByName(
    _ name: String, _ key: String, _ value: String, _ words: String
  ) throws {
    let fixture = try Fixture(name)
    try set(key, value, in: fixture)
    do {
      _ = try Packer.pack(fixture.options())
      Issue.record("packed")
    } catch { #expect(error.message.contains(words), "\(error.message)") }
  }

  /// Models that are of a known class, with the settings that theirs have: a tiny stand-in for each.
  @Test(arguments: [
    ("Baichuan-M2", "qwen2-tiny-untied", 131_072),
    ("Baichuan-M2-GPTQ-Int4", "gptq-g32-sym", 131_072),
    ("HuatuoGPT-o1-7B", "qwen2-tiny-untied", 32_768), ("HuatuoGPT-o1-8B", "llama3-tiny", 131_072),
    ("OpenBioLLM-8B", "llama3-tiny", 8192), ("Med42-v2-8B", "llama3-tiny", 8192),
    ("Meditron3-8B", "llama3-tiny", 131_072), ("Meditron3-Qwen2.5-7B", "qwen2-tiny-untied", 32_768),
    ("II-Medical-8B", "qwen3-tiny", 40_960), ("MediPhi", "phi3-longrope-tiny", 131_072),
  ])
  func standInsOfModelsThatWereNotTriedPack(
    _ model: String, _ name: String, _ context: Int
  ) throws {
    let fixture = try Fixture(name)
    try set("max_position_embeddings", "\(context)", in: fixture)
    // Llama 3 of April 2024: no scaling.
    if context == 8192 { try set("rope_scaling", "null", in: fixture) }
    let file = try fixture.pack()
    #expect(file.configuration.contextLength == context)
  }

  /// Where a key is missing, transformers' class decides.
  @Test func absentKeysHaveTheDefaultsOfTheirClass() throws {
    let smol = try Fixture("smollm3-tiny")
    let stated = try smol.pack().modelDigest
    try remove("no_rope_layers", "tie_word_embeddings", from: smol)
    #expect(try smol.pack().modelDigest == stated)
    let granite = try Fixture("granite-tiny")
    try remove("attention_multiplier", from: granite)
    #expect(try granite.pack().configuration.traits.attentionScale == 1)
    let mistral = try Fixture("mistral-headdim-tiny")
    // As long as the context, the window hides nothing.
    try remove("sliding_window", from: mistral)
    #expect(try mistral.pack().configuration.architecture == "mistral")
    // The class's own is 4096.
    try set("max_position_embeddings", "8192", in: mistral)
    #expect(throws: PackingError.self) { try mistral.pack() }
    let olmo = try Fixture("olmo2-tiny")
    try remove("rms_norm_eps", from: olmo)
    #expect(try olmo.pack().configuration.normEpsilon == 1e-5)
  }

  /// NTK scaling by length changes nothing within the context.
  @Test func dynamicScalingIsPlainWithinTheContext() throws {
    let fixture = try Fixture("llama-headdim-tiny")
    let plain = try fixture.pack().modelDigest
    try set("rope_scaling", #"{"type": "dynamic", "factor": 4.0}"#, in: fixture)
    #expect(try fixture.pack().modelDigest == plain)
  }

  /// The last pairs of a head are not rotated: their frequency is 0.
  @Test func proportionalScalingLeavesTheLastPairs() throws {
    let fixture = try Fixture("llama-headdim-tiny")
    let plain = try fixture.pack().configuration.ropeInverseFrequencies
    try set(
      "rope_scaling", #"{"rope_type": "proportional", "partial_rotary_factor": 0.25}"#, in: fixture)
    let partial = try fixture.pack().configuration.ropeInverseFrequencies
    #expect(partial.count == plain.count)
    #expect(partial.prefix(4) == plain.prefix(4))
    #expect(partial.dropFirst(4).allSatisfy { $0 == 0 })
  }

  @Test(arguments: [
    "qwen3-tiny", "qwen3-yarn-tiny", "qwen2-yarn-tiny", "mistral-headdim-tiny",
    "phi3-longrope-tiny", "llama-bias-linear-tiny", "llama-headdim-tiny", "smollm3-tiny",
    "granite-tiny", "olmo2-tiny",
  ])
  func calibrationRunsOnEveryArchitecture(_ name: String) throws {
    let fixture = try Fixture(name)
    let path = fixture.folder.deletingLastPathComponent().appendingPathComponent("text").path
    try Data(CalibrationTests.text).write(to: URL(fileURLWithPath: path))
    var options = fixture.options()
    options.calibration = CalibrationOptions(path: path)
    var files: [[UInt8]] = []
    for threads in [1, 3] {
      options.threadCount = threads
      #expect(try Packer.pack(options).recipe.contains("method gptq"))
      files.append(Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output))))
    }
    #expect(files[0] == files[1])
    let rounded = try fixture.packedBytes()
    #expect(files[0] != rounded)
  }
}
