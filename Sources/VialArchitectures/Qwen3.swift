// Owns: the description of Qwen3: each head of queries and keys is normalised.
// Must not: compute.
// Source: Qwen3 Technical Report (Yang et al., 2025); transformers' Qwen3ForCausalLM.

extension Architecture {
  /// `Qwen3ForCausalLM`.
  package static let qwen3 = Architecture(
    "qwen3", className: "Qwen3ForCausalLM", gguf: GGUFNaming("qwen3"),
    layer: [
      .inputNorm,
      .attention(norms: .headNorms(queries: .headDimension, keys: .headDimension)),
      .feedForwardNorm, .gatedFeedForward(),
    ],
    traits: ArchitectureTraits(headNorm: .perHead, attentionBias: .stated),
    settings: SettingsTraits {
      $0.contextLength = 32_768
      $0.keyValueHeadCount = 32
      $0.headDimension = 128
      $0.slidingWindow = 4096
      $0.windows = .later(than: 28)
      $0.readsAttentionBias = true
    })
}
