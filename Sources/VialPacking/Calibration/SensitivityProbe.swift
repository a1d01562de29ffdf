// Owns: how much each linear layer's rounding disturbs the residual stream: what a bit more is
// worth where.
// Must not: decide formats; `MixedPrecisionPlan` does.
//
// One tensor at a time is rounded to nearest, and the change of its layer's output is measured
// relative to the stream: mean over tokens of ‖Δh‖² ÷ ‖h‖². On the demonstration model this is
// within a factor of two of the tensor's share of the divergence of the whole model, measured
// tensor by tensor. Finer formats are rated by their weights' error alone.

import CVialKernels
import VialFormat

/// Measures the tensors of one layer after the other on some windows of text.
struct SensitivityProbe {
  /// Tokens that are looked at.
  static let tokenCount = 1024

  /// A tensor and what it costs in each format.
  struct Finding: Sendable {
    let index: Int
    let weightCount: Int
    /// Relative disturbance, by format.
    let errors: [(format: TensorFormat, error: Double)]
  }

  private let tensors: LayerTensors
  private let forward: CalibrationForward
  private let formats: [TensorFormat]
  private let hidden: DenseMatrix
  private let workspaces: [DenseMatrix]
  private var compute: DenseCompute { forward.compute }

  /// A probe on the first windows of `set`. The first of `formats` is the coarsest.
  init(
    _ set: CalibrationSet, tensors: LayerTensors, forward: CalibrationForward,
    formats: [TensorFormat]
  ) throws(PackingError) {
    self.tensors = tensors
    self.forward = forward
    self.formats = formats
    let windows = max(1, min(set.windowCount, Self.tokenCount / set.tokensPerWindow))
    let tokens = Array(set.tokens[..<(windows * set.tokensPerWindow)])
    let configuration = forward.configuration
    hidden = try DenseMatrix(rows: tokens.count, columns: configuration.hiddenSize)
    let queries = configuration.headCount * configuration.headDimension
    let keys = configuration.kvHeadCount * configuration.headDimension
    let (size, wide) = (configuration.hiddenSize, configuration.feedForwardSize)
    var workspaces: [DenseMatrix] = []
    for width in [size, queries, keys, keys, queries, wide, wide, size, size, size] {
      workspaces.append(try DenseMatrix(rows: tokens.count, columns: width))
    }
    self.workspaces = workspaces
    try tensors.embed(tokens, original: hidden, stored: workspaces[9])
  }

  /// Findings about a layer's seven matrices; the stream moves behind it.
  func run(layer: Int) throws(PackingError) -> [Finding] {
    let names = tensors.stages.joined().map { tensors.name(layer, $0 + ".weight") }
    var weights: [DenseMatrix] = []
    for name in names { weights.append(try tensors.matrix(name)) }
    let block = try Block(layer, tensors, forward.configuration)
    let base = workspaces[8].view()
    compute(block, weights, into: base)
    var findings: [Finding] = []
    for (position, name) in names.enumerated() {
      let source = weights[position]
      var errors: [Double] = []
      for (index, format) in formats.enumerated() {
        let stored = try tensors.rounded(source, to: format, name: name)
        errors.append(squaredError(source, stored))
        guard index == 0 else { continue }
        weights[position] = stored
        compute(block, weights, into: workspaces[9].view())
        weights[position] = source
      }
      let disturbance = relativeChange(workspaces[9], from: workspaces[8])
      findings.append(
        Finding(
          index: try tensors.find(name).index, weightCount: source.rows * source.columns,
          errors: zip(formats, errors).map {
            ($0, errors[0] > 0 ? disturbance * $1 / errors[0] : 0)
          }))
    }
    compute.each(hidden.rows) { [hidden, workspaces] row, _ in
      hidden[row].update(from: workspaces[8][row], count: hidden.columns)
    }
    return findings
  }

  /// Norms and biases of a layer.
  private struct Block {
    let vectors: LayerVectors
    /// In the order of the matrices.
    let biases: [[Float]?]

    init(
      _ layer: Int, _ tensors: LayerTensors, _ configuration: CheckpointConfiguration
    ) throws(PackingError) {
      vectors = try LayerVectors(layer, tensors, configuration)
      var biases: [[Float]?] = []
      for part in tensors.stages.joined() {
        biases.append(try tensors.optionalVector(tensors.name(layer, part + ".bias")))
      }
      self.biases = biases
    }
  }

  private func compute(_ block: Block, _ weights: [DenseMatrix], into out: DenseView) {
    let (normed, vectors, biases) = (workspaces[0].view(), block.vectors, block.biases)
    forward.normalize(hidden.view(), vectors.inputNorm, into: normed)
    for part in 0..<3 {
      forward.project(
        normed, weights[part].view(), bias: biases[part], into: workspaces[1 + part].view())
    }
    forward.attend(
      query: workspaces[1].view(), key: workspaces[2].view(), value: workspaces[3].view(),
      vectors.heads, into: workspaces[4].view())
    compute.each(hidden.rows) { row, _ in
      out[row].update(from: hidden[row], count: hidden.columns)
    }
    forward.addPart(
      workspaces[4].view(), weights[3].view(), bias: biases[3],
      norm: vectors.attentionOutputNorm, to: out, workspace: workspaces[7])
    forward.normalize(out, vectors.feedForwardNorm, into: normed)
    forward.project(normed, weights[4].view(), bias: biases[4], into: workspaces[5].view())
    forward.project(normed, weights[5].view(), bias: biases[5], into: workspaces[6].view())
    forward.gate(workspaces[5].view(), workspaces[6].view())
    forward.addPart(
      workspaces[5].view(), weights[6].view(), bias: biases[6],
      norm: vectors.feedForwardOutputNorm, to: out, workspace: workspaces[7])
  }

  private func relativeChange(_ changed: DenseMatrix, from base: DenseMatrix) -> Double {
    var total = 0.0
    for row in 0..<base.rows {
      var (change, size) = (0.0, 1e-30)
      for column in 0..<base.columns {
        let difference = Double(changed[row][column] - base[row][column])
        change += difference * difference
        size += Double(base[row][column]) * Double(base[row][column])
      }
      total += change / size
    }
    return total / Double(base.rows)
  }

  /// Row by row, so that the order of the sum does not depend on threads.
  private func squaredError(_ source: DenseMatrix, _ stored: DenseMatrix) -> Double {
    var sums = [Double](repeating: 0, count: source.rows)
    sums.withUnsafeMutableBufferPointer { sums in
      nonisolated(unsafe) let sums = sums
      compute.each(source.rows) { row, _ in
        var sum: Float = 0
        for column in 0..<source.columns {
          let difference = source[row][column] - stored[row][column]
          sum += difference * difference
        }
        sums[row] = Double(sum)
      }
    }
    return sums.reduce(0, +)
  }
}
