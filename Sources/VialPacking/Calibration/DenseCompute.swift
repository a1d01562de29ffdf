// Owns: dense products, Cholesky factors and solutions on all processors.
// Must not: let the number of threads change a bit: tasks are rectangles of a result, each element
// is one worker's.

import CVialCalibration
import CVialKernels
import Synchronization
import VialSystem

/// Blocked linear algebra on a thread pool. One caller at a time.
final class DenseCompute: @unchecked Sendable {
  /// Rows and columns of a share, and of a block of a factor.
  private static let tile = 480
  static let block = Int(VIAL_DENSE_BLOCK)

  let pool: ThreadPool
  let functions: vial_dense
  private let scratches: [WorkMemory]

  init(pool: ThreadPool) throws(PackingError) {
    self.pool = pool
    functions = vial_dense_find(false).pointee
    var scratches: [WorkMemory] = []
    for _ in 0..<pool.workerCount {
      guard let scratch = WorkMemory(byteCount: vial_dense_scratch_byte_count()) else {
        throw PackingError("not enough memory for calibration")
      }
      scratches.append(scratch)
    }
    self.scratches = scratches
  }

  /// Runs `body` for every item of `0 ..< count`, in any order, each on one worker.
  func each(_ count: Int, _ body: (_ item: Int, _ worker: Int) -> Void) {
    let next = Atomic<Int>(0)
    pool.run { worker in
      let state = vial_fp_enter()
      defer { vial_fp_leave(state) }
      while true {
        let item = next.add(1, ordering: .relaxed).oldValue
        guard item < count else { return }
        body(item, worker)
      }
    }
  }

  /// c = a · b, or c ± a · b. The columns of c must lie side by side.
  func multiply(
    _ a: DenseView, _ b: DenseView, into c: DenseView, adds: Bool = false, negates: Bool = false
  ) {
    let product = Self.product(a, b, c, adds: adds, negates: negates)
    let (height, width) = Self.shares(c.rows, c.columns, workers: pool.workerCount)
    let down = (c.rows + height - 1) / height
    let across = (c.columns + width - 1) / width
    each(down * across) { [self] item, worker in
      let (row, column) = (item % down * height, item / down * width)
      run(product, row..<min(row + height, c.rows), column..<min(column + width, c.columns), worker)
    }
  }

  /// The lower triangle of h += xᵀ · x, with some of the upper one; `mirror` makes it whole.
  func addSquare(of x: DenseView, to h: DenseView) {
    let product = Self.product(x.transposed, x, h, adds: true, negates: false)
    eachLowerTile(h.rows) { [self] rows, columns, worker in run(product, rows, columns, worker) }
  }

  /// The lower triangle of h -= x · xᵀ, with some of the upper one.
  func subtractSquare(of x: DenseView, from h: DenseView) {
    let product = Self.product(x, x.transposed, h, adds: true, negates: true)
    eachLowerTile(h.rows) { [self] rows, columns, worker in run(product, rows, columns, worker) }
  }

  /// Copies the lower triangle to the upper one.
  func mirror(_ h: DenseView) {
    eachLowerTile(h.rows) { rows, columns, _ in
      for row in rows {
        for column in columns where column < row { h[column][row] = h[row][column] }
      }
    }
  }

  private func eachLowerTile(
    _ size: Int, _ body: (_ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int) -> Void
  ) {
    let count = (size + Self.tile - 1) / Self.tile
    let tiles = (0..<count).flatMap { row in (0...row).map { (row, $0) } }
    func range(_ index: Int) -> Range<Int> {
      index * Self.tile..<min((index + 1) * Self.tile, size)
    }
    each(tiles.count) { body(range(tiles[$0].0), range(tiles[$0].1), $1) }
  }

  /// Height and width of shares: as large as can be while everybody has some.
  private static func shares(_ rows: Int, _ columns: Int, workers: Int) -> (Int, Int) {
    guard workers > 1 else { return (max(1, rows), max(1, columns)) }
    if columns >= rows {
      return (max(1, rows), max(96, min(tile, (columns / (workers * 2) + 95) / 96 * 96)))
    }
    return (max(96, min(tile, (rows / (workers * 2) + 95) / 96 * 96)), max(1, columns))
  }

  private static func product(
    _ a: DenseView, _ b: DenseView, _ c: DenseView, adds: Bool, negates: Bool
  ) -> vial_dense_product {
    precondition(
      a.columns == b.rows && a.rows == c.rows && b.columns == c.columns && c.step == 1,
      "a product of matrices that do not fit")
    return vial_dense_product(
      a: a.base, a_row: a.stride, a_column: a.step, b: b.base, b_row: b.stride, b_column: b.step,
      c: c.base, c_row: c.stride, depth: a.columns, adds: adds || negates, negates: negates)
  }

  private func run(
    _ product: vial_dense_product, _ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int
  ) {
    var product = product
    functions.multiply(
      &product, rows.lowerBound, rows.upperBound, columns.lowerBound, columns.upperBound,
      scratches[worker].base)
  }
}
