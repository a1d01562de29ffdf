// Owns: the factor L of a Hessian, H = L · Lᵀ, in place, and solutions with it.
// Must not: know what the matrix is.
// Blocks of 256 are factored in f64, everything between them is products.

import CVialCalibration
import VialSystem

/// A lower triangular factor that took the place of its matrix.
struct CholeskyFactor {
  /// L in the lower triangle; what is above the diagonal means nothing.
  var lower: DenseView { matrix.view() }
  private let matrix: DenseMatrix
  /// The inverses of the diagonal blocks.
  private let inverses: DenseMatrix
  private let compute: DenseCompute

  /// Factors `matrix`, of which the lower triangle is read, in place; nil when it is not positive
  /// definite.
  init?(of whole: DenseMatrix, _ compute: DenseCompute) throws(PackingError) {
    let matrix = whole.view()
    let (size, block) = (matrix.rows, DenseCompute.block)
    self.matrix = whole
    self.compute = compute
    inverses = try DenseMatrix(rows: (size + block - 1) / block * block, columns: block)
    let panel = try DenseMatrix(rows: size, columns: block)
    guard let scratch = WorkMemory(byteCount: 2 * block * block * MemoryLayout<Double>.stride)
    else { throw PackingError("not enough memory for calibration") }
    for begin in stride(from: 0, to: size, by: block) {
      let end = min(begin + block, size)
      let count = end - begin
      let isPositive = vial_dense_cholesky(
        matrix[begin] + begin, matrix.stride, UInt32(count), inverses[begin],
        scratch.elements(Double.self))
      guard isPositive else { return nil }
      guard end < size else { break }
      let below = matrix.part(end..<size, begin..<end)
      let copy = panel.view(rows: size - end, columns: block).part(0..<size - end, 0..<count)
      compute.multiply(below, inverse(begin..<end).transposed, into: copy)
      compute.each(size - end) { row, _ in below[row].update(from: copy[row], count: count) }
      compute.subtractSquare(of: copy, from: matrix.part(end..<size, end..<size))
    }
  }

  private func inverse(_ range: Range<Int>) -> DenseView {
    DenseView(
      base: inverses[range.lowerBound], rows: range.count, columns: range.count,
      stride: range.count)
  }

  /// Replaces x by H⁻¹ · x; `workspace` has a block's rows and x's columns.
  func solve(_ x: DenseView, workspace: DenseView) {
    let (size, block) = (lower.rows, DenseCompute.block)
    let begins = Array(stride(from: 0, to: size, by: block))
    let all = 0..<x.columns
    func finish(_ range: Range<Int>, _ inverse: DenseView) {
      let part = workspace.part(0..<range.count, all)
      compute.multiply(inverse, x.part(range, all), into: part)
      compute.each(range.count) { row, _ in
        x[range.lowerBound + row].update(from: part[row], count: x.columns)
      }
    }
    for begin in begins {
      let range = begin..<min(begin + block, size)
      compute.multiply(
        lower.part(range, 0..<begin), x.part(0..<begin, all), into: x.part(range, all),
        negates: true)
      finish(range, inverse(range))
    }
    for begin in begins.reversed() {
      let range = begin..<min(begin + block, size)
      let later = range.upperBound..<size
      compute.multiply(
        lower.part(later, range).transposed, x.part(later, all), into: x.part(range, all),
        negates: true)
      finish(range, inverse(range).transposed)
    }
  }
}
