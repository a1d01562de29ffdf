// Owns: what a request wants of single ids, and of its end: biases, bans, stop ids, least and
// ignored ends.
// Must not: choose. The lists are the host's and bounded; they hold nothing of a patient's.

/// A value that is added to one id's logit.
public struct TokenBias: Sendable, Equatable {
  /// Id.
  public var token: UInt32
  /// Within `TokenRules.biasLimit`.
  public var bias: Float

  /// A bias for an id.
  public init(token: UInt32, bias: Float) {
    self.token = token
    self.bias = bias
  }
}

/// Rules for single ids (Spec/ARITHMETIC.md, rules 13 and 16).
public struct TokenRules: Sendable, Equatable {
  /// Added to logits, in this order.
  public var biases: [TokenBias] = []
  /// Ids that are never chosen.
  public var bannedTokens: [UInt32] = []
  /// Ids that end the answer as the model's own end tokens do.
  public var stopTokens: [UInt32] = []
  /// Nothing but the token limit ends the answer before it has so many tokens: no end token is
  /// chosen, and no stop string is looked for. Where an answer is held to a schema or to choices
  /// they decide.
  public var minimumTokens = 0
  /// Whether the model's end tokens are tokens like others. Not for what is held to a schema or to
  /// choices.
  public var ignoresEnd = false

  /// Most entries of each list.
  public static let entryLimit = 1024
  /// Biases are from its negative to it.
  public static let biasLimit: Float = 100

  /// No rules.
  public init() {}

  /// The first rule that is out of range, or nil.
  /// - Parameters:
  ///   - vocabularySize: ids are below it.
  ///   - maximumTokens: most tokens of the answer; nil: no limit.
  public func firstInvalid(vocabularySize: Int, maximumTokens: Int?) -> StaticString? {
    if biases.count > Self.entryLimit { return "at most 1024 logit biases" }
    if bannedTokens.count > Self.entryLimit { return "at most 1024 banned ids" }
    if stopTokens.count > Self.entryLimit { return "at most 1024 stop ids" }
    let limit = Self.biasLimit
    if !biases.allSatisfy({ (-limit...limit).contains($0.bias) }) {
      return "a logit bias must be -100 to 100"
    }
    let size = UInt32(clamping: vocabularySize)
    if !biases.allSatisfy({ $0.token < size }) {
      return "a logit bias names an id that is not in the vocabulary"
    }
    if !bannedTokens.allSatisfy({ $0 < size }) { return "a banned id is not in the vocabulary" }
    if !stopTokens.allSatisfy({ $0 < size }) { return "a stop id is not in the vocabulary" }
    if minimumTokens < 0 { return "min_tokens must not be negative" }
    if let maximumTokens, minimumTokens > maximumTokens {
      return "min_tokens is above max_tokens"
    }
    return nil
  }
}
