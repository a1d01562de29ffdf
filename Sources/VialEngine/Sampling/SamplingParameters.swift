// Owns: what shapes the choice of a token, and the ranges that are allowed.
// Must not: choose (that is Sampler's) or know where defaults come from.

/// How the next token is chosen (Spec/ARITHMETIC.md, rule 13).
public struct SamplingParameters: Sendable, Equatable {
  /// Below `leastTemperature` greedy; otherwise logits are divided by it. 0 ... 100.
  public var temperature: Float
  /// Keep only the most likely ids, this many; 0 keeps all.
  public var topK: UInt32
  /// Keep the most likely ids until their probability reaches this; above 0, at most 1.
  public var topP: Float
  /// Keep ids that are at least this fraction as likely as the best one; 0 ... 1.
  public var minP: Float
  /// Logits of ids that `repetitionReach` holds are divided by it (multiplied when negative); above
  /// 0, at most 100, 1 changes nothing.
  public var repetitionPenalty: Float
  /// What the repetition penalty looks at.
  public var repetitionReach = PenaltyReach(.both)
  /// Taken from an id's logit for each time that it occurs in `penaltyReach`; -2 ... 2.
  public var frequencyPenalty: Float = 0
  /// Taken once from the logits of ids that stand there at all; -2 ... 2.
  public var presencePenalty: Float = 0
  /// What frequency and presence penalty look at.
  public var penaltyReach = PenaltyReach(.answer)
  /// Seed of the random numbers.
  public var seed: UInt64
  /// Which of several answers to the same prompt and seed.
  public var sampleIndex: UInt32 = 0

  /// Temperatures below it are greedy: `VIAL_LEAST_TEMPERATURE` of the kernels.
  public static let leastTemperature: Float = 1e-5

  /// Greedy unless set otherwise.
  public init(
    temperature: Float = 0, topK: UInt32 = 0, topP: Float = 1, minP: Float = 0,
    repetitionPenalty: Float = 1, seed: UInt64 = 0
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.seed = seed
  }

  /// The first parameter that is out of range, or nil.
  public var firstInvalid: StaticString? {
    if !(0...100).contains(temperature) { return "temperature must be 0 to 100" }
    if !(topP > 0 && topP <= 1) { return "top-p must be above 0 and at most 1" }
    if !(0...1).contains(minP) { return "min-p must be 0 to 1" }
    if !(repetitionPenalty > 0 && repetitionPenalty <= 100) {
      return "repetition penalty must be above 0 and at most 100"
    }
    if !(-2...2).contains(frequencyPenalty) { return "frequency penalty must be -2 to 2" }
    if !(-2...2).contains(presencePenalty) { return "presence penalty must be -2 to 2" }
    return nil
  }

  /// Whether choices depend on which ids were used before.
  var countsTokens: Bool {
    repetitionPenalty != 1 || frequencyPenalty != 0 || presencePenalty != 0
  }
}
