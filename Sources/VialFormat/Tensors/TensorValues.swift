// Owns: the readable decoder of single weights for dumps and tests: the Spec's decode pseudo-code,
// literally.
// Must not: be used where speed counts; kernels have their own decoders, and must agree with this
// one.
// Source: Spec/FORMAT.md, "Encodings", "Tile layouts".

extension TensorDescriptor {
  /// The decoded element of `[slice, row, column]`, each inside the shape; row and slice are 0 for
  /// a vector. Nil outside.
  package func value(slice: Int, row: Int, column: Int) -> Float? {
    guard (0..<shape.sliceCount).contains(slice), (0..<shape.rowCount).contains(row),
      (0..<shape.columnCount).contains(column)
    else { return nil }
    let bytes = region.bytes
    if layout == .plain { return Float(bitPattern: bytes.u32(column * 4)) }
    let recordCount = format.recordCount(columns: shape.columnCount)
    let tile = slice * sliceByteCount + row / 16 * recordCount * format.recordByteCount
    let lane = row % 16
    switch encoding {
    case .f32: return Float(bitPattern: bytes.u32(tile + column * 64 + lane * 4))
    case .f16: return Float(halfBits: bytes.u16(tile + column * 32 + lane * 2))
    case .bf16:
      return Float(bitPattern: UInt32(bytes.u16(tile + column * 32 + lane * 2)) << 16)
    case .int8, .int4:
      let record = tile + column / format.group * format.recordByteCount
      return quantized(bytes, record, lane, column % format.group)
    }
  }

  private func quantized(_ bytes: RawSpan, _ record: Int, _ lane: Int, _ column: Int) -> Float {
    if encoding == .int8 {
      let q = Int8(bitPattern: bytes.u8(record + column / 4 * 64 + lane * 4 + column % 4))
      return Float(halfBits: bytes.u16(record + 16 * format.group + lane * 2)) * Float(q)
    }
    let byte = bytes.u8(record + column / 8 * 64 + lane * 4 + column % 4)
    let q = column % 8 < 4 ? byte & 15 : byte >> 4
    let scales = record + 8 * format.group
    let scale = Float(halfBits: bytes.u16(scales + lane * 2))
    if let codebook = format.codebook { return scale * Float(codebook[Int(q)]) }
    let zero = format.isAsymmetric ? bytes.u8(scales + 32 + lane) : 8
    return scale * Float(Int(q) - Int(zero))
  }
}

extension Float {
  /// The exact value of an IEEE half-precision number.
  init(halfBits bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 31)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      // Subnormal: fraction · 2^-24, exact in single precision.
      let magnitude = Float(fraction) * Float(bitPattern: 0x3380_0000)
      self = sign == 0 ? magnitude : -magnitude
    case 31: self = Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: self = Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
