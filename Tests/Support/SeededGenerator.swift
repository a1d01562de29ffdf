// Owns: the random inputs of tests: the same for a seed, so that a failure can be met again.

import VialNumerics

/// SplitMix64 with what choosing needs.
package struct SeededGenerator: RandomNumberGenerator {
  private var source: SplitMix

  /// The sequence of a seed.
  package init(seed: UInt64) { source = SplitMix(state: seed) }

  package mutating func next() -> UInt64 { source.next() }

  /// From 0 up to `limit`, which is above 0.
  package mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
