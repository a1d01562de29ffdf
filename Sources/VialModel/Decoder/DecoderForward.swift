// Owns: the order of the forward pass of a decoder: which kernel runs on what, on which worker.
// What a layer lacks (a norm, a bias, a multiplier) is skipped.
// Must not: schedule sequences or own the KV cache.
// Source: Spec/ARITHMETIC.md, which makes the bits independent of how phases are divided; Llama
// (Touvron et al., 2023), Qwen2 (Yang et al., 2024).

import Synchronization
import VialArchitectures
package import VialCompute
public import VialFormat
package import VialSystem

/// Runs steps of up to `maximumRows` tokens, of one or many sequences, over mapped weights.
///
/// Not thread-safe: one step at a time. The workers of `pool` do the computing.
public final class DecoderForward: @unchecked Sendable {
  /// Tokens that a step may hold.
  public let maximumRows: Int
  let weights: DecoderWeights
  let shape: DecoderShape
  let kernels: KernelFamily
  let cache: KVCacheLayout
  let pool: ThreadPool
  let buffers: DecoderBuffers
  let panels: [UInt32: ActivationPanels]
  let workerActivations: [WorkerActivations]
  let attentionScratch: AttentionScratch
  let queue: WorkQueue
  let nextItem = Atomic<Int>(0)
  /// Working memory of adapters; nil when the model has none.
  let adapterBuffers: AdapterBuffers?
  /// Rows that steps have written since the last `wipe`.
  private var writtenRows = 0
  /// Rows of the last step that went through all of the last layer, ascending: those whose logits
  /// are computed.
  var finishedRows: [Int] = []
  /// Rows of the last step that use adapters; after it, numbered as `finishedRows` are.
  var adaptedGroups: [AdaptedGroup] = []
  /// The adapters that change the current projection.
  var activeAdapters = ActiveAdapters()

  /// Reserves the working memory; nil when memory is short.
  /// - Parameter contextLength: the most positions that a sequence may have.
  package init?(
    weights: DecoderWeights, cache: KVCacheLayout, family: KernelFamily, pool: ThreadPool,
    maximumRows: Int, contextLength: Int, memory: MemorySource? = nil
  ) {
    let shape = weights.shape
    let depth = max(shape.hiddenSize, shape.queryWidth, shape.feedForwardSize)
    var panels: [UInt32: ActivationPanels] = [:]
    for group in weights.activationGroups {
      guard
        let panel = ActivationPanels(
          maximumTokens: maximumRows, maximumDepth: depth, group: group, memory: memory)
      else { return nil }
      panels[group] = panel
    }
    guard maximumRows > 0,
      let buffers = DecoderBuffers(
        shape: shape, maximumRows: maximumRows, source: memory),
      let scratch = AttentionScratch(
        shape: shape, contextLength: contextLength, workerCount: pool.workerCount,
        source: memory)
    else { return nil }
    var workerActivations: [WorkerActivations] = []
    for _ in 0..<pool.workerCount {
      guard
        let activations = WorkerActivations(
          shape: shape, depth: depth, groups: weights.activationGroups, source: memory)
      else { return nil }
      workerActivations.append(activations)
    }
    self.maximumRows = maximumRows
    self.weights = weights
    self.shape = shape
    self.kernels = family
    self.cache = cache
    self.pool = pool
    self.buffers = buffers
    self.panels = panels
    self.workerActivations = workerActivations
    self.attentionScratch = scratch
    self.queue = WorkQueue(workerCount: pool.workerCount)
    let width = weights.adapters.reduce(0) { max($0, $1.intermediateWidth) }
    guard width > 0 else {
      adapterBuffers = nil
      return
    }
    guard
      let buffers = AdapterBuffers(
        width: width, maximumRows: maximumRows, workerCount: pool.workerCount, source: memory)
    else { return nil }
    adapterBuffers = buffers
  }

