// Owns: the sizes of a decoder-only transformer that the forward pass works with.
// Must not: hold weights or policy. Every number comes from a validated configuration.

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

  /// Floats of all query heads of a token.
  public var queryWidth: Int { headCount * headDimension }
  /// Floats of all key (or value) heads of a token.
  public var keyWidth: Int { kvHeadCount * headDimension }
  /// Query heads that share a key/value head.
  public var queriesPerKV: Int { headCount / kvHeadCount }
}
