// Owns: one layer of calibration: both residual streams through its parts, in true sequential order
// (q, k, v; o; gate, up; down), and rounding between them.
// Must not: write files, or hold more than one part's weights of each kind.
//
// Two streams run side by side: the source's own activations, and those behind everything that was
// rounded so far.

import CVialKernels
import VialFormat

/// What all layers share: the streams and working memory.
final class CalibrationStreams: @unchecked Sendable {
  /// Tokens that are computed together: whole windows, about this many tokens.
  private static let chunkTokenCount = 1024

  let tokenCount: Int
  /// `[token][hidden]` of the source.
  let original: DenseMatrix
  /// The same behind rounded layers.
  let rounded: DenseMatrix
  /// What attention gives to the output projection, behind rounded layers.
  let attended: DenseMatrix
  let chunks: [Range<Int>]
  /// For two inputs, and for what is computed from them, of a chunk.
  let inputs: [DenseMatrix]
  let wide: [DenseMatrix]
  let keys: [DenseMatrix]

  init(_ configuration: CheckpointConfiguration, _ set: CalibrationSet) throws(PackingError) {
    let hidden = configuration.hiddenSize
    let queries = configuration.headCount * configuration.headDimension
    let count = set.tokens.count
    tokenCount = count
    original = try DenseMatrix(rows: tokenCount, columns: hidden)
    rounded = try DenseMatrix(rows: tokenCount, columns: hidden)
    attended = try DenseMatrix(rows: tokenCount, columns: queries)
    let windows = max(1, Self.chunkTokenCount / set.tokensPerWindow)
    let size = windows * set.tokensPerWindow
    chunks = stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    let widest = max(hidden, queries, configuration.feedForwardSize)
    inputs = try Self.matrices(2, size, max(hidden, queries))
    wide = try Self.matrices(4, size, widest)
    keys = try Self.matrices(2, size, configuration.kvHeadCount * configuration.headDimension)
  }

  private static func matrices(
    _ count: Int, _ rows: Int, _ columns: Int
  ) throws(PackingError) -> [DenseMatrix] {
    var matrices: [DenseMatrix] = []
    for _ in 0..<count { matrices.append(try DenseMatrix(rows: rows, columns: columns)) }
    return matrices
  }
}

/// Weights of a linear layer on both streams.
struct LinearPair {
  let original: DenseMatrix
  let rounded: DenseMatrix
  let bias: [Float]?
}

/// Takes the streams through one layer.
struct LayerCalibrator {
  let layer: Int
  let streams: CalibrationStreams
  let forward: CalibrationForward
  let tensors: LayerTensors
  let vectors: LayerVectors
  let settings: RoundingSettings
  /// The layer as an earlier run left it; then nothing is gathered and nothing rounded.
  let finished: LayerFile?
  /// Told after each chunk how many floating-point operations it took; throws to stop.
  let advance: (Double) throws(PackingError) -> Void

  private var compute: DenseCompute { forward.compute }

  /// Moves both streams behind the layer and returns what was rounded.
  func run() throws(PackingError) -> [RoundedLinear] {
    var done: [RoundedLinear] = []
    try attention(&done)
    try feedForward(&done)
    return done
  }

  // MARK: Attention

  private func attention(
    _ done: inout [RoundedLinear]
  ) throws(PackingError) {
    let norm = vectors.inputNorm
    let parts = tensors.stages[0]
    let pairs = try roundBehindNorm(parts, norm, &done)
    let output = tensors.stages[1]
    let outputSources = try matrices(output)
    let outputPart = try outputPart(output[0], vectors.attentionOutputNorm, streams.wide[2])
    let outputStatistics = try self.statistics(
      output, outputSources, writesToResidual: outputPart.norm == nil)
    try eachChunk { chunk throws(PackingError) in
      let (input, original) = normalized(chunk, norm)
      let attended = streams.attended.view(from: chunk.lowerBound, count: chunk.count)
      attend(input, pairs.map { ($0.rounded.view(), $0.bias) }, into: attended)
      let own = streams.wide[1].view(rows: chunk.count, columns: attended.columns)
      attend(original, pairs.map { ($0.original.view(), $0.bias) }, into: own)
      try write(
        chunk, input: attended, original: own, outputPart, outputSources[0], outputStatistics)
      return operations(chunk.count, pairs)
    }
    let pair = try finish(output, outputSources, outputStatistics, &done)[0]
    try eachChunk { chunk throws(PackingError) in
      let attended = streams.attended.view(from: chunk.lowerBound, count: chunk.count)
      add(attended, pair.rounded, outputPart, to: streams.rounded, chunk)
      return operations(chunk.count, [pair]) / 2
    }
  }

