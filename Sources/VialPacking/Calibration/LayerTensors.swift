// Owns: the tensors of one layer as calibration reads them from the source: floats in memory while
// they are needed.
// Must not: keep more than one layer.

import CVialKernels
import VialArchitectures
import VialFormat
import VialSystem

/// Finds and loads planned tensors.
struct LayerTensors: Sendable {
  /// The modules of linear layers in the order in which they are quantised: those of a row read the
  /// same input.
  let stages: [[String]]
  /// What embedding rows are multiplied by.
  private let embeddingMultiplier: Float
  private let tensors: [SourcedTensor]
  private let indices: [String: Int]
  private let compute: DenseCompute

  init(
    _ sources: TensorSources, of configuration: CheckpointConfiguration, compute: DenseCompute
  ) {
    stages = ProjectionSite.allCases.map(configuration.architecture.modules)
    embeddingMultiplier = Float(configuration.traits.embeddingMultiplier)
    tensors = sources.tensors
    indices = Dictionary(
      uniqueKeysWithValues: sources.tensors.enumerated().map { ($1.planned.name, $0) })
    self.compute = compute
  }

  func name(_ layer: Int, _ part: String) -> String { "model.layers.\(layer).\(part)" }

  /// Index and tensor of that name; the plan has every name that is asked for.
  func find(_ name: String) throws(PackingError) -> (index: Int, tensor: SourcedTensor) {
    guard let index = indices[name] else { throw PackingError("tensor \(name) is missing") }
    return (index, tensors[index])
  }

  /// A vector.
  func vector(_ name: String) throws(PackingError) -> [Float] {
    let tensor = try find(name).tensor
    var values = [Float](repeating: 0, count: tensor.planned.columnCount)
    try Self.read(tensor.rows, rows: 0..<1, columns: values.count, into: &values)
    return values
  }

  /// A vector, or nil when the architecture has none of that name.
  func optionalVector(_ name: String) throws(PackingError) -> [Float]? {
    indices[name] == nil ? nil : try vector(name)
  }

  private static func read(
    _ source: any TensorRows, rows: Range<Int>, columns: Int, into values: inout [Float]
  ) throws(PackingError) {
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: rows.count * columns * 8, alignment: 64)
    defer { scratch.deallocate() }
    var failure: PackingError?
    values.withUnsafeMutableBufferPointer { buffer in
      do throws(PackingError) {
        try source.read(rows: rows, into: buffer, scratch: scratch)
      } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// A matrix, whole.
  func matrix(_ name: String) throws(PackingError) -> DenseMatrix {
    let tensor = try find(name).tensor
    return try matrix(
      rows: tensor.planned.rowCount, columns: tensor.planned.columnCount, of: tensor.rows)
  }

  /// A matrix from any source of rows.
  func matrix(
    rows rowCount: Int, columns: Int, of source: any TensorRows
  ) throws(PackingError) -> DenseMatrix {
    let matrix = try DenseMatrix(rows: rowCount, columns: columns)
    let rows = try source.prepared()
    try eachRange(matrix.rows) { range throws(PackingError) in
      let scratch = UnsafeMutableRawBufferPointer.allocate(
        byteCount: range.count * matrix.columns * 8, alignment: 64)
      defer { scratch.deallocate() }
      try rows.read(
        rows: range,
        into: UnsafeMutableBufferPointer(
          start: matrix[range.lowerBound], count: range.count * matrix.columns), scratch: scratch)
    }
    return matrix
  }

  /// A matrix as the packed file will have it when it is rounded to nearest, or not at all.
  func stored(_ name: String) throws(PackingError) -> DenseMatrix {
    let tensor = try find(name).tensor
    let matrix = try matrix(name)
    if tensor.keepsSource { return matrix }
    try store(matrix.view(), as: tensor.format, name: name)
    return matrix
  }

  /// A matrix rounded to nearest in a format, and decoded again.
  func rounded(
    _ source: DenseMatrix, to format: TensorFormat, name: String
  ) throws(PackingError) -> DenseMatrix {
    let copy = try DenseMatrix(rows: source.rows, columns: source.columns)
    compute.each(source.rows) { row, _ in copy[row].update(from: source[row], count: source.columns)
    }
    try store(copy.view(), as: format, name: name)
    return copy
  }

  /// The embeddings of `tokens`, multiplied as the model does: the source's, and as the packed file
  /// will have them.
  func embed(
    _ tokens: [UInt32], original: DenseMatrix, stored: DenseMatrix
  ) throws(PackingError) {
    let name = "model.embed_tokens.weight"
    let tensor = try find(name).tensor
    let rows = try tensor.rows.prepared()
    try eachRange(tokens.count) { range throws(PackingError) in
      var values = [Float](repeating: 0, count: tensor.planned.columnCount)
      for position in range {
        let token = Int(tokens[position])
        try Self.read(rows, rows: token..<token + 1, columns: values.count, into: &values)
        original[position].update(from: values, count: values.count)
        stored[position].update(from: values, count: values.count)
      }
    }
    try store(stored.view(), as: tensor.format, name: name)
    guard embeddingMultiplier != 1 else { return }
    compute.each(tokens.count) { row, _ in
      for column in 0..<original.columns {
        original[row][column] *= embeddingMultiplier
        stored[row][column] *= embeddingMultiplier
      }
    }
  }

  /// Rounds rows to nearest as the packer does, and decodes them again.
  private func store(
    _ rows: DenseView, as format: TensorFormat?, name: String
  ) throws(PackingError) {
    guard let format, let kernels = vial_kernels_find(nil)?.pointee else { return }
    try eachRange(rows.rows) { range throws(PackingError) in
      var rounding = RowRounding(format: format, columns: rows.columns, kernels: kernels)
      for row in range where !rounding.apply(rows[row]) {
        throw PackingError("tensor \(name) has values too large for \(format.encoding.name)")
      }
    }
  }

  /// Runs `body` on ranges of rows on all workers; the failure of the first range is thrown.
  private func eachRange(
    _ count: Int, _ body: (Range<Int>) throws(PackingError) -> Void
  ) throws(PackingError) {
    let size = 16
    let failures = Locked<(item: Int, error: PackingError)?>(nil)
    compute.each((count + size - 1) / size) { item, _ in
      do throws(PackingError) {
        try body(item * size..<min((item + 1) * size, count))
      } catch {
        failures.withLock { if item < $0?.item ?? .max { $0 = (item, error) } }
      }
    }
    if let failure = failures.withLock({ $0 }) { throw failure.error }
  }
}

/// One row through an encoding and back.
private struct RowRounding {
  let format: TensorFormat
  let columns: Int
  let kernels: vial_kernels
  private var q: [UInt8]
  private var scales: [UInt16]
  private var zeros: [UInt8]

