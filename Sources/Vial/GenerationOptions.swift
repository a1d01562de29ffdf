// Owns: what a caller may ask of one generation, and the model's own defaults.
// Must not: know command-line flags.

public import VialEngine
import VialFormat

/// What a generation may do.
public struct GenerationOptions: Sendable {
  /// Most tokens of the answer; nil: as many as the context leaves.
  public var maximumTokens: Int?
  /// How tokens are chosen.
  public var sampling: SamplingParameters

  /// Options with the given sampling.
  public init(maximumTokens: Int? = nil, sampling: SamplingParameters) {
    self.maximumTokens = maximumTokens
    self.sampling = sampling
  }
}

extension Model {
  /// The sampling parameters that the file recommends; greedy where it is silent.
  public var recommendedSampling: SamplingParameters {
    let defaults = file.configuration.sampling
    return SamplingParameters(
      temperature: Float(defaults.temperature ?? 0),
      topK: UInt32(clamping: defaults.topK ?? 0),
      topP: Float(defaults.topP ?? 1), minP: Float(defaults.minP ?? 0),
      repetitionPenalty: Float(defaults.repetitionPenalty ?? 1))
  }
}

/// Why a generation ended. The raw values are those of the command line's JSON.
public enum FinishReason: String, Sendable {
  /// The model ended its answer.
  case stop
  /// The token limit or the context was reached.
  case length
  /// The caller asked for it.
  case cancelled
  /// A value became infinite or not a number.
  case error
}

/// Which part of an answer a piece of text belongs to.
public enum AnswerPart: Sendable {
  /// What the model thinks before it answers (between `<think>` and `</think>`).
  case reasoning
  /// The answer.
  case answer
}
