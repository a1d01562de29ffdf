// Bad checkpoints: each ends in one line that names what is wrong, and leaves no file.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct CheckpointRefusalTests {
  private func expect(
    _ fixture: Fixture, _ words: String..., recipe: WeightRecipe = WeightRecipe(),
    at location: SourceLocation = #_sourceLocation
  ) {
    let message = fixture.failure(recipe)
    #expect(message != nil, "packed, or left a file behind", sourceLocation: location)
    for word in words {
      #expect(
        message?.contains(word) == true, "\(message ?? "nothing") lacks \(word)",
        sourceLocation: location)
    }
    #expect(message?.contains("\n") != true, sourceLocation: location)
  }

  private func damaged(
    _ change: (inout SafetensorsFile) -> Void
  ) throws -> Fixture {
    let fixture = try Fixture("qwen2-tiny-tied")
    var file = try SafetensorsFile(fixture.bytes("model.safetensors"))
    change(&file)
    try fixture.write("model.safetensors", file.bytes())
    return fixture
  }

  @Test func missingTensor() throws {
    let name = "model.layers.1.mlp.up_proj.weight"
    expect(try damaged { $0.tensors.removeAll { $0.name == name } }, name, "missing")
  }

  @Test func wrongShape() throws {
    let name = "model.layers.0.self_attn.q_proj.weight"
    let fixture = try damaged { file in
      for index in file.tensors.indices where file.tensors[index].name == name {
        file.tensors[index].shape = [32, 128]
      }
    }
    expect(fixture, name, "[32, 128]", "[64, 64]")
  }

  @Test(arguments: [0x7FC0_0000, 0x7F80_0000, 0xFF80_0000] as [UInt32])
  func notFinite(_ bits: UInt32) throws {
    for name in ["model.layers.1.mlp.down_proj.weight", "model.norm.weight"] {
      let fixture = try damaged { file in
        for index in file.tensors.indices where file.tensors[index].name == name {
          for byte in 0..<4 {
            file.tensors[index].data[40 + byte] = UInt8(truncatingIfNeeded: bits >> (8 * byte))
          }
        }
      }
      expect(fixture, name, "NaN")
      expect(fixture, name, "NaN", recipe: WeightRecipe(weights: .f32))
    }
  }

  @Test func tooLargeForHalf() throws {
    let fixture = try damaged { file in
      for index in file.tensors.indices
      where file.tensors[index].name == "model.layers.0.mlp.up_proj.weight" {
        file.tensors[index].data.replaceSubrange(0..<4, with: [0, 0, 0x80, 0x4F])
      }
    }
    expect(fixture, "up_proj", "too large for f16", recipe: WeightRecipe(weights: .f16))
    #expect(fixture.failure(WeightRecipe(weights: .bf16)) == nil)
  }

  @Test func wrongType() throws {
    let fixture = try damaged { file in
      for index in file.tensors.indices where file.tensors[index].name == "model.norm.weight" {
        file.tensors[index].type = "I32"
      }
    }
    expect(fixture, "model.norm.weight", "I32")
  }

  @Test(arguments: [
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, "8 bytes"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "after the last tensor"),
    (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[4,20]}}"#, "ends at byte 20"),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}}"#, "hole"),
    (
      #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
      "overlaps"
    ),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}"#, "overflows"),
    (#"{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}"#, "whole numbers"),
    (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#, "data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}"#, "data_offsets"),
    (#"{"a":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}}"#, "F99"),
    (#"{"a":{"dtype":"F32","shape":[4]}}"#, "data_offsets"),
    (#"{"a":{"dtype":"F32","data_offsets":[0,16]}}"#, "no shape"),
    (#"{"a":{"shape":[4],"data_offsets":[0,16]}}"#, "no dtype"),
    (#"{"a":7}"#, "object"),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
      "twice"
    ),
    ("[]", "not a JSON object"), ("{", "not valid JSON"), ("", "not valid JSON"),
  ])
  func lyingHeader(_ header: String, _ words: String) throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.write(
      "model.safetensors",
      SafetensorsFile.bytes(header: header, data: [UInt8](repeating: 0, count: 16)))
    expect(fixture, "model.safetensors", words)
  }

  @Test func lyingHeaderLength() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    for bytes: [UInt8] in [
      [], [1, 2, 3], [UInt8](repeating: 0xFF, count: 16), [0, 0, 0, 1, 0, 0, 0, 0, 0x7B],
      [200, 0, 0, 0, 0, 0, 0, 0, 0x7B],
    ] {
      try fixture.write("model.safetensors", bytes)
      expect(fixture, "model.safetensors")
    }
  }

  @Test func everyTruncationIsRefused() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let bytes = try fixture.bytes("model.safetensors")
    for count in stride(from: 0, to: bytes.count, by: bytes.count / 23) {
      try fixture.write("model.safetensors", Array(bytes[..<count]))
      expect(fixture, "model.safetensors")
    }
  }

  @Test func shards() throws {
    let shard = "model-00002-of-000002.safetensors"
    let missing = try Fixture("qwen2-tiny-untied")
    try FileManager.default.removeItem(at: missing.url(shard))
    expect(missing, shard, "missing")
    let outside = try Fixture("qwen2-tiny-untied")
    try outside.edit("model.safetensors.index.json", shard, "../model.safetensors")
    expect(outside, "index.json", "no file of this folder")
    let moved = try Fixture("qwen2-tiny-untied")
    try moved.write(
      "model.safetensors.index.json",
      Array(
        #"{"weight_map":{"model.norm.weight":"model-00001-of-000002.safetensors","lm_head.weight":"\#(shard)"}}"#
          .utf8))
    expect(moved, "index.json", "is not in")
    let twice = try Fixture("qwen2-tiny-untied")
    try twice.write(shard, twice.bytes("model-00001-of-000002.safetensors"))
    expect(twice, shard)
  }

  @Test(arguments: [
    ("\"silu\"", "\"gelu\"", "hidden_act"),
    ("Qwen2ForCausalLM", "MambaForCausalLM", "MambaForCausalLM"),
    (
      "\"use_sliding_window\": false",
      "\"use_sliding_window\": true, \"sliding_window\": 0", "sliding_window"
    ),
    ("\"hidden_size\": 64", "\"hidden_size\": -64", "hidden_size"),
    ("\"hidden_size\": 64", "\"hidden_size\": 9223372036854775807", "hidden_size"),
    ("\"hidden_size\": 64", "\"hidden_size\": \"64\"", "hidden_size"),
    ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 0", "num_hidden_layers"),
    ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "num_key_value_heads"),
    ("\"vocab_size\": 512", "\"vocab_size\": 511", "shape"),
    ("\"vocab_size\": 512", "\"vocab_size\": 200", "vocab_size"),
    ("\"vocab_size\": 512", "\"vocab_size\": 513", "shape"),
    ("\"rms_norm_eps\": 1e-06", "\"rms_norm_eps\": 0", "rms_norm_eps"),
    ("\"rope_theta\": 1000000.0", "\"rope_theta\": 0", "rope_theta"),
    (
      "\"use_cache\"", "\"rope_scaling\": {\"type\": \"yran\", \"factor\": 2}, \"use_cache\"",
      "yran"
    ),
    ("\"use_cache\"", "\"quantization_config\": {\"bits\": 4}, \"use_cache\"", "quantised"),
    (
      "\"use_cache\"",
      "\"layer_types\": [\"full_attention\", \"sliding_attention\"], \"use_cache\"",
      "sliding_attention"
    ),
    ("{", "{{", "config.json"),
  ])
  func configuration(_ old: String, _ new: String, _ words: String) throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", old, new)
    expect(fixture, words)
  }

  @Test func missingFiles() throws {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
      let fixture = try Fixture("qwen2-tiny-tied")
      try FileManager.default.removeItem(at: fixture.url(file))
      expect(fixture, file)
    }
    #expect(throws: PackingError.self) {
      try Packer.pack(PackOptions(sourcePath: "/nonexistent", outputPath: "/tmp/x.vial"))
    }
  }

  @Test func outputs() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    var options = fixture.options()
    options.outputPath = fixture.folder.path
    #expect(throws: PackingError.self) { try Packer.pack(options) }
    options.outputPath = fixture.folder.path + "/none/out.vial"
    #expect(throws: PackingError.self) { try Packer.pack(options) }
    options = fixture.options()
    options.sourcePath = fixture.url("config.json").path
    #expect(throws: PackingError.self) { try Packer.pack(options) }
  }

  @Test func tiedHeadMustAgree() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    expect(
      fixture, "--embedding f16", "--head int8",
      recipe: WeightRecipe(embedding: .f16, head: .int8))
  }

  @Test func stopping() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    // 50 MB of weights: the question is asked after each slice, and after the last one was written.
    try fixture.edit("config.json", "\"intermediate_size\": 128", "\"intermediate_size\": 32768")
    var options = fixture.options(WeightRecipe(weights: .f32))
    options.randomSeed = 1
    for step in 1..<5 {
      let asked = Counter()
      do {
        _ = try Packer.pack(
          options, observer: PackObserver(shouldStop: { asked.next() >= step }))
        Issue.record("was not stopped at step \(step)")
      } catch {
        #expect(error.kind == .cancelled)
      }
      #expect(!FileManager.default.fileExists(atPath: fixture.output))
      #expect(!FileManager.default.fileExists(atPath: fixture.output + ".partial"))
    }
  }

  @Test func leftoversOfAKillAreReplaced() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: fixture.output + ".partial"))
    _ = try Packer.pack(fixture.options())
    #expect(!FileManager.default.fileExists(atPath: fixture.output + ".partial"))
  }
}

/// Counts calls from any thread.
private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var count = 0

  func next() -> Int {
    lock.withLock {
      count += 1
      return count
    }
  }
}
