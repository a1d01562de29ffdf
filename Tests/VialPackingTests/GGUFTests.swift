// GGUF files: the same bytes as from the checkpoint they were made of, every type's blocks, and lying headers.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct GGUFTests {
  private func failure(_ bytes: [UInt8], _ recipe: WeightRecipe = WeightRecipe()) throws -> String?
  {
    let fixture = try Fixture()
    do {
      _ = try pack(bytes, fixture, recipe)
      return nil
    } catch let error as PackingError {
      #expect(!FileManager.default.fileExists(atPath: fixture.output))
      #expect(!error.message.contains("\n"))
      return error.message
    }
  }

  private func pack(
    _ bytes: [UInt8], _ fixture: Fixture, _ recipe: WeightRecipe = WeightRecipe()
  ) throws -> VialFile {
    try fixture.write("model.gguf", bytes)
    var options = PackOptions(
      sourcePath: fixture.url("model.gguf").path, outputPath: fixture.output)
    options.recipe = recipe
    options.modelName = "fixture"
    _ = try Packer.pack(options)
    return try FormatReader.open(
      ByteRegion(copying: Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output)))))
  }

  private func builder(_ name: String = "qwen2-tiny-untied") throws -> GGUFBuilder {
    try GGUFBuilder(Fixture(name), pre: "qwen2")
  }

  // MARK: The same model

  /// Weights, to the byte, and what layers do with them. GGUF has some numbers in fewer bits.
  @Test(arguments: [
    "qwen3-tiny", "qwen3-yarn-tiny", "qwen2-yarn-tiny", "phi3-longrope-tiny",
    "llama-bias-linear-tiny", "llama-headdim-tiny", "smollm3-tiny", "granite-tiny", "olmo2-tiny",
    "phi3-tiny", "gemma2-tiny", "gemma3-text-tiny", "gemma3-linear-tiny",
  ])
  func everyArchitectureIsTheSameModel(_ name: String) throws {
    let fixture = try Fixture(name)
    // llama.cpp divides scores by the root of the head's width.
    if name.hasPrefix("gemma") { try fixture.set("query_pre_attn_scalar", "32") }
    let checkpoint = try fixture.pack(WeightRecipe(weights: .bf16))
    let file = try pack(
      try GGUFBuilder(fixture, pre: "qwen2").bytes, Fixture(), WeightRecipe(weights: .bf16))
    #expect(
      file.sections.filter { $0.kind == .weights }.map(\.digest)
        == checkpoint.sections.filter { $0.kind == .weights }.map(\.digest))
    let (a, b) = (file.configuration, checkpoint.configuration)
    #expect(a.architecture == b.architecture && a.headDimension == b.headDimension)
    #expect(a.hasAttentionBias == b.hasAttentionBias)
    #expect(a.ropeInverseFrequencies == b.ropeInverseFrequencies)
    #expect(a.traits.longRope == b.traits.longRope)
    #expect(a.traits.rotaryTables == b.traits.rotaryTables)
    #expect(a.traits.secondInverseFrequencies == b.traits.secondInverseFrequencies)
    #expect(a.traits.windows == b.traits.windows)
    #expect(a.traits.attentionSoftCap == b.traits.attentionSoftCap)
    #expect(a.traits.logitSoftCap == b.traits.logitSoftCap)
    #expect(a.isEmbeddingTied == b.isEmbeddingTied)
    #expect(a.traits.hasOutputBias == b.traits.hasOutputBias)
    #expect(a.traits.hasFeedForwardBias == b.traits.hasFeedForwardBias)
    for (x, y) in [
      (a.traits.attentionScale ?? 0, b.traits.attentionScale ?? 0),
      (a.traits.embeddingMultiplier, b.traits.embeddingMultiplier),
      (a.traits.residualMultiplier, b.traits.residualMultiplier),
      (a.traits.logitMultiplier, b.traits.logitMultiplier),
      (a.traits.ropeMagnitude, b.traits.ropeMagnitude),
    ] { #expect(Float(x) == Float(y)) }
  }

  /// Configuration, weights and tokenizer are covered by the model digest; sampling defaults are not in GGUF.
  @Test(arguments: [2, 3] as [UInt32])
  func theSameModelAsTheCheckpoint(_ version: UInt32) throws {
    for (name, encoding) in [("qwen2-tiny-untied", TensorEncoding.bf16), ("qwen2-tiny-tied", .f32)]
    {
      let fixture = try Fixture(name)
      try FileManager.default.removeItem(at: fixture.url("generation_config.json"))
      let checkpoint = try fixture.pack(WeightRecipe(weights: encoding))
      var source = try GGUFBuilder(fixture, pre: "qwen2")
      source.version = version
      let file = try pack(source.bytes, Fixture())
      #expect(file.configuration == checkpoint.configuration)
      #expect(file.modelDigest == checkpoint.modelDigest, "\(name)")
      #expect(
        try file.text(.chatTemplateSource)?.copied()
          == checkpoint.text(.chatTemplateSource)?.copied())
      #expect(file.section(.chatTemplate) != nil)
      #expect(try file.provenance()?["recipe"] != checkpoint.provenance()?["recipe"])
    }
  }

  @Test func llamaHeadsAreUndone() throws {
    let fixture = try Fixture("llama3-tiny")
    let checkpoint = try fixture.pack(WeightRecipe(weights: .bf16))
    var source = try GGUFBuilder(fixture, pre: "qwen2")
    source.tensors.append(
      .init(
        name: "rope_freqs.weight", shape: [8], type: 0,
        data: (0..<8).flatMap { _ in [0, 0, 0, 0x40] as [UInt8] }))
    let file = try pack(source.bytes, Fixture())
    for index in 0..<checkpoint.tensors.count {
      let tensor = checkpoint.tensors[index]
      let imported = try #require(file.tensors.find(tensor.name))
      #expect(imported.region.copied() == tensor.region.copied(), "\(tensor.name)")
    }
    // Divisors of 2 everywhere.
    source.tensors.removeLast()
    let plain = try pack(source.bytes, Fixture()).configuration.ropeInverseFrequencies
    #expect(file.configuration.ropeInverseFrequencies == plain.map { $0 / 2 })
  }

  // MARK: Blocks

  private struct Block: Decodable {
    let type: UInt32
    let name: String
    let rows: String
    let bits: [UInt32]

    var bytes: [UInt8] {
      let digits = Array(rows.utf8)
      return stride(from: 0, to: digits.count, by: 2).map {
        UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0
      }
    }
  }

  private func blocks() throws -> [Block] {
    let url = Files.fixture("gguf/blocks.json")
    return try JSONDecoder().decode([Block].self, from: Data(contentsOf: url))
  }

  /// The tiny model with a feed-forward of 256, so that `ffn_down` has rows of whole blocks of every type.
  private func wide(_ block: Block) throws -> GGUFBuilder {
    var source = try builder()
    source["qwen2.feed_forward_length"] = .u32(256)
    for index in source.tensors.indices where source.tensors[index].name.contains("ffn_") {
      guard source.tensors[index].shape.count == 2 else { continue }
      if source.tensors[index].name.contains("ffn_down") {
        source.tensors[index].shape = [64, 256]
        source.tensors[index].type = block.type
        source.tensors[index].data = (0..<32).flatMap { _ in block.bytes }
      } else {
        source.tensors[index].shape = [256, 64]
        source.tensors[index].data += source.tensors[index].data
      }
    }
    return source
  }

  @Test func everyTypeDecodesAsInGgml() throws {
    let blocks = try blocks()
    #expect(blocks.count == 9)
    for block in blocks {
      let file = try pack(wide(block).bytes, Fixture(), WeightRecipe(weights: .f32))
      let tensor = try #require(file.tensors.find("model.layers.1.mlp.down_proj.weight"))
      let expected = (0..<32).flatMap { _ in block.bits.map { Float(bitPattern: $0) } }
      #expect(decoded(tensor) == expected, "\(block.name)")
    }
  }

  @Test func integersAreKeptOrRefused() throws {
    for block in try blocks() {
      var bytes = block.bytes
      if block.name == "Q8_0" {
        // -128 has no place in int8 tiles.
        for index in bytes.indices where bytes[index] == 0x80 && index % 34 > 1 { bytes[index] = 1 }
      }
      let source = try wide(block)
      if block.name == "Q4_0" || block.name == "IQ4_NL" {
        let file = try pack(source.bytes, Fixture())
        let tensor = try #require(file.tensors.find("model.layers.0.mlp.down_proj.weight"))
        #expect(tensor.encoding == .int4 && tensor.format.group == 32)
        #expect(!tensor.format.isAsymmetric)
        #expect((tensor.format.codebook?[8] == 1) == (block.name == "IQ4_NL"))
        #expect(
          decoded(tensor) == (0..<32).flatMap { _ in block.bits.map { Float(bitPattern: $0) } })
      } else if block.name == "Q8_0" {
        let hasLowest = bytes != block.bytes
        #expect(try (failure(source.bytes)?.contains("-128") == true) == hasLowest)
        var fixed = source
        for index in fixed.tensors.indices where fixed.tensors[index].type == block.type {
          fixed.tensors[index].data = (0..<32).flatMap { _ in bytes }
        }
        let file = try pack(fixed.bytes, Fixture())
        let exact = try pack(fixed.bytes, Fixture(), WeightRecipe(weights: .f32))
        let name = "model.layers.0.mlp.down_proj.weight"
        let tensor = try #require(file.tensors.find(name))
        #expect(tensor.encoding == .int8)
        #expect(decoded(tensor) == decoded(try #require(exact.tensors.find(name))))
      } else {
        let message = try #require(try failure(source.bytes))
        #expect(message.contains("down_proj") && message.contains(block.name), "\(message)")
      }
    }
  }

  // MARK: Lying files

  @Test func lyingMetadata() throws {
    let cases: [(String, GGUFBuilder.Value?, String)] = [
      ("general.architecture", nil, "general.architecture"),
      ("general.architecture", .text("gemma"), "gemma"),
      ("general.architecture", .u32(1), "string"),
      ("general.alignment", .u32(0), "general.alignment"),
      ("qwen2.embedding_length", nil, "embedding_length"),
      ("qwen2.embedding_length", .i32(-1), "embedding_length"),
      ("qwen2.embedding_length", .u32(72), "shape"),
      ("qwen2.block_count", .u32(3), "blk.2"),
      ("qwen2.attention.head_count_kv", .u32(3), "key heads"),
      ("qwen2.rope.scaling.type", .text("yran"), "yran"),
      ("qwen2.rope.scaling.type", .text("yarn"), "rope.scaling.factor"),
      ("qwen2.rope.freq_base", .f32(.nan), "freq_base"),
      ("qwen2.rope.dimension_count", .u32(8), "dimension_count"),
      ("qwen2.expert_count", .u32(8), "expert_count"),
      ("qwen2.attention.layer_norm_rms_epsilon", .f32(0), "epsilon"),
      ("tokenizer.ggml.model", .text("bert"), "bert"),
      ("tokenizer.ggml.pre", .text("bloom"), "bloom"),
      ("tokenizer.ggml.pre", nil, "(none)"),
      ("tokenizer.ggml.merges", nil, "merges"),
      ("tokenizer.ggml.merges", .texts(["nospace"]), "merge 1"),
      ("tokenizer.ggml.tokens", .texts(["a", "a"]), "token types"),
      ("tokenizer.ggml.tokens", nil, "tokens"),
      ("tokenizer.ggml.token_type", .texts(["1"]), "token_type"),
      ("tokenizer.ggml.bos_token_id", .u32(512), "bos_token_id"),
    ]
    for (key, value, word) in cases {
      var source = try builder()
      source[key] = value
      let message = try failure(source.bytes)
      #expect(message?.contains(word) == true, "\(key): \(message ?? "packed")")
    }
  }

  @Test func lyingTensors() throws {
    let cases: [((inout GGUFBuilder.Tensor) -> Void, String)] = [
      ({ $0.name = "other" }, "missing"), ({ $0.type = 99 }, "unknown type 99"),
      ({ $0.type = 10 }, "whole blocks"), ({ $0.shape = [] }, "0 dimensions"),
      ({ $0.shape = [1, 1, 1, 1, 64] }, "5 dimensions"),
      ({ $0.shape = [0, 64] }, "dimension of 0"),
      ({ $0.shape = [1 << 28, 1 << 20] }, "end"),
      ({ $0.shape = [1 << 32, 1 << 32, 1 << 32] }, "overflows"),
      ({ $0.offset = 1 << 40 }, "end"), ({ $0.offset = 8 }, "aligned"),
      ({ $0.offset = 0 }, "overlaps"), ({ $0.offset = -32 }, "end"),
      ({ $0.name = "output.weight" }, "twice"),
      ({ $0.data = $0.data.map { _ in 0xFF } }, "NaN"),
    ]
    for (change, word) in cases {
      var source = try builder()
      let index = try #require(
        source.tensors.firstIndex { $0.name == "blk.0.ffn_up.weight" })
      change(&source.tensors[index])
      let message = try failure(source.bytes)
      #expect(message?.contains(word) == true, "\(word): \(message ?? "packed")")
    }
  }

  @Test func lyingHeaders() throws {
    let honest = try builder()
    let bytes = honest.bytes
    let changes: [(Int, [UInt8], String)] = [
      (0, Array("GGML".utf8), "not a GGUF"), (4, [1, 0, 0, 0], "version 1"),
      (4, [0, 0, 0, 3], "big-endian"), (8, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "too many"),
      (16, [0xFF, 0xFF, 0xFF], "too many"), (24, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "header ends"),
      (24 + 8 + 20, [77], "unknown value type"), (24 + 8 + 20, [9], "array"),
    ]
    for (offset, patch, word) in changes {
      var damaged = bytes
      damaged.replaceSubrange(offset..<offset + patch.count, with: patch)
      let message = try failure(damaged)
      #expect(message?.contains(word) == true, "\(word): \(message ?? "packed")")
    }
    var source = honest
    source.metadata.append(("general.architecture", .text("qwen2")))
    #expect(try failure(source.bytes)?.contains("twice") == true)
  }

  @Test func everyTruncationIsRefused() throws {
    let source = try builder()
    let bytes = source.bytes
    let header = source.header.count
    for length in [0, 3, 23, 24, 40, 100, header / 2, header - 1, header, bytes.count - 1] {
      #expect(try failure(Array(bytes[..<length])) != nil, "\(length) bytes")
    }
  }
}
