// Owns: the blocks of GGUF's tensor types as floats, operation by operation as ggml's
// dequantize_row functions.
// Must not: know tensors; a caller gives whole blocks.
// Source: ggml-quants.c.

import CVialKernels
import VialFormat

/// Decoders of quantised blocks.
enum GGUFBlocks {
  /// Decodes the block at `block` to its elements.
  typealias Decoder =
    @Sendable (_ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) ->
    Void

  /// The decoder of a type; nil when there is none. The plain float types have one for each
  /// element.
  static func decoder(of type: GGUFTensorType) -> Decoder? {
    switch type.name {
    case "F32": return { block, out in out[0] = block.loadUnaligned(as: Float.self) }
    case "F16": return { block, out in out[0] = half(block, 0) }
    case "BF16":
      return { block, out in
        out[0] = Float(bitPattern: UInt32(block.loadUnaligned(as: UInt16.self)) << 16)
      }
    case "Q4_0": return blockQ40
    case "Q4_1": return blockQ41
    case "Q5_0": return blockQ50
    case "Q5_1": return blockQ51
    case "Q8_0": return blockQ80
    case "IQ4_NL": return blockIQ4NL
    case "Q4_K": return blockQ4K
    case "Q5_K": return blockQ5K
    case "Q6_K": return blockQ6K
    default: return nil
    }
  }

  private static func half(_ block: UnsafeRawPointer, _ offset: Int) -> Float {
    vial_f16_to_f32(block.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  private static func byte(_ block: UnsafeRawPointer, _ offset: Int) -> Int {
    Int(block.load(fromByteOffset: offset, as: UInt8.self))
  }

  @Sendable private static func blockQ40(
    _ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>
  ) {
    let scale = half(block, 0)
    for index in 0..<16 {
      out[index] = Float((byte(block, 2 + index) & 15) - 8) * scale
      out[index + 16] = Float((byte(block, 2 + index) >> 4) - 8) * scale
    }
  }

  @Sendable private static func blockIQ4NL(
    _ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>
  ) {
    let (scale, entries) = (half(block, 0), Codebook.ofIQ4NL)
    for index in 0..<16 {
      out[index] = Float(entries[byte(block, 2 + index) & 15]) * scale
      out[index + 16] = Float(entries[byte(block, 2 + index) >> 4]) * scale
    }
  }

  @Sendable private static func blockQ41(
    _ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>
  ) {
    let (scale, minimum) = (half(block, 0), half(block, 2))
    for index in 0..<16 {
      out[index] = Float(byte(block, 4 + index) & 15) * scale + minimum
      out[index + 16] = Float(byte(block, 4 + index) >> 4) * scale + minimum
    }
  }

  /// Element `index` of 32 numbers of five bits: high bits at `high`, low ones at `low`.
  private static func five(_ block: UnsafeRawPointer, high: Int, low: Int, _ index: Int) -> Int {
    let bit = (byte(block, high + index / 8) >> (index % 8)) & 1
    let pair = byte(block, low + index % 16)
    return (index < 16 ? pair & 15 : pair >> 4) | bit << 4
  }

  @Sendable private static func blockQ50(
    _ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>
  ) {
    let scale = half(block, 0)
    for index in 0..<32 {
      out[index] = Float(five(block, high: 2, low: 6, index) - 16) * scale
    }
  }

  @Sendable private static func blockQ51(
    _ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>
  ) {
    let (scale, minimum) = (half(block, 0), half(block, 2))
    for index in 0..<32 {
      out[index] = Float(five(block, high: 4, low: 8, index)) * scale + minimum
    }
  }

  @Sendable private static func blockQ80(
    _ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>
  ) {
    let scale = half(block, 0)
    for index in 0..<32 {
      out[index] = Float(block.load(fromByteOffset: 2 + index, as: Int8.self)) * scale
    }
  }

  // MARK: Blocks of 256

  /// Scale and minimum of the `index`-th of eight sub-blocks of Q4_K and Q5_K, six bits each.
  private static func scaleAndMinimum(_ block: UnsafeRawPointer, _ index: Int) -> (Float, Float) {
    let (low, high) = (byte(block, 4 + index % 4), byte(block, 8 + index % 4))
    if index < 4 { return (Float(low & 63), Float(high & 63)) }
    let pair = byte(block, 12 + index % 4)
    return (Float((pair & 15) | ((low >> 6) << 4)), Float((pair >> 4) | ((high >> 6) << 4)))
  }

  @Sendable private static func blockQ4K(
    _ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>
  ) {
    decodeSubBlocks(block, nibblesAt: 16, out) { _, _ in 0 }
  }

  @Sendable private static func blockQ5K(
    _ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>
  ) {
    decodeSubBlocks(block, nibblesAt: 48, out) { part, index in
      (byte(block, 16 + index) >> part) & 1
    }
  }

  /// The eight sub-blocks of Q4_K and Q5_K, whose integers are a nibble and, above it, `fifthBit`.
  private static func decodeSubBlocks(
    _ block: UnsafeRawPointer, nibblesAt offset: Int, _ out: UnsafeMutablePointer<Float>,
    fifthBit: (_ part: Int, _ index: Int) -> Int
  ) {
    let (d, dmin) = (half(block, 0), half(block, 2))
    for part in 0..<8 {
      let (scale, minimum) = scaleAndMinimum(block, part)
      let (d1, m1) = (d * scale, dmin * minimum)
      for index in 0..<32 {
        let pair = byte(block, offset + part / 2 * 32 + index)
        let q = (part % 2 == 0 ? pair & 15 : pair >> 4) | fifthBit(part, index) << 4
        out[part * 32 + index] = d1 * Float(q) - m1
      }
    }
  }

  @Sendable private static func blockQ6K(
    _ block: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>
  ) {
    let d = half(block, 208)
    for index in 0..<256 {
      // Halves of 128; within, four runs of 32 that share 64 low bytes and 32 high ones.
      let (half, run, column) = (index / 128, index % 128 / 32, index % 32)
      let pair = byte(block, half * 64 + run % 2 * 32 + column)
      let low = run < 2 ? pair & 15 : pair >> 4
      let high = (byte(block, 128 + half * 32 + column) >> (2 * run)) & 3
      let scale = block.load(fromByteOffset: 192 + index / 16, as: Int8.self)
      out[index] = d * Float(scale) * Float((low | high << 4) - 32)
    }
  }
}
