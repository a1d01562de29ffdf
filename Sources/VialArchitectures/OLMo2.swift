// Owns: the description of OLMo 2: norms stand behind attention and feed-forward part, and queries
// and keys are normalised as whole vectors.
// Must not: compute.
// Source: 2 OLMo 2 Furious (OLMo et al., 2024); transformers' Olmo2ForCausalLM.

extension Architecture {
  /// `Olmo2ForCausalLM`.
  package static let olmo2 = Architecture(
    "olmo2", className: "Olmo2ForCausalLM", gguf: GGUFNaming("olmo2"),
    layer: [
      .attention(norms: .headNorms(queries: .queries, keys: .keys)),
      [.norm(.attentionOutputNorm, "post_attention_layernorm", gguf: "post_attention_norm")],
      .gatedFeedForward(),
      [.norm(.feedForwardOutputNorm, "post_feedforward_layernorm", gguf: "post_ffw_norm")],
    ],
    traits: ArchitectureTraits(headNorm: .whole, normPlacement: .after),
    settings: SettingsTraits { $0.normEpsilon = 1e-5 })
}
