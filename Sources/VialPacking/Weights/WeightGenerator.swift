// Owns: random numbers for `--random-weights`: weights of a plausible size at a real shape, for
// measuring speed and memory without a real checkpoint.
// Must not: be used for cryptography or for sampling tokens.
// Every row has a stream of its own, so the numbers do not depend on which worker takes which rows.

import VialNumerics

/// SplitMix64, seeded per tensor row.
package struct WeightGenerator {
  private var source: SplitMix

  /// The stream of one row: `tensor` is the tensor's place in execution order.
  package init(seed: UInt64, tensor: Int, row: Int) {
    let tensorSeed = SplitMix.mix(seed ^ SplitMix.mix(UInt64(truncatingIfNeeded: tensor) &+ 1))
    let rowSeed = SplitMix.mix(UInt64(truncatingIfNeeded: row) &+ 0x5851_F42D_4C95_7F2D)
    source = SplitMix(state: SplitMix.mix(tensorSeed &+ rowSeed))
  }

  /// Fills `values` with numbers of mean 0 and the standard deviation given, nearly normal: each is
  /// the centred sum of four 16-bit uniforms, which is exact in float and so the same everywhere.
  package mutating func fill(_ values: UnsafeMutableBufferPointer<Float>, deviation: Float) {
    // The sum of four uniforms on 0..<65536 has mean 131070 and deviation 65536/√3.
    let factor = deviation * (1.732_050_8 / 65536)
    for index in values.indices {
      let bits = source.next()
      let low = Int32(bits & 0xFFFF) &+ Int32((bits >> 16) & 0xFFFF)
      let high = Int32((bits >> 32) & 0xFFFF) &+ Int32(bits >> 48)
      values[index] = Float(low &+ high &- 131_070) * factor
    }
  }

  /// Fills `q` with int4 values, one a byte: 1 to 15 around 8, of mean 8 and deviation 4.18.
  mutating func fillNibbles(_ q: UnsafeMutableRawBufferPointer) {
    for start in stride(from: 0, to: q.count, by: 16) {
      let bits = source.next()
      for index in start..<min(start + 16, q.count) {
        let nibble = UInt8(truncatingIfNeeded: bits >> UInt64((index - start) * 4)) & 15
        q[index] = nibble == 0 ? 8 : nibble
      }
    }
  }

  /// Fills `q` with int8 values: -127 to 127, of mean 0 and deviation 73.3.
  mutating func fillBytes(_ q: UnsafeMutableRawBufferPointer) {
    for start in stride(from: 0, to: q.count, by: 8) {
      let bits = source.next()
      for index in start..<min(start + 8, q.count) {
        let byte = UInt8(truncatingIfNeeded: bits >> UInt64((index - start) * 8))
        // -128 is not a weight.
        q[index] = byte == 0x80 ? 0 : byte
      }
    }
  }
}
