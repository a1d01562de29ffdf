// Owns: which tensors an architecture has, under which Hugging Face names, with which shapes, in
// the order in which a forward pass reads them.
// Must not: read a tensor, or choose its format.
// The order is the file's order, so a pass walks the mapping forward.

/// What a tensor is for, which decides how it is stored.
enum TensorRole: Sendable, Equatable {
  /// Token embedding [vocabulary, hidden]; the head as well when tied.
  case embedding
  /// Norm weight or bias: rank 1, stored as plain f32.
  case vector
  /// Weight of a linear layer [output features, input features].
  case linear
  /// Untied output head [vocabulary, hidden].
  case head
}

/// One tensor that the checkpoint must have.
struct PlannedTensor: Sendable, Equatable {
  /// Hugging Face name, ASCII.
  var name: String
  /// Rank 1 or 2, outermost first.
  var shape: [Int]
  var role: TensorRole
  /// For `--random-weights`: the mean and the standard deviation of the values.
  var randomMean: Float = 0
  var randomDeviation: Float = 0.02

  /// Number of rows: 1 for a vector.
  var rowCount: Int { shape.count == 2 ? shape[0] : 1 }
  /// Elements in a row.
  var columnCount: Int { shape.count == 2 ? shape[1] : shape[0] }
}

/// The tensors of a model in execution order.
struct TensorPlan: Sendable {
  private(set) var tensors: [PlannedTensor] = []

  /// The plan of a configuration.
  init(_ configuration: CheckpointConfiguration) {
    let hidden = configuration.hiddenSize
    let vocabulary = configuration.vocabularySize
    tensors.append(
      PlannedTensor(
        name: "model.embed_tokens.weight", shape: [vocabulary, hidden], role: .embedding))
    for layer in 0..<configuration.layerCount {
      appendLayer("model.layers.\(layer).", configuration)
    }
    appendNorm("model.norm.weight", hidden)
    if !configuration.tiedEmbedding {
      tensors.append(
        PlannedTensor(name: "lm_head.weight", shape: [vocabulary, hidden], role: .head))
    }
  }

  private mutating func appendLayer(_ prefix: String, _ configuration: CheckpointConfiguration) {
    let hidden = configuration.hiddenSize
    let feedForward = configuration.feedForwardSize
    let queries = configuration.headCount * configuration.headDimension
    let keys = configuration.kvHeadCount * configuration.headDimension
    let hasBias = configuration.hasAttentionBias
    appendNorm(prefix + "input_layernorm.weight", hidden)
    appendLinear(prefix + "self_attn.q_proj", queries, hidden, bias: hasBias)
    appendLinear(prefix + "self_attn.k_proj", keys, hidden, bias: hasBias)
    appendLinear(prefix + "self_attn.v_proj", keys, hidden, bias: hasBias)
    appendLinear(prefix + "self_attn.o_proj", hidden, queries, bias: false)
    appendNorm(prefix + "post_attention_layernorm.weight", hidden)
    appendLinear(prefix + "mlp.gate_proj", feedForward, hidden, bias: false)
    appendLinear(prefix + "mlp.up_proj", feedForward, hidden, bias: false)
    appendLinear(prefix + "mlp.down_proj", hidden, feedForward, bias: false)
  }

  private mutating func appendNorm(_ name: String, _ size: Int) {
    tensors.append(
      PlannedTensor(name: name, shape: [size], role: .vector, randomMean: 1, randomDeviation: 0))
  }

  private mutating func appendLinear(_ prefix: String, _ rows: Int, _ columns: Int, bias: Bool) {
    tensors.append(PlannedTensor(name: prefix + ".weight", shape: [rows, columns], role: .linear))
    if bias {
      tensors.append(PlannedTensor(name: prefix + ".bias", shape: [rows], role: .vector))
    }
  }
}
