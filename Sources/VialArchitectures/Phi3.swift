// Owns: the description of Phi-3 and Phi-4: Llama's layers, whose checkpoints have query, key and
// value in one matrix, and gate and up in another.
// Must not: compute.
// Source: Phi-3 Technical Report (Abdin et al., 2024); LongRoPE (Ding et al., 2024);
// transformers' Phi3ForCausalLM.

extension Architecture {
  /// `Phi3ForCausalLM`, Phi-4 and MediPhi included.
  package static let phi3 = Architecture(
    "phi3", className: "Phi3ForCausalLM", gguf: GGUFNaming("phi3"),
    layer: [
      .inputNorm, .attention(isFused: true), .feedForwardNorm, .gatedFeedForward(isFused: true),
    ],
    settings: SettingsTraits {
      $0.contextLength = 4096
      $0.normEpsilon = 1e-5
      $0.originalContextLength = 4096
      $0.windows = .all
      $0.readsRotaryFraction = true
    })
}
