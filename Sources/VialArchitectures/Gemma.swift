// Owns: the descriptions of Gemma 2 and 3: four norms a layer, a tanh-GELU gate, scaled embeddings,
// windows in most layers.
// Must not: compute.
// Source: Gemma 2 and 3 (Gemma Team, 2024 and 2025); transformers' Gemma2ForCausalLM and
// Gemma3ForCausalLM.

extension Architecture {
  /// `Gemma2ForCausalLM`: scores and logits are capped, every other layer has a window.
  package static let gemma2 = Architecture(
    "gemma2", className: "Gemma2ForCausalLM", gguf: GGUFNaming("gemma2"),
    layer: .gemma(headNorms: []),
    traits: ArchitectureTraits(
      normPlacement: .both, activation: .tanhGELU, addsOneToNorms: true, scalesEmbedding: true),
    settings: SettingsTraits {
      $0.setGemma(vocabulary: 256_000)
      $0.contextLength = 8192
      $0.windows = .allBut(every: 2, isStated: false)
      $0.attentionSoftCap = .read(usual: 50)
      $0.logitSoftCap = .read(usual: 30)
    })

  /// `Gemma3ForCausalLM`, and the text part of `Gemma3ForConditionalGeneration` (MedGemma): heads
  /// are normalised, layers with a window have rotary positions of their own.
  package static let gemma3 = Architecture(
    "gemma3_text", className: "Gemma3ForCausalLM",
    wrapperName: "Gemma3ForConditionalGeneration", gguf: GGUFNaming("gemma3"),
    layer: .gemma(headNorms: .headNorms(queries: .headDimension, keys: .headDimension)),
    traits: ArchitectureTraits(
      headNorm: .perHead, normPlacement: .both, activation: .tanhGELU, addsOneToNorms: true,
      scalesEmbedding: true),
    settings: SettingsTraits {
      $0.setGemma(vocabulary: 262_208)
      $0.contextLength = 131_072
      $0.rotaryBase = 1_000_000
      $0.localRotaryBase = 10_000
      $0.windows = .allBut(every: 6, isStated: true)
      // The class has a cap of scores too, which its attention does not use.
      $0.logitSoftCap = .read(usual: nil)
    })
}

extension SettingsTraits {
  /// What Gemma's classes have in common.
  fileprivate mutating func setGemma(vocabulary: Int) {
    sizes = Sizes(
      vocabulary: vocabulary, hidden: 2304, feedForward: 9216, layerCount: 26, headCount: 8)
    keyValueHeadCount = 4
    headDimension = 256
    isTied = true
    slidingWindow = 4096
    queryScalar = 256
    activationKey = "hidden_activation"
    activationNames = [
      "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_new", "gelu_fast", "gelu_accurate",
    ]
  }
}

extension [[TensorRule]] {
  /// A layer with norms before and behind attention and the feed-forward part.
  fileprivate static func gemma(headNorms: [TensorRule]) -> [[TensorRule]] {
    [
      .inputNorm, .attention(norms: headNorms),
      [.norm(.attentionOutputNorm, "post_attention_layernorm", gguf: "post_attention_norm")],
      [.norm(.feedForwardNorm, "pre_feedforward_layernorm", gguf: "ffn_norm")],
      .gatedFeedForward(),
      [.norm(.feedForwardOutputNorm, "post_feedforward_layernorm", gguf: "post_ffw_norm")],
    ]
  }
}
