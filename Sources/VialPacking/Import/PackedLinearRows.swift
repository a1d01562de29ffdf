// Owns: rows of a quantised linear layer: as the integers that it stores, or decoded to floats.
// Must not: check the layer's tensors against the configuration; `PackedLinear` did.
// The source has inputs where tiles have outputs, so a layer is read whole before its first tile
// and forgotten after its last.

import CVialKernels
import VialFormat

/// Rows of a layer that was checked; reading starts with `prepared()`.
struct PackedLinearRows: TensorRows {
  let linear: PackedLinear
  /// Inputs per stored scale when integers are kept as they are; nil when only floats are wanted.
  let storedGroup: Int?

  func prepared() throws(PackingError) -> any TensorRows {
    try LoadedLinearRows(linear, storedGroup: storedGroup)
  }

  func read(
    rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    try prepared().read(rows: rows, into: values, scratch: scratch)
  }
}

/// The zero points of a layer.
struct PackedZeros: Sendable {
  private let grid: NibbleGrid?
  private let offset: UInt8

  /// Reads them; without a tensor each is 8.
  init(
    _ location: TensorIndex.Location?, layout: SourceQuantization.Layout, outputs: Int, groups: Int
  ) throws(PackingError) {
    let shapes = PackedLinearShapes(layout, outputs: outputs, inputs: 8, groups: groups)
    if let location {
      grid = NibbleGrid(bytes: try location.bytes(), layout: shapes.zeroLayout)
    } else {
      grid = nil
    }
    if case .gptq(let zeroOffset) = layout { offset = zeroOffset } else { offset = 0 }
  }

  /// A zero point, 0 to 15. Version 1 of GPTQ stores one less; a stored 15 is 0, as in the format's
  /// kernels.
  func value(output: Int, group: Int) -> UInt8 {
    guard let grid else { return 8 }
    return (grid.value(output: output, input: group) + offset) & 15
  }
}

extension TensorIndex.Location {
  /// The tensor's bytes. Only for tensors whose shape was checked.
  func bytes() throws(PackingError) -> [UInt8] {
    try file.bytes(at: entry.fileOffset, count: Int(entry.byteCount))
  }

  /// All elements of a float tensor; each must be finite.
  func floats() throws(PackingError) -> [Float] {
    let count = Int(entry.byteCount) / entry.element.byteCount
    let rows = CheckpointRows(file: file, entry: entry, columnCount: count)
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, count) * 8, alignment: 64)
    defer { scratch.deallocate() }
    var values = [Float](repeating: 0, count: count)
    var failure: PackingError?
    values.withUnsafeMutableBufferPointer { buffer in
      do throws(PackingError) {
        try rows.read(rows: 0..<1, into: buffer, scratch: scratch)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return values
  }
}

/// A layer in memory.
private struct LoadedLinearRows: TensorRows {
  private let grid: NibbleGrid
  private let zeros: PackedZeros
  private let scales: [Float]
  /// Elements from one output's scale to the next, and from one group's.
  private let scaleStrides: (output: Int, group: Int)
  private let sourceGroup: Int
  private let groupOfInput: [Int32]?
  private let columnCount: Int
  private let storedGroup: Int?

  init(_ linear: PackedLinear, storedGroup: Int?) throws(PackingError) {
    let planned = linear.planned
    let shapes = PackedLinearShapes(
      linear.layout, outputs: planned.rowCount, inputs: planned.columnCount,
      groups: linear.sourceGroupCount)
    grid = NibbleGrid(bytes: try linear.words.bytes(), layout: shapes.wordLayout)
    zeros = try PackedZeros(
      linear.zeros, layout: linear.layout, outputs: planned.rowCount,
      groups: linear.sourceGroupCount)
    scales = try linear.scales.floats()
    scaleStrides =
      linear.layout == .compressedTensors ? (linear.sourceGroupCount, 1) : (1, planned.rowCount)
    sourceGroup = linear.sourceGroup
    groupOfInput = linear.groupOfInput
    columnCount = planned.columnCount
    self.storedGroup = storedGroup
  }

  private func scale(_ output: Int, _ group: Int) -> Float {
    scales[output * scaleStrides.output + group * scaleStrides.group]
  }

  func readQuantized(
    rows: Range<Int>, columnCount: Int, groupCount: Int, encoding: TensorEncoding,
    into scratch: TileScratch
  ) throws(PackingError) -> Bool {
    guard let storedGroup else { return false }
    let q = scratch.elements.assumingMemoryBound(to: UInt8.self)
    for (position, output) in rows.enumerated() {
      for input in 0..<columnCount {
        q[position * columnCount + input] = grid.value(output: output, input: input)
      }
      for group in 0..<groupCount {
        let source = group * storedGroup / sourceGroup
        scratch.scales[position * groupCount + group] = vial_f32_to_f16(scale(output, source))
        scratch.zeros[position * groupCount + group] = zeros.value(output: output, group: source)
      }
    }
    return true
  }

  func read(
    rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    for (position, output) in rows.enumerated() {
      for input in 0..<columnCount {
        let group = groupOfInput.map { Int($0[input]) } ?? input / sourceGroup
        let steps =
          Int(grid.value(output: output, input: input))
          - Int(zeros.value(output: output, group: group))
        values[position * columnCount + input] = scale(output, group) * Float(steps)
      }
    }
  }
}
