// Owns: how long steps of each size took on this machine, and a guess for sizes that were not tried.
// Must not: know what steps are made of.

/// Seconds of steps by their number of tokens.
///
/// Sizes are 1, 2, 4 and the multiples of 8: the products take columns in panels of 8, so that 9 tokens cost what 16
/// cost. A number of tokens counts as the next size.
struct StepTimes {
  /// 0: not measured.
  private var seconds: [Double]
  /// What times are multiplied by when it is decided whether to try a size: less each time that it is refused.
  private var hope: [Double]
  private let largest: Int

  /// - Parameter largest: most tokens of a step.
  init(largest: Int) {
    self.largest = largest
    seconds = [Double](repeating: 0, count: Self.index(of: largest) + 1)
    hope = [Double](repeating: 1, count: seconds.count)
  }

  private static func index(of tokenCount: Int) -> Int {
    switch tokenCount {
    case ...1: 0
    case 2: 1
    case ...4: 2
    default: 2 + (tokenCount + 7) / 8
    }
  }

  private func size(at index: Int) -> Int { min(largest, index < 3 ? 1 << index : (index - 2) * 8) }

  /// What a step of so many tokens took; nil when none was measured.
  subscript(tokenCount: Int) -> Double? {
    let known = seconds[min(Self.index(of: tokenCount), seconds.count - 1)]
    return known > 0 ? known : nil
  }

  /// Learns from a step. A faster one is believed sooner: what slows a step down is often somebody else's work.
  mutating func note(_ taken: Double, tokenCount: Int) {
    let index = min(Self.index(of: tokenCount), seconds.count - 1)
    let known = seconds[index]
    let share = taken < known ? 0.25 : 0.125
    seconds[index] = known == 0 ? taken : known + (taken - known) * share
    hope[index] = 1
  }

  /// Most tokens of a step that should take `limit` seconds at most, and more than `tokenCount` in any case, when a
  /// step of `tokenCount` takes `base`. A size that is refused again and again is tried some time, the later the slower
  /// it was: machines and texts change.
  mutating func largestSize(within limit: Double, beyond tokenCount: Int, base: Double) -> Int {
    var best = size(at: Self.index(of: tokenCount + 1))
    var known = (size: tokenCount, seconds: base)
    for index in Self.index(of: tokenCount + 1)..<seconds.count {
      let next = size(at: index)
      if seconds[index] > 0 { known = (next, seconds[index]) }
      guard estimate(index, after: known) * hope[index] <= limit else {
        hope[index] *= Self.patience
        return best
      }
      best = next
    }
    return best
  }

  private static let patience = 0.999

  /// Seconds of a size: between those of its measured neighbours, and never more a token than the smaller one, as
  /// what a step reads it reads once.
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
