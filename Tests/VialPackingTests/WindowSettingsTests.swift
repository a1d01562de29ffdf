// Which layers see windows, how many positions, and what Gemma's layers do besides: settings by settings.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct WindowSettingsTests {
  private func traits(_ fixture: Fixture) throws -> LayerTraits {
    try fixture.pack().configuration.traits
  }

  @Test func mistralAndPhiHaveTheirsInEveryLayer() throws {
    for name in ["mistral-window-tiny", "phi3-tiny"] {
      let fixture = try Fixture(name)
      #expect(try traits(fixture).windows == [48, 48, 48])
      // As long as the context, or longer, it hides nothing.
      for window in ["4096", "5000", "null"] {
        try fixture.set("sliding_window", window)
        #expect(try traits(fixture).windows == nil)
      }
    }
  }

  /// The class does not read it, and says nothing.
  @Test func layerTypesOfMistralAreNotRead() throws {
    let fixture = try Fixture("mistral-window-tiny")
    try fixture.set(
      "layer_types", #"["full_attention", "sliding_attention", "full_attention"]"#)
    let (file, warnings, _) = try fixture.packed()
    #expect(file.configuration.traits.windows == [48, 48, 48])
    #expect(warnings.contains { $0.contains("layer_types is not read") && $0.contains("last 48") })
    try fixture.set("sliding_window", "null")
    let wide = try fixture.packed()
    #expect(wide.file.configuration.traits.windows == nil)
    #expect(wide.warnings.contains { $0.contains("sees all positions") })
    try fixture.set(
      "layer_types", #"["full_attention", "full_attention", "full_attention"]"#)
    #expect(try !fixture.packed().warnings.contains { $0.contains("layer_types") })
  }

  @Test func qwenHasTheirsFromALayerOn() throws {
    let fixture = try Fixture("qwen3-tiny")
    let count = try fixture.pack().configuration.layerCount
    try fixture.set("sliding_window", "16")
    #expect(try traits(fixture).windows == nil)
    try fixture.set("use_sliding_window", "true")
    for first in 0...count + 1 {
      try fixture.set("max_window_layers", "\(first)")
      let wanted = (0..<count).map { $0 >= first ? 16 : 0 }
      #expect(try traits(fixture).windows == (first < count ? wanted : nil))
    }
    // The class begins with layer 28.
    try fixture.remove("max_window_layers")
    #expect(try traits(fixture).windows == nil)
    try fixture.set("max_window_layers", "-1")
    #expect(fixture.refusal()?.contains("max_window_layers") == true)
    // layer_types comes first.
    let types = (0..<count).map { $0 == 0 ? "sliding_attention" : "full_attention" }
    try fixture.set("layer_types", "\(types)")
    try fixture.set("max_window_layers", "0")
    #expect(try traits(fixture).windows == (0..<count).map { $0 == 0 ? 16 : 0 })
    try fixture.set("use_sliding_window", "false")
    #expect(fixture.refusal()?.contains("layer_types has sliding_attention, but") == true)
  }

  /// Layers that do not rotate have it.
  @Test func smolLMHasTheirsWhereNothingRotates() throws {
    let fixture = try Fixture("smollm3-tiny")
    let tables = try #require(try traits(fixture).rotaryTables)
    try fixture.set("use_sliding_window", "true")
    try fixture.set("sliding_window", "20")
    try fixture.remove("layer_types")
    #expect(try traits(fixture).windows == tables.map { $0 == .none ? 20 : 0 })
    #expect(try traits(fixture).rotaryTables == tables)
  }

  @Test func gemmaTwo() throws {
    let fixture = try Fixture("gemma2-tiny")
    let found = try traits(fixture)
    #expect(found.windows == [16, 0, 16, 0, 16, 0])
    #expect(found.attentionSoftCap == 50 && found.logitSoftCap == 30)
    #expect(found.attentionScale == 1 / 24.0.squareRoot())
    #expect(found.embeddingMultiplier == 8)
    #expect(found.rotaryTables == nil && found.secondInverseFrequencies == nil)
    #expect(try fixture.pack().configuration.isEmbeddingTied)
    // Its class reads no pattern; null is no cap, and no key the class's own.
    try fixture.set("sliding_window_pattern", "3")
    try fixture.set("attn_logit_softcapping", "null")
    try fixture.remove("final_logit_softcapping", "query_pre_attn_scalar")
    let other = try traits(fixture)
    #expect(other.windows == found.windows)
    #expect(other.attentionSoftCap == nil && other.logitSoftCap == 30)
    #expect(other.attentionScale == 0.0625)
  }

  @Test func gemmaThree() throws {
    let fixture = try Fixture("gemma3-linear-tiny")
    let configuration = try fixture.pack().configuration
    let found = configuration.traits
    #expect(configuration.architecture == "gemma3_text")
    #expect(found.windows == [16, 16, 0, 16, 16, 0])
    #expect(found.rotaryTables == [.second, .second, .first, .second, .second, .first])
    let second = try #require(found.secondInverseFrequencies)
    #expect(second.count == 16 && second[0] == 1)
    #expect(configuration.ropeInverseFrequencies[0] == 0.125)
    #expect(abs(second[8] - 0.01) < 1e-6)
    #expect(abs(configuration.ropeInverseFrequencies[8] * 8 - 0.001) < 1e-7)
    #expect(found.attentionSoftCap == nil && found.logitSoftCap == nil)
    // The window hides nothing, but the layers rotate as before.
    try fixture.set("sliding_window", "4096")
    let wide = try traits(fixture)
    #expect(wide.windows == nil && wide.rotaryTables == found.rotaryTables)
  }

  /// A pattern need not divide the layers; `layer_types` comes before it.
  @Test func patternsOfGemmaThree() throws {
    let fixture = try Fixture("gemma3-text-tiny")
    for (pattern, windows) in [
      ("4", [16, 16, 16, 0, 16, 16]), ("5", [16, 16, 16, 16, 0, 16]),
      ("9", [16, 16, 16, 16, 16, 16]),
    ] {
      try fixture.set("sliding_window_pattern", pattern)
      #expect(try traits(fixture).windows == windows)
    }
    try fixture.set("sliding_window_pattern", "1")
    let full = try traits(fixture)
    #expect(full.windows == nil && full.rotaryTables == nil)
    #expect(full.secondInverseFrequencies == nil)
    // The class's own is 6.
    try fixture.remove("sliding_window_pattern")
    #expect(try traits(fixture).windows == [16, 16, 16, 16, 16, 0])
    let types = (0..<6).map { $0 == 5 ? "sliding_attention" : "full_attention" }
    try fixture.set("layer_types", "\(types)")
    #expect(try traits(fixture).windows == [0, 0, 0, 0, 0, 16])
  }

  /// Both layouts of rotary settings, and what transformers makes of both at once.
  @Test func ropesOfGemmaThree() throws {
    let fixture = try Fixture("gemma3-linear-tiny")
    let stated = try fixture.pack().configuration
    try fixture.remove("rope_theta", "rope_local_base_freq")
    #expect(try fixture.pack().configuration == stated)
    try fixture.set("rope_local_base_freq", "20000.0")
    #expect(
      try traits(fixture).secondInverseFrequencies != stated.traits.secondInverseFrequencies)
    // What stands by layer type comes before what stands beside it.
    try fixture.set(
      "rope_parameters", #"{"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}"#)
    #expect(try fixture.pack().configuration == stated)
    // A scaling that is not by layer type is laid over the full layers'; parameters are not read.
    try fixture.set("rope_parameters", #"{"rope_type": "linear", "factor": 2.0}"#)
    try fixture.remove("rope_local_base_freq")
    let (file, warnings, _) = try fixture.packed()
    #expect(file.configuration == stated)
    #expect(warnings.contains { $0.contains("rope_parameters is not by layer type") })
    // An older key of the type is not looked at.
    try fixture.set("rope_parameters", "null")
    try fixture.set("rope_scaling", #"{"type": "linear", "factor": 8.0}"#)
    let plain = try fixture.packed()
    #expect(plain.file.configuration.ropeInverseFrequencies[0] == 1)
    #expect(plain.warnings.contains { $0.contains("a factor without a rope_type") })
  }

  /// Checkpoints hold w of 1 + w.
  @Test func normsOfGemmaAreStoredWhole() throws {
    for name in ["gemma2-tiny", "gemma3-text-tiny"] {
      let fixture = try Fixture(name)
      let source = try SafetensorsFile(fixture.bytes("model.safetensors"))
      let file = try fixture.pack()
      var count = 0
      for tensor in source.tensors where tensor.name.hasSuffix("norm.weight") {
        let packed = try #require(file.tensors.find(tensor.name))
        #expect(decoded(packed) == tensor.floats.map { 1 + $0 }, "\(tensor.name)")
        count += 1
      }
      #expect(count == (name == "gemma2-tiny" ? 25 : 37))
    }
  }
}
