// Owns: the tensors that a checkpoint must have, in the order in which a forward pass reads them.
// Must not: read a tensor, or choose its format; names and shapes are the architecture's.
// The order is the file's order, so a pass walks the mapping forward.

import VialArchitectures

/// One tensor that the checkpoint must have.
struct PlannedTensor: Sendable, Equatable {
  /// A larger matrix of the checkpoint that holds its rows.
  struct FusedSource: Sendable, Equatable {
    let name: String
    let ggufName: String
    let firstRow: Int
    let rowCount: Int
  }

  /// Hugging Face name, ASCII.
  let name: String
  /// The name in GGUF files.
  let ggufName: String
  /// Rank 1 or 2, outermost first.
  let shape: [Int]
  let role: TensorRole
  /// Where its rows may lie instead of in a tensor of that name.
  let fused: FusedSource?
  /// Whether GGUF files may interleave the halves of its heads.
  let isRotated: Bool
  /// Whether checkpoints have it less 1; GGUF files have it whole.
  let isLessOne: Bool

  /// For `--random-weights`: the mean and the standard deviation of the values.
  var randomMean: Float { role == .norm ? 1 : 0 }
  var randomDeviation: Float { role == .norm ? 0 : 0.02 }

  /// Number of rows: 1 for a vector.
  var rowCount: Int { shape.count == 2 ? shape[0] : 1 }
  /// Elements in a row.
  var columnCount: Int { shape.count == 2 ? shape[1] : shape[0] }

  init(_ tensor: ArchitectureTensor, traits: ArchitectureTraits) {
    let (rule, layer) = (tensor.rule, tensor.layer)
    name = rule.name(layer: layer)
    ggufName = rule.ggufName(layer: layer)
    shape = tensor.shape
    role = rule.role
    isLessOne = traits.addsOneToNorms && rule.role == .norm
    isRotated = [.query, .key, .queryBias, .keyBias].contains(rule.slot)
    if let rows = tensor.fusedRows, let name = rule.fusedName(layer: layer),
      let ggufName = rule.fusedGGUFName(layer: layer)
    {
      fused = FusedSource(
        name: name, ggufName: ggufName, firstRow: rows.first, rowCount: rows.total)
    } else {
      fused = nil
    }
  }
}

/// The tensors of a model in execution order.
struct TensorPlan: Sendable {
  let tensors: [PlannedTensor]

  /// The plan of a configuration.
  init(_ configuration: CheckpointConfiguration) {
    let architecture = configuration.architecture
    tensors = architecture.tensors(configuration.sizes).map {
      PlannedTensor($0, traits: architecture.traits)
    }
  }
}