  /// Computes the hidden states of all tokens of the segments and stores their keys and values.
  ///
  /// Rows are numbered through the segments in order. Afterwards `logits` can be computed for the
  /// last `logitsCount` rows of each; the others end with their keys and values in the last layer.
  /// - Precondition: the segments hold 1 to `maximumRows` tokens together, tokens are below the
  ///   vocabulary size, blocks reach the last position. The engine guarantees it.
  /// - Throws: R-220 when the file is verified lazily and weights that the step, or its logits,
  ///   would read do not match their digest; then nothing was computed.
  public func run(_ segments: [StepSegment]) throws(FormatError) {
    try weights.lazyVerification?.check(segments, on: pool)
    let rows = gather(segments)
    writtenRows = max(writtenRows, rows)
    adaptedGroups = Self.groups(of: segments)
    activeAdapters.parts = []
    embed(rows, segments)
    for (index, layer) in weights.layers.enumerated() {
      let isLast = index + 1 == weights.layers.count
      let following = isLast ? weights.head : weights.layers[index + 1].attentionInput
      attend(layer, index, segments, rows: rows, isLast: isLast)
      let left = isLast ? keepFinishedRows(of: segments, rows: rows) : rows
      guard left > 0 else { return }
      let nonFiniteFlags = left < rows ? buffers.headNonFiniteFlags : buffers.nonFiniteFlags
      projectAttended(layer, index, rows: left, nonFiniteFlags: nonFiniteFlags)
      feedForward(layer, index, rows: left, nonFiniteFlags: nonFiniteFlags, following)
      if left < rows {
        for (index, row) in finishedRows.enumerated() {
          buffers.nonFiniteFlags[row] |= nonFiniteFlags[index]
        }
      }
    }
  }

  /// How many rows steps have written since the last call.
  func takeWrittenRows() -> Int {
    defer { writtenRows = 0 }
    return writtenRows
  }

  /// `attended = attention(query, key, value(norm(hidden)))`.
  private func attend(
    _ layer: DecoderLayer, _ index: Int, _ segments: [StepSegment], rows: Int, isLast: Bool
  ) {
    activateAdapters(.attentionInput, layer: index)
    let input = prepare(
      layer.attentionInput, from: buffers.hidden, stride: buffers.hiddenStride, rows: rows,
      norm: layer.inputNorm)
    projectAttentionInput(input, next: layer.attentionOutput)
    if shape.normalizesWholeRows { normalizeQueriesAndKeys(layer, rows: rows) }
    attend(layer: index, segments: segments, rows: rows, isLast: isLast)
  }

  /// Moves the rows whose logits are computed before the others, which nothing reads any more, and
  /// renumbers the rows of adapters. Returns how many rows are left.
  private func keepFinishedRows(of segments: [StepSegment], rows: Int) -> Int {
    finishedRows.removeAll(keepingCapacity: true)
    var end = 0
    for segment in segments {
      end += segment.count
      finishedRows.append(contentsOf: end - segment.logitsCount..<end)
    }
    guard finishedRows.count < rows else { return rows }
    for (index, row) in finishedRows.enumerated() where index != row {
      move(buffers.hidden, stride: buffers.hiddenStride, row: row, to: index)
      move(buffers.attended, stride: buffers.queryStride, row: row, to: index)
    }
    buffers.headNonFiniteFlags.update(repeating: 0, count: finishedRows.count)
    adaptedGroups = Self.groups(ofRows: finishedRows, in: adaptedGroups)
    activeAdapters.parts = []  // what is left may have no adapter
    return finishedRows.count
  }

  private func move(
    _ rows: UnsafeMutablePointer<Float>, stride: Int, row: Int, to index: Int
  ) {
    (rows + index * stride).update(from: rows + row * stride, count: stride)
  }

