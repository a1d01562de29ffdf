// Owns: why a step of a model could not be computed.
// Must not: hold text of a request.

public import VialFormat

/// Why a step could not be done.
public enum RunnerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The system gave no memory for the KV cache or the activations.
  case outOfMemory
  /// The KV cache has no free block.
  case cacheFull
  /// A value became infinite or not a number: the weights are damaged or do not fit the input.
  case numericError
  /// Grammar, bans and biases leave no token that may be chosen.
  case noCandidate
  /// A token id is not in the model's vocabulary.
  case unknownToken
  /// The file is verified lazily, and weights do not match their digest.
  case damagedWeights(FormatError)

  /// One plain sentence.
  public var description: String {
    switch self {
    case .outOfMemory: return "not enough memory for the KV cache and the activations"
    case .cacheFull: return "the KV cache is full"
    case .numericError: return "the computation met a value that is infinite or not a number"
    case .noCandidate: return "no token is left that may be chosen"
    case .unknownToken: return "a token id is not in the model's vocabulary"
    case .damagedWeights(let error): return error.description
    }
  }
}
