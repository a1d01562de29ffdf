// Owns: the tensors of a decoder, bound by role. One set of fields serves every architecture of
// this family; a file per architecture (Qwen2, Llama) says which of them exist.
// Must not: touch a weight page.

import VialCompute

/// Matrices that multiply the same input: it is normalised and quantised once for all of them.
struct Projection: Sendable {
  let matrices: [WeightMatrix]
  /// The distinct activation groups that the matrices need; empty when all are float.
  let groups: [UInt32]
  /// Tiles of all matrices together.
  let tileCount: Int
  /// Whether some matrix's groups have zero points.
  let hasZeroPoints: Bool
  /// Bytes of a tile, of the matrix with the largest ones.
  let tileByteCount: Int

  /// Whether the matrices have equal outputs that are combined: gate and up.
  let isGated: Bool

  init(_ matrices: WeightMatrix..., isGated: Bool = false) {
    self.matrices = matrices
    self.isGated = isGated
    self.groups = Set(matrices.filter(\.isQuantized).map(\.group)).sorted()
    self.hasZeroPoints = matrices.contains(where: \.hasZeroPoints)
    self.tileCount = matrices.reduce(0) { $0 + $1.tileCount }
    self.tileByteCount = matrices.map(\.tileByteCount).max() ?? 0
  }
}

/// The weights of one transformer layer.
struct DecoderLayer: Sendable {
  let inputNorm: WeightVector
  /// Query, key and value projections, in this order.
  let attentionInput: Projection
  /// Biases of query, key and value; all or none.
  let attentionBiases: (query: WeightVector, key: WeightVector, value: WeightVector)?
  let attentionOutput: Projection
  let feedForwardNorm: WeightVector
  /// Gate and up projections, in this order.
  let feedForwardInput: Projection
  let feedForwardOutput: Projection
}

/// All weights of a decoder, borrowed from the mapped file.
public struct DecoderWeights: Sendable {
  /// Sizes that every tensor was checked against.
  public let shape: DecoderShape
  let embedding: WeightMatrix
  let layers: [DecoderLayer]
  let finalNorm: WeightVector
  /// The output projection; the embedding itself when they are tied.
  let head: Projection
  /// Rotary frequencies in radians per position, `headDimension / 2` of them.
  let rotaryFrequencies: [Float]
  /// Asked before each step when the file is verified lazily.
  var lazyVerification: LazyVerification?
  /// Adapters that steps may use.
  var adapters: [Adapter] = []
}

extension DecoderWeights {
  /// The activation groups of all projections; each needs panels of its own.
  var activationGroups: Set<UInt32> {
    var groups = Set(head.groups)
    for layer in layers {
      for projection in [
        layer.attentionInput, layer.attentionOutput, layer.feedForwardInput,
        layer.feedForwardOutput,
      ] { groups.formUnion(projection.groups) }
    }
    return groups
  }
}