  /// `hidden += output(attended)`, normalised where the layer has a norm for it.
  private func projectAttended(
    _ layer: DecoderLayer, _ index: Int, rows: Int, nonFiniteFlags: UnsafeMutablePointer<UInt8>
  ) {
    activateAdapters(.attentionOutput, layer: index)
    let attended = prepare(
      layer.attentionOutput, from: buffers.attended, stride: buffers.queryStride, rows: rows,
      norm: nil, nonFiniteFlags: nonFiniteFlags)
    projectResidual(attended, norm: layer.attentionOutputNorm, next: layer.feedForwardInput)
  }

  /// `hidden += down(activation(gate(norm(hidden))) * up(norm(hidden)))`, normalised where the
  /// layer has a norm for it. `following` reads `hidden` next.
  private func feedForward(
    _ layer: DecoderLayer, _ index: Int, rows: Int, nonFiniteFlags: UnsafeMutablePointer<UInt8>,
    _ following: Projection
  ) {
    activateAdapters(.feedForwardInput, layer: index)
    let input = prepare(
      layer.feedForwardInput, from: buffers.hidden, stride: buffers.hiddenStride, rows: rows,
      norm: layer.feedForwardNorm, nonFiniteFlags: nonFiniteFlags)
    projectGated(input, next: layer.feedForwardOutput)
    activateAdapters(.feedForwardOutput, layer: index)
    let gated = prepare(
      layer.feedForwardOutput, from: buffers.gate, stride: buffers.feedForwardStride, rows: rows,
      norm: nil, nonFiniteFlags: nonFiniteFlags)
    projectResidual(gated, norm: layer.feedForwardOutputNorm, next: following)
  }

  /// Whether a value of this row was infinite or not a number in the step (its logits included,
  /// once they were computed): its request must end.
  public func isNonFinite(row: Int) -> Bool {
    let heads = shape.kvHeadCount
    return buffers.nonFiniteFlags[row] != 0
      || (0..<heads).contains { buffers.cacheNonFiniteFlags[row * heads + $0] != 0 }
  }

  /// Computes the logits of some rows of the last step.
  /// - Parameters:
  ///   - rows: row numbers of the last step, among those whose logits its segments announced; at
  ///     most `maximumRows`.
  ///   - out: `rows.count` × vocabulary size floats.
  ///   - body: runs for each row whose values are finite, on several workers at a time; their
  ///     numbers are below `rows.count`.
  public func logits(
    ofRows rows: [Int], into out: UnsafeMutablePointer<Float>,
    body: ((_ worker: Int, _ index: Int) -> Void)? = nil
  ) {
    // Gathered rows go through `projected`, which no later phase of this step needs.
    let stride = buffers.hiddenStride
    let finished = rows.map(finishedIndex(of:))
    writtenRows = max(writtenRows, rows.count)
    for (index, finishedIndex) in finished.enumerated() {
      (buffers.projected + index * stride).update(
        from: buffers.hidden + finishedIndex * stride, count: stride)
    }
    buffers.headNonFiniteFlags.update(repeating: 0, count: rows.count)
    activateHeadAdapters(rows: finished)
    let input = prepare(
      weights.head, from: buffers.projected, stride: stride, rows: rows.count,
      norm: weights.finalNorm, nonFiniteFlags: buffers.headNonFiniteFlags)
    let vocabulary = shape.vocabularySize
    project(input, outputs: [(out, vocabulary)])
    func finish(_ index: Int, _ worker: Int) {
      let row = rows[index]
      if shape.logitMultiplier != 1 {
        kernels.scale(out + index * vocabulary, by: shape.logitMultiplier, count: vocabulary)
      }
      let isFinite = kernels.isFinite(out + index * vocabulary, count: vocabulary)
      if buffers.headNonFiniteFlags[index] != 0 || !isFinite { buffers.nonFiniteFlags[row] = 1 }
      if shape.logitSoftCap != 0 {
        kernels.softCap(out + index * vocabulary, limit: shape.logitSoftCap, count: vocabulary)
      }
      if let body, !isNonFinite(row: row) { body(worker, index) }
    }
    if rows.count == 1 {
      KernelFamily.withContractState { finish(0, 0) }
    } else {
      let workerCount = min(rows.count, pool.workerCount)
      compute { worker in
        guard worker < workerCount else { return }
        for index in WorkPortion.range(of: rows.count, worker: worker, of: workerCount) {
          finish(index, worker)
        }
      }
    }
  }

