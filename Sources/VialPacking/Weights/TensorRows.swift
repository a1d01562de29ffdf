// Owns: where the rows of a tensor come from: a checkpoint or a generator.
// Must not: depend on order or thread: rows are read by any thread, in any order, and come out the
// same.

import CVialKernels
import VialFormat
import VialText

/// Rows of one tensor as floats.
protocol TensorRows: Sendable {
  /// Writes rows `rows` one after another to `values`, which holds exactly their elements.
  /// `scratch` is the calling thread's own, at least eight bytes per element.
  func read(
    rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError)

  /// Writes rows that are quantised already into a tile's scratch, scales included (zero points are
  /// 8 unless they are written, too), or returns false when there are only floats.
  func readQuantized(
    rows: Range<Int>, columnCount: Int, groupCount: Int, encoding: TensorEncoding,
    into scratch: TileScratch
  ) throws(PackingError) -> Bool

  /// The same rows, ready to be read many times: what lies across the order of reading is loaded
  /// once and goes with the value that is returned.
  func prepared() throws(PackingError) -> any TensorRows
}

extension TensorRows {
  func readQuantized(
    rows: Range<Int>, columnCount: Int, groupCount: Int, encoding: TensorEncoding,
    into scratch: TileScratch
  ) throws(PackingError) -> Bool { false }

  func prepared() throws(PackingError) -> any TensorRows { self }
}

/// Rows of random numbers.
struct RandomRows: TensorRows {
  var tensor: PlannedTensor
  /// The tensor's place in execution order.
  var index: Int
  var seed: UInt64
  /// Of the tensor that they are for.
  var codebook: Codebook?

  func read(
    rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    let columns = tensor.columnCount
    for (position, row) in rows.enumerated() {
      let slice = UnsafeMutableBufferPointer(
        rebasing: values[position * columns..<(position + 1) * columns])
      guard tensor.randomDeviation > 0 else {
        slice.update(repeating: tensor.randomMean)
        continue
      }
      var generator = WeightGenerator(seed: seed, tensor: index, row: row)
      generator.fill(slice, deviation: tensor.randomDeviation)
    }
  }

  /// Random integers under one scale: searching scales for random numbers would only take time.
  func readQuantized(
    rows: Range<Int>, columnCount: Int, groupCount: Int, encoding: TensorEncoding,
    into scratch: TileScratch
  ) -> Bool {
    // Deviations of the integers that the generator makes.
    let unit: Float = codebook?.randomDeviation ?? (encoding == .int4 ? 4.183_3 : 73.32)
    let scale = vial_f32_to_f16(tensor.randomDeviation / unit)
    for (position, row) in rows.enumerated() {
      var generator = WeightGenerator(seed: seed, tensor: index, row: row)
      let q = UnsafeMutableRawBufferPointer(
        start: scratch.elements + position * columnCount, count: columnCount)
      if encoding == .int4 { generator.fillNibbles(q) } else { generator.fillBytes(q) }
      (scratch.scales + position * groupCount).update(repeating: scale, count: groupCount)
    }
    return true
  }
}

/// Rows of a tensor in a safetensors file.
struct CheckpointRows: TensorRows {
  var file: SourceFile
  var entry: SafetensorsEntry
  var columnCount: Int
  /// Rows of the file's tensor before the first of these.
  var firstRow = 0

  func read(
    rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    // The header was checked: the entry's bytes are rows × columns elements, inside the file.
    let rowByteCount = columnCount * entry.element.byteCount
    let byteCount = rows.count * rowByteCount
    let bytes = UnsafeMutableRawBufferPointer(rebasing: scratch[..<byteCount])
    try file.read(
      into: bytes, at: entry.fileOffset + UInt64((firstRow + rows.lowerBound) * rowByteCount))
    guard Self.widen(UnsafeRawBufferPointer(bytes), entry.element, into: values) else {
      throw PackingError(
        "\(file.name): tensor \(PackingError.printable(entry.name.bytes)) has a NaN or an infinity"
          + " in rows \(rows.lowerBound) to \(rows.upperBound - 1)")
    }
  }

  /// Widens to float; false when an element is not finite, or does not fit a float.
  private static func widen(
    _ bytes: UnsafeRawBufferPointer, _ element: TensorElement,
    into values: UnsafeMutableBufferPointer<Float>
  ) -> Bool {
    guard let source = bytes.baseAddress, let target = values.baseAddress else { return true }
    let encoding: vial_encoding
    switch element {
    case .float32: encoding = VIAL_ENCODING_F32
    case .float16: encoding = VIAL_ENCODING_F16
    case .bfloat16: encoding = VIAL_ENCODING_BF16
    case .float64:
      var isFinite = true
      for index in values.indices {
        let value = Float(source.loadUnaligned(fromByteOffset: index * 8, as: Double.self))
        isFinite = isFinite && value.isFinite
        values[index] = value
      }
      return isFinite
    case .other: return false
    }
    return vial_widen(encoding, source, values.count, target) == VIAL_KERNEL_OK
  }
}