  private func attend(
    _ input: DenseView, _ weights: [(DenseView, [Float]?)], into out: DenseView
  ) {
    let rows = input.rows
    let query = streams.wide[0].view(rows: rows, columns: weights[0].0.rows)
    let key = streams.keys[0].view(rows: rows, columns: weights[1].0.rows)
    let value = streams.keys[1].view(rows: rows, columns: weights[2].0.rows)
    for (target, weight) in zip([query, key, value], weights) {
      forward.project(input, weight.0, bias: weight.1, into: target)
    }
    forward.attend(query: query, key: key, value: value, vectors.heads, into: out)
  }

  // MARK: Feed-forward

  private func feedForward(
    _ done: inout [RoundedLinear]
  ) throws(PackingError) {
    let norm = vectors.feedForwardNorm
    let parts = tensors.stages[2]
    let pairs = try roundBehindNorm(parts, norm, &done)
    let output = tensors.stages[3]
    let outputSources = try matrices(output)
    let outputPart = try outputPart(output[0], vectors.feedForwardOutputNorm, streams.wide[3])
    let outputStatistics = try self.statistics(
      output, outputSources, writesToResidual: outputPart.norm == nil)
    try eachChunk { chunk throws(PackingError) in
      let (input, original) = normalized(chunk, norm)
      let inner = gated(input, pairs.map { ($0.rounded.view(), $0.bias) }, 0)
      let own = gated(original, pairs.map { ($0.original.view(), $0.bias) }, 2)
      try write(
        chunk, input: inner, original: own, outputPart, outputSources[0], outputStatistics)
      return operations(chunk.count, pairs)
    }
    let pair = try finish(output, outputSources, outputStatistics, &done)[0]
    try eachChunk { chunk throws(PackingError) in
      let (input, _) = normalized(chunk, norm)
      let inner = gated(input, pairs.map { ($0.rounded.view(), $0.bias) }, 0)
      add(inner, pair.rounded, outputPart, to: streams.rounded, chunk)
      return (operations(chunk.count, pairs) + operations(chunk.count, [pair])) / 2
    }
  }

  private func gated(
    _ input: DenseView, _ weights: [(DenseView, [Float]?)], _ workspace: Int
  ) -> DenseView {
    let gate = streams.wide[workspace].view(rows: input.rows, columns: weights[0].0.rows)
    let up = streams.wide[workspace + 1].view(rows: input.rows, columns: weights[1].0.rows)
    forward.project(input, weights[0].0, bias: weights[0].1, into: gate)
    forward.project(input, weights[1].0, bias: weights[1].1, into: up)
    forward.gate(gate, up)
    return gate
  }

  // MARK: Parts

  /// Gathers for the matrices that read a norm of the residual stream, and rounds them.
  private func roundBehindNorm(
    _ parts: [String], _ norm: [Float]?, _ done: inout [RoundedLinear]
  ) throws(PackingError) -> [LinearPair] {
    let sources = try matrices(parts)
    let statistics = try statistics(parts, sources, writesToResidual: false)
    if let statistics {
      try eachChunk { chunk throws(PackingError) in
        let (input, original) = normalized(chunk, norm)
        statistics.add(input: input, original: original, residual: nil, workspace: streams.wide[0])
        return statistics.operationCount(chunk.count)
      }
    }
    return try finish(parts, sources, statistics, &done)
  }

  /// Norms of a chunk on the rounded and on the original stream; copies without a norm.
  private func normalized(_ chunk: Range<Int>, _ norm: [Float]?) -> (DenseView, DenseView) {
    let hidden = streams.original.columns
    let input = streams.inputs[0].view(rows: chunk.count, columns: hidden)
    let original = streams.inputs[1].view(rows: chunk.count, columns: hidden)
    forward.normalize(
      streams.rounded.view(from: chunk.lowerBound, count: chunk.count), norm, into: input)
    forward.normalize(
      streams.original.view(from: chunk.lowerBound, count: chunk.count), norm, into: original)
    return (input, original)
  }

  /// What follows an output projection before it is added to the residual stream.
  private struct OutputPart {
    let bias: [Float]?
    let norm: [Float]?
    let workspace: DenseMatrix
  }