  /// The index of a row in `finishedRows`, by bisection.
  private func finishedIndex(of row: Int) -> Int {
    var indices = finishedRows.indices
    while indices.count > 1 {
      let middle = indices.lowerBound + indices.count / 2
      indices =
        finishedRows[middle] <= row
        ? middle..<indices.upperBound : indices.lowerBound..<middle
    }
    precondition(indices.first.map { finishedRows[$0] } == row, "logits were not announced")
    return indices.lowerBound
  }

  /// Runs one phase on all workers, each in the contract's floating-point state.
  func compute(_ body: (Int) -> Void) {
    pool.run { worker in KernelFamily.withContractState { body(worker) } }
  }

  /// The same for work that is taken from a queue or a counter: on as many workers as run at once.
  func computeTaken(_ body: (Int) -> Void) {
    pool.runActive { worker in KernelFamily.withContractState { body(worker) } }
  }

  /// This worker's contiguous portion of `count` units.
  func portion(_ count: Int, _ worker: Int) -> Range<Int> {
    WorkPortion.range(of: count, worker: worker, of: pool.workerCount)
  }

  /// Copies tokens and positions of the segments into row order; returns the number of rows. A
  /// token beyond the embedding flags its row instead of being looked up.
  private func gather(_ segments: [StepSegment]) -> Int {
    var row = 0
    for segment in segments {
      (buffers.tokens + row).update(from: segment.tokens, count: segment.count)
      for index in 0..<segment.count {
        buffers.positionCounts[row + index] = UInt32(segment.firstPosition + index + 1)
      }
      row += segment.count
    }
    buffers.nonFiniteFlags.update(repeating: 0, count: row)
    for index in 0..<row where Int(buffers.tokens[index]) >= shape.vocabularySize {
      buffers.tokens[index] = 0
      buffers.nonFiniteFlags[index] = 1
    }
    buffers.cacheNonFiniteFlags.update(repeating: 0, count: row * shape.kvHeadCount)
    return row
  }

  /// Embedding rows and the rotary angles of every position.
  private func embed(_ rows: Int, _ segments: [StepSegment]) {
    compute { [self] worker in
      let mine = portion(rows, worker)
      for row in mine {
        let hidden = buffers.hidden + row * buffers.hiddenStride
        kernels.decode(weights.embedding, row: buffers.tokens[row], into: hidden)
        if shape.embeddingMultiplier != 1 {
          kernels.scale(hidden, by: shape.embeddingMultiplier, count: shape.hiddenSize)
        }
      }
      var first = 0
      for segment in segments {
        let frequencies =
          segment.isLong
          ? weights.longRotaryFrequencies ?? weights.rotaryFrequencies : weights.rotaryFrequencies
        for row in mine.clamped(to: first..<first + segment.count) { rotate(row, by: frequencies) }
        first += segment.count
      }
    }
  }

  /// Cosines and sines of a row's position.
  private func rotate(_ row: Int, by frequencies: [Float]) {
    let (count, position) = (shape.rotaryPairCount, buffers.positionCounts[row] - 1)
    let cosines = buffers.cosines + row * buffers.rotaryStride
    let sines = buffers.sines + row * buffers.rotaryStride
    KernelFamily.rotaryAngles(
      position: position, frequencies: frequencies, half: count, cosines: cosines, sines: sines)
    if let second = weights.secondRotaryFrequencies {
      KernelFamily.rotaryAngles(
        position: position, frequencies: second, half: count, cosines: cosines + count,
        sines: sines + count)
    }
    guard shape.rotaryMagnitude != 1 else { return }
    kernels.scale(cosines, by: shape.rotaryMagnitude, count: count)
    kernels.scale(sines, by: shape.rotaryMagnitude, count: count)
  }
}
