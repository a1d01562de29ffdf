// Owns: rows of a GGUF tensor (Q4_0, IQ4_NL and Q8_0 as the integers that they hold, everything
// decodable as floats), and their order.
// Must not: decode a block to floats itself; `GGUFBlocks` does.
// GGUF has the halves of Llama's query and key heads interleaved.

import VialFormat

/// Rows of a tensor in a GGUF file.
struct GGUFRows: TensorRows {
  let file: SourceFile
  let tensor: GGUFTensor
  /// The Hugging Face name, for messages.
  let name: String
  let columnCount: Int
  /// Rows of the file's tensor before the first of these.
  var firstRow = 0
  /// Whether it is a vector, whose elements are ordered as rows of a matrix are.
  let isVector: Bool
  /// Rows of a head whose halves are interleaved; nil when rows are in the checkpoint's order.
  let interleavedHead: Int?
  /// Whether integers are wanted as they are.
  let keepsIntegers: Bool

  private var rowByteCount: Int {
    columnCount / tensor.type.blockElementCount * tensor.type.blockByteCount
  }

  /// Where a checkpoint's row lies in the file's order.
  private func storedRow(_ row: Int) -> Int {
    guard let head = interleavedHead else { return firstRow + row }
    let (start, within) = (row / head * head, row % head)
    return firstRow + start + within % (head / 2) * 2 + within / (head / 2)
  }

  /// Reads one row to the front of `scratch`.
  private func load(
    _ row: Int, _ scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError) -> UnsafeRawPointer? {
    let bytes = UnsafeMutableRawBufferPointer(rebasing: scratch[..<rowByteCount])
    try file.read(
      into: bytes, at: tensor.fileOffset + UInt64((isVector ? 0 : storedRow(row)) * rowByteCount))
    return UnsafeRawPointer(bytes.baseAddress)
  }

  func read(
    rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    guard let decode = GGUFBlocks.decoder(of: tensor.type), let out = values.baseAddress else {
      throw PackingError("\(file.name): tensor \(name) has type \(tensor.type.name)")
    }
    let blockCount = columnCount / tensor.type.blockElementCount
    for (position, row) in rows.enumerated() {
      guard let blocks = try load(row, scratch) else { return }
      for block in 0..<blockCount {
        decode(
          blocks + block * tensor.type.blockByteCount,
          out + position * columnCount + block * tensor.type.blockElementCount)
      }
    }
    if isVector, interleavedHead != nil {
      let stored = Array(values)
      for index in stored.indices { values[index] = stored[storedRow(index)] }
    }
    guard values.allSatisfy(\.isFinite) else {
      throw PackingError(
        "\(file.name): tensor \(name) has a NaN or an infinity in rows \(rows.lowerBound) to"
          + " \(rows.upperBound - 1)")
    }
  }

  func readQuantized(
    rows: Range<Int>, columnCount: Int, groupCount: Int, encoding: TensorEncoding,
    into scratch: TileScratch
  ) throws(PackingError) -> Bool {
    guard keepsIntegers, encoding.isQuantized else { return false }
    for (position, row) in rows.enumerated() {
      guard let blocks = try load(row, scratch.source) else { return false }
      for group in 0..<groupCount {
        let block = blocks + group * tensor.type.blockByteCount
        let scale = block.loadUnaligned(as: UInt16.self)
        guard scale & 0x7C00 != 0x7C00 else {
          throw PackingError("\(file.name): tensor \(name) has a NaN or an infinity in row \(row)")
        }
        scratch.scales[position * groupCount + group] = scale
        scratch.zeros[position * groupCount + group] = 8
        let out = scratch.elements + position * columnCount + group * 32
        if encoding == .int4 {
          Self.copyNibbles(block + 2, out)
        } else {
          try copyBytes(block + 2, out, row)
        }
      }
    }
    return true
  }

  private static func copyNibbles(_ block: UnsafeRawPointer, _ out: UnsafeMutableRawPointer) {
    for index in 0..<16 {
      let pair = block.load(fromByteOffset: index, as: UInt8.self)
      out.storeBytes(of: pair & 15, toByteOffset: index, as: UInt8.self)
      out.storeBytes(of: pair >> 4, toByteOffset: index + 16, as: UInt8.self)
    }
  }

  private func copyBytes(
    _ block: UnsafeRawPointer, _ out: UnsafeMutableRawPointer, _ row: Int
  ) throws(PackingError) {
    for index in 0..<32 {
      let q = block.load(fromByteOffset: index, as: Int8.self)
      guard q != -128 else {
        throw PackingError(
          "\(file.name): tensor \(name) holds -128 in row \(row), which int8 tiles cannot; --weights with"
            + " an encoding decodes it and packs it anew")
      }
      out.storeBytes(of: q, toByteOffset: index, as: Int8.self)
    }
  }
}
