// Owns: PEFT adapters of random numbers for a committed checkpoint, packed with their base.

package import Foundation
package import VialPacking

/// Adapters for `qwen2-tiny-untied`, and for any modules.
package enum RandomAdapter {
  /// A linear layer that an adapter is for.
  package struct Module {
    let name: String
    let outputs, inputs: Int

    package init(_ name: String, outputs: Int, inputs: Int) {
      self.name = name
      self.outputs = outputs
      self.inputs = inputs
    }
  }

  /// The projections of attention.
  package static let attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
  /// All linear layers and the head.
  package static let allLinear = attention + ["gate_proj", "up_proj", "down_proj", "lm_head"]

  private static func shape(_ name: String) -> (outputs: Int, inputs: Int) {
    switch name {
    case "k_proj", "v_proj": (32, 64)
    case "gate_proj", "up_proj": (128, 64)
    case "down_proj": (64, 128)
    case "lm_head": (512, 64)
    default: (64, 64)
    }
  }

  /// Modules of the checkpoint with these names.
  private static func modules(_ names: [String]) -> [Module] {
    let modules = (0..<2).flatMap { layer in
      names.filter { $0 != "lm_head" }.map { name in
        let part = attention.contains(name) ? "self_attn" : "mlp"
        return "model.layers.\(layer).\(part).\(name)"
      }
    }
    return (modules + names.filter { $0 == "lm_head" }).map { name in
      let (outputs, inputs) = shape(String(name.split(separator: ".").last ?? ""))
      return Module(name, outputs: outputs, inputs: inputs)
    }
  }

  /// Writes a folder; equal seeds give equal numbers.
  package static func write(
    to folder: URL, seed: UInt32, rank: Int, targets: [String], isHalf: Bool
  ) throws {
    try write(
      modules(targets), to: folder, seed: seed, rank: rank, targets: targets, isHalf: isHalf)
  }

  /// Writes a folder with these modules.
  package static func write(
    _ modules: [Module], to folder: URL, seed: UInt32, rank: Int, targets: [String], isHalf: Bool
  ) throws {
    var state = seed &* 2_654_435_761 &+ 1
    var header: [String] = []
    var data = Data()
    for module in modules {
      for (part, rows, columns) in [
        ("A", rank, module.inputs), ("B", module.outputs, rank),
      ] {
        let start = data.count
        for _ in 0..<rows * columns {
          state = state &* 1_664_525 &+ 1_013_904_223
          let value = (Float(state >> 8) / Float(1 << 24) - 0.5) * 0.5
          if isHalf {
            withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { data.append(contentsOf: $0) }
          } else {
            withUnsafeBytes(of: value.bitPattern) { data.append(contentsOf: $0) }
          }
        }
        header.append(
          "\"base_model.model.\(module.name).lora_\(part).weight\":{\"dtype\":\"\(isHalf ? "BF16" : "F32")\","
            + "\"shape\":[\(rows),\(columns)],\"data_offsets\":[\(start),\(data.count)]}")
      }
    }
    let text = Data("{\(header.joined(separator: ","))}".utf8)
    var file = Data()
    withUnsafeBytes(of: UInt64(text.count)) { file.append(contentsOf: $0) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try (file + text + data).write(to: folder.appendingPathComponent("adapter_model.safetensors"))
    let config: [String: Any] = [
      "peft_type": "LORA", "r": rank, "lora_alpha": rank, "target_modules": targets,
    ]
    try JSONSerialization.data(withJSONObject: config)
      .write(to: folder.appendingPathComponent("adapter_config.json"))
  }

  /// A packed checkpoint with adapters a, b, c of different ranks, types and targets.
  package static func pack(_ recipe: WeightRecipe, to folder: URL, merging: String? = nil) throws
    -> String
  {
    let kinds: [(String, Int, [String], Bool)] = [
      ("a", 8, attention, false), ("b", 5, allLinear, true),
      ("c", 20, ["down_proj", "v_proj"], false),
    ]
    let output = folder.appendingPathComponent("adapted-\(merging ?? "").vial").path
    var options = PackOptions(
      sourcePath: Files.checkpoints.appendingPathComponent("qwen2-tiny-untied").path,
      outputPath: output)
    options.recipe = recipe
    for (index, (name, rank, targets, isHalf)) in kinds.enumerated() {
      let place = folder.appendingPathComponent(name)
      try write(to: place, seed: UInt32(index + 1), rank: rank, targets: targets, isHalf: isHalf)
      options.adapters.append(.init(name: name, path: place.path))
    }
    options.mergedAdapter = merging
    _ = try Packer.pack(options)
    return output
  }
}
