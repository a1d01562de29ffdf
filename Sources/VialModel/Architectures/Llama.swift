// Owns: which tensors a Llama model has (Spec/MODELS.md, "llama"): no biases.
// Must not: name tensors or check shapes (DecoderBinder).
// Source: Llama 2 and 3 (Touvron et al., 2023; Grattafiori et al., 2024); transformers'
// LlamaForCausalLM.

import VialFormat

/// `LlamaForCausalLM`, DeepSeek-R1-Distill-Llama included.
enum Llama {
  static let name = "llama"

  static func bind(_ file: VialFile) throws(FormatError) -> DecoderWeights {
    guard !file.configuration.hasAttentionBias else {
      throw FormatError(
        rule: 702, offset: 0, context: "configuration", "llama has no attention biases")
    }
    return try DecoderBinder(file).bind(hasAttentionBias: false)
  }
}
