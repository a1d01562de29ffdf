// Owns: the tensors of a decoder, bound by role. One set of fields serves every architecture; its
// rules (VialArchitectures) say which of them exist.
// Must not: touch a weight page.

import VialCompute
import VialFormat

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
  /// Their biases, in their order; empty when they have none.
  let biases: [WeightVector]

  /// One matrix without a bias.
  init(_ matrix: WeightMatrix) { self.init([matrix], isGated: false, biases: []) }

  init(_ matrices: [WeightMatrix], isGated: Bool, biases: [WeightVector]) {
    self.matrices = matrices
    self.isGated = isGated
    self.biases = biases
    self.groups = Set(matrices.filter(\.isQuantized).map(\.group)).sorted()
    self.hasZeroPoints = matrices.contains(where: \.hasZeroPoints)
    self.tileCount = matrices.reduce(0) { $0 + $1.tileCount }
    self.tileByteCount = matrices.map(\.tileByteCount).max() ?? 0
  }
}

/// The weights of one transformer layer.
struct DecoderLayer: Sendable {
  /// Of what attention reads; nil: it reads the residual stream as it is.
  let inputNorm: WeightVector?
  /// Query, key and value projections, in this order.
  let attentionInput: Projection
  /// Of queries and keys, of one head or of all; both or none.
  let queryNorm, keyNorm: WeightVector?
  /// By which frequencies queries and keys are rotated.
  let rotary: LayerTraits.RotaryTable
  let attentionOutput: Projection
  /// Of what attention adds; nil: it is added as it is.
  let attentionOutputNorm: WeightVector?
  /// Of what the feed-forward part reads; nil: it reads the residual stream as it is.
  let feedForwardNorm: WeightVector?
  /// Gate and up projections, in this order.
  let feedForwardInput: Projection
  let feedForwardOutput: Projection
  /// Of what the feed-forward part adds; nil: it is added as it is.
  let feedForwardOutputNorm: WeightVector?
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
  /// Rotary frequencies in radians per position, `rotaryPairCount` of them.
  let rotaryFrequencies: [Float]
  /// Those of texts beyond `longTextLimit`; nil: the same.
  let longRotaryFrequencies: [Float]?
  /// Those of layers that have the second ones; nil: none does.
  let secondRotaryFrequencies: [Float]?
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
