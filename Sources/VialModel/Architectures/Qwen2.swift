// Owns: which tensors a Qwen2 model has (Spec/MODELS.md, "qwen2"): query, key and value have
// biases.
// Must not: name tensors or check shapes (DecoderBinder).
// Source: Qwen2 Technical Report (Yang et al., 2024); transformers' Qwen2ForCausalLM.

import VialFormat

/// `Qwen2ForCausalLM`, DeepSeek-R1-Distill-Qwen included.
enum Qwen2 {
  static let name = "qwen2"

  static func bind(_ file: VialFile) throws(FormatError) -> DecoderWeights {
    guard file.configuration.hasAttentionBias else {
      throw FormatError(
        rule: 702, offset: 0, context: "configuration", "qwen2 needs attention biases")
    }
    return try DecoderBinder(file).bind(hasAttentionBias: true)
  }
}
