// Adapters of the test's own: PEFT and mlx-lm folders with numbers that are known.

import Foundation
import TestSupport

/// An adapter that a test makes and damages.
final class TestAdapter {
  /// Outputs and inputs of the layers of `qwen2-tiny-untied`.
  static let shapes: [String: (outputs: Int, inputs: Int)] = [
    "self_attn.q_proj": (64, 64), "self_attn.k_proj": (32, 64), "self_attn.v_proj": (32, 64),
    "self_attn.o_proj": (64, 64), "mlp.gate_proj": (128, 64), "mlp.up_proj": (128, 64),
    "mlp.down_proj": (64, 128),
  ]

  private let root = TemporaryFolder()
  var folder: URL { root.url }
  var path: String { root.path }
  var config: [String: Any]
  var file = SafetensorsFile()

  /// All linear layers of both layers, the head included when asked for, each of rank `rank`.
  init(rank: Int = 4, modules: [String] = Array(shapes.keys), head: Bool = false) throws {
    var names = modules.map { String($0.split(separator: ".")[1]) }
    if head { names.append("lm_head") }
    config = [
      "peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": names,
      "bias": "none",
    ]
    for layer in 0..<2 {
      for name in modules.sorted() {
        guard let shape = Self.shapes[name] else { continue }
        add("model.layers.\(layer).\(name)", rank: rank, shape.outputs, shape.inputs)
      }
    }
    if head { add("lm_head", rank: rank, 512, 64) }
  }

  /// A and B of a module.
  func add(_ module: String, rank: Int, _ outputs: Int, _ inputs: Int) {
    let seed = file.tensors.count + 1
    for (part, shape) in [("A", [rank, inputs]), ("B", [outputs, rank])] {
      file.tensors.append(
        SafetensorsFile.Tensor(
          name: "base_model.model.\(module).lora_\(part).weight", type: "F32", shape: shape,
          data: Self.numbers(shape[0] * shape[1], seed: seed).flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
          }))
    }
  }

  /// Numbers within ±0.1.
  static func numbers(_ count: Int, seed: Int) -> [Float] {
    var state = UInt32(truncatingIfNeeded: seed &* 2_654_435_761)
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return (Float(state >> 8) / Float(1 << 24) - 0.5) * 0.2
    }
  }

  /// Writes both files.
  func write(weightsName: String = "adapter_model.safetensors") throws {
    try JSONSerialization.data(withJSONObject: config)
      .write(to: folder.appendingPathComponent("adapter_config.json"))
    try Data(file.bytes()).write(to: folder.appendingPathComponent(weightsName))
  }
}
