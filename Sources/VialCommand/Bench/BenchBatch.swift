// Owns: the sequences of one test and their steps, made as the engine makes them; the bytes and
// operations that the steps have to move and do.
// Must not: take the time.

import ArgumentParser
import VialEngine
import VialModel
import VialNumerics
import VialSystem

/// Sequences that are computed together, of made-up tokens.
final class BenchBatch {
  private let runner: ModelRunner
  private let sampler: Sampler
  private let work: StepCost
  private let sequences: [TokenSequence]
  /// Hears of every step what it had to read and to multiply.
  private let onStep: (StepWork) -> Void
  private let draws: [Draw]

  init(
    _ test: BenchTest, runner: ModelRunner, sampler: Sampler, work: StepCost,
    adapters: [AppliedAdapter?],
    onStep: @escaping (StepWork) -> Void
  ) throws {
    self.runner = runner
    self.sampler = sampler
    self.work = work
    self.onStep = onStep
    sequences = try (0..<test.batch).map { index in
      // One more than the cache holds: the last token drawn is never computed.
      guard
        let sequence = TokenSequence(
          capacity: test.positionCount + 1, pool: runner.blocks,
          adapter: adapters.isEmpty ? nil : adapters[index % adapters.count])
      else { throw RunnerError.outOfMemory }
      sequence.plannedCount = test.positionCount
      sequence.rewindMargin = test.prompt + test.generate + 1
      return sequence
    }
    draws = sequences.map { _ in Draw() }
  }

  /// Bytes of the KV blocks that the sequences have.
  var cacheByteCount: Int {
    let blocks = runner.blocks
    return (blocks.blockCount - blocks.availableCount) * blocks.layout.blockByteCount
  }

  /// Every sequence keeps its first `tokenCount` tokens.
  func rewind(to tokenCount: Int) {
    for sequence in sequences { sequence.rewind(to: tokenCount) }
  }

  /// Every sequence gets `count` tokens that depend on sequence and position only.
  func append(_ count: Int) {
    for (index, sequence) in sequences.enumerated() {
      for _ in 0..<count {
        var source = SplitMix(state: UInt64(index) << 32 | UInt64(sequence.tokens.count))
        sequence.append(UInt32(source.next() % UInt64(runner.vocabularySize)))
      }
    }
  }

  /// Computes all pending tokens, as many in a step as the runner takes.
  func prefill() throws {
    while true {
      var remaining = runner.chunkSize
      var items: [StepItem] = []
      for sequence in sequences where sequence.pendingCount > 0 && remaining > 0 {
        let count = min(remaining, sequence.pendingCount)
        items.append(StepItem(sequence: sequence, tokenCount: count))
        remaining -= count
      }
      guard !items.isEmpty else { return }
      try step(items)
    }
  }

  /// Computes the pending token of every sequence and draws the next one greedily, `count` times.
  func decode(_ count: Int) throws {
    let items = sequences.map { StepItem(sequence: $0, tokenCount: 1) }
    for _ in 0..<count {
      for draw in draws { draw.token = nil }
      try step(items) { [draws, sampler, sequences] worker, index, logits in
        let draw = draws[index]
        draw.token =
          sampler.choose(
            logits: logits, parameters: SamplingParameters(),
            position: sequences[index].tokens.count, alternatives: &draw.alternatives,
            worker: worker)?.token
      }
      for (sequence, draw) in zip(sequences, draws) {
        guard let token = draw.token else { throw RunnerError.numericError }
        sequence.append(token)
      }
    }
  }

  /// What was drawn for one sequence, on one worker.
  private final class Draw {
    var token: UInt32?
    var alternatives: [TokenAlternative] = []
  }

  private func step(
    _ items: [StepItem],
    onLogits: ((_ worker: Int, _ item: Int, UnsafeMutablePointer<Float>) -> Void)? = nil
  ) throws {
    if let signal = SignalTrap.signalNumber { throw ExitCode(128 + signal) }
    let stepWork = stepWork(items)
    var failure: RunnerError?
    runner.step(items, onLogits: onLogits) { _, result in
      if case .failed(let problem) = result { failure = problem }
    }
    if let failure { throw failure }
    onStep(stepWork)
  }

  /// What a step must read and multiply at least.
  private func stepWork(_ items: [StepItem]) -> StepWork {
    var (tokenCount, logitsCount, cacheByteCount) = (0, 0, 0.0)
    for item in items {
      tokenCount += item.tokenCount
      cacheByteCount += runner.blocks.layout.readByteCount(
        positionCount: item.sequence.computedCount + item.tokenCount)
      if item.tokenCount == item.sequence.pendingCount { logitsCount += 1 }
    }
    return StepWork(
      byteCount: Double(work.layerByteCount + (logitsCount > 0 ? work.headByteCount : 0))
        + cacheByteCount,
      operationCount: work.operationCount(tokenCount: tokenCount, logitsCount: logitsCount))
  }
}

/// The least that steps can get away with.
struct StepWork {
  /// Weights once a step, and the KV cache of every position up to the last new one.
  var byteCount = 0.0
  /// Products with weights.
  var operationCount = 0.0

  static func += (sum: inout StepWork, step: StepWork) {
    sum.byteCount += step.byteCount
    sum.operationCount += step.operationCount
  }
}
