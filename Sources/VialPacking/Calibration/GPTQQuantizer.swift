// Owns: the way from a Hessian and a target to integers, scales and zero points: GPTQ in activation
// order, then coordinate descent on integers and scales against the whole Hessian.
// Must not: read weights or write files.
// Source: Frantar et al. (GPTQ), ICLR 2023; the equivalence to Babai's nearest plane: Chen et al.,
// 2025; coordinate descent: Behdin et al. (QuantEase), 2023.
//
// GPTQ decides columns in the order of their importance and lets those that are left make up for
// each error. On the factor H = L·Lᵀ (least important column first) that is rounding from the last
// column to the first, each after the residuals of the columns behind it: no inverse is needed.

import CVialCalibration
import CVialKernels
import Synchronization
import VialFormat
import VialSystem

/// Integers with their scales, `[input][output]` and `[group][output]`, outputs padded to 16.
struct RoundedLinear: @unchecked Sendable {
  /// Place among the source's tensors.
  let index: Int
  let rows: Int
  let columns: Int
  let format: TensorFormat
  let paddedRows: Int
  let integers: UnsafeMutablePointer<UInt8>
  let scales: DenseMatrix
  /// Zero points; zeros with a codebook.
  let zeros: DenseMatrix
  /// What integers of a codebook stand for; nil without one.
  let entries: UnsafeMutablePointer<Float>?
  private let memory: WorkMemory

  var groupSize: Int { format.group }
  /// Whether the integers are int8, which has no zero points.
  var isSigned: Bool { format.encoding == .int8 }
  var groupCount: Int { format.groupCount(columns: columns) }

  init(
    index: Int, rows: Int, columns: Int, format: TensorFormat
  ) throws(PackingError) {
    self.index = index
    (self.rows, self.columns, self.format) = (rows, columns, format)
    paddedRows = (rows + 15) / 16 * 16
    let integerCount = paddedRows * columns
    guard
      let memory = WorkMemory(
        byteCount: integerCount + Codebook.entryCount * MemoryLayout<Float>.stride)
    else { throw PackingError("not enough memory for calibration") }
    self.memory = memory
    let integers = memory.elements(UInt8.self)
    self.integers = integers
    entries = format.codebook.map { codebook in
      let entries = UnsafeMutableRawPointer(integers + integerCount)
        .bindMemory(to: Float.self, capacity: Codebook.entryCount)
      for index in 0..<Codebook.entryCount { entries[index] = Float(codebook[index]) }
      return entries
    }
    let groups = format.groupCount(columns: columns)
    scales = try DenseMatrix(rows: groups, columns: paddedRows)
    zeros = try DenseMatrix(rows: groups, columns: paddedRows)
  }

  /// The weights that the integers stand for, `[output][input]`.
  func decode(into out: DenseMatrix, _ compute: DenseCompute) {
    compute.each(rows) { row, _ in
      let to = out[row]
      for column in 0..<columns {
        let group = column / groupSize
        to[column] = scales[group][row] * steps(integers[column * paddedRows + row], group, row)
      }
    }
  }
}

extension RoundedLinear {
  /// What an integer stands for, in scales.
  func steps(_ integer: UInt8, _ group: Int, _ row: Int) -> Float {
    if let entries { return entries[Int(integer)] }
    if isSigned { return Float(Int8(bitPattern: integer)) }
    return Float(integer) - zeros[group][row]
  }
}

/// How integers are chosen.
struct RoundingSettings: Sendable, Equatable {
  /// Added to the Hessian's diagonal, as a share of its mean.
  var damping: Double = 0.01
  /// Whether targets make up for what layers before have changed.
  var corrects = true
  /// Passes of coordinate descent.
  var sweeps = 4
}

/// Chooses the integers of layers with a common input.
struct GPTQQuantizer {
  private static let block = 128
  private static let lanes = Int(VIAL_DENSE_LANES)

  private let statistics: InputStatistics
  private let settings: RoundingSettings
  private let compute: DenseCompute
  /// H with its diagonal raised.
  private let hessian: DenseView
  /// Columns, the least important first.
  private let order: [Int]
  private let factor: CholeskyFactor
  private let importance: [Float]

  /// Factors the Hessian, whose diagonal it raises.
  init(
    _ statistics: InputStatistics, settings: RoundingSettings, compute: DenseCompute
  ) throws(PackingError) {
    self.statistics = statistics
    self.settings = settings
    self.compute = compute
    hessian = statistics.hessian.view()
    compute.mirror(hessian)
    let size = hessian.rows
    let diagonal = (0..<size).map { statistics.hessian[$0][$0] }
    guard diagonal.allSatisfy(\.isFinite) else {
      throw PackingError("calibration overflows: the activations are not finite")
    }
    order = (0..<size).sorted { (diagonal[$0], $0) < (diagonal[$1], $1) }
    factor = try Self.raisedFactor(hessian, diagonal, order, settings, compute)
    importance = (0..<size).map { statistics.hessian[$0][$0] }
  }

