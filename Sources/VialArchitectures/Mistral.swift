// Owns: the description of Mistral: Llama's layers, with a window where the settings have one.
// Must not: compute.
// Source: Mistral 7B (Jiang et al., 2023); transformers' MistralForCausalLM.

extension Architecture {
  /// `MistralForCausalLM`, Mistral Nemo and BioMistral included. llama.cpp calls it `llama`.
  package static let mistral = Architecture(
    "mistral", className: "MistralForCausalLM",
    gguf: GGUFNaming("mistral", interleavesHeads: true),
    layer: .llama,
    settings: SettingsTraits {
      $0.contextLength = 131_072
      $0.keyValueHeadCount = 8
      $0.slidingWindow = 4096
      $0.windows = .all
    })
}
