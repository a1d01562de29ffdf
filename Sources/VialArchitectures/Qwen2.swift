// Owns: the description of Qwen2: query, key and value have biases.
// Must not: compute.
// Source: Qwen2 Technical Report (Yang et al., 2024); transformers' Qwen2ForCausalLM.

extension Architecture {
  /// `Qwen2ForCausalLM`, DeepSeek-R1-Distill-Qwen included.
  package static let qwen2 = Architecture(
    "qwen2", className: "Qwen2ForCausalLM", gguf: GGUFNaming("qwen2"),
    layer: .llama,
    traits: ArchitectureTraits(attentionBias: .always),
    settings: SettingsTraits {
      $0.contextLength = 32_768
      $0.keyValueHeadCount = 32
      $0.slidingWindow = 4096
      $0.windows = .later(than: 28)
    })
}
