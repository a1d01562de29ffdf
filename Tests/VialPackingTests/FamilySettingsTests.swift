// Settings of architectures: what is refused by the key's name, and what absent keys mean.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct FamilySettingsTests {
  @Test(arguments: [
    ("qwen3-tiny", "hidden_act", #""gelu_tanh""#, "gelu_tanh"),
    ("qwen3-tiny", "architectures", #"["Qwen3MoeForCausalLM"]"#, "Qwen3MoeForCausalLM"),
    ("qwen3-tiny", "layer_types", #"["full_attention"]"#, "layer_types has 1"),
    ("qwen3-yarn-tiny", "rope_scaling.rope_type", #""yran""#, "rope type yran"),
    ("qwen3-yarn-tiny", "rope_scaling.factor", #""4""#, "factor is not a number"),
    ("mistral-headdim-tiny", "sliding_window", "0", "sliding_window is not a whole number"),
    ("mistral-headdim-tiny", "layer_types", #"["full_attention"]"#, "layer_types has 1"),
    ("mistral-window-tiny", "query_pre_attn_scalar", "24", "query_pre_attn_scalar is 24"),
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
    ("olmo2-tiny", "layer_types", "[1, 2]", "layer_types is not a list of strings"),
    ("gemma2-tiny", "hidden_activation", #""gelu""#, "hidden_activation gelu"),
    ("gemma2-tiny", "sliding_window", "0", "sliding_window is not a whole number"),
    ("gemma2-tiny", "sliding_window", "null", "sliding_window is null"),
    ("gemma2-tiny", "use_bidirectional_attention", "true", "use_bidirectional_attention is true"),
    ("gemma2-tiny", "attn_logit_softcapping", "0", "attn_logit_softcapping is out of range"),
    ("gemma2-tiny", "query_pre_attn_scalar", "0", "query_pre_attn_scalar is out of range"),
    ("gemma2-tiny", "architectures", #"["Gemma3nForCausalLM"]"#, "Gemma3nForCausalLM"),
    ("gemma3-text-tiny", "use_bidirectional_attention", "true", "use_bidirectional_attention"),
    ("gemma3-text-tiny", "attn_logit_softcapping", "50.0", "attn_logit_softcapping is 50"),
    ("gemma3-text-tiny", "sliding_window_pattern", "0", "sliding_window_pattern is not a whole"),
    ("gemma3-text-tiny", "num_experts", "8", "num_experts is 8"),
    ("gemma3-text-tiny", "rope_local_base_freq", "0", "rope_local_base_freq is out of range"),
    (
      "gemma3-text-tiny", "layer_types",
      #"["full_attention", "full_attention", "chunked_attention", "full_attention", "full_attention", "full_attention"]"#,
      "layer_types has chunked_attention"
    ),
    ("gemma3-text-tiny", "layer_types", #"["full_attention"]"#, "has 1 entries, the model 6"),
    ("gemma3-linear-tiny", "rope_scaling.rope_type", #""yran""#, "rope type yran"),
    (
      "gemma3-linear-tiny", "rope_parameters",
      #"{"sliding_attention": {"rope_type": "yarn", "factor": 4.0}}"#, "attention factor"
    ),
  ])
  func unknownTraitsAreRefusedByName(
    _ name: String, _ key: String, _ value: String, _ words: String
  ) throws {
    let fixture = try Fixture(name)
    try fixture.set(key, value)
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
    try fixture.set("max_position_embeddings", "\(context)")
    // Llama 3 of April 2024: no scaling.
    if context == 8192 { try fixture.set("rope_scaling", "null") }
    let file = try fixture.pack()
    #expect(file.configuration.contextLength == context)
  }

  /// Where a key is missing, transformers' class decides.
  @Test func absentKeysHaveTheDefaultsOfTheirClass() throws {
    let smol = try Fixture("smollm3-tiny")
    let stated = try smol.pack().modelDigest
    try smol.remove("no_rope_layers", "tie_word_embeddings")
    #expect(try smol.pack().modelDigest == stated)
    let granite = try Fixture("granite-tiny")
    try granite.remove("attention_multiplier")
    #expect(try granite.pack().configuration.traits.attentionScale == 1)
    let mistral = try Fixture("mistral-headdim-tiny")
    // As long as the context, the window hides nothing.
    try mistral.remove("sliding_window")
    #expect(try mistral.pack().configuration.traits.windows == nil)
    // The class's own is 4096.
    try mistral.set("max_position_embeddings", "8192")
    let configuration = try mistral.pack().configuration
    #expect(configuration.traits.windows?.count == configuration.layerCount)
    #expect(configuration.traits.windows?.allSatisfy { $0 == 4096 } == true)
    let olmo = try Fixture("olmo2-tiny")
    try olmo.remove("rms_norm_eps")
    #expect(try olmo.pack().configuration.normEpsilon == 1e-5)
  }

  /// NTK scaling by length changes nothing within the context.
  @Test func dynamicScalingIsPlainWithinTheContext() throws {
    let fixture = try Fixture("llama-headdim-tiny")
    let plain = try fixture.pack().modelDigest
    try fixture.set("rope_scaling", #"{"type": "dynamic", "factor": 4.0}"#)
    #expect(try fixture.pack().modelDigest == plain)
  }

  /// The last pairs of a head are not rotated: their frequency is 0.
  @Test func proportionalScalingLeavesTheLastPairs() throws {
    let fixture = try Fixture("llama-headdim-tiny")
    let plain = try fixture.pack().configuration.ropeInverseFrequencies
    try fixture.set(
      "rope_scaling", #"{"rope_type": "proportional", "partial_rotary_factor": 0.25}"#)
    let partial = try fixture.pack().configuration.ropeInverseFrequencies
    #expect(partial.count == plain.count)
    #expect(partial.prefix(4) == plain.prefix(4))
    #expect(partial.dropFirst(4).allSatisfy { $0 == 0 })
  }

  @Test(arguments: [
    "qwen3-tiny", "qwen3-yarn-tiny", "qwen2-yarn-tiny", "mistral-headdim-tiny",
    "phi3-longrope-tiny", "llama-bias-linear-tiny", "llama-headdim-tiny", "smollm3-tiny",
    "granite-tiny", "olmo2-tiny", "mistral-window-tiny", "phi3-tiny", "gemma2-tiny",
    "gemma3-linear-tiny",
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
