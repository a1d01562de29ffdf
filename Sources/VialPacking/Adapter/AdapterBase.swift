// The linear layers that an adapter may change, by module name, with their shapes: of a plan or of a packed file.
// Must not: read weights.

import VialFormat

/// What an adapter's targets are held against.
struct AdapterBase: Sendable {
  /// Outputs and inputs of a linear layer.
  struct Shape: Sendable, Equatable {
    var outputs: Int
    var inputs: Int
  }

  /// By module name, such as `model.layers.0.self_attn.q_proj`.
  private(set) var modules: [String: Shape] = [:]
  /// Layers of the model.
  let layerCount: Int

  /// The suffix that makes a module's name its weight's.
  static let weightSuffix = ".weight"
  private static let embedding = "model.embed_tokens.weight"
  static let head = "lm_head"

  /// The linear layers of a model that is going to be packed.
  init(_ plan: TensorPlan, layerCount: Int) {
    self.layerCount = layerCount
    for tensor in plan.tensors where tensor.role == .linear || tensor.role == .head {
      add(tensor.name, outputs: tensor.rowCount, inputs: tensor.columnCount)
    }
  }

  /// The linear layers of a packed model.
  init(_ file: FileDescriptor) {
    layerCount = file.configuration.layerCount
    for index in 0..<file.tensors.count {
      let tensor = file.tensors[index]
      guard tensor.shape.rank == 2, tensor.name != Self.embedding else { continue }
      add(tensor.name, outputs: tensor.shape[0], inputs: tensor.shape[1])
    }
  }

  private mutating func add(_ name: String, outputs: Int, inputs: Int) {
    guard name.hasSuffix(Self.weightSuffix) else { return }
    modules[String(name.dropLast(Self.weightSuffix.count))] = Shape(
      outputs: outputs, inputs: inputs)
  }

  /// Module names in a fixed order.
  var names: [String] { modules.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

  /// The layer of `model.layers.N.…`; nil for the head.
  static func layer(of module: String) -> Int? {
    let fields = module.split(separator: ".")
    guard fields.count > 3, fields[0] == "model", fields[1] == "layers" else { return nil }
    return Int(fields[2])
  }
}
