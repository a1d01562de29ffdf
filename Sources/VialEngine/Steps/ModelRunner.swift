// Owns: steps: which tokens of a sequence go through the forward pass together, and what comes out.
// Must not: decide what to generate or know texts. One thread drives a runner at a time.

package import VialCompute
import VialFormat
package import VialModel
package import VialSystem

/// Drives the forward pass of one model.
package final class ModelRunner {
  /// The ISA family in use.
  package let family: KernelFamily
  /// Threads that compute.
  package var threadCount: Int { threads.workerCount }
  /// Where sequences get their blocks.
  package let blocks: KVBlockPool
  /// Rows of logits: the model's vocabulary, ids without a token included.
  package let vocabularySize: Int
  /// Most tokens of a step.
  package let chunkSize: Int
  /// Where its buffers come from, the KV cache excepted: locked as far as may be, and counted.
  package let memory: MemorySource?
  /// What is promised of the memory for activations, logits and scratch.
  package let workAccount = MemoryAccount()
  /// What is promised of the KV cache's.
  package let cacheAccount = MemoryAccount()
  /// Rows of logits that were written since they were wiped.
  private var writtenLogitRows = 0
  private let threads: ThreadPool
  private let forward: DecoderForward
  private let logits: WorkMemory
  /// Rows of logits that fit at once.
  private static let logitRows = 16
  /// Workers that may be given logits at the same time; they have the numbers below this.
  package var logitWorkerCount: Int { min(threadCount, Self.logitRows) }

  /// Bytes that each thread takes besides its large buffers.
  private static let threadByteCount = 8 << 10

  /// Reserves all memory that steps need.
  package init(weights: DecoderWeights, options: RunnerOptions) throws(RunnerError) {
    let held =
      Self.threadByteCount * max(1, options.compute.threadCount ?? Processors.availableCount)
    guard MemoryReserve.hold(held) else { throw .outOfMemory }
    defer { MemoryReserve.release(held) }
    guard let family = options.compute.family ?? KernelFamily.available.first else {
      throw .outOfMemory
    }
    guard let layout = KVCacheLayout(type: options.compute.cacheType, shape: weights.shape) else {
      throw .outOfMemory
    }
    let blockCount: Int
    switch options.cache {
    case .blocks(let count): blockCount = count
    case .positions(let count):
      blockCount = layout.blockCount(positionCount: count, textCount: .max)
    }
    let positionCount = layout.positionCount(blockCount: blockCount)
    let threads = ThreadPool(workerCount: options.compute.threadCount ?? Processors.availableCount)
    let chunk = max(1, min(options.compute.chunkSize, positionCount))
    let rowByteCount = weights.shape.vocabularySize * MemoryLayout<Float>.stride
    let memory = MemorySource(
      options.memory, locking: options.locksMemory ? .always : .within, account: workAccount)
    let cacheMemory = MemorySource(
      options.memory, locking: options.locksMemory ? .always : .never, account: cacheAccount)
    guard
      let blocks = KVBlockPool(layout: layout, blockCount: blockCount, memory: cacheMemory),
      let forward = DecoderForward(
        weights: weights, cache: layout, family: family, pool: threads,
        maximumRows: max(chunk, Self.logitRows), contextLength: positionCount,
        memory: memory),
      let logits = WorkMemory(byteCount: rowByteCount * Self.logitRows, source: memory)
    else { throw .outOfMemory }
    self.family = family
    self.threads = threads
    self.blocks = blocks
    self.forward = forward
    self.logits = logits
    self.memory = memory
    vocabularySize = weights.shape.vocabularySize
    chunkSize = chunk
  }

  /// Computes the next tokens of some sequences in one step, and calls `body` with the result of
  /// each item, in order.
  ///
  /// The items hold at most `chunkSize` tokens together, each at least one and at most its
  /// sequence's pending ones.
  /// - Parameters:
  ///   - onScored: gets the logits behind each of the items' `scoredPositions`, on the workers,
  ///     several at the same time.
  ///   - onLogits: gets logits before `body` does, on the workers, those of several items at the
  ///     same time.
  package func step(
    _ items: [StepItem],
    onScored: (
      (_ worker: Int, _ item: Int, _ position: Int, UnsafeMutablePointer<Float>) -> Void
    )? = nil,
    onLogits: ((_ worker: Int, _ item: Int, UnsafeMutablePointer<Float>) -> Void)? = nil,
    body: (_ item: Int, StepResult) -> Void
  ) {
    var ready: [(item: Int, firstRow: Int)] = []
    var rows = 0
    for (index, item) in items.enumerated() {
      if let failure = reserve(item) {
        body(index, .failed(failure))
      } else {
        ready.append((index, rows))
        rows += item.tokenCount
      }
    }
    guard !ready.isEmpty else { return }
    let segments = ready.map { ready in
      let item = items[ready.item]
      return item.sequence.segment(count: item.tokenCount, logitsCount: item.logitsCount)
    }
    if let failure = run(segments) {
      for (index, _) in ready { body(index, .failed(failure)) }
      return
    }
    for (index, firstRow) in ready where !items[index].scoredPositions.isEmpty {
      score(items[index], index, firstRow: firstRow, onScored)
    }
    for (index, _) in ready { items[index].sequence.computedCount += items[index].tokenCount }
    for begin in stride(from: 0, to: ready.count, by: Self.logitRows) {
      finish(
        ready[begin..<min(ready.count, begin + Self.logitRows)], of: items, onLogits, body)
    }
  }

  /// Wipes ids, activations, logits and scratch of all steps since the last call. O(1) when there
  /// was none, otherwise O(bytes that the largest of them wrote). Not in a step.
  package func wipe() {
    forward.wipe()
    forward.wipe(logits: logits, rows: writtenLogitRows)
    writtenLogitRows = 0
  }

  /// Notes that so many rows of logits are about to be written.
  private func write(logitRows count: Int) { writtenLogitRows = max(writtenLogitRows, count) }

  /// Reserves blocks for an item; the failure when there are none.
  private func reserve(_ item: StepItem) -> RunnerError? {
    let sequence = item.sequence
    guard sequence.pendingTokensAreBelow(UInt32(vocabularySize)) else { return .unknownToken }
    let positionCount = sequence.computedCount + item.tokenCount
    return sequence.reserve(positionCount: positionCount) ? nil : .cacheFull
  }

  /// Logits behind the scored positions of one item, which is not counted as computed yet.
  private func score(
    _ item: StepItem, _ index: Int, firstRow: Int,
    _ body: ((_ worker: Int, _ item: Int, _ position: Int, UnsafeMutablePointer<Float>) -> Void)?
  ) {
    let (out, positions) = (logits.elements(Float.self), item.scoredPositions)
    for begin in stride(from: positions.lowerBound, to: positions.upperBound, by: Self.logitRows) {
      let row = firstRow + begin - item.sequence.computedCount
      let count = min(Self.logitRows, positions.upperBound - begin)
      write(logitRows: count)
      forward.logits(ofRows: Array(row..<row + count), into: out) {
        [vocabularySize] worker, offset in
        body?(worker, index, begin + offset, out + offset * vocabularySize)
      }
    }
  }

  /// Logits of the items that are complete; calls `body` for all.
  private func finish(
    _ group: ArraySlice<(item: Int, firstRow: Int)>, of items: [StepItem],
    _ onLogits: ((_ worker: Int, _ item: Int, UnsafeMutablePointer<Float>) -> Void)?,
    _ body: (_ item: Int, StepResult) -> Void
  ) {
    let complete = group.filter { items[$0.item].sequence.pendingCount == 0 }
    let out = logits.elements(Float.self)
    if !complete.isEmpty {
      write(logitRows: complete.count)
      forward.logits(
        ofRows: complete.map { $0.firstRow + items[$0.item].tokenCount - 1 }, into: out
      ) { [vocabularySize] worker, index in
        onLogits?(worker, complete[index].item, out + index * vocabularySize)
      }
    }
    var position = 0
    for (index, firstRow) in group {
      let isComplete = items[index].sequence.pendingCount == 0
      defer { position += isComplete ? 1 : 0 }
      let isNonFinite = (firstRow..<firstRow + items[index].tokenCount).contains {
        forward.isNonFinite(row: $0)
      }
      if isNonFinite {
        body(index, .failed(.numericError))
      } else {
        body(index, isComplete ? .logits(out + position * vocabularySize) : .pending)
      }
    }
  }

  /// Computes all pending tokens; `body` gets every position and the logits that follow it, in
  /// order. It returns whether to go on.
  package func advanceEvery(
    _ sequence: TokenSequence,
    body: (_ position: Int, _ logits: UnsafeMutablePointer<Float>) -> Bool
  ) throws(RunnerError) {
    let out = logits.elements(Float.self)
    while sequence.pendingCount > 0 {
      let first = sequence.computedCount
      let count = min(chunkSize, sequence.pendingCount)
      try compute(sequence, count: count)
      for begin in stride(from: 0, to: count, by: Self.logitRows) {
        let rows = Array(begin..<min(count, begin + Self.logitRows))
        write(logitRows: rows.count)
        forward.logits(ofRows: rows, into: out)
        try check(rows: begin..<begin + rows.count)
        for (index, row) in rows.enumerated() {
          guard body(first + row, out + index * vocabularySize) else { return }
        }
      }
    }
  }

  /// Runs the forward pass; the failure when weights that are verified before their first use are
  /// damaged.
  private func run(_ segments: [StepSegment]) -> RunnerError? {
    do throws(FormatError) {
      try forward.run(segments)
      return nil
    } catch { return error.isOutOfMemory ? .outOfMemory : .damagedWeights(error) }
  }

  private func compute(_ sequence: TokenSequence, count: Int) throws(RunnerError) {
    if let failure = reserve(StepItem(sequence: sequence, tokenCount: count)) { throw failure }
    if let failure = run([sequence.segment(count: count, logitsCount: count)]) { throw failure }
    sequence.computedCount += count
  }

  private func check(rows: Range<Int>) throws(RunnerError) {
    for row in rows where forward.isNonFinite(row: row) { throw .numericError }
  }
}

/// What one sequence has computed in a step.
package struct StepItem {
  /// Whose tokens.
  package let sequence: TokenSequence
  /// How many of its pending tokens.
  package let tokenCount: Int
  /// Positions among these whose logits are wanted, too; none unless said otherwise.
  package var scoredPositions = 0..<0

  /// The next `tokenCount` pending tokens of `sequence`.
  package init(sequence: TokenSequence, tokenCount: Int) {
    self.sequence = sequence
    self.tokenCount = tokenCount
  }

  /// How many of the last of its tokens need logits.
  var logitsCount: Int {
    let isComplete = sequence.pendingCount == tokenCount
    let scored =
      scoredPositions.isEmpty
      ? 0 : sequence.computedCount + tokenCount - scoredPositions.lowerBound
    return max(isComplete ? 1 : 0, scored)
  }
}

/// What came out for one sequence.
package enum StepResult {
  /// Some of its tokens still have to be computed.
  case pending
  /// All are; these logits follow the last one. Valid until the next step, may be changed.
  case logits(UnsafeMutablePointer<Float>)
  /// It cannot go on. The others can.
  case failed(RunnerError)
}
