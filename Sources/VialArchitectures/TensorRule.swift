// Owns: the rule of one tensor of an architecture: what it is for, its names, its shape, and which
// models have it.
// Must not: read a tensor, or choose its format.

/// What a tensor is to whoever computes with it.
package enum TensorSlot: Sendable, Hashable {
  case embedding, finalNorm, head
  /// Norms of the residual stream before attention and before the feed-forward part.
  case inputNorm, feedForwardNorm
  /// Norms of what attention and the feed-forward part add.
  case attentionOutputNorm, feedForwardOutputNorm
  /// Norms of queries and keys.
  case queryNorm, keyNorm
  /// Weights of linear layers.
  case query, key, value, attentionOutput, gate, up, down
  /// Biases of linear layers.
  case queryBias, keyBias, valueBias, attentionOutputBias, gateBias, upBias, downBias

  /// The bias of a linear layer; nil for what is none.
  package var bias: TensorSlot? {
    switch self {
    case .query: .queryBias
    case .key: .keyBias
    case .value: .valueBias
    case .attentionOutput: .attentionOutputBias
    case .gate: .gateBias
    case .up: .upBias
    case .down: .downBias
    default: nil
    }
  }
}

/// What a tensor is for, which decides how it is stored.
package enum TensorRole: Sendable, Equatable {
  /// Token embedding [vocabulary, hidden]; the head as well when tied.
  case embedding
  /// Norm weight: rank 1, stored as plain f32.
  case norm
  /// Bias: rank 1, stored as plain f32.
  case bias
  /// Weight of a linear layer [output features, input features].
  case linear
  /// Untied output head [vocabulary, hidden].
  case head

  /// Whether it is stored as plain f32.
  package var isVector: Bool { self == .norm || self == .bias }
}

/// Which models of an architecture have a tensor.
package enum Presence: Sendable, Hashable {
  case always
  /// Models with biases of query, key and value (`attention.qkv_bias`).
  case attentionInputBias
  /// Models with a bias of attention's output (`attention.output_bias`).
  case attentionOutputBias
  /// Models with biases of gate, up and down (`feed_forward.bias`).
  case feedForwardBias
  /// Models whose head is not the embedding.
  case ownHead
}

/// A checkpoint's matrix that holds the rows of several linear layers, one after another.
package struct FusedRows: Sendable, Equatable {
  /// The matrix's module, as `TensorRule.module` is.
  package let module: String
  /// Its module in GGUF files.
  package let ggufModule: String
  /// What lies before the layer's own rows, and behind them.
  package let before, after: [Dimension]

  package init(
    _ module: String, gguf: String, before: [Dimension] = [], after: [Dimension] = []
  ) {
    self.module = module
    ggufModule = gguf
    self.before = before
    self.after = after
  }
}

/// The rule of one tensor.
package struct TensorRule: Sendable, Equatable {
  package let slot: TensorSlot
  /// The module in Hugging Face checkpoints, and in `.vial` files, without the layer's prefix.
  package let module: String
  /// The module in GGUF files, without the layer's prefix.
  package let ggufModule: String
  /// Outermost first.
  package let shape: [Dimension]
  package let role: TensorRole
  package let presence: Presence
  /// Where checkpoints have its rows inside a larger matrix; nil: it is a tensor of its own.
  package let fused: FusedRows?

  package init(
    _ slot: TensorSlot, _ module: String, gguf: String, _ shape: [Dimension], _ role: TensorRole,
    if presence: Presence = .always, in fused: FusedRows? = nil
  ) {
    self.slot = slot
    self.module = module
    ggufModule = gguf
    self.shape = shape
    self.role = role
    self.presence = presence
    self.fused = fused
  }

  /// `weight` or `bias`: the last part of its name.
  package var suffix: String { role == .bias ? "bias" : "weight" }

  /// The tensor's name in checkpoints and `.vial` files.
  /// - Parameter layer: the layer's number; nil for what is in none.
  package func name(layer: Int?) -> String { Self.name(module, suffix, layer) }

  /// The name of the matrix that holds its rows; nil when it is a tensor of its own.
  package func fusedName(layer: Int?) -> String? {
    fused.map { Self.name($0.module, suffix, layer) }
  }

  private static func name(_ module: String, _ suffix: String, _ layer: Int?) -> String {
    layer.map { "model.layers.\($0).\(module).\(suffix)" } ?? "\(module).\(suffix)"
  }

  /// The tensor's name in GGUF files.
  package func ggufName(layer: Int?) -> String { Self.ggufName(ggufModule, suffix, layer) }

  /// The GGUF name of the matrix that holds its rows; nil when it is a tensor of its own.
  package func fusedGGUFName(layer: Int?) -> String? {
    fused.map { Self.ggufName($0.ggufModule, suffix, layer) }
  }

  private static func ggufName(_ module: String, _ suffix: String, _ layer: Int?) -> String {
    layer.map { "blk.\($0).\(module).\(suffix)" } ?? "\(module).\(suffix)"
  }
}

extension TensorRule {
  /// A norm's weights.
  package static func norm(
    _ slot: TensorSlot, _ module: String, gguf: String, _ size: Dimension = .hidden
  ) -> TensorRule { TensorRule(slot, module, gguf: gguf, [size], .norm) }

  /// A linear layer: its weights, and the bias that some models have.
  package static func linear(
    _ slot: TensorSlot, _ module: String, gguf: String, _ outputs: Dimension,
    from inputs: Dimension,
    bias presence: Presence?, in fused: FusedRows? = nil
  ) -> [TensorRule] {
    var rules = [TensorRule(slot, module, gguf: gguf, [outputs, inputs], .linear, in: fused)]
    if let presence, let bias = slot.bias {
      rules.append(
        TensorRule(bias, module, gguf: gguf, [outputs], .bias, if: presence, in: fused))
    }
    return rules
  }
}
