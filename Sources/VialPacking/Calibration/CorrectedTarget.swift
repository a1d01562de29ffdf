// Owns: what calibration gathers about linear layers that read the same input: the Hessian of the
// input, and for each layer how far its output is from what it should be.
// Must not: choose integers.
//
// A layer sees inputs x̃ that quantisation before it has changed; in the original they are x, and
// the residual stream differs by r. Least squares over all tokens asks for weights W* with W*·x̃ ≈
// W·x + r: with H = Σ x̃x̃ᵀ and D = Σ x̃(W(x − x̃) + r)ᵀ, W*ᵀ = Wᵀ + H⁻¹D. So every layer makes up
// for the ones before it (GPTAQ, Qronos, 2025).

import VialFormat

/// A linear layer in the making.
struct CalibratedLinear {
  /// Place among the source's tensors.
  let index: Int
  let format: TensorFormat
  /// W, `[output][input]`.
  let weights: DenseMatrix
  /// Dᵀ: `[input][output]`, outputs padded to the kernels' 16 rows.
  let correction: DenseMatrix

  init(index: Int, format: TensorFormat, weights: DenseMatrix) throws(PackingError) {
    self.index = index
    self.format = format
    self.weights = weights
    correction = try DenseMatrix(
      rows: weights.columns, columns: (weights.rows + 15) / 16 * 16)
  }
}

/// Sums over the calibration tokens for layers with a common input.
struct InputStatistics {
  /// Σ x̃x̃ᵀ, `[input][input]`.
  let hessian: DenseMatrix
  let linears: [CalibratedLinear]
  /// Σ x̃(x − x̃)ᵀ, `[input][input]`, where no layer writes to the residual stream: D is then its
  /// product with Wᵀ, which spares every token the layers' outputs.
  private let drift: DenseMatrix?
  /// Whether D is gathered; without it W* is W.
  private let corrects: Bool
  private let compute: DenseCompute

  init(
    _ linears: [CalibratedLinear], corrects: Bool, writesToResidual: Bool, compute: DenseCompute
  ) throws(PackingError) {
    let size = linears[0].weights.columns
    hessian = try DenseMatrix(rows: size, columns: size)
    drift = corrects && !writesToResidual ? try DenseMatrix(rows: size, columns: size) : nil
    self.linears = linears
    self.corrects = corrects
    self.compute = compute
  }

  /// Adds tokens.
  ///
  /// - Parameters:
  ///   - input: x̃.
  ///   - original: x; overwritten.
  ///   - residual: r, for layers that write to the residual stream.
  ///   - room: for the outputs of the widest layer.
  func add(input: DenseView, original: DenseView, residual: DenseView?, workspace: DenseMatrix) {
    compute.addSquare(of: input, to: hessian.view())
    guard corrects else { return }
    compute.each(input.rows) { row, _ in
      let (from, to) = (input[row], original[row])
      for column in 0..<input.columns { to[column] -= from[column] }
    }
    if let drift {
      compute.multiply(input.transposed, original, into: drift.view(), adds: true)
      return
    }
    for linear in linears {
      let out = workspace.view(rows: input.rows, columns: linear.weights.rows)
      if let residual {
        compute.each(out.rows) { row, _ in
          out[row].update(from: residual[row], count: out.columns)
        }
      }
      compute.multiply(
        original, linear.weights.view().transposed, into: out, adds: residual != nil)
      compute.multiply(input.transposed, out, into: correction(linear), adds: true)
    }
  }

  /// Ends gathering: all corrections are D afterwards.
  func finish() {
    guard let drift else { return }
    for linear in linears {
      compute.multiply(drift.view(), linear.weights.view().transposed, into: correction(linear))
    }
  }

  /// The correction without the outputs that only pad it.
  private func correction(_ linear: CalibratedLinear) -> DenseView {
    let whole = linear.correction.view()
    return whole.part(0..<whole.rows, 0..<linear.weights.rows)
  }

  /// Floating-point operations that `tokens` tokens take.
  func operationCount(_ tokens: Int) -> Double {
    Self.operationCount(
      Double(tokens), inputs: hessian.rows,
      outputs: linears.reduce(0) { $0 + $1.weights.rows }, writesToResidual: drift == nil)
  }

  /// The same from the shape.
  static func operationCount(
    _ tokens: Double, inputs: Int, outputs: Int, writesToResidual: Bool
  ) -> Double {
    let inputs = Double(inputs)
    return tokens * inputs * (inputs + (writesToResidual ? 4 * Double(outputs) : 2 * inputs))
  }
}
