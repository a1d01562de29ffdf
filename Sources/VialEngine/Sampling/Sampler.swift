// Owns: the choice of the next token from logits, and log-probabilities.
// Must not: keep anything of a request: what it needs comes with each call, and its scratch is
// given back unread.

internal import VialCompute
internal import VialModel
internal import VialSystem

/// Chooses tokens under the contract. Not thread-safe, except that workers with different numbers
/// may choose together: each has scratch memory of its own.
package final class Sampler {
  private let kernels: KernelFamily
  /// For each worker.
  private let scratches: [Scratch]
  private let vocabularySize: Int
  /// A bit per id that may be chosen; nil when all may.
  private let allowed: WorkMemory?

  private final class Scratch {
    /// What draws work in.
    let sampling: WorkMemory
    /// The logits as they were before penalties and biases.
    let plain: WorkMemory
    /// A mask without the ids that a request bars.
    let mask: WorkMemory
    /// Which of them were written since they were wiped. Their worker's.
    var isSampled = false, isCopied = false, isMasked = false

    private let partByteCount: Int

    init(sampling: WorkMemory, plain: WorkMemory, mask: WorkMemory, idCount: Int) {
      (self.sampling, self.plain, self.mask) = (sampling, plain, mask)
      partByteCount = idCount * TokenDraw.candidateByteCount / 2
    }

    func wipe() {
      // Candidates, probabilities and sums begin at quarters of two candidates for each id;
      // histograms follow.
      if isSampled {
        for part in 0..<5 {
          sampling.wipeWritten(
            from: part * partByteCount,
            byteCount: part < 4 ? partByteCount : sampling.byteCount - 4 * partByteCount)
        }
      }
      if isCopied { plain.wipe(byteCount: plain.byteCount) }
      if isMasked { mask.wipe(byteCount: mask.byteCount) }
      (isSampled, isCopied, isMasked) = (false, false, false)
    }
  }

  /// Ids below this exist in the tokenizer; others are never chosen.
  package let idCount: Int

  /// - Parameters:
  ///   - idCount: ids from here on are never chosen; at most the vocabulary size.
  ///   - workerCount: how many may choose together.
  ///   - isAllowed: whether an id below it may be chosen. Asked once for each.
  package init(
    runner: ModelRunner, idCount: Int, workerCount: Int = 1,
    isAllowed: (UInt32) -> Bool = { _ in true }
  ) throws(RunnerError) {
    let idCount = min(max(1, idCount), runner.vocabularySize)
    let byteCount = TokenDraw.scratchByteCount(idCount: idCount)
    let rowByteCount = runner.vocabularySize * MemoryLayout<Float>.stride
    var scratches: [Scratch] = []
    for _ in 0..<max(1, workerCount) {
      guard byteCount > 0, let sampling = WorkMemory(byteCount: byteCount, source: runner.memory),
        let plain = WorkMemory(byteCount: rowByteCount, source: runner.memory),
        let mask = WorkMemory(byteCount: (idCount + 63) / 64 * 8, source: runner.memory)
      else { throw .outOfMemory }
      scratches.append(
        Scratch(sampling: sampling, plain: plain, mask: mask, idCount: idCount))
    }
    allowed = try Self.bitmap(idCount, isAllowed)
    vocabularySize = runner.vocabularySize
    self.kernels = runner.family
    self.scratches = scratches
    self.idCount = idCount
  }

  /// Wipes what choices have left in scratch memory. O(what they wrote); not while one is made.
  package func wipe() { for scratch in scratches { scratch.wipe() } }

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

  /// Chooses the next token, without penalties. nil when a logit is not finite or nothing is left.
  /// - Parameters:
  ///   - position: absolute position of the token to be drawn.
  ///   - alternatives: gets the `alternativeCount` likeliest ids that may be chosen, best first.
  ///   - worker: whose scratch memory is used.
  package func choose(
    logits: UnsafeMutablePointer<Float>, parameters: SamplingParameters, position: Int,
    alternativeCount: Int = 0, alternatives: inout [TokenAlternative], worker: Int = 0
  ) -> ChosenToken? {
    do throws(RunnerError) {
      return try choose(
        logits: logits, parameters: parameters, position: position,
        alternativeCount: alternativeCount, alternatives: &alternatives, limits: nil,
        shaping: nil, worker: worker)
    } catch { return nil }
  }

  /// The same for an answer with a grammar or a budget of reasoning, with penalties, biases and
  /// barred ids, which change `logits`, and with the entropy when it is wanted.
  /// - Throws: `numericError` when a logit is not finite; `noCandidate` when nothing is left;
  ///   `unknownToken` when the limits name an id that is never chosen, or are of another
  ///   vocabulary. Nothing is read beyond the logits.
  func choose(
    logits: UnsafeMutablePointer<Float>, parameters: SamplingParameters, position: Int,
    alternativeCount: Int, alternatives: inout [TokenAlternative], limits: TokenLimits?,
    shaping: TokenShaping?, wantsEntropy: Bool = false, worker: Int
  ) throws(RunnerError) -> ChosenToken {
    if let limits, !fits(limits) { throw .unknownToken }
    let scratch = scratches[worker]
    var failure = RunnerError.numericError
    let chosen = KernelFamily.withContractState { () -> ChosenToken? in
      let sums = kernels.softmaxSums(logits, count: vocabularySize)
      alternatives.removeAll(keepingCapacity: true)
      if alternativeCount > 0 { fill(&alternatives, alternativeCount, logits, sums, scratch) }
      let entropy =
        wantsEntropy ? kernels.entropy(logits, count: vocabularySize, sums: sums) : .nan
      // The model's own logit of the chosen id is reported, not what penalties made of it.
      let changes = shaping?.changesLogits ?? false
      let own = changes ? copy(logits, into: scratch) : logits
      let drawn: Result<UInt32, RunnerError>
      if let forced = limits?.forcedToken {
        drawn = .success(forced)
      } else {
        if changes { shaping?.apply(to: logits, idCount: idCount) }
        drawn = draw(
          logits, parameters, position: position, mask: limits?.mask, shaping, scratch)
      }
      switch drawn {
      case .failure(let error):
        failure = error
        return nil
      case .success(let id):
        let id = limits?.replacement(for: id) ?? id
        return ChosenToken(
          token: id, logProbability: sums.logProbability(own[Int(id)]), entropy: entropy)
      }
    }
    guard let chosen else { throw failure }
    return chosen
  }

  /// Natural logarithm of the probability of `id` under unscaled logits, with the
  /// `alternativeCount` likeliest ids that may be chosen, best first.
  func score(
    _ id: UInt32, logits: UnsafePointer<Float>, alternativeCount: Int,
    alternatives: inout [TokenAlternative], worker: Int
  ) -> Float {
    guard Int(id) < vocabularySize else { return .nan }
    return KernelFamily.withContractState {
      let sums = kernels.softmaxSums(logits, count: vocabularySize)
      alternatives.removeAll(keepingCapacity: true)
      if alternativeCount > 0 {
        fill(&alternatives, alternativeCount, logits, sums, scratches[worker])
      }
      return sums.logProbability(logits[Int(id)])
    }
  }

  /// Whether limits name only ids that may come out, and their mask reaches as far as ids do.
  private func fits(_ limits: TokenLimits) -> Bool {
    limits.ids.allSatisfy { Int($0) < idCount }
      && limits.mask.map { $0.count >= (idCount + 63) / 64 } ?? true
  }

  private func draw(
    _ logits: UnsafePointer<Float>, _ parameters: SamplingParameters, position: Int,
    mask: [UInt64]?, _ shaping: TokenShaping?, _ scratch: Scratch
  ) -> Result<UInt32, RunnerError> {
    let draw = TokenDraw(
      temperature: parameters.temperature, topK: parameters.topK, topP: parameters.topP,
      minP: parameters.minP, seed: parameters.seed, sampleIndex: parameters.sampleIndex)
    func drawn(_ allowed: UnsafePointer<UInt64>?) -> Result<UInt32, DrawFailure> {
      var allowed = allowed
      if let shaping, shaping.changesMask {
        let bits = copy(allowed, into: scratch)
        shaping.bar(bits, wordCount: (idCount + 63) / 64, keepsEnds: mask != nil)
        allowed = UnsafePointer(bits)
      }
      scratch.isSampled = true
      return kernels.draw(
        logits, count: idCount, allowed: allowed, draw, position: position,
        scratch: scratch.sampling.base)
    }
    // A grammar's mask has ids with a token only.
    let result =
      mask?.withUnsafeBufferPointer { drawn($0.baseAddress) } ?? drawn(allowedBits)
    return result.mapError { failure in
      switch failure {
      case .noCandidate: .noCandidate
      case .notFinite: .numericError
      }
    }
  }

  /// A mask that may be changed; without one, all ids.
  private func copy(
    _ mask: UnsafePointer<UInt64>?, into scratch: Scratch
  ) -> UnsafeMutablePointer<UInt64> {
    scratch.isMasked = true
    let (bits, wordCount) = (scratch.mask.elements(UInt64.self), (idCount + 63) / 64)
    if let mask {
      bits.update(from: mask, count: wordCount)
    } else {
      bits.update(repeating: ~0, count: wordCount)
      if idCount % 64 > 0 { bits[wordCount - 1] = 1 << UInt64(idCount % 64) - 1 }
    }
    return bits
  }

  private var allowedBits: UnsafePointer<UInt64>? {
    allowed.map { UnsafePointer($0.elements(UInt64.self)) }
  }

  private func copy(
    _ logits: UnsafePointer<Float>, into scratch: Scratch
  ) -> UnsafeMutablePointer<Float> {
    scratch.isCopied = true
    let copy = scratch.plain.elements(Float.self)
    copy.update(from: logits, count: vocabularySize)
    return copy
  }

  private func fill(
    _ alternatives: inout [TokenAlternative], _ wanted: Int, _ logits: UnsafePointer<Float>,
    _ sums: SoftmaxSums, _ scratch: Scratch
  ) {
    scratch.isSampled = true
    // A few more, because ids may come first that do not exist.
    let candidates = KernelFamily.topCandidates(
      logits, count: idCount, wanted: wanted + 44, scratch: scratch.sampling.base)
    for rank in 0..<candidates.count where alternatives.count < wanted {
      let candidate = candidates[rank]
      let id = Int(candidate.id)
      if let bits = allowedBits, bits[id / 64] >> UInt64(id % 64) & 1 == 0 { continue }
      alternatives.append(
        TokenAlternative(
          token: candidate.id, logProbability: sums.logProbability(candidate.logit)))
    }
  }

  /// Natural logarithm of the probability of `id` under unscaled logits of the whole vocabulary;
  /// NaN for an id that is not in it.
  package func logProbability(of id: UInt32, logits: UnsafePointer<Float>) -> Float {
    guard Int(id) < vocabularySize else { return .nan }
    return KernelFamily.withContractState {
      kernels.softmaxSums(logits, count: vocabularySize).logProbability(logits[Int(id)])
    }
  }
}

/// What was chosen.
package struct ChosenToken: Sendable {
  /// Id.
  package let token: UInt32
  /// Natural logarithm of its probability under the model's own distribution.
  package let logProbability: Float
  /// Entropy of that distribution in nats; NaN when it was not wanted.
  package let entropy: Float
}
