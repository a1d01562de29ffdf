// Owns: the rows of a linear layer with an adapter merged into them: W + scale · B·A, before
// anything is quantised.
// Must not: sum in any other than its one order, so that the same input gives the same bytes.

import CVialKernels
import VialFormat

/// Rows of a tensor and of what an adapter adds to it.
struct MergedRows: TensorRows {
  private let rows: any TensorRows
  private let module: AdapterModule
  private let scale: Float
  /// A and B as floats, while the tensor is encoded.
  private let matrices: Matrices?

  private final class Matrices: Sendable {
    let a: [Float]
    let b: [Float]

    init(_ module: AdapterModule) throws(PackingError) {
      a = try module.a.values()
      b = try module.b.values()
    }
  }

  init(_ rows: any TensorRows, _ module: AdapterModule, isRankStabilised: Bool) {
    self.init(
      rows, module,
      scale: AdapterTarget.scale(
        alpha: module.alpha, rank: module.rank, isRankStabilised: isRankStabilised), matrices: nil)
  }

  private init(
    _ rows: any TensorRows, _ module: AdapterModule, scale: Float, matrices: Matrices?
  ) {
    self.rows = rows
    self.module = module
    self.scale = scale
    self.matrices = matrices
  }

  func prepared() throws(PackingError) -> any TensorRows {
    MergedRows(try rows.prepared(), module, scale: scale, matrices: try Matrices(module))
  }

  func read(
    rows range: Range<Int>, into values: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    try rows.read(rows: range, into: values, scratch: scratch)
    let matrices: Matrices
    if let ready = self.matrices { matrices = ready } else { matrices = try Matrices(module) }
    guard let kernels = vial_kernels_find(nil), let target = values.baseAddress else { return }
    let (columns, rank) = (module.a.columnCount, module.rank)
    var delta = [Float](repeating: 0, count: columns)
    for (index, row) in range.enumerated() {
      for column in 0..<columns { delta[column] = 0 }
      matrices.a.withUnsafeBufferPointer { a in
        guard let a = a.baseAddress else { return }
        for step in 0..<rank {
          kernels.pointee.scaled_add(
            &delta, a + step * columns, matrices.b[row * rank + step], columns)
        }
      }
      kernels.pointee.scaled_add(target + index * columns, delta, scale, columns)
    }
  }
}
