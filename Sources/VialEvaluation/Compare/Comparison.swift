// Owns: the figures of a comparison: means, a percentile and perplexities with confidence
// intervals.
// Must not: compute logits.
//
// Intervals are percentile bootstraps: 1000 resamples of blocks of consecutive positions, because
// neighbours are alike; a fixed seed and a fixed order of summation give the same figures on every
// machine.

import VialNumerics

/// A figure and where it lies with 95% confidence.
package struct Estimate: Sendable {
  /// The figure for the text.
  package let value: Double
  /// Lower end of the interval.
  package let low: Double
  /// Upper end of the interval.
  package let high: Double
}

/// How far model B is from model A on a text.
package struct Comparison: Sendable {
  /// The figures.
  package struct Figures: Sendable {
    /// Mean over positions of KL(A ‖ B), in nats.
    package let meanDivergence: Estimate
    /// 99th percentile of the same, interpolated linearly.
    package let p99Divergence: Estimate
    /// Share of positions at which both find the same token likeliest.
    package let sameTop: Estimate
    /// Perplexity of A.
    package let perplexityA: Estimate
    /// Perplexity of B.
    package let perplexityB: Estimate
    /// Perplexity of B over that of A; its interval is narrow, because both read the same text.
    package let perplexityRatio: Estimate
  }

  /// Positions that were compared.
  package var positionCount: Int { divergences.count }
  /// Positions whose following token was scored.
  package private(set) var scoredCount = 0
  /// Positions in a block of the bootstrap, at most.
  package static let blockLength = 32
  /// Resamples of the bootstrap.
  package static let resampleCount = 1000
  /// Texts with fewer blocks than this get shorter ones.
  private static let wantedBlockCount = 32

  private var divergences: [Double] = []
  private var isSameTop: [Bool] = []
  /// Log-probabilities of the following token; NaN where there is none.
  private var logProbabilities: [(a: Float, b: Float)] = []
  private var windowStarts: [Int] = []

  /// Nothing compared yet.
  package init() {}

  /// Takes one position; they come in order.
  package mutating func add(_ position: ComparedPosition) {
    if windowStarts.isEmpty || position.windowIndex <= lastWindowIndex {
      windowStarts.append(divergences.count)
    }
    lastWindowIndex = position.windowIndex
    divergences.append(position.divergence)
    isSameTop.append(position.hasSameTop)
    logProbabilities.append(position.logProbabilities ?? (.nan, .nan))
    if position.logProbabilities != nil { scoredCount += 1 }
  }

  private var lastWindowIndex = 0

  /// The figures; nil when no token was scored. O(n log n + 1000 n / 64).
  package func figures() -> Figures? {
    guard scoredCount > 0 else { return nil }
    let blocks = blocks()
    let percentile = BlockPercentile(divergences, blocks: blocks)
    var samples = [[Double]](repeating: [], count: 6)
    var generator = SplitMix(state: 1)
    var draws = [UInt32](repeating: 0, count: blocks.count)
    for _ in 0..<Self.resampleCount {
      for index in draws.indices { draws[index] = 0 }
      for _ in draws.indices { draws[generator.below(draws.count)] += 1 }
      let values = Self.values(blocks, draws: draws, percentile)
      for (index, value) in values.enumerated() where !value.isNaN { samples[index].append(value) }
    }
    let all = [UInt32](repeating: 1, count: blocks.count)
    let values = Self.values(blocks, draws: all, percentile)
    let estimates = zip(values, samples).map { value, samples in
      let samples = samples.sorted()
      return Estimate(
        value: value, low: Quantile.value(0.025, of: samples),
        high: Quantile.value(0.975, of: samples))
    }
    return Figures(
      meanDivergence: estimates[0], p99Divergence: estimates[1], sameTop: estimates[2],
      perplexityA: estimates[3], perplexityB: estimates[4], perplexityRatio: estimates[5])
  }

  /// Sums over consecutive positions of one window.
  private func blocks() -> [ComparisonBlock] {
    let length = max(1, min(Self.blockLength, positionCount / Self.wantedBlockCount))
    var blocks: [ComparisonBlock] = []
    for (start, end) in zip(windowStarts, windowStarts.dropFirst() + [positionCount]) {
      for first in stride(from: start, to: end, by: length) {
        var block = ComparisonBlock(range: first..<min(end, first + length))
        for index in block.range {
          block.divergence += divergences[index]
          block.sameTopCount += isSameTop[index] ? 1 : 0
          guard !logProbabilities[index].a.isNaN else { continue }
          block.scoredCount += 1
          block.logProbabilityA += Double(logProbabilities[index].a)
          block.logProbabilityB += Double(logProbabilities[index].b)
        }
        blocks.append(block)
      }
    }
    return blocks
  }

  /// The six figures when block i counts `draws[i]` times; NaN where nothing was scored.
  private static func values(
    _ blocks: [ComparisonBlock], draws: [UInt32], _ percentile: BlockPercentile
  ) -> [Double] {
    var sum = ComparisonBlock(range: 0..<0)
    var count = 0
    for (block, draw) in zip(blocks, draws) where draw > 0 {
      count += block.range.count * Int(draw)
      sum.divergence += block.divergence * Double(draw)
      sum.sameTopCount += block.sameTopCount * Int(draw)
      sum.scoredCount += block.scoredCount * Int(draw)
      sum.logProbabilityA += block.logProbabilityA * Double(draw)
      sum.logProbabilityB += block.logProbabilityB * Double(draw)
    }
    let scored = Double(sum.scoredCount)
    let (a, b) = (-sum.logProbabilityA / scored, -sum.logProbabilityB / scored)
    return [
      sum.divergence / Double(count), percentile.value(0.99, draws: draws, count: count),
      Double(sum.sameTopCount) / Double(count), DoubleFunctions.exp(a), DoubleFunctions.exp(b),
      DoubleFunctions.exp(b - a),
    ]
  }
}

/// What a resample needs of consecutive positions.
private struct ComparisonBlock {
  let range: Range<Int>
  var divergence = 0.0
  var sameTopCount = 0
  var scoredCount = 0
  var logProbabilityA = 0.0
  var logProbabilityB = 0.0

  init(range: Range<Int>) { self.range = range }
}

/// High percentiles of values whose blocks count several times or not at all.
private struct BlockPercentile {
  /// From the largest down.
  private let descending: [(value: Double, block: Int)]

  init(_ values: [Double], blocks: [ComparisonBlock]) {
    var pairs: [(value: Double, block: Int)] = []
    pairs.reserveCapacity(values.count)
    for (block, sums) in blocks.enumerated() {
      for index in sums.range { pairs.append((values[index], block)) }
    }
    pairs.sort { ($0.value, $0.block) > ($1.value, $1.block) }
    descending = pairs
  }

  /// The percentile of `count` values in all, between neighbours interpolated. O(values above it).
  func value(_ fraction: Double, draws: [UInt32], count: Int) -> Double {
    let rank = Double(count - 1) * (1 - fraction)
    let upperRank = Int(rank)
    var seen = 0
    var upper: Double?
    for (value, block) in descending {
      seen += Int(draws[block])
      if upper == nil, seen > upperRank { upper = value }
      if let upper, seen > upperRank + 1 {
        return upper + (value - upper) * (rank - Double(upperRank))
      }
    }
    return upper ?? .nan
  }
}
