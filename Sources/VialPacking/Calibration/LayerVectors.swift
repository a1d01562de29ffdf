// Owns: the norms of one layer, and what it does with heads, for calibration.
// Must not: hold matrices.

import VialArchitectures
import VialFormat

/// Norms and traits of a layer; what an architecture lacks is nil.
struct LayerVectors: Sendable {
  /// What is done with queries and keys between their projections and attention.
  struct Heads: Sendable {
    /// Norms of one head, or of all heads of a token.
    let queryNorm, keyNorm: [Float]?
    let normalizesWholeRows: Bool
    let rotary: LayerTraits.RotaryTable
    /// How many positions, the last ones, a token sees; 0: all.
    let window: Int
  }

  /// Of what attention and feed-forward part read.
  let inputNorm, feedForwardNorm: [Float]?
  /// Of what they add.
  let attentionOutputNorm, feedForwardOutputNorm: [Float]?
  let heads: Heads

  init(
    _ layer: Int, _ tensors: LayerTensors, _ configuration: CheckpointConfiguration
  ) throws(PackingError) {
    let architecture = configuration.architecture
    func vector(_ slot: TensorSlot) throws(PackingError) -> [Float]? {
      guard let rule = architecture.rule(slot) else { return nil }
      return try tensors.vector(rule.name(layer: layer))
    }
    inputNorm = try vector(.inputNorm)
    feedForwardNorm = try vector(.feedForwardNorm)
    attentionOutputNorm = try vector(.attentionOutputNorm)
    feedForwardOutputNorm = try vector(.feedForwardOutputNorm)
    heads = Heads(
      queryNorm: try vector(.queryNorm), keyNorm: try vector(.keyNorm),
      normalizesWholeRows: architecture.traits.headNorm == .whole,
      rotary: configuration.traits.rotaryTables?[layer] ?? .first,
      window: configuration.traits.windows?[layer] ?? 0)
  }
}
