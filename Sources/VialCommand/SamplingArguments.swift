// Owns: the flags that shape the choice of tokens. What is not given comes from the file.

import ArgumentParser
import Vial
import VialEngine

/// --temperature, --top-k, --top-p, --min-p, --seed.
struct SamplingArguments: ParsableArguments {
  @Option(help: "0 is greedy; higher is more varied (default: the file's).")
  var temperature: Float?

  @Option(help: "Choose among this many tokens; 0: all (default: the file's).")
  var topK: UInt32?

  @Option(
    help: "Choose among the likeliest tokens that reach this probability (default: the file's).")
  var topP: Float?

  @Option(
    help: "Choose among tokens at least this share as likely as the best (default: the file's).")
  var minP: Float?

  @Option(help: "Seed of the random numbers.")
  var seed: UInt64 = 0

  func validate() throws {
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
    return parameters
  }
}
