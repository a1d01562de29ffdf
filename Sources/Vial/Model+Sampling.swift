// Owns: the sampling parameters that a model's file recommends.
// Must not: sample.

public import VialEngine
import VialFormat

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