  init(format: TensorFormat, columns: Int, kernels: vial_kernels) {
    (self.format, self.columns, self.kernels) = (format, columns, kernels)
    let groups = format.groupCount(columns: columns)
    q = [UInt8](repeating: 0, count: columns * 4)
    scales = [UInt16](repeating: 0, count: groups)
    zeros = [UInt8](repeating: 8, count: groups)
  }

  /// False when a value does not fit.
  mutating func apply(_ row: UnsafeMutablePointer<Float>) -> Bool {
    let (count, group) = (UInt32(columns), UInt32(format.group))
    switch format.encoding {
    case .f32: return true
    case .f16, .bf16:
      let encoding = format.encoding.kernelEncoding
      return vial_narrow(encoding, row, columns, &q) == VIAL_KERNEL_OK
        && vial_widen(encoding, q, columns, row) == VIAL_KERNEL_OK
    case .int4: return format.codebook == nil ? applyLinear(row) : applyCodebook(row)
    case .int8:
      let status = q.withUnsafeMutableBytes {
        kernels.quantize_int8_row(
          row, count, group, $0.bindMemory(to: Int8.self).baseAddress, &scales)
      }
      guard status == VIAL_KERNEL_OK else { return false }
      for column in 0..<columns {
        row[column] =
          vial_f16_to_f32(scales[column / Int(group)]) * Float(Int8(bitPattern: q[column]))
      }
    }
    return true
  }

  private mutating func applyLinear(_ row: UnsafeMutablePointer<Float>) -> Bool {
    let group = format.group
    let status = zeros.withUnsafeMutableBufferPointer { zeros in
      kernels.quantize_int4_row(
        row, UInt32(columns), UInt32(group), &q, &scales,
        format.isAsymmetric ? zeros.baseAddress : nil)
    }
    guard status == VIAL_KERNEL_OK else { return false }
    for column in 0..<columns {
      let groupIndex = column / group
      row[column] =
        vial_f16_to_f32(scales[groupIndex]) * (Float(q[column]) - Float(zeros[groupIndex]))
    }
    return true
  }

  private mutating func applyCodebook(_ row: UnsafeMutablePointer<Float>) -> Bool {
    let group = format.group
    let entries = format.codebook?.entries ?? []
    let status = kernels.quantize_codebook_row(
      row, UInt32(columns), UInt32(group), entries, &q, &scales)
    guard status == VIAL_KERNEL_OK else { return false }
    for column in 0..<columns {
      row[column] = vial_f16_to_f32(scales[column / group]) * Float(entries[Int(q[column])])
    }
    return true
  }
}
