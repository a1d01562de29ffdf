// Owns: the order of a benchmark: warm-up, repetitions, the machine's limits in between, medians.
// Must not: print. The machine may be shared, so limits and tests are measured in turns.

import VialCompute
import VialEngine
import VialModel
import VialSystem

/// A test and what came out.
struct BenchResult {
  let test: BenchTest
  let family: String
  /// Seconds of every repetition, ascending.
  let seconds: [Double]
  /// Work of one repetition.
  let work: StepWork
  /// The machine's limits before, between and after the repetitions: medians.
  let limits: CeilingSample
  /// What the threads got of the time of as many processors, median; below 1 others had the rest,
  /// or threads waited for each other.
  let processorFraction: Double
  /// Bytes of the KV blocks that the sequences had at the end.
  let cacheByteCount: Int

  var medianSeconds: Double { seconds.median }
  var tokensPerSecond: Double { Double(test.tokenCount) / medianSeconds }
  var bytesPerSecond: Double { work.byteCount / medianSeconds }
  var operationsPerSecond: Double { work.operationCount / medianSeconds }

  /// Slowest less fastest repetition, as a share of the median.
  var spread: Double { ((seconds.last ?? 0) - (seconds.first ?? 0)) / medianSeconds }

  /// Prefill as a share of the int8 peak, decode as a share of the read bandwidth.
  var fractionOfLimit: Double {
    switch test.kind {
    case .prefill: return operationsPerSecond / limits.operationsPerSecond
    case .decode: return bytesPerSecond / limits.bytesPerSecond
    }
  }
}

extension [Double] {
  /// The middle one, or the mean of the middle two; NaN when there is none.
  var median: Double {
    let sorted = sorted()
    guard !sorted.isEmpty else { return .nan }
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }
}

/// Runs a plan on one model.
final class BenchJob {
  private let weights: DecoderWeights
  private let work: StepCost
  private let plan: BenchPlan
  private let cacheType: KVCacheType
  private let family: KernelFamily
  /// What the sequences of a batch use in turn; empty: none.
  private let adapters: [AppliedAdapter?]
  private let progress = ProgressReporter(unit: .work)
  /// Work that is done and to be done, in nanoseconds of a machine at its limits.
  private var (done, total) = (0.0, 0.0)
  private var limits = CeilingSample()

  init(
    weights: DecoderWeights, plan: BenchPlan, cacheType: KVCacheType, family: KernelFamily,
    adapters: [AppliedAdapter?]
  ) {
    self.adapters = adapters
    self.weights = weights
    work = weights.work
    self.plan = plan
    self.cacheType = cacheType
    self.family = family
  }

  /// Runs all tests in order.
  func run() throws -> [BenchResult] {
    defer { progress.finish() }
    let buffer = try CeilingBuffer()
    var results: [BenchResult] = []
    var remaining = plan.tests[...]
    while let threads = remaining.first?.threads {
      let tests = remaining.prefix { $0.threads == threads }
      remaining = remaining.dropFirst(tests.count)
      let runner = try runner(threads: threads)
      let sampler = try Sampler(
        runner: runner, idCount: runner.vocabularySize, workerCount: runner.logitWorkerCount)
      let ceilings = MachineCeilings(
        threadCount: runner.threadCount, family: family, buffer: buffer)
      if total == 0 {
        limits = ceilings.sample()
        total = plan.tests.reduce(0) { $0 + nanoseconds(of: $1) }
      }
      for test in tests { results.append(try run(test, runner, sampler, ceilings)) }
    }
    return results
  }

  private func runner(threads: Int) throws -> ModelRunner {
    try ModelRunner(
      weights: weights,
      options: RunnerOptions(
        compute: ComputeOptions(cacheType: cacheType, threadCount: threads, family: family),
        positionCount: plan.cachePositions))
  }

  private func run(
    _ test: BenchTest, _ runner: ModelRunner, _ sampler: Sampler, _ ceilings: MachineCeilings
  ) throws -> BenchResult {
    var repetitionWork = StepWork()
    let batch = try BenchBatch(
      test, runner: runner, sampler: sampler, work: work, adapters: adapters
    ) { step in
      repetitionWork += step
      self.advance(step)
    }
    try warmUp(test, batch, chunkSize: runner.chunkSize)
    var samples = [ceilings.sample()]
    var (seconds, fractions): ([Double], [Double]) = ([], [])
    for _ in 0..<repetitions(of: test) {
      batch.rewind(to: test.depth)
      batch.append(test.kind == .prefill ? test.prompt : 1)
      repetitionWork = StepWork()
      let (start, startOfWork) = (MonotonicClock.seconds, ProcessorClock.seconds)
      switch test.kind {
      case .prefill: try batch.prefill()
      case .decode: try batch.decode(test.generate)
      }
      let time = MonotonicClock.seconds - start
      seconds.append(time)
      fractions.append(
        (ProcessorClock.seconds - startOfWork) / (time * Double(runner.threadCount)))
      samples.append(ceilings.sample())
    }
    return BenchResult(
      test: test, family: family.name, seconds: seconds.sorted(), work: repetitionWork,
      limits: CeilingSample(
        bytesPerSecond: samples.map(\.bytesPerSecond).median,
        operationsPerSecond: samples.map(\.operationsPerSecond).median),
      processorFraction: fractions.median, cacheByteCount: batch.cacheByteCount)
  }

  /// Touches weights and caches; brings decode to its depth.
  private func warmUp(_ test: BenchTest, _ batch: BenchBatch, chunkSize: Int) throws {
    switch test.kind {
    case .prefill:
      batch.append(min(test.prompt, max(1, chunkSize / test.batch)))
      try batch.prefill()
    case .decode:
      batch.append(test.depth)
      try batch.prefill()
      batch.append(1)
      try batch.decode(min(4, test.generate))
    }
  }

  /// Three, or as many as take two seconds, ten at most.
  private func repetitions(of test: BenchTest) -> Int {
    // Half of what the machine can do is a fair guess of what a test will do.
    let guess = nanoseconds(ofOne: test) * 2e-9
    return max(3, min(10, Int((2 / max(guess, 1e-3)).rounded(.up))))
  }

  private func nanoseconds(of test: BenchTest) -> Double {
    let filling = BenchTest.prefill(test.depth, batch: test.batch, threads: test.threads)
    return Double(repetitions(of: test)) * nanoseconds(ofOne: test)
      + (test.depth > 0 ? nanoseconds(ofOne: filling) : 0)
  }

  private func nanoseconds(ofOne test: BenchTest) -> Double {
    switch test.kind {
    case .prefill:
      return nanoseconds(
        of: StepWork(
          operationCount: work.operationCount(
            tokenCount: test.tokenCount, logitsCount: test.batch)))
    case .decode:
      let step = StepWork(
        byteCount: Double(work.layerByteCount + work.headByteCount),
        operationCount: work.operationCount(tokenCount: test.batch, logitsCount: test.batch))
      return Double(test.generate) * nanoseconds(of: step)
    }
  }

  private func nanoseconds(of work: StepWork) -> Double {
    1e9
      * max(
        work.byteCount / limits.bytesPerSecond, work.operationCount / limits.operationsPerSecond)
  }

  private func advance(_ step: StepWork) {
    done += nanoseconds(of: step)
    progress.update(
      "measuring", done: UInt64(min(done, total)), total: UInt64(max(total, 1)))
  }
}
