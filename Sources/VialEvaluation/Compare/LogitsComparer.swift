// Owns: the comparison of two rows of logits for the same position: divergence and top token.
// Must not: know where the rows come from or keep them. One order of summation, so that every
// machine gets the same figures.

internal import VialCompute
package import VialEngine
internal import VialModel
internal import VialNumerics
internal import VialSystem

/// How two distributions over the same vocabulary differ.
package struct RowDifference: Sendable {
  /// KL(A ‖ B) in nats: what is lost when B replaces A. Exact to about 5e-7; never negative.
  package let divergence: Double
  /// Whether the likeliest token is the same; of equal logits, the lowest id counts.
  package let hasSameTop: Bool
}

/// Compares rows of logits. Not thread-safe: it owns scratch memory.
package final class LogitsComparer {
  private let kernels: KernelFamily
  private let vocabularySize: Int
  private let scratch: WorkMemory

  /// Reserves scratch for rows as long as the runner's.
  package init(runner: ModelRunner) throws(RunnerError) {
    let rowByteCount = runner.vocabularySize * MemoryLayout<Float>.stride
    guard let scratch = WorkMemory(byteCount: rowByteCount * 2, source: runner.memory) else {
      throw .outOfMemory
    }
    kernels = runner.family
    vocabularySize = runner.vocabularySize
    self.scratch = scratch
  }

  /// Wipes what comparing has left.
  package func wipe() { scratch.wipe(byteCount: scratch.byteCount) }

  /// The difference of B from A; nil when a logit of either is not finite. O(vocabulary).
  package func compare(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>) -> RowDifference? {
    let count = vocabularySize
    let aTerms = scratch.elements(Float.self)
    let bTerms = aTerms + count
    return KernelFamily.withContractState {
      guard kernels.isFinite(a, count: count), kernels.isFinite(b, count: count)
      else { return nil }
      let aMaximum = kernels.softmaxSums(a, count: count).maximum
      let bMaximum = kernels.softmaxSums(b, count: count).maximum
      kernels.exponentials(a, count: count, maximum: aMaximum, into: aTerms)
      kernels.exponentials(b, count: count, maximum: bMaximum, into: bTerms)
      // KL = sum of p_a (a - b), less the difference of the logarithms of both sums of
      // exponentials.
      var (aSum, bSum, weighted) = (0.0, 0.0, 0.0)
      for index in 0..<count {
        let term = Double(aTerms[index])
        aSum += term
        bSum += Double(bTerms[index])
        weighted += term * (Double(a[index]) - Double(b[index]))
      }
      let aLogSum = Double(aMaximum) + DoubleFunctions.log(aSum)
      let bLogSum = Double(bMaximum) + DoubleFunctions.log(bSum)
      return RowDifference(
        divergence: max(0, weighted / aSum - (aLogSum - bLogSum)),
        hasSameTop: first(aMaximum, in: a) == first(bMaximum, in: b))
    }
  }

  private func first(_ value: Float, in row: UnsafePointer<Float>) -> Int {
    var index = 0
    while index < vocabularySize, row[index] != value { index += 1 }
    return index
  }
}
