// Owns: the working matrices of calibration: f32, row by row, in memory that is given back whole.
// Must not: compute.

import VialSystem

/// A matrix of floats, zero when made. Threads may write different parts.
final class DenseMatrix: @unchecked Sendable {
  let rows: Int
  let columns: Int
  let base: UnsafeMutablePointer<Float>
  private let memory: WorkMemory

  /// Reserves `rows` × `columns`; untouched pages cost nothing.
  init(rows: Int, columns: Int) throws(PackingError) {
    let (count, first) = rows.multipliedReportingOverflow(by: columns)
    let (byteCount, second) = count.multipliedReportingOverflow(by: 4)
    guard !first, !second, byteCount >= 0, let memory = WorkMemory(byteCount: byteCount) else {
      throw PackingError("not enough memory for calibration")
    }
    self.rows = rows
    self.columns = columns
    self.memory = memory
    base = memory.elements(Float.self)
  }

  /// The first element of a row.
  subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * columns }

  /// Rows from `first`, as a view.
  func view(from first: Int = 0, count: Int? = nil) -> DenseView {
    DenseView(base: self[first], rows: count ?? rows - first, columns: columns, stride: columns)
  }

  /// Rows of a working matrix that has been made larger than is needed now.
  func view(rows: Int, columns: Int) -> DenseView {
    DenseView(base: base, rows: rows, columns: columns, stride: columns)
  }
}

/// A part of a matrix. Valid as long as the matrix lives.
struct DenseView: @unchecked Sendable {
  var base: UnsafeMutablePointer<Float>
  var rows: Int
  var columns: Int
  /// Elements between rows.
  var stride: Int
  /// Elements between columns.
  var step = 1

  subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }

  /// The same numbers, rows as columns.
  var transposed: DenseView {
    DenseView(base: base, rows: columns, columns: rows, stride: step, step: stride)
  }

  /// A rectangle of it.
  func part(_ rows: Range<Int>, _ columns: Range<Int>) -> DenseView {
    DenseView(
      base: base + rows.lowerBound * stride + columns.lowerBound * step, rows: rows.count,
      columns: columns.count, stride: stride, step: step)
  }
}
