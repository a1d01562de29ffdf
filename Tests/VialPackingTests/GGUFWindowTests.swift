// What llama.cpp has in its code about windows, soft caps and Gemma's numbers, and what keys say instead.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct GGUFWindowTests {
  private func pack(_ source: GGUFBuilder, randomly: Bool = false) throws -> ModelConfiguration {
    let fixture = try Fixture()
    try fixture.write("model.gguf", source.bytes)
    return try fixture.packed("model.gguf") { if randomly { $0.randomSeed = 1 } }.file.configuration
  }

  private func failure(_ source: GGUFBuilder) -> String? {
    do { _ = try pack(source) } catch { return "\(error)" }
    return nil
  }

  private func builder(_ name: String) throws -> GGUFBuilder {
    try GGUFBuilder(Fixture(name), pre: "qwen2")
  }

  @Test func gemmaThree() throws {
    var source = try builder("gemma3-linear-tiny")
    source["gemma3.attention.sliding_window_pattern"] = nil
    let traits = try pack(source).traits
    #expect(traits.windows == [16, 16, 16, 16, 16, 0])
    #expect(traits.rotaryTables?.last == .first && traits.rotaryTables?.first == .second)
    #expect(traits.attentionScale == 1 / 32.0.squareRoot())
    #expect(traits.embeddingMultiplier == 8)
    #expect(traits.logitSoftCap == nil && traits.attentionSoftCap == nil)
    source["gemma3.rope.freq_base_swa"] = .f32(20_000)
    source["gemma3.attention.sliding_window_pattern"] = .i32s([1, 0, 1, 0, 1, 1])
    source["gemma3.final_logit_softcapping"] = .f32(30)
    let stated = try pack(source).traits
    #expect(stated.windows == [16, 0, 16, 0, 16, 16])
    #expect(stated.secondInverseFrequencies != traits.secondInverseFrequencies)
    #expect(stated.logitSoftCap == 30)
    // Without a window all layers are one kind.
    for value in [GGUFBuilder.Value.u32(0), nil] {
      source["gemma3.attention.sliding_window"] = value
      let plain = try pack(source).traits
      #expect(plain.windows == nil && plain.rotaryTables == nil)
    }
  }

  @Test func gemmaTwo() throws {
    var source = try builder("gemma2-tiny")
    for key in ["attn_logit_softcapping", "final_logit_softcapping", "attention.sliding_window"] {
      source["gemma2." + key] = nil
    }
    source["gemma2.context_length"] = .u32(8192)
    let traits = try pack(source).traits
    #expect(traits.windows == [4096, 0, 4096, 0, 4096, 0] && traits.rotaryTables == nil)
    #expect(traits.attentionSoftCap == 50 && traits.logitSoftCap == 30)
    source["gemma2.attn_logit_softcapping"] = .f32(0)
    source["gemma2.final_logit_softcapping"] = .f32(20)
    let stated = try pack(source).traits
    #expect(stated.attentionSoftCap == nil && stated.logitSoftCap == 20)
  }

  /// The largest models divide scores by the root of hidden size ÷ heads.
  @Test func theLargestGemmas() throws {
    for (name, arch, layers) in [
      ("gemma2-tiny", "gemma2", 46), ("gemma3-text-tiny", "gemma3", 62),
    ] {
      var source = try builder(name)
      source["\(arch).block_count"] = .u32(UInt32(layers))
      #expect(try pack(source, randomly: true).traits.attentionScale == 0.25)
      source["\(arch).block_count"] = .u32(UInt32(layers - 1))
      #expect(
        try pack(source, randomly: true).traits.attentionScale == 1 / 32.0.squareRoot())
    }
  }

  /// Mistral, which llama.cpp calls llama, and Phi-3 have a window in every layer.
  @Test func windowsOfOthers() throws {
    #expect(try pack(builder("phi3-tiny")).traits.windows == [48, 48, 48])
    var llama = try builder("llama-headdim-tiny")
    llama["llama.attention.sliding_window"] = .u32(48)
    let layers = try pack(llama).layerCount
    #expect(try pack(llama).traits.windows == Array(repeating: 48, count: layers))
    var qwen = try builder("qwen2-tiny-untied")
    qwen["qwen2.attention.sliding_window"] = .u32(1 << 20)
    #expect(try pack(qwen).traits.windows == nil)
    qwen["qwen2.attention.sliding_window"] = .u32(48)
    #expect(failure(qwen)?.contains("sliding_window is 48") == true)
  }

  @Test(arguments: [
    ("gemma3-text-tiny", "gemma3.attention.sliding_window_pattern", GGUFBuilder.Value.u32(0)),
    ("gemma3-text-tiny", "gemma3.attention.sliding_window_pattern", .i32s([1])),
    ("gemma3-text-tiny", "gemma3.attn_logit_softcapping", .f32(50)),
    ("gemma3-text-tiny", "gemma3.rope.freq_base_swa", .f32(0)),
    ("gemma2-tiny", "gemma2.rope.freq_base_swa", .f32(20_000)),
    ("gemma2-tiny", "gemma2.attention.sliding_window", .text("4096")),
    ("phi3-tiny", "phi3.final_logit_softcapping", .f32(30)),
  ])
  func lies(_ name: String, _ key: String, _ value: GGUFBuilder.Value) throws {
    var source = try builder(name)
    source[key] = value
    let message = failure(source)
    let word = String(key.split(separator: ".").last ?? "")
    #expect(message?.contains(word) == true, "\(key): \(message ?? "packed")")
  }
}
