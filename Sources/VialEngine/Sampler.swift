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
  /// A bit per id that may be chosen; nil when all may.
  private let allowed: WorkMemory?
  /// Ids below this exist in the tokenizer; others are never chosen.
  public let idCount: Int

  /// - Parameters:
  ///   - idCount: ids from here on are never chosen; at most the vocabulary size.
  ///   - isAllowed: whether an id below it may be chosen. Asked once for each.
  public init(
    runner: Runner, idCount: Int, isAllowed: (UInt32) -> Bool = { _ in true }
  ) throws(RunnerError) {
    let idCount = min(max(1, idCount), runner.vocabularySize)
    let byteCount = vial_sample_scratch_byte_count(UInt32(idCount))
    guard byteCount > 0, let scratch = WorkMemory(byteCount: byteCount) else {
      throw .outOfMemory
    }
    allowed = try Self.bitmap(idCount, isAllowed)
    self.kernels = runner.family.table
    self.scratch = scratch
    self.idCount = idCount
  }

  /// A bit per id, or nil when every id is allowed.
  private static func bitmap(
    _ idCount: Int, _ isAllowed: (UInt32) -> Bool
  ) throws(RunnerError) -> WorkMemory? {
    guard let memory = WorkMemory(byteCount: (idCount + 63) / 64 * 8) else { throw .outOfMemory }
    let words = memory.elements(UInt64.self)
    var count = 0
    for id in 0..<idCount where isAllowed(UInt32(id)) {
      words[id / 64] |= 1 << UInt64(id % 64)
      count += 1
    }
    return count == idCount ? nil : memory
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
        kernels, logits, UInt32(idCount), allowed.map { UnsafePointer($0.elements(UInt64.self)) },
        &sampling, UInt32(position), 0, scratch.base, &id)
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