  /// Raises the diagonal until there is a factor: rounding of a nearly singular Hessian only needs
  /// more damping.
  private static func raisedFactor(
    _ hessian: DenseView, _ diagonal: [Float], _ order: [Int], _ settings: RoundingSettings,
    _ compute: DenseCompute
  ) throws(PackingError) -> CholeskyFactor {
    let mean = diagonal.reduce(0.0) { $0 + Double($1) } / Double(diagonal.count)
    var raised = max(mean * settings.damping, 1e-20)
    while raised <= max(mean, 1e-20) * 100 {
      for (column, value) in diagonal.enumerated() {
        hessian[column][column] = value + Float(raised)
      }
      if let factor = try factor(hessian, order, compute) { return factor }
      raised *= 10
    }
    throw PackingError("the Hessian of a layer cannot be factored")
  }

  private static func factor(
    _ hessian: DenseView, _ order: [Int], _ compute: DenseCompute
  ) throws(PackingError) -> CholeskyFactor? {
    let matrix = try DenseMatrix(rows: hessian.rows, columns: hessian.rows)
    compute.each(order.count) { row, _ in
      let (from, to) = (hessian[order[row]], matrix[row])
      for column in 0...row { to[column] = from[order[column]] }
    }
    return try CholeskyFactor(of: matrix, compute)
  }

  /// Rounds one layer.
  func round(_ linear: CalibratedLinear) throws(PackingError) -> RoundedLinear {
    let target = try target(linear)
    let rounded = try RoundedLinear(
      index: linear.index, rows: linear.weights.rows, columns: linear.weights.columns,
      format: linear.format)
    let residual = linear.correction
    if linear.format.encoding == .int8 {
      try roundToBytes(target, rounded)
      return rounded
    }
    scaleSearch(target, rounded)
    try gptqRound(target, residual: residual, rounded)
    takeResiduals(target, into: residual, rounded)
    for _ in 0..<settings.sweeps { try coordinateDescent(target, residual: residual, rounded) }
    return rounded
  }

  /// Floating-point operations of rounding a layer, its share of the factor included.
  func operationCount(_ linear: CalibratedLinear) -> Double {
    Self.operationCount(
      rows: linear.weights.rows, columns: linear.weights.columns,
      shared: statistics.linears.count, settings)
  }

  /// The same from the shape; `shared` layers have one factor.
  static func operationCount(
    rows: Int, columns: Int, shared: Int, _ settings: RoundingSettings
  ) -> Double {
    let (outputs, inputs) = (Double(rows), Double(columns))
    return inputs * inputs
      * (inputs / 3 / Double(shared) + outputs * (3 + 2 * Double(settings.sweeps)))
  }

  /// W*ᵀ, `[input][output]`. Leaves the correction's memory for other use.
  private func target(_ linear: CalibratedLinear) throws(PackingError) -> DenseMatrix {
    let (rows, columns) = (linear.weights.rows, linear.weights.columns)
    let target = try DenseMatrix(rows: columns, columns: linear.correction.columns)
    compute.each(columns) { [order] row, _ in
      target[row].update(from: linear.correction[order[row]], count: target.columns)
    }
    let workspace = try DenseMatrix(rows: DenseCompute.block, columns: target.columns)
    factor.solve(target.view(), workspace: workspace.view())
    // From the factor's order to the layer's own, by way of the correction's memory.
    compute.each(columns) { [order] row, _ in
      let (from, to) = (target[row], linear.correction[order[row]])
      for output in 0..<rows { to[output] = linear.weights[output][order[row]] + from[output] }
      for output in rows..<target.columns { to[output] = 0 }
    }
    compute.each(columns) { row, _ in
      target[row].update(from: linear.correction[row], count: target.columns)
    }
    return target
  }

  private func eachLaneGroup(_ rounded: RoundedLinear, _ body: (_ row: Int) -> Void) {
    compute.each(rounded.paddedRows / Self.lanes) { item, _ in body(item * Self.lanes) }
  }

  private func scaleSearch(_ target: DenseMatrix, _ rounded: RoundedLinear) {
    eachLaneGroup(rounded) { row in
      importance.withUnsafeBufferPointer { importance in
        guard let importance = importance.baseAddress else { return }
        for group in 0..<rounded.groupCount {
          let first = group * rounded.groupSize
          let count = UInt32(min(rounded.groupSize, rounded.columns - first))
          let (weights, scales) = (target[first] + row, rounded.scales[group] + row)
          if let entries = rounded.entries {
            compute.functions.codebook_scale_search(
              weights, target.columns, importance + first, count, entries, scales)
          } else {
            compute.functions.scale_search(
              weights, target.columns, importance + first, count, rounded.format.isAsymmetric,
              scales, rounded.zeros[group] + row)
          }
        }
      }
    }
  }

