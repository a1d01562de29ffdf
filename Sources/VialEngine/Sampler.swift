// Owns: the choice of the next token from logits, and log-probabilities.
// Must not: keep anything of a request: what it needs comes with each call.

internal import VialCompute
internal import VialKernels
internal import VialModel
internal import VialSystem

/// Chooses tokens under the contract. Not thread-safe: it owns scratch memory.
public final class Sampler {
  private let kernels: UnsafePointer<vial_kernels>
  private let scratch: WorkMemory
  /// Ids below this exist in the tokenizer; others are never chosen.
  public let idCount: Int

  /// - Parameter idCount: how many ids may be chosen, at most the vocabulary size.
  public init(runner: Runner, idCount: Int) throws(RunnerError) {
    let idCount = min(max(1, idCount), runner.vocabularySize)
    let byteCount = vial_sample_scratch_byte_count(UInt32(idCount))
    guard byteCount > 0, let scratch = WorkMemory(byteCount: byteCount) else {
      throw .outOfMemory
    }
    self.kernels = runner.family.table
    self.scratch = scratch
    self.idCount = idCount
  }

  /// The next token; changes `logits` (penalty). nil when a logit is not finite or nothing is left.
  /// - Parameter position: absolute position of the token to be drawn.
  /// - Parameter seen: a bit per id of the text so far, or nil when there is no penalty.
  public func next(
    logits: UnsafeMutablePointer<Float>, parameters: SamplingParameters, position: Int,
    seen: UnsafePointer<UInt64>?
  ) -> UInt32? {
    if let seen {
      vial_penalize(logits, UInt32(idCount), seen, parameters.repetitionPenalty)
    }
    var sampling = vial_sampling(
      temperature: parameters.temperature, top_p: parameters.topP, min_p: parameters.minP,
      top_k: parameters.topK, seed: parameters.seed)
    var id: UInt32 = 0
    let status = KernelFamily.withContractState {
      vial_sample(
        kernels, logits, UInt32(idCount), nil, &sampling, UInt32(position), 0, scratch.base, &id)
    }
    return status == VIAL_KERNEL_OK ? id : nil
  }

  /// Natural logarithm of the probability of `id` under unscaled logits of the whole vocabulary.
  public func logProbability(
    of id: UInt32, logits: UnsafePointer<Float>, vocabularySize: Int
  ) -> Float {
    KernelFamily.withContractState {
      var (maximum, sum) = (Float(0), Float(0))
      kernels.pointee.sum_exponentials(logits, vocabularySize, &maximum, &sum)
      return vial_log_probability(logits[Int(id)], maximum, sum)
    }
  }
}
