// Owns: measured times of steps by size on this machine, and estimates for sizes that were not
// tried.
// Must not: know what steps are made of.

/// Seconds of steps by their number of tokens.
///
/// Sizes are 1, the even numbers up to 32 and the multiples of 8: of a panel of 8 columns the
/// products multiply 2, 4, 6 or all, so that 9 tokens cost what 10 cost. What a part of a panel
/// saves is little where there are many panels, and few sizes are known sooner. A number of tokens
/// counts as the next size.
struct StepTimes {
  /// 0: not measured.
  private var seconds: [Double]
  /// Factor on a size's time when it is decided whether to try it. It falls each time that the size
  /// is rejected, so that the size is retried eventually.
  private var optimism: [Double]
  private let largest: Int

  /// - Parameter largest: most tokens of a step.
  init(largest: Int) {
    self.largest = largest
    seconds = [Double](repeating: 0, count: Self.index(of: largest) + 1)
    optimism = [Double](repeating: 1, count: seconds.count)
  }

  /// The last size that is even only, and its index.
  private static let lastEven = (size: 32, index: 16)

  private static func index(of tokenCount: Int) -> Int {
    guard tokenCount > 1 else { return 0 }
    let even = min(tokenCount, lastEven.size)
    let rest = tokenCount - even
    return (even + 1) / 2 + (rest + 7) / 8
  }

  private func size(at index: Int) -> Int {
    let size =
      index <= Self.lastEven.index
      ? max(1, 2 * index) : Self.lastEven.size + (index - Self.lastEven.index) * 8
    return min(largest, size)
  }

  /// What a step of so many tokens took; nil when none was measured.
  subscript(tokenCount: Int) -> Double? {
    let known = seconds[min(Self.index(of: tokenCount), seconds.count - 1)]
    return known > 0 ? known : nil
  }

  /// Learns from a step. A faster one is believed sooner: what slows a step down is often somebody
  /// else's work.
  mutating func note(_ taken: Double, tokenCount: Int) {
    let index = min(Self.index(of: tokenCount), seconds.count - 1)
    let known = seconds[index]
    let weight = taken < known ? 0.25 : 0.125
    seconds[index] = known == 0 ? taken : known + (taken - known) * weight
    optimism[index] = 1
  }

  /// Picks the next mixed step's size.
  ///
  /// Among sizes above `tokenCount` whose predicted time is at most `limit`, returns the one that
  /// adds the most prompt tokens per second; larger sizes win ties. `base` is the time of a step of
  /// `tokenCount`. A size that was rejected gets a slightly lower prediction every time, so it is
  /// retried eventually: the machine's load changes, and texts grow.
  mutating func bestSize(within limit: Double, beyond tokenCount: Int, base: Double) -> Int {
    let first = Self.index(of: tokenCount + 1)
    var best = (index: first, rate: 0.0)
    var known = (size: tokenCount, seconds: base)
    for index in first..<seconds.count {
      let next = size(at: index)
      if seconds[index] > 0 { known = (next, seconds[index]) }
      let likely = estimate(index, after: known)
      let isLong = likely > limit
      guard likely * optimism[index] <= limit else {
        optimism[index] *= Self.optimismDecay
        break
      }
      let rate = Double(next - tokenCount) / (likely * optimism[index])
      if rate >= best.rate { best = (index, rate) }
      // Sizes that are only less good stay near their prediction, so that few steps are long when
      // they become slow.
      if !isLong {
        optimism[index] = max(Self.leastOptimism, optimism[index] * Self.optimismDecay)
      }
    }
    return size(at: best.index)
  }

  private static let optimismDecay = 0.999
  private static let leastOptimism = 0.8

  /// Seconds of a size: between those of its measured neighbours, and never more a token than the
  /// smaller one, as what a step reads it reads once.
  private func estimate(_ index: Int, after known: (size: Int, seconds: Double)) -> Double {
    guard seconds[index] == 0 else { return seconds[index] }
    let size = Double(size(at: index))
    let most = known.seconds * size / Double(max(1, known.size))
    guard let above = seconds.indices.first(where: { $0 > index && seconds[$0] > 0 }) else {
      return most
    }
    let width = Double(self.size(at: above) - known.size)
    let slope = max(0, seconds[above] - known.seconds) / max(1, width)
    return min(most, known.seconds + slope * (size - Double(known.size)))
  }
}
