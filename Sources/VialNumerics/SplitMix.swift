// Owns: the random numbers of bootstraps, of invented weights and tokens, and of tests' inputs.
// Must not: be used for choosing tokens; that is the contract's Philox. Nor for cryptography.
// Source: Steele, Lea and Flood, OOPSLA 2014.

/// SplitMix64: small and the same everywhere. Inlined: packing random weights calls it for each
/// weight.
public struct SplitMix {
  @usableFromInline var state: UInt64

  /// The sequence of a state.
  @inlinable public init(state: UInt64) { self.state = state }

  /// The next number.
  @inlinable public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  /// A number from 0 to `bound` - 1; `bound` is above 0.
  @inlinable public mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A bijection of 64 bits, each of whose bits depends on all that come in.
  @inlinable public static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
