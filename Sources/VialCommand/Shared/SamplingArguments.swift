// Owns: the flags that shape the choice of tokens.
// Must not: choose a token, or invent a default: what is not given comes from the file.

public import ArgumentParser
import Vial
public import VialEngine

extension PenaltyScope: ExpressibleByArgument {}

/// --temperature, --top-k, --top-p, --min-p, --seed, and the penalties.
struct SamplingArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "0 to 100; 0 (and below 0.00001) is greedy, higher more varied (default: the file's).")
  var temperature: Float?

  @Option(
    parsing: .unconditional, help: "Choose among this many tokens; 0: all (default: the file's).")
  var topK: UInt32?

  @Option(
    parsing: .unconditional,
    help: """
      Choose among the likeliest tokens that reach this probability, above 0, at most 1 (default: the file's).
      """)
  var topP: Float?

  @Option(
    parsing: .unconditional,
    help: """
      Choose among tokens at least this share, 0 to 1, as likely as the best (default: the file's).
      """)
  var minP: Float?

  @Option(parsing: .unconditional, help: "Seed of the random numbers.")
  var seed: UInt64 = 0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Divide logits of used tokens by it (multiply negative ones); above 0, at most 100; 1: off (default: the file's).
      """,
      valueName: "x"))
  var repetitionPenalty: Float?

  @Option(
    help: ArgumentHelp(
      "Whose tokens the repetition penalty sees: answer, prompt or both (default: both).",
      valueName: "scope"))
  var repetitionScope: PenaltyScope?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many of these, the last ones; 0: all (default: 0).", valueName: "n"))
  var repetitionWindow: UInt32?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Take it once from logits of used tokens, -2 to 2 (default: 0).", valueName: "x"))
  var presencePenalty: Float?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Take it for each time that a token was used, -2 to 2 (default: 0).", valueName: "x"))
  var frequencyPenalty: Float?

  @Option(
    help: ArgumentHelp(
      "Whose tokens presence and frequency penalty see: answer, prompt or both (default: answer).",
      valueName: "scope"))
  var penaltyScope: PenaltyScope?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many of these, the last ones; 0: all (default: 0).", valueName: "n"))
  var penaltyWindow: UInt32?

  /// Refuses values that are out of range.
  func check() throws {
    if let sentence = parameters(over: SamplingParameters()).firstInvalid {
      throw ValidationError("\(sentence)")
    }
  }

  /// The model's own parameters with what was given here.
  func parameters(_ model: Model) throws -> SamplingParameters {
    parameters(over: model.recommendedSampling)
  }

  /// Parameters with what was given here.
  func parameters(over defaults: SamplingParameters) -> SamplingParameters {
    var parameters = defaults
    if let temperature { parameters.temperature = temperature }
    if let topK { parameters.topK = topK }
    if let topP { parameters.topP = topP }
    if let minP { parameters.minP = minP }
    parameters.seed = seed
    if let repetitionPenalty { parameters.repetitionPenalty = repetitionPenalty }
    if let repetitionScope { parameters.repetitionReach.scope = repetitionScope }
    if let repetitionWindow { parameters.repetitionReach.window = repetitionWindow }
    if let presencePenalty { parameters.presencePenalty = presencePenalty }
    if let frequencyPenalty { parameters.frequencyPenalty = frequencyPenalty }
    if let penaltyScope { parameters.penaltyReach.scope = penaltyScope }
    if let penaltyWindow { parameters.penaltyReach.window = penaltyWindow }
    return parameters
  }
}
