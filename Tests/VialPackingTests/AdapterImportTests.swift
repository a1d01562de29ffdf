// Adapters of PEFT and mlx-lm: what is read, and what is refused by name.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct AdapterImportTests {
  private static let base: VialFile? = {
    guard let fixture = try? Fixture("qwen2-tiny-untied") else { return nil }
    return try? fixture.pack(WeightRecipe(weights: .f32))
  }()

  private let base: VialFile

  init() throws { base = try #require(Self.base) }

  /// The adapter section of a folder, read again.
  private func read(_ adapter: TestAdapter, name: String = "a") throws -> AdapterDescriptor {
    let made = try AdapterImport.folder(adapter.path, name: name, base: base)
    let bytes = try AdapterFile.write(made.bytes, id: made.id, to: MemorySink()).bytes
    let file = try AdapterFile(ByteRegion(copying: bytes))
    try file.adapters[0].check(base: base)
    return file.adapters[0]
  }

  /// The message that reading ends with.
  private func failure(_ adapter: TestAdapter, name: String = "a") throws -> String? {
    do {
      _ = try AdapterImport.folder(adapter.path, name: name, base: base)
      return nil
    } catch { return error.message }
  }

  private func expect(
    _ words: String..., rank: Int = 4, at location: SourceLocation = #_sourceLocation,
    _ change: (TestAdapter) throws -> Void
  ) throws {
    let adapter = try TestAdapter(rank: rank)
    try change(adapter)
    try adapter.write()
    let message = try failure(adapter)
    #expect(message != nil, sourceLocation: location)
    for word in words {
      #expect(
        message?.contains(word) == true, "\(message ?? "nothing") lacks \(word)",
        sourceLocation: location)
    }
    #expect(message?.contains("\n") != true, sourceLocation: location)
  }

  private func values(_ tensor: TensorDescriptor) -> [Float] {
    (0..<tensor.shape.rowCount).flatMap { row in
      (0..<tensor.shape.columnCount).compactMap {
        tensor.value(slice: 0, row: row, column: $0)
      }
    }
  }

  @Test func numbersAreKept() throws {
    let adapter = try TestAdapter(rank: 17, head: true)
    try adapter.write()
    let read = try read(adapter)
    #expect(read.targets.count == 15)
    #expect(read.targets.allSatisfy { $0.rank == 17 && $0.scale == 2 && $0.encoding == .f32 })
    for target in read.targets {
      let module = "base_model.model." + target.name.dropLast(".weight".count)
      for (matrix, part) in zip(target.tensors, ["A", "B"]) {
        let source = try #require(adapter.file["\(module).lora_\(part).weight"])
        #expect(values(matrix) == source.floats)
      }
    }
  }

  @Test func halfPrecisionStays() throws {
    let adapter = try TestAdapter()
    for index in adapter.file.tensors.indices {
      let floats = adapter.file.tensors[index].floats
      let isA = index % 2 == 0
      adapter.file.tensors[index].type = isA || index > 20 ? "BF16" : "F16"
      adapter.file.tensors[index].data = floats.flatMap { value -> [UInt8] in
        let bits =
          isA || index > 20
          ? UInt16(value.bitPattern >> 16) : Float16(value).bitPattern
        return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
      }
    }
    try adapter.write()
    let read = try read(adapter)
    for target in read.targets {
      let module = "base_model.model." + target.name.dropLast(".weight".count)
      let sources = try ["A", "B"].map { try #require(adapter.file["\(module).lora_\($0).weight"]) }
      #expect(target.encoding == (sources[1].type == "BF16" ? .bf16 : .f32))
      #expect(target.tensors.map(values) == sources.map(\.floats))
    }
  }

  @Test func ranksAndAlphasOfPatterns() throws {
    let adapter = try TestAdapter(modules: ["self_attn.q_proj", "self_attn.v_proj"])
    adapter.file.tensors.removeAll { $0.name.contains("layers.1.self_attn.q_proj") }
    adapter.add("model.layers.1.self_attn.q_proj", rank: 9, 64, 64)
    adapter.config["rank_pattern"] = ["layers.1.self_attn.q_proj": 9]
    adapter.config["alpha_pattern"] = ["layers\\.[01]\\.self_attn\\.v_proj": 3.5]
    adapter.config["use_rslora"] = true
    try adapter.write()
    let read = try read(adapter)
    #expect(read.targets.map(\.rank) == [4, 4, 9, 4])
    #expect(read.targets.map(\.alpha) == [8, 3.5, 8, 3.5])
    #expect(read.isRankStabilised)
    #expect(read.targets.map(\.scale) == [4, 1.75, Float(8.0 / 3), 1.75])
  }

  @Test func targetsAsExpressionAndAsAllLinear() throws {
    for targets in [
      "all-linear", ".*\\.(q|k|v|o|gate|up|down)_proj",
      "model\\.layers\\.[0-9]+\\.(self_attn|mlp)\\..*",
    ] {
      let adapter = try TestAdapter()
      adapter.config["target_modules"] = targets
      try adapter.write()
      #expect(try read(adapter).targets.count == 14, "\(targets)")
    }
    try expect("down_proj", "target_modules") {
      $0.config["target_modules"] = ".*\\.(q|k|v|o|gate|up)_proj"
    }
    try expect("no lora_A", "lm_head") { $0.config["target_modules"] = ".*(_proj|head)" }
    try expect("matches no linear layer") { $0.config["target_modules"] = "q_proj" }
    try expect("cannot be read") { $0.config["target_modules"] = "(" }
    try expect("cannot be read") {
      $0.config["target_modules"] = String(repeating: "a", count: 5000)
    }
  }

  /// An expression whose matching takes exponential time ends with an error, or is decided.
  @Test(.timeLimit(.minutes(1))) func hostileExpressionsEnd() throws {
    for pattern in ["(([a-z_.0-9])+)+!", "(.*.*)*!", "((((.+)+)+)+)+!", "(a?){1000}(.*){50}!"] {
      let adapter = try TestAdapter()
      adapter.config["target_modules"] = pattern
      try adapter.write()
      #expect(try failure(adapter) != nil)
    }
    // Not much for any name, but all names together count.
    try expect("takes too long") { $0.config["target_modules"] = "(.*)(.*)(.*)(.*)(.*)!" }
    // Nor for any expression, but all expressions together count.
    try expect("rank_pattern", "takes too long") { adapter in
      adapter.config["rank_pattern"] = Dictionary(
        uniqueKeysWithValues: (0..<1000).map { ("(.*)(.*)(.*)!\($0)", 4) })
    }
    // Nor for any match, but all matches together count.
    try expect("rank_pattern", "takes too long") { adapter in
      adapter.config["rank_pattern"] = Dictionary(
        uniqueKeysWithValues: (0..<1000).map { ("[xy]\($0)", 4) })
    }
    // Names cost nothing: AdaLoRA gives each module a rank.
    let adapter = try TestAdapter()
    adapter.config["rank_pattern"] = Dictionary(
      uniqueKeysWithValues: (0..<1000).map { ("layers.\($0).mlp.none", 4) })
    try adapter.write()
    #expect(try failure(adapter) == nil)
  }

  @Test func someLayersOnly() throws {
    let adapter = try TestAdapter()
    adapter.file.tensors.removeAll { $0.name.contains("layers.0.") }
    adapter.config["layers_to_transform"] = [1]
    try adapter.write()
    #expect(try read(adapter).targets.count == 7)
    adapter.config["layers_to_transform"] = 0
    try adapter.write()
    #expect(try failure(adapter)?.contains("not among the target_modules") == true)
    adapter.config["layers_to_transform"] = [1]
    adapter.config["layers_pattern"] = "h"
    try adapter.write()
    #expect(try failure(adapter)?.contains("layers_pattern") == true)
  }

  @Test func settingsThatAreSomethingElse() throws {
    let settings: [(String, Any)] = [
      ("use_dora", true), ("fan_in_fan_out", true), ("use_qalora", true),
      ("modules_to_save", ["lm_head"]), ("trainable_token_indices", [1]),
      ("target_parameters", ["w"]), ("layer_replication", [[0, 1]]),
      ("alora_invocation_tokens", [1]), ("init_lora_weights", "pissa_niter_16"),
      ("peft_type", "IA3"),
    ]
    for (key, value) in settings { try expect(key) { $0.config[key] = value } }
    for key in ["modules_to_save", "exclude_modules", "layers_to_transform"] {
      let adapter = try TestAdapter()
      adapter.config[key] = NSNull()
      adapter.config["init_lora_weights"] = "gaussian"
      try adapter.write()
      #expect(try failure(adapter) == nil)
    }
    try expect("no r") { $0.config["r"] = nil }
    try expect("r is not") { $0.config["r"] = 0 }
    try expect("lora_alpha") { $0.config["lora_alpha"] = "16" }
    try expect("no target_modules") { $0.config["target_modules"] = nil }
    try expect("matches no linear layer") { $0.config["target_modules"] = ["wide_proj"] }
    try expect("scale is not finite") { $0.config["lora_alpha"] = 1e300 }
  }

  @Test func tensorsThatDoNotFit() throws {
    try expect("rank 4", "says 8") { $0.config["r"] = 8 }
    try expect("no lora_A or no lora_B", "k_proj") {
      $0.file.tensors.removeAll { $0.name.contains("layers.1.self_attn.k_proj.lora_B") }
    }
    try expect("do not fit", "[64, 64]") { adapter in
      let name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
      let index = try #require(adapter.file.tensors.firstIndex { $0.name == name })
      adapter.file.tensors[index].shape = [4, 32]
      adapter.file.tensors[index].data.removeLast(4 * 32 * 4)
    }
    try expect("NaN") { $0.file.tensors[3].data.replaceSubrange(0..<4, with: [0, 0, 0xC0, 0x7F]) }
    try expect("no linear layer") { $0.add("model.layers.7.self_attn.q_proj", rank: 4, 64, 64) }
    try expect("no matrix") { $0.file.tensors[0].shape = [$0.file.tensors[0].data.count / 4] }
    try expect("dtype I32") { $0.file.tensors[0].type = "I32" }
    try expect("trained bias") {
      $0.file.tensors.append(
        .init(
          name: "base_model.model.model.layers.0.self_attn.q_proj.bias", type: "F32", shape: [1],
          data: [0, 0, 0, 0]))
    }
    try expect("embedding") {
      $0.file.tensors.append(
        .init(
          name: "base_model.model.model.embed_tokens.lora_embedding_A", type: "F32", shape: [1],
          data: [0, 0, 0, 0]))
    }
    let adapter = try TestAdapter()
    adapter.file.tensors.append(
      .init(
        name: "base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias", type: "F32",
        shape: [2], data: [0, 0, 0, 0, 0, 0, 0, 0]))
    try adapter.write()
    #expect(try failure(adapter) == nil)
    adapter.file.tensors[adapter.file.tensors.count - 1].data[7] = 0x3F
    try adapter.write()
    #expect(try failure(adapter)?.contains("trained bias") == true)
  }

  @Test func namesAndFolders() throws {
    let adapter = try TestAdapter()
    try adapter.write()
    for name in ["", "a:b", "a,b", "a=b", "a\nb", "none", String(repeating: "x", count: 256)] {
      #expect(try failure(adapter, name: name)?.contains("cannot name an adapter") == true)
    }
    #expect(try failure(adapter, name: "Herzklinik é") == nil)
    let empty = try TestAdapter()
    #expect(try failure(empty)?.contains("no adapter_config.json") == true)
    try empty.write(weightsName: "adapter_model.bin")
    #expect(try failure(empty)?.contains("no adapter_model.safetensors") == true)
  }

  /// A matrix of PEFT as mlx-lm stores it.
  private static func turned(_ tensor: SafetensorsFile.Tensor) -> SafetensorsFile.Tensor {
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    var turned = tensor
    turned.name = tensor.name.replacingOccurrences(of: "base_model.model.", with: "")
      .replacingOccurrences(of: ".lora_A.weight", with: ".lora_a")
      .replacingOccurrences(of: ".lora_B.weight", with: ".lora_b")
    turned.shape = [columns, rows]
    turned.data = []
    for column in 0..<columns {
      for row in 0..<rows {
        let start = (row * columns + column) * 4
        turned.data += tensor.data[start..<start + 4]
      }
    }
    return turned
  }

  /// mlx-lm stores both matrices transposed and the scale as it is.
  @Test func mlxAdapters() throws {
    let adapter = try TestAdapter(rank: 4)
    try adapter.write()
    let wanted = try read(adapter)
    let mlx = try TestAdapter(rank: 4)
    mlx.file.tensors = adapter.file.tensors.map(Self.turned)
    mlx.config = [
      "fine_tune_type": "lora", "num_layers": 2,
      "lora_parameters": ["rank": 4, "scale": 2.0, "dropout": 0.0],
    ]
    try mlx.write(weightsName: "adapters.safetensors")
    let read = try read(mlx)
    #expect(read.targets.map(\.name) == wanted.targets.map(\.name))
    #expect(read.targets.map(\.scale) == wanted.targets.map(\.scale))
    for (target, expected) in zip(read.targets, wanted.targets) {
      #expect(target.a.copied() == expected.a.copied())
      #expect(target.b.copied() == expected.b.copied())
    }
    mlx.config["num_layers"] = 1
    try mlx.write(weightsName: "adapters.safetensors")
    #expect(try failure(mlx)?.contains("num_layers") == true)
    mlx.config["num_layers"] = -1
    mlx.config["fine_tune_type"] = "dora"
    try mlx.write(weightsName: "adapters.safetensors")
    #expect(try failure(mlx)?.contains("fine_tune_type dora") == true)
    mlx.config["fine_tune_type"] = nil
    mlx.config["lora_parameters"] = ["rank": 8, "scale": 2.0]
    try mlx.write(weightsName: "adapters.safetensors")
    #expect(try failure(mlx)?.contains("says 8") == true)
  }

  @Test func packedWithItsModelAndMerged() throws {
    let adapter = try TestAdapter(rank: 4, head: true)
    try adapter.write()
    let fixture = try Fixture("qwen2-tiny-untied")
    var options = fixture.options(WeightRecipe(weights: .f32))
    options.adapters = [.init(name: "a", path: adapter.path)]
    _ = try Packer.pack(options)
    let apart = try FormatReader.open(
      ByteRegion(copying: Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output)))))
    #expect(apart.modelDigest == base.modelDigest)
    #expect(try Verifier(apart).verify().problems == [])
    let section = try #require(apart.sections.first { $0.kind == .adapter })
    let added = try AdapterImport.folder(adapter.path, name: "a", base: base)
    #expect(apart.storedBytes(of: section)?.copied() == added.bytes.copied())
    options.mergedAdapter = "a"
    _ = try Packer.pack(options)
    let merged = try FormatReader.open(
      ByteRegion(copying: Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output)))))
    #expect(!merged.sections.contains { $0.kind == .adapter })
    #expect(merged.modelDigest != base.modelDigest)
    #expect(try merged.provenance()?["recipe.merged"] == .text("a"))
    try checkMerged(merged, adapter)
    options.mergedAdapter = "b"
    #expect(throws: PackingError.self) { try Packer.pack(options) }
    options.mergedAdapter = nil
    options.adapters.append(options.adapters[0])
    #expect(throws: PackingError.self) { try Packer.pack(options) }
  }

  private func checkMerged(_ merged: VialFile, _ adapter: TestAdapter) throws {
    for name in ["model.layers.1.mlp.down_proj", "lm_head", "model.layers.0.self_attn.k_proj"] {
      let before = try #require(base.tensors.find(name + ".weight"))
      let after = try #require(merged.tensors.find(name + ".weight"))
      let a = try #require(adapter.file["base_model.model.\(name).lora_A.weight"]).floats
      let b = try #require(adapter.file["base_model.model.\(name).lora_B.weight"]).floats
      let inputs = before.shape.columnCount
      for (row, column) in [(0, 0), (31, 63), (17, 5)] {
        let delta = (0..<4).reduce(0.0) {
          $0 + Double(b[row * 4 + $1]) * Double(a[$1 * inputs + column])
        }
        let old = try #require(before.value(slice: 0, row: row, column: column))
        let new = try #require(after.value(slice: 0, row: row, column: column))
        #expect(abs(Double(new) - Double(old) - 2 * delta) < 1e-6)
      }
    }
  }
}
