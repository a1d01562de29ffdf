// Owns: the least bytes and operations of a decoder's step: what its speed is measured against.
// Must not: measure, or touch a weight page.

import VialCompute

/// The cost of one step that does not depend on its tokens.
public struct StepCost: Sendable, Equatable {
  /// Bytes of all layers and the final norm: read once in every step.
  public let layerByteCount: Int
  /// Bytes of the head, which may be the embedding: read once in a step that needs logits.
  public let headByteCount: Int
  /// Weights of the layers' matrices that are multiplied once for every token.
  public let layerWeightCount: Int
  /// Weights of the head, and of the last layer behind its attention: each is multiplied once for
  /// every token whose logits are needed.
  public let headWeightCount: Int

  /// int8 operations, a multiplication and an addition being two, attention excluded.
  public func operationCount(tokenCount: Int, logitsCount: Int) -> Double {
    2
      * (Double(layerWeightCount) * Double(tokenCount)
        + Double(headWeightCount) * Double(logitsCount))
  }
}

extension DecoderWeights {
  /// What a step costs. An untied embedding is not part of it: only the tokens' rows are read.
  public var work: StepCost {
    var byteCount = finalNorm.byteCount
    var weightCount = 0
    // Of the last layer, what lies behind attention.
    var lastWeightCount = 0
    for layer in layers {
      let norms = [
        layer.inputNorm, layer.queryNorm, layer.keyNorm, layer.attentionOutputNorm,
        layer.feedForwardNorm, layer.feedForwardOutputNorm,
      ]
      byteCount += norms.reduce(0) { $0 + ($1?.byteCount ?? 0) }
      let behind = [layer.attentionOutput, layer.feedForwardInput, layer.feedForwardOutput]
      byteCount += layer.attentionInput.byteCount + behind.reduce(0) { $0 + $1.byteCount }
      lastWeightCount = behind.reduce(0) { $0 + $1.weightCount }
      weightCount += layer.attentionInput.weightCount + lastWeightCount
    }
    return StepCost(
      layerByteCount: byteCount, headByteCount: head.byteCount,
      layerWeightCount: weightCount - lastWeightCount,
      headWeightCount: head.weightCount + lastWeightCount)
  }
}

extension Projection {
  fileprivate var byteCount: Int {
    matrices.reduce(0) { $0 + $1.byteCount } + biases.reduce(0) { $0 + $1.byteCount }
  }
  fileprivate var weightCount: Int { matrices.reduce(0) { $0 + $1.rows * $1.columns } }
}

extension WeightVector {
  fileprivate var byteCount: Int { count * MemoryLayout<Float>.stride }
}
