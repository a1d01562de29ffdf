// Owns: one matrix of an adapter in a safetensors file, as it lies there or transposed, and the
// refusal of values that are not finite.
// Must not: round: a type is kept, or widened exactly.

import CVialKernels
import VialFormat
import VialText

/// A or B of one target.
struct AdapterMatrix: Sendable {
  private let file: SourceFile
  private let entry: SafetensorsEntry
  /// Whether the file holds columns one after another.
  private let isTransposed: Bool
  /// The type that the source has.
  let encoding: TensorEncoding
  /// Rows and columns, once transposed.
  private(set) var rowCount: Int
  let columnCount: Int
  /// Rows of the file's matrix, once transposed, and how many of them stand before these.
  private let storedRowCount: Int
  private var firstRow = 0

  /// - Throws: when it is no matrix of floats.
  init(_ location: TensorIndex.Location, isTransposed: Bool) throws(PackingError) {
    file = location.file
    entry = location.entry
    self.isTransposed = isTransposed
    let label =
      "\(location.file.name): tensor \(PackingError.printable(location.entry.name.bytes))"
    guard entry.shape.count == 2 else { throw PackingError("\(label) is no matrix") }
    switch entry.element {
    case .float32: encoding = .f32
    case .float16: encoding = .f16
    case .bfloat16: encoding = .bf16
    case .float64: throw PackingError("\(label) has dtype F64; only F32, F16 and BF16 can be kept")
    case .other(let type, _):
      throw PackingError("\(label) has dtype \(type); only F32, F16 and BF16 can be kept")
    }
    rowCount = entry.shape[isTransposed ? 1 : 0]
    storedRowCount = rowCount
    columnCount = entry.shape[isTransposed ? 0 : 1]
    guard rowCount > 0, columnCount > 0, entry.byteCount <= 1 << 40 else {
      throw PackingError("\(label) is empty or too large")
    }
  }

  /// Some of its rows.
  func rows(_ range: Range<Int>) -> AdapterMatrix {
    var part = self
    part.firstRow += range.lowerBound
    part.rowCount = range.count
    return part
  }

  /// All values, row by row.
  func values() throws(PackingError) -> [Float] {
    var values = [Float](repeating: 0, count: rowCount * columnCount)
    let bytes = try stored()
    let status = bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { vial_widen(encoding.kernelEncoding, $0, values.count, &values) }
    }
    guard status == VIAL_KERNEL_OK else {
      throw PackingError(
        "\(file.name): tensor \(PackingError.printable(entry.name.bytes)) has a NaN or an infinity")
    }
    return values
  }

  /// The elements in their own type, row by row.
  private func stored() throws(PackingError) -> [UInt8] {
    let bytes = try file.bytes(at: entry.fileOffset, count: Int(entry.byteCount))
    let size = entry.element.byteCount
    let (start, count) = (firstRow * columnCount * size, rowCount * columnCount * size)
    guard isTransposed else {
      return count == bytes.count ? bytes : Array(bytes[start..<start + count])
    }
    var turned = [UInt8](repeating: 0, count: count)
    for row in 0..<rowCount {
      for column in 0..<columnCount {
        let from = (column * storedRowCount + firstRow + row) * size
        let to = (row * columnCount + column) * size
        for index in 0..<size { turned[to + index] = bytes[from + index] }
      }
    }
    return turned
  }

  /// Writes the matrix in layout tile16, in its own type or widened to f32, into memory of exactly
  /// that length.
  func write(
    as encoding: TensorEncoding, into buffer: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    // Widening also proves that all values are finite.
    let values = try values()
    var shape = vial_tensor()
    shape.rows = UInt32(clamping: rowCount)
    shape.columns = UInt32(clamping: columnCount)
    shape.encoding = UInt8(encoding.kernelEncoding.rawValue)
    var byteCount: UInt64 = 0
    guard vial_tensor_byte_count(&shape, &byteCount), byteCount == UInt64(buffer.count),
      let out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    else {
      throw PackingError(
        "\(file.name): tensor \(PackingError.printable(entry.name.bytes)) is too large")
    }
    let elements =
      encoding == self.encoding ? try stored() : values.withUnsafeBytes { Array($0) }
    elements.withUnsafeBytes { elements in
      guard let base = elements.baseAddress else { return }
      let size = elements.count / values.count
      for tile in 0..<vial_tensor_tile_count(&shape) {
        vial_pack_float_tile(
          &shape, tile, base + Int(tile) * 16 * columnCount * size, columnCount,
          out + Int(tile) * Int(vial_tensor_tile_byte_count(&shape)))
      }
    }
  }
}
