// Owns: what a kernel family computes from a row of logits: softmax sums, the drawn token, the
// likeliest.
// Must not: know a tokenizer or a grammar; ids that must not come out are masked by the caller.
// Source: Spec/ARITHMETIC.md, rule 13; nucleus sampling (Holtzman et al., 2020), min-p (Nguyen et
// al., 2024).

public import CVialKernels

/// What the probabilities of one row of logits are computed from.
public struct SoftmaxSums {
  /// The largest logit.
  public let maximum: Float
  /// Sum of exp(logit - maximum).
  public let sum: Float

  @usableFromInline init(maximum: Float, sum: Float) {
    self.maximum = maximum
    self.sum = sum
  }

  /// Natural logarithm of the probability of a logit of the row.
  @inlinable
  public func logProbability(_ logit: Float) -> Float { vial_log_probability(logit, maximum, sum) }
}

/// How a token is drawn.
public struct TokenDraw {
  @usableFromInline let sampling: vial_sampling
  @usableFromInline let sampleIndex: UInt32

  /// Values outside of the ranges of `SamplingParameters` are the caller's to refuse.
  public init(
    temperature: Float, topK: UInt32, topP: Float, minP: Float, seed: UInt64, sampleIndex: UInt32
  ) {
    sampling = vial_sampling(
      temperature: temperature, top_p: topP, min_p: minP, top_k: topK, seed: seed)
    self.sampleIndex = sampleIndex
  }

  /// Bytes of scratch for draws and candidates among `idCount` ids; 0 on overflow.
  public static func scratchByteCount(idCount: Int) -> Int {
    vial_sample_scratch_byte_count(UInt32(idCount))
  }

  /// Bytes of one candidate in the scratch.
  public static var candidateByteCount: Int { MemoryLayout<vial_candidate>.stride }
}

/// Why no token was drawn.
public enum DrawFailure: Error {
  /// The logit of an id that may come out is NaN or +infinity.
  case notFinite
  /// No id that may come out has a logit above -infinity.
  case noCandidate
}

/// The largest logits of a row, by logit descending, then by id.
public struct LogitCandidates {
  private let candidates: [vial_candidate]
  /// How many there are.
  public let count: Int

  fileprivate init(_ candidates: [vial_candidate], count: Int) {
    self.candidates = candidates
    self.count = count
  }

  /// The candidate of a rank below `count`.
  public subscript(rank: Int) -> (id: UInt32, logit: Float) {
    (candidates[rank].id, candidates[rank].logit)
  }
}

extension KernelFamily {
  /// Maximum and sum of exponentials of a row.
  @inlinable
  public func softmaxSums(_ logits: UnsafePointer<Float>, count: Int) -> SoftmaxSums {
    var (maximum, sum) = (Float(0), Float(0))
    table.pointee.sum_exponentials(logits, count, &maximum, &sum)
    return SoftmaxSums(maximum: maximum, sum: sum)
  }

  /// `out[i] = exp(logits[i] - maximum)`; `out` may be the row.
  @inlinable
  public func exponentials(
    _ logits: UnsafePointer<Float>, count: Int, maximum: Float,
    into out: UnsafeMutablePointer<Float>
  ) {
    table.pointee.exponentials(logits, count, maximum, out)
  }

  /// Entropy in nats of a row whose sums are known.
  @inlinable
  public func entropy(
    _ logits: UnsafePointer<Float>, count: Int, sums: SoftmaxSums
  ) -> Float {
    var weighted = Float(0)
    table.pointee.sum_weighted(logits, count, sums.maximum, &weighted)
    return vial_entropy(sums.sum, weighted)
  }

  /// Draws an id below `count`.
  /// - Parameters:
  ///   - allowed: a bit per id; nil: all may come out.
  ///   - position: absolute position of the token to be drawn.
  ///   - scratch: `TokenDraw.scratchByteCount` bytes.
  public func draw(
    _ logits: UnsafePointer<Float>, count: Int, allowed: UnsafePointer<UInt64>?,
    _ draw: TokenDraw, position: Int, scratch: UnsafeMutableRawPointer
  ) -> Result<UInt32, DrawFailure> {
    var id: UInt32 = 0
    let status = withUnsafePointer(to: draw.sampling) {
      vial_sample(
        table, logits, UInt32(count), allowed, $0, UInt32(position), draw.sampleIndex, scratch, &id)
    }
    switch status {
    case VIAL_KERNEL_OK: return .success(id)
    case VIAL_KERNEL_NO_CANDIDATE: return .failure(.noCandidate)
    default: return .failure(.notFinite)
    }
  }

  /// The `wanted` largest logits; NaN and -infinity are passed over.
  public static func topCandidates(
    _ logits: UnsafePointer<Float>, count: Int, wanted: Int, scratch: UnsafeMutableRawPointer
  ) -> LogitCandidates {
    var candidates = [vial_candidate](repeating: vial_candidate(), count: wanted)
    let found = vial_top_candidates(logits, UInt32(count), UInt32(wanted), scratch, &candidates)
    return LogitCandidates(candidates, count: Int(found))
  }
}
