// Owns: the description of Llama, and the parts that most architectures share with it.
// Must not: compute.
// Source: Llama 2 and 3 (Touvron et al., 2023; Grattafiori et al., 2024); transformers'
// LlamaForCausalLM.

extension Architecture {
  /// `LlamaForCausalLM`, DeepSeek-R1-Distill-Llama included.
  package static let llama = Architecture(
    "llama", className: "LlamaForCausalLM",
    gguf: GGUFNaming("llama", interleavesHeads: true),
    layer: .llama,
    traits: ArchitectureTraits(attentionBias: .stated),
    settings: SettingsTraits {
      $0.readsAttentionBias = true
      $0.readsFeedForwardBias = true
    })
}

extension [[TensorRule]] {
  /// Llama's layer, which many architectures have.
  package static var llama: [[TensorRule]] {
    [.inputNorm, .attention(), .feedForwardNorm, .gatedFeedForward()]
  }
}

extension [TensorRule] {
  /// The norm before attention.
  package static var inputNorm: [TensorRule] {
    [.norm(.inputNorm, "input_layernorm", gguf: "attn_norm")]
  }

  /// The norm before the feed-forward part.
  package static var feedForwardNorm: [TensorRule] {
    [.norm(.feedForwardNorm, "post_attention_layernorm", gguf: "ffn_norm")]
  }

  /// Norms of queries and keys, of one head or of all together.
  package static func headNorms(queries: Dimension, keys: Dimension) -> [TensorRule] {
    [
      .norm(.queryNorm, "self_attn.q_norm", gguf: "attn_q_norm", queries),
      .norm(.keyNorm, "self_attn.k_norm", gguf: "attn_k_norm", keys),
    ]
  }

  /// Query, key, value and output projections, where `norms` stand before the last.
  /// - Parameter isFused: whether checkpoints have query, key and value in one matrix.
  package static func attention(isFused: Bool = false, norms: [TensorRule] = []) -> [TensorRule] {
    func fused(_ before: [Dimension], _ after: [Dimension]) -> FusedRows? {
      isFused
        ? FusedRows("self_attn.qkv_proj", gguf: "attn_qkv", before: before, after: after) : nil
    }
    let rules: [[TensorRule]] = [
      TensorRule.linear(
        .query, "self_attn.q_proj", gguf: "attn_q", .queries, from: .hidden,
        bias: .attentionInputBias, in: fused([], [.keys, .keys])),
      TensorRule.linear(
        .key, "self_attn.k_proj", gguf: "attn_k", .keys, from: .hidden,
        bias: .attentionInputBias, in: fused([.queries], [.keys])),
      TensorRule.linear(
        .value, "self_attn.v_proj", gguf: "attn_v", .keys, from: .hidden,
        bias: .attentionInputBias, in: fused([.queries, .keys], [])),
      norms,
      TensorRule.linear(
        .attentionOutput, "self_attn.o_proj", gguf: "attn_output", .hidden, from: .queries,
        bias: .attentionOutputBias),
    ]
    return rules.flatMap { $0 }
  }

  /// Gate, up and down projections.
  /// - Parameter isFused: whether checkpoints have gate and up in one matrix.
  package static func gatedFeedForward(isFused: Bool = false) -> [TensorRule] {
    func fused(_ before: [Dimension], _ after: [Dimension]) -> FusedRows? {
      isFused ? FusedRows("mlp.gate_up_proj", gguf: "ffn_up", before: before, after: after) : nil
    }
    let rules: [[TensorRule]] = [
      TensorRule.linear(
        .gate, "mlp.gate_proj", gguf: "ffn_gate", .feedForward, from: .hidden,
        bias: .feedForwardBias, in: fused([], [.feedForward])),
      TensorRule.linear(
        .up, "mlp.up_proj", gguf: "ffn_up", .feedForward, from: .hidden,
        bias: .feedForwardBias, in: fused([.feedForward], [])),
      TensorRule.linear(
        .down, "mlp.down_proj", gguf: "ffn_down", .hidden, from: .feedForward,
        bias: .feedForwardBias),
    ]
    return rules.flatMap { $0 }
  }
}
