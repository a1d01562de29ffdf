// Owns: the events of a request, as whoever submitted it gets them.
// Must not: own text: events point into their request, which keeps it until it is released.

/// Which part of an answer a piece of text belongs to.
public enum AnswerPart: UInt8, Sendable, BitwiseCopyable {
  /// The answer.
  case answer = 0
  /// What the model thinks before it answers (between `<think>` and `</think>`).
  case reasoning = 1
}

/// Why a generation ended. The raw values are those of the command line's JSON.
public enum FinishReason: String, Sendable, CaseIterable {
  /// The model ended its answer.
  case stop
  /// The token limit or the context was reached.
  case length
  /// A stop string came up.
  case stopString = "stop_string"
  /// The caller cancelled it.
  case cancelled
  /// The time was up.
  case deadline
  /// The token limit or the context was reached before an answer ended that is held to a schema or
  /// to choices: its text is incomplete, or might have gone on.
  case budget
  /// The computation failed.
  case error
}

/// A token and its natural log-probability.
public struct TokenAlternative: Sendable, BitwiseCopyable {
  /// Id.
  public let token: UInt32
  /// Under the model's own distribution: before temperature, penalty and cuts.
  public let logProbability: Float
}

/// How sure the model was of a token.
public struct TokenFigures: Sendable {
  /// Id.
  public let token: UInt32
  /// Where its text belongs.
  public let part: AnswerPart
  /// Natural logarithm of its probability, before temperature, penalty and cuts.
  public let logProbability: Float
  /// Entropy in nats of the distribution that it was chosen from; NaN unless the request wants it.
  public let entropy: Float
}

/// Something that happened to a request. Pointers stay valid while the request lives.
public struct RequestEvent {
  /// What it was.
  public enum Kind: Sendable {
    /// A token was chosen.
    case token
    /// The generation ended; nothing follows. May bring the last text, which had to wait.
    case finished(FinishReason)
  }

  /// What it was.
  public let kind: Kind
  /// The id; 0 for `finished`.
  public let token: UInt32
  /// Natural logarithm of its probability, before temperature, penalty and cuts.
  public let logProbability: Float
  /// Entropy in nats of the distribution that it was chosen from, before temperature, penalty and
  /// cuts; NaN unless the request wants it.
  public let entropy: Float
  /// Where the text belongs.
  public let part: AnswerPart
  /// UTF-8 that is now certain; may be empty, never half a character.
  public let text: UnsafeBufferPointer<UInt8>
  /// The likeliest tokens, best first, as many as the request wants.
  public let alternatives: UnsafeBufferPointer<TokenAlternative>
}

/// How long a generation took, and how long it is.
public struct RequestTimings: Sendable {
  /// Tokens of the prompt.
  public internal(set) var promptTokenCount = 0
  /// Tokens of the prompt that are done: computed, or found in the cache.
  public internal(set) var computedPromptTokenCount = 0
  /// Tokens of the prompt that were found in the cache instead of computed.
  public internal(set) var cachedPromptTokenCount = 0
  /// How often it was preempted: it lost its blocks to others and was computed again.
  public internal(set) var preemptionCount = 0
  /// Tokens of the answer, the end token excluded.
  public internal(set) var answerTokenCount = 0
  /// Tokens that were generated, an end token included.
  public internal(set) var generatedTokenCount = 0
  /// Seconds in the queue.
  public internal(set) var queueSeconds = 0.0
  /// Seconds from leaving the queue to the first token.
  public internal(set) var promptSeconds = 0.0
  /// Seconds from the first token to the end.
  public internal(set) var generationSeconds = 0.0
}
