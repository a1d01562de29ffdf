// 4-bit checkpoints of others: repacked without loss, decoded when asked, refused when they contradict themselves.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct ImportTests {
  private func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

  @Test(
    arguments: QuantizedCheckpoint.Kind.allCases, [32, 64, 128, 16 * 12, nil] as [Int?])
  func weightsComeBackBitForBit(_ kind: QuantizedCheckpoint.Kind, _ group: Int?) throws {
    let checkpoint = try QuantizedCheckpoint(kind, group: group)
    let file = try checkpoint.fixture.pack()
    #expect(try Verifier(file).verify().problems.isEmpty)
    #expect(!checkpoint.layers.isEmpty)
    for (name, layer) in checkpoint.layers {
      let tensor = try #require(file.tensors.find(name))
      #expect(tensor.encoding == .int4)
      #expect(tensor.format.isAsymmetric == (kind != .compressedSymmetric))
      #expect(bits(decoded(tensor)) == bits(layer.weights), "\(name)")
    }
  }

  @Test(arguments: QuantizedCheckpoint.Kind.allCases)
  func decodedWeightsAreTheSame(_ kind: QuantizedCheckpoint.Kind) throws {
    let checkpoint = try QuantizedCheckpoint(kind, group: 32)
    let file = try checkpoint.fixture.pack(WeightRecipe(weights: .f32))
    for (name, layer) in checkpoint.layers {
      let tensor = try #require(file.tensors.find(name))
      #expect(tensor.encoding == .f32)
      #expect(bits(decoded(tensor)) == bits(layer.weights), "\(name)")
    }
  }

  @Test func theRecipeSaysWhoQuantised() throws {
    let checkpoint = try QuantizedCheckpoint(.gptq, group: 64)
    let provenance = try #require(try checkpoint.fixture.pack().provenance())
    #expect(
      provenance["recipe"]
        == .text("imported gptq: weights int4, group 64, method gptq, embedding f32, head f32"))
    #expect(
      provenance["source.quantization"]
        == .text("gptq, bits 4, group 64, act-order false, symmetric false"))
    let mixed = try #require(
      try checkpoint.fixture.pack(WeightRecipe(embedding: .int8)).provenance())
    #expect(mixed["recipe.method"] == .text("gptq+rtn"))
    let anew = try #require(
      try checkpoint.fixture.pack(WeightRecipe(weights: .int4, group: .of32)).provenance())
    #expect(anew["recipe.method"] == .text("rtn"))
  }

  @Test(arguments: ["gptq-g32-sym", "awq-gemm-g32"])
  func sixteenBitTensorsStay(_ name: String) throws {
    let fixture = try Fixture(name)
    let file = try fixture.pack()
    for name in ["model.embed_tokens.weight", "lm_head.weight"] {
      #expect(file.tensors.find(name)?.encoding == .f16)
    }
    let source = try SafetensorsFile(fixture.bytes("model.safetensors"))
    let head = try #require(source["lm_head.weight"])
    let tensor = try #require(file.tensors.find("lm_head.weight"))
    #expect(bits(decoded(tensor)) == bits(head.floats))
    let smaller = try fixture.pack(WeightRecipe(embedding: .int8, head: .int4))
    #expect(smaller.tensors.find("model.embed_tokens.weight")?.encoding == .int8)
    #expect(smaller.tensors.find("lm_head.weight")?.encoding == .int4)
    let linear = try #require(smaller.tensors.find("model.layers.0.mlp.up_proj.weight"))
    #expect(linear.format == file.tensors.find("model.layers.0.mlp.up_proj.weight")?.format)
  }

  @Test func threadsDoNotMatter() throws {
    let fixture = try Fixture("awq-gemm-g32")
    let one = try fixture.packedBytes(threads: 1)
    #expect(try fixture.packedBytes(threads: 5) == one)
  }

  @Test func reorderedInputsAreRefusedOrDecoded() throws {
    let checkpoint = try QuantizedCheckpoint(.gptq, group: 32, reorder: true)
    let message = try #require(checkpoint.fixture.failure())
    for word in ["model.layers.0.self_attn.q_proj.weight", "g_idx", "--weights"] {
      #expect(message.contains(word), "\(message)")
    }
    let file = try checkpoint.fixture.pack(WeightRecipe(weights: .f32))
    for (name, layer) in checkpoint.layers {
      #expect(bits(decoded(try #require(file.tensors.find(name)))) == bits(layer.weights))
    }
  }

  @Test func actOrderWithGroupsInPlaceIsLossless() throws {
    let checkpoint = try QuantizedCheckpoint(.gptq, group: 32)
    try checkpoint.fixture.edit("config.json", "\"desc_act\": false", "\"desc_act\": true")
    let file = try checkpoint.fixture.pack()
    for (name, layer) in checkpoint.layers {
      #expect(bits(decoded(try #require(file.tensors.find(name)))) == bits(layer.weights))
    }
  }

  @Test func oddGroupsAreRefusedOrDecoded() throws {
    let checkpoint = try QuantizedCheckpoint(.gptq, group: 48)
    #expect(checkpoint.fixture.failure()?.contains("groups of 48") == true)
    let file = try checkpoint.fixture.pack(WeightRecipe(weights: .f32))
    for (name, layer) in checkpoint.layers {
      #expect(bits(decoded(try #require(file.tensors.find(name)))) == bits(layer.weights))
    }
  }

  // MARK: Contradictions

  @Test(arguments: [
    ("\"bits\": 4", "\"bits\": 8", "bits is 8"),
    ("\"bits\": 4", "\"bits\": \"4\"", "bits"),
    ("\"group_size\": 32", "\"group_size\": 64", "shape"),
    ("\"group_size\": 32", "\"group_size\": 0", "group_size"),
    ("\"sym\": false", "\"sym\": true", "symmetric"),
    ("\"gptq\"}", "\"marlin\"}", "marlin"),
    ("\"quant_method\": \"gptq\"", "\"quant_method\": \"bitsandbytes\"", "bitsandbytes"),
    ("\"quant_method\": \"gptq\"", "\"quant_method\": \"awq\", \"version\": \"gemv\"", "gemv"),
    ("\"quant_method\": \"gptq\"", "\"quant_method\": \"awq\"", "shape"),
    ("\"desc_act\": false", "\"dynamic\": {\"a\": {}}", "dynamic"),

    ("\"intermediate_size\": 128", "\"intermediate_size\": 120", "shape"),
    ("\"quantization_config\"", "\"ignored\"", "no quantization_config"),
  ])
  func lyingSettings(_ old: String, _ new: String, _ word: String) throws {
    let checkpoint = try QuantizedCheckpoint(.gptq, group: 32)
    try checkpoint.fixture.edit("config.json", old, new)
    let message = checkpoint.fixture.failure()
    #expect(message?.contains(word) == true, "\(message ?? "packed")")
    #expect(message?.contains("\n") != true)
  }

  @Test(arguments: [
    ("\"symmetric\": false", "\"symmetric\": true", "weight_zero_point"),
    ("\"num_bits\": 4", "\"num_bits\": 8", "num_bits is 8"),
    ("\"pack-quantized\"", "\"float-quantized\"", "float-quantized"),
    ("\"input_activations\": null", "\"input_activations\": {\"num_bits\": 8}", "w4a16"),
    ("\"strategy\": \"group\"", "\"strategy\": \"tensor\"", "tensor"),
    ("\"strategy\": \"group\"", "\"strategy\": \"channel\"", "shape"),
    ("\"actorder\": null", "\"actorder\": \"group\"", "weight_g_idx"),
    ("\"ignore\": [\"lm_head\"]", "\"ignore\": [\"model.layers.0.mlp.up_proj\"]", "leave"),
  ])
  func lyingCompressedSettings(_ old: String, _ new: String, _ word: String) throws {
    let checkpoint = try QuantizedCheckpoint(.compressed, group: 32)
    try checkpoint.fixture.edit("config.json", old, new)
    let message = checkpoint.fixture.failure()
    #expect(message?.contains(word) == true, "\(message ?? "packed")")
  }

  @Test func settingsBesideMustAgree() throws {
    let fixture = try Fixture("gptq-g32-sym")
    try fixture.edit("quantize_config.json", "\"group_size\": 32", "\"group_size\": 128")
    #expect(fixture.failure()?.contains("quantize_config.json") == true)
  }

  private func damaged(
    _ name: String, _ change: (inout SafetensorsFile.Tensor) -> Void
  ) throws -> String? {
    let fixture = try Fixture("gptq-g32-sym")
    var file = try SafetensorsFile(fixture.bytes("model.safetensors"))
    for index in file.tensors.indices where file.tensors[index].name == name {
      change(&file.tensors[index])
    }
    try fixture.write("model.safetensors", file.bytes())
    return fixture.failure()
  }

  @Test func lyingTensors() throws {
    let module = "model.layers.1.mlp.down_proj"
    let cases: [(String, (inout SafetensorsFile.Tensor) -> Void, String)] = [
      (module + ".qweight", { $0.name = "x" }, module),
      (module + ".qweight", { $0.type = "F32" }, "not I32"),
      (module + ".qweight", { $0.name = module + ".weight_packed" }, "weight_packed"),
      (module + ".qzeros", { $0.name = "x" }, "qzeros is missing"),
      (module + ".qzeros", { $0.data[0] ^= 0x30 }, "symmetric"),
      (module + ".scales", { $0.shape.reverse() }, "shape"),
      (
        module + ".scales",
        {
          $0.data[1] = 0x7C
          $0.data[0] = 0
        }, "infinity"
      ),
      (module + ".g_idx", { $0.data[0] = 3 }, "desc_act false"),
      (module + ".g_idx", { $0.data[3] = 0x80 }, "outside"),
      (module + ".g_idx", { $0.data[0] = 4 }, "outside"),
    ]
    for (name, change, word) in cases {
      let message = try damaged(name, change)
      #expect(message?.contains(word) == true, "\(message ?? "packed"): \(word)")
    }
  }

  @Test func aPlainLayerAmongQuantisedOnes() throws {
    let fixture = try Fixture("awq-gemm-g32")
    var file = try SafetensorsFile(fixture.bytes("model.safetensors"))
    let module = "model.layers.0.mlp.up_proj"
    file.tensors.removeAll { $0.name.hasPrefix(module) }
    file.tensors.append(
      .init(
        name: module + ".weight", type: "F16", shape: [128, 64],
        data: [UInt8](repeating: 0x11, count: 128 * 64 * 2)))
    try fixture.write("model.safetensors", file.bytes())
    #expect(fixture.failure()?.contains("not quantised") == true)
    try fixture.edit(
      "config.json", "\"modules_to_not_convert\": null",
      "\"modules_to_not_convert\": [\"layers.0.mlp.up_proj\"]")
    let packed = try fixture.pack()
    #expect(packed.tensors.find(module + ".weight")?.encoding == .f16)
  }
}