  /// GPTQ. `residual` ends in the factor's order.
  private func gptqRound(
    _ target: DenseMatrix, residual: DenseMatrix, _ rounded: RoundedLinear
  ) throws(PackingError) {
    let size = rounded.columns
    let feedback = try DenseMatrix(rows: Self.block, columns: target.columns)
    let columns = order.map { UInt32($0) }
    let groups = order.map { UInt32($0 / rounded.groupSize) }
    for begin in stride(from: (size - 1) / Self.block * Self.block, through: 0, by: -Self.block) {
      let range = begin..<min(begin + Self.block, size)
      let later = range.upperBound..<size
      let all = 0..<target.columns
      compute.multiply(
        factor.lower.part(later, range).transposed, residual.view().part(later, all),
        into: feedback.view().part(0..<range.count, all))
      eachLaneGroup(rounded) { row in
        columns.withUnsafeBufferPointer { columns in
          groups.withUnsafeBufferPointer { groups in
            guard let columns = columns.baseAddress, let groups = groups.baseAddress else { return }
            var work = vial_dense_columns(
              weights: target.base + row, residual: residual[begin] + row,
              integers: rounded.integers + row, feedback: feedback.base + row,
              stride: target.columns, factor: factor.lower[begin] + begin,
              factor_stride: factor.lower.stride, columns: columns + begin, groups: groups + begin,
              scales: rounded.scales.base + row, zeros: rounded.zeros.base + row,
              group_stride: rounded.paddedRows, entries: rounded.entries.map { UnsafePointer($0) },
              count: UInt32(range.count))
            compute.functions.gptq_round(&work)
          }
        }
      }
    }
  }

  /// int8 is fine enough to be rounded to nearest.
  private func roundToBytes(
    _ target: DenseMatrix, _ rounded: RoundedLinear
  ) throws(PackingError) {
    guard let kernels = vial_kernels_find(nil)?.pointee else { return }
    let failed = Atomic<Bool>(false)
    compute.each(rounded.rows) { row, _ in
      let values = (0..<rounded.columns).map { target[$0][row] }
      var q = [Int8](repeating: 0, count: rounded.columns)
      var scales = [UInt16](repeating: 0, count: rounded.groupCount)
      let status = kernels.quantize_int8_row(
        values, UInt32(rounded.columns), UInt32(rounded.groupSize), &q, &scales)
      if status != VIAL_KERNEL_OK { failed.store(true, ordering: .relaxed) }
      for column in q.indices {
        rounded.integers[column * rounded.paddedRows + row] = UInt8(bitPattern: q[column])
      }
      for group in scales.indices { rounded.scales[group][row] = vial_f16_to_f32(scales[group]) }
    }
    if failed.load(ordering: .relaxed) {
      throw PackingError("a layer has values too large for an f16 scale")
    }
  }

  /// What is left of the target, in the layer's own order.
  private func takeResiduals(
    _ target: DenseMatrix, into residual: DenseMatrix, _ rounded: RoundedLinear
  ) {
    compute.each(rounded.columns) { column, _ in
      let group = column / rounded.groupSize
      let scales = rounded.scales[group]
      let q = rounded.integers + column * rounded.paddedRows
      for row in 0..<rounded.paddedRows {
        residual[column][row] =
          target[column][row] - scales[row] * rounded.steps(q[row], group, row)
      }
    }
  }

  /// One pass of coordinate descent over all groups.
  private func coordinateDescent(
    _ target: DenseMatrix, residual: DenseMatrix, _ rounded: RoundedLinear
  ) throws(PackingError) {
    let gradient = try DenseMatrix(rows: rounded.groupSize, columns: target.columns)
    for group in 0..<rounded.groupCount {
      let first = group * rounded.groupSize
      let range = first..<min(first + rounded.groupSize, rounded.columns)
      compute.multiply(
        hessian.part(range, 0..<rounded.columns), residual.view(),
        into: gradient.view(from: 0, count: range.count))
      eachLaneGroup(rounded) { row in
        var work = vial_dense_group(
          weights: target[first] + row, residual: residual[first] + row,
          integers: rounded.integers + first * rounded.paddedRows + row,
          gradient: gradient.base + row, stride: target.columns, gradient_stride: target.columns,
          hessian: hessian[first] + first, hessian_stride: hessian.stride,
          scales: rounded.scales[group] + row, zeros: rounded.zeros[group] + row,
          entries: rounded.entries.map { UnsafePointer($0) }, count: UInt32(range.count))
        compute.functions.coordinate_descent(&work)
      }
    }
  }
}
