// Owns: the description of Granite: Llama's layers with multipliers of embedding, scores, residual
// stream and logits.
// Must not: compute.
// Source: Granite 3.0 (IBM, 2024); maximal update parametrisation (Yang et al., 2022);
// transformers' GraniteForCausalLM.

extension Architecture {
  /// `GraniteForCausalLM`.
  package static let granite = Architecture(
    "granite", className: "GraniteForCausalLM",
    gguf: GGUFNaming("granite", interleavesHeads: true),
    layer: .llama,
    traits: ArchitectureTraits(attentionBias: .stated),
    settings: SettingsTraits {
      $0.readsAttentionBias = true
      $0.readsFeedForwardBias = true
      $0.readsMultipliers = true
    })
}
