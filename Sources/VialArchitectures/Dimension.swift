// Owns: the sizes that shapes of tensors are made of, and what they are in one model.
// Must not: know tensors.

package import VialFormat

/// A size of a model, as shapes name it.
package enum Dimension: Sendable, Equatable {
  /// Width of the residual stream.
  case hidden
  /// All query heads of a token.
  case queries
  /// All key (or value) heads of a token.
  case keys
  /// One head.
  case headDimension
  /// Width of the feed-forward part.
  case feedForward
  /// Rows of embedding and head.
  case vocabulary
}

/// The sizes and choices of one model within its architecture.
package struct ArchitectureSizes: Sendable, Equatable {
  package var layerCount: Int
  package var hidden: Int
  package var headCount: Int
  package var keyValueHeadCount: Int
  package var headDimension: Int
  package var feedForward: Int
  package var vocabulary: Int
  /// Which of the tensors that some models have and others lack this one has.
  package var presences: Set<Presence>

  /// Memberwise.
  package init(
    layerCount: Int, hidden: Int, headCount: Int, keyValueHeadCount: Int, headDimension: Int,
    feedForward: Int, vocabulary: Int, presences: Set<Presence>
  ) {
    self.layerCount = layerCount
    self.hidden = hidden
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDimension = headDimension
    self.feedForward = feedForward
    self.vocabulary = vocabulary
    self.presences = presences
  }

  /// Those of a packed model.
  package init(_ configuration: ModelConfiguration) {
    var presences: Set<Presence> = [.always]
    if configuration.hasAttentionBias { presences.insert(.attentionInputBias) }
    if configuration.traits.hasOutputBias { presences.insert(.attentionOutputBias) }
    if configuration.traits.hasFeedForwardBias { presences.insert(.feedForwardBias) }
    if !configuration.isEmbeddingTied { presences.insert(.ownHead) }
    self.init(
      layerCount: configuration.layerCount, hidden: configuration.hiddenSize,
      headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
      headDimension: configuration.headDimension, feedForward: configuration.feedForwardSize,
      vocabulary: configuration.vocabularySize, presences: presences)
  }

  /// How many elements a dimension has here.
  package subscript(dimension: Dimension) -> Int {
    switch dimension {
    case .hidden: hidden
    case .queries: headCount * headDimension
    case .keys: keyValueHeadCount * headDimension
    case .headDimension: headDimension
    case .feedForward: feedForward
    case .vocabulary: vocabulary
    }
  }
}
