// Quantised checkpoints whose settings are wrong about the tensors, or name modules by patterns; and MLX's.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct QuantizedKindTests {
  /// A GPTQ checkpoint whose zero points are all 8, stored in one version and called another.
  private func symmetric(stored: Int, called: String, _ sym: String) throws -> Fixture {
    let fixture = try Fixture("qwen2-tiny-tied")
    var file = try SafetensorsFile(fixture.bytes("model.safetensors"))
    for (index, tensor) in file.tensors.enumerated() where tensor.name.hasSuffix("_proj.weight") {
      let layer = QuantizedLayer(
        outputs: tensor.shape[0], inputs: tensor.shape[1], group: 32, symmetric: true,
        seed: UInt64(index + 1))
      file.tensors.removeAll { $0.name == tensor.name }
      file.tensors += layer.gptq(String(tensor.name.dropLast(7)), offset: stored)
    }
    try fixture.write("model.safetensors", file.bytes())
    try fixture.edit(
      "config.json", "\"use_cache\"",
      """
      "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": false, \(sym)
      "checkpoint_format": "\(called)"}, "use_cache"
      """)
    return fixture
  }

  @Test(arguments: ["\"sym\": true,", ""])
  func zeroPointsOfTheOtherVersion(_ sym: String) throws {
    for (stored, called, other) in [(0, "gptq", "gptq_v2"), (1, "gptq_v2", "gptq")] {
      let right = try symmetric(stored: stored, called: other, sym).packed()
      let wrong = try symmetric(stored: stored, called: called, sym).packed()
      #expect(wrong.file.modelDigest == right.file.modelDigest)
      #expect(
        wrong.warnings.contains { $0.contains("of checkpoint_format \(other), not \(called)") })
      #expect(!right.warnings.contains { $0.contains("checkpoint_format") })
    }
  }

  /// Zero points that differ say nothing about their version.
  @Test func otherZeroPointsStay() throws {
    let checkpoint = try QuantizedCheckpoint(.gptq, group: 32)
    #expect(
      !(try checkpoint.fixture.packed().warnings.contains { $0.contains("checkpoint_format") }))
  }

  private func compressed(_ ignore: String, _ targets: String) throws -> Fixture {
    let checkpoint = try QuantizedCheckpoint(.compressed, group: 32)
    try checkpoint.fixture.edit("config.json", "\"ignore\": [\"lm_head\"]", "\"ignore\": \(ignore)")
    try checkpoint.fixture.edit(
      "config.json", "\"targets\": [\"Linear\"]", "\"targets\": \(targets)")
    return checkpoint.fixture
  }

  @Test(arguments: [
    (#"["re:.*lm_head"]"#, #"["Linear"]"#), (#"["re:lm_.*"]"#, #"["re:.*_proj"]"#),
    (#"["re:model"]"#, #"["Linear"]"#), (#"["re:.*mlp.*"]"#, #"["Linear"]"#),
    (#"["re:(?!)"]"#, #"["re:.*self_attn.*", "re:.*mlp\\.(gate|up|down)_proj$"]"#),
    (#"[]"#, #"["re:.*self_attn.*"]"#), (#"[]"#, #"["re:self_attn"]"#),
    (#"["Linear"]"#, #"["Linear"]"#),
  ])
  func patternsOfModules(_ ignore: String, _ targets: String) throws {
    // Python's `re.match` holds a pattern against a name's beginning; what is left out must not be quantised.
    let leavesOut = ["re:model", "mlp.*", "\"Linear\"", "[]"].contains { ignore.contains($0) }
    let message = try compressed(ignore, targets).failure()
    #expect(
      (message?.contains("leave that module out") == true) == leavesOut, "\(message ?? "packed")")
  }

  @Test func patternsThatCannotBeRead() throws {
    #expect(
      try compressed(#"["re:("]"#, #"["Linear"]"#).failure()?.contains("cannot be read") == true)
  }

  /// A hostile pattern ends with an error, however many modules it is held against.
  @Test(.timeLimit(.minutes(1))) func hostilePatternsEnd() throws {
    let message = try compressed(#"["re:(.*)*(.*)*(.*)*(.*)*x"]"#, #"["Linear"]"#).failure()
    #expect(message?.contains("takes too long") == true, "\(message ?? "packed")")
  }

  @Test(arguments: [
    "\"quantization\": {\"group_size\": 64, \"bits\": 4}",
    "\"quantization_config\": {\"group_size\": 64, \"bits\": 4}",
  ])
  func foldersOfMLXAreNamed(_ settings: String) throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", "\"use_cache\"", "\(settings), \"use_cache\"")
    #expect(fixture.failure()?.contains("MLX") == true)
  }
}
