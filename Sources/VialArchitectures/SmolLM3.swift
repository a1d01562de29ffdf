// Owns: the description of SmolLM3: Llama's layers, every fourth of which does not rotate.
// Must not: compute.
// Source: SmolLM3 (Bakouch et al., 2025); NoPE (Yang et al., 2025); transformers'
// SmolLM3ForCausalLM.

extension Architecture {
  /// `SmolLM3ForCausalLM`.
  package static let smolLM3 = Architecture(
    "smollm3", className: "SmolLM3ForCausalLM",
    gguf: GGUFNaming("smollm3", interleavesHeads: true),
    layer: .llama,
    traits: ArchitectureTraits(attentionBias: .stated),
    settings: SettingsTraits {
      $0.contextLength = 32_768
      $0.rotaryBase = 2_000_000
      $0.isTied = true
      $0.keyValueHeadCount = 4
      $0.windows = .unrotated
      $0.readsAttentionBias = true
      $0.readsFeedForwardBias = true
      $0.readsRotatedLayers = true
    })
}
