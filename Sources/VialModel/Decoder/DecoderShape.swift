// Owns: the sizes of a decoder-only transformer that the forward pass works with.
// Must not: hold weights or policy. Every number comes from a validated configuration.

import VialArchitectures
import VialFormat

/// Sizes of a decoder (grouped-query attention, rotary positions, gated feed-forward).
public struct DecoderShape: Sendable, Equatable {
  /// Width of the residual stream.
  public let hiddenSize: Int
  /// Transformer layers.
  public let layerCount: Int
  /// Query heads.
  public let headCount: Int
  /// Key/value heads; divides `headCount`.
  public let kvHeadCount: Int
  /// Dimensions of a head; even.
  public let headDimension: Int
  /// Width of the feed-forward part.
  public let feedForwardSize: Int
  /// Rows of embedding and head.
  public let vocabularySize: Int
  /// Added to the mean square in RMSNorm.
  public let normEpsilon: Float
  /// Positions that the model is for.
  public let contextLength: Int
  /// How many positions, the last ones, each layer sees; 0: all.
  public let windows: [Int]
  /// Pairs of dimensions of a head that are rotated: half a head, or fewer.
  public let rotaryPairCount: Int
  /// The most positions of a text that is rotated by the ordinary frequencies; nil: any text is.
  public let longTextLimit: Int?
  /// What cosines and sines are multiplied by.
  let rotaryMagnitude: Float
  /// What scores are multiplied by; 0: the reciprocal of the head dimension's root.
  let attentionScale: Float
  /// What scores and logits stay below; 0: they stay as they are.
  let attentionSoftCap, logitSoftCap: Float
  /// What embedding rows, what parts add to the residual stream, and logits are multiplied by.
  let embeddingMultiplier, residualMultiplier, logitMultiplier: Float
  /// Whether all heads of a token are normalised as one vector.
  let normalizesWholeRows: Bool
  /// What the gate goes through.
  let activation: ArchitectureTraits.Activation
  /// Whether some layers rotate by the second frequencies.
  let hasSecondRotary: Bool

  init(_ configuration: ModelConfiguration, _ architecture: ArchitectureTraits) {
    hiddenSize = configuration.hiddenSize
    layerCount = configuration.layerCount
    headCount = configuration.headCount
    kvHeadCount = configuration.keyValueHeadCount
    headDimension = configuration.headDimension
    feedForwardSize = configuration.feedForwardSize
    vocabularySize = configuration.vocabularySize
    normEpsilon = Float(configuration.normEpsilon)
    rotaryPairCount = configuration.ropeInverseFrequencies.count
    let traits = configuration.traits
    contextLength = configuration.contextLength
    windows = traits.windows ?? [Int](repeating: 0, count: configuration.layerCount)
    longTextLimit = traits.longRope?.above
    rotaryMagnitude = Float(traits.ropeMagnitude)
    attentionScale = Float(traits.attentionScale ?? 0)
    attentionSoftCap = Float(traits.attentionSoftCap ?? 0)
    logitSoftCap = Float(traits.logitSoftCap ?? 0)
    embeddingMultiplier = Float(traits.embeddingMultiplier)
    residualMultiplier = Float(traits.residualMultiplier)
    logitMultiplier = Float(traits.logitMultiplier)
    normalizesWholeRows = architecture.headNorm == .whole
    activation = architecture.activation
    hasSecondRotary = traits.secondInverseFrequencies != nil
  }

  /// Floats of all query heads of a token.
  public var queryWidth: Int { headCount * headDimension }
  /// Floats of all key (or value) heads of a token.
  public var keyWidth: Int { kvHeadCount * headDimension }
  /// Query heads that share a key/value head.
  public var queriesPerKV: Int { headCount / kvHeadCount }
}
