// Numbers that look random and are the same for a seed, for everything here that makes inputs.

import VialNumerics

/// SplitMix64, with what choosing needs.
struct SplitMix64 {
  private var source: SplitMix

  init(seed: UInt64) { source = SplitMix(state: seed) }

  mutating func next() -> UInt64 { source.next() }

  /// From 0 up to `limit`, which is above 0.
  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

  /// Whether this is one of the cases that come once in `count`.
  mutating func isOne(in count: Int) -> Bool { below(count) == 0 }

  mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }
}