  private func outputPart(
    _ module: String, _ norm: [Float]?, _ workspace: DenseMatrix
  ) throws(PackingError) -> OutputPart {
    OutputPart(
      bias: try tensors.optionalVector(tensors.name(layer, module + ".bias")), norm: norm,
      workspace: workspace)
  }

  private func add(
    _ x: DenseView, _ weights: DenseMatrix, _ part: OutputPart, to stream: DenseMatrix,
    _ chunk: Range<Int>
  ) {
    forward.addPart(
      x, weights.view(), bias: part.bias, norm: part.norm,
      to: stream.view(from: chunk.lowerBound, count: chunk.count), workspace: part.workspace)
  }

  /// Gathers for a layer that writes to the residual stream, and lets the original stream have its
  /// output. What is normalised before it is added cannot make up for the layers before it.
  private func write(
    _ chunk: Range<Int>, input: DenseView, original: DenseView, _ part: OutputPart,
    _ weights: DenseMatrix, _ statistics: InputStatistics?
  ) throws(PackingError) {
    let own = streams.original.view(from: chunk.lowerBound, count: chunk.count)
    let changed = streams.rounded.view(from: chunk.lowerBound, count: chunk.count)
    let residual = streams.inputs[0].view(rows: chunk.count, columns: own.columns)
    let multiplier = Float(forward.configuration.traits.residualMultiplier)
    compute.each(own.rows) { row, _ in
      for column in 0..<own.columns {
        residual[row][column] = (own[row][column] - changed[row][column]) / multiplier
      }
    }
    add(original, weights, part, to: streams.original, chunk)
    guard let statistics else { return }
    statistics.add(
      input: input, original: original, residual: part.norm == nil ? residual : nil,
      workspace: streams.wide[3])
    try advance(statistics.operationCount(chunk.count))
  }

  private func matrices(_ parts: [String]) throws(PackingError) -> [DenseMatrix] {
    var matrices: [DenseMatrix] = []
    for part in parts {
      matrices.append(try tensors.matrix(tensors.name(layer, part + ".weight")))
    }
    return matrices
  }

  /// Room for what is gathered about parts, or nil when none of them is rounded here.
  private func statistics(
    _ parts: [String], _ sources: [DenseMatrix], writesToResidual: Bool
  ) throws(PackingError) -> InputStatistics? {
    guard finished == nil else { return nil }
    var linears: [CalibratedLinear] = []
    for (part, source) in zip(parts, sources) {
      let (index, tensor) = try tensors.find(tensors.name(layer, part + ".weight"))
      guard let format = tensor.calibratedFormat else { continue }
      linears.append(try CalibratedLinear(index: index, format: format, weights: source))
    }
    return linears.isEmpty
      ? nil
      : try InputStatistics(
        linears, corrects: settings.corrects, writesToResidual: writesToResidual, compute: compute)
  }

  /// Rounds the parts, or takes them from the file of an earlier run.
  private func finish(
    _ parts: [String], _ sources: [DenseMatrix], _ statistics: InputStatistics?,
    _ done: inout [RoundedLinear]
  ) throws(PackingError) -> [LinearPair] {
    var rounded: [Int: DenseMatrix] = [:]
    if let statistics {
      statistics.finish()
      let rounding = try GPTQQuantizer(statistics, settings: settings, compute: compute)
      for linear in statistics.linears {
        let result = try rounding.round(linear)
        done.append(result)
        let decoded = try DenseMatrix(rows: linear.weights.rows, columns: linear.weights.columns)
        result.decode(into: decoded, compute)
        rounded[linear.index] = decoded
        try advance(rounding.operationCount(linear))
      }
    }
    var pairs: [LinearPair] = []
    for (part, source) in zip(parts, sources) {
      let name = tensors.name(layer, part + ".weight")
      let index = try tensors.find(name).index
      var weights = rounded[index]
      if weights == nil { weights = try finished?.matrix(index, tensors) }
      if weights == nil { weights = try tensors.stored(name) }
      guard let weights else { continue }
      pairs.append(
        LinearPair(
          original: source, rounded: weights,
          bias: try tensors.optionalVector(tensors.name(layer, part + ".bias"))))
    }
    return pairs
  }

  private func eachChunk(
    _ body: (Range<Int>) throws(PackingError) -> Double
  ) throws(PackingError) {
    for chunk in streams.chunks { try advance(body(chunk)) }
  }

  private func operations(_ tokens: Int, _ pairs: [LinearPair]) -> Double {
    pairs.reduce(0) { $0 + 4 * Double(tokens) * Double($1.original.rows * $1.original.columns) }
  }
}
