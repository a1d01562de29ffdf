// Owns: the random numbers of bootstraps, and of the tests' inputs.
// Must not: be used for choosing tokens; that is the contract's Philox.

/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): small and the same everywhere.
package struct SplitMix {
  var state: UInt64

  package init(state: UInt64) { self.state = state }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number from 0 to `bound` - 1; `bound` is above 0.
  mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}
