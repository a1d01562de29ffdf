// Owns: the likelihood of several continuations of one prompt; what they share is computed once.
// Must not: choose, or know where the ids come from.

public import VialEngine
import VialFormat
public import VialModel
public import VialSystem

/// Scores continuations with one model. Not thread-safe.
public final class OptionScorer {
  private let runner: ModelRunner
  private let sampler: Sampler
  private let adapter: AppliedAdapter?
  /// Most positions of a prompt and a continuation together.
  public let positionLimit: Int

  /// Reserves memory for one text of the whole context, or of 32768 positions when the context is
  /// longer.
  /// - Parameters:
  ///   - model: what scores.
  ///   - options: how to compute.
  ///   - adapter: changes the weights; of this model.
  public init(
    model: Model, options: ComputeOptions = ComputeOptions(), adapter: AppliedAdapter? = nil
  ) throws(VialError) {
    try model.check(adapter)
    self.adapter = adapter
    positionLimit = min(model.contextLength, EngineOptions.defaultPositionCount)
    do throws(RunnerError) {
      runner = try ModelRunner(
        weights: model.weights,
        options: RunnerOptions(compute: options, positionCount: positionLimit))
      sampler = try Sampler(runner: runner, idCount: runner.vocabularySize)
    } catch { throw .computation(error) }
  }

  /// The natural logarithm of the likelihood of each text's rest after their common start.
  /// - Parameters:
  ///   - texts: the prompt with each continuation.
  ///   - promptCount: ids of the prompt alone. The common start is at most that long: shorter where
  ///     a continuation changes how the prompt's end is cut into tokens.
  /// - Throws: `emptyPrompt` when nothing is in common, `promptTooLong`, what the computation
  ///   throws.
  public func logLikelihoods(
    of texts: [SecureBuffer<UInt32>], promptCount: Int
  ) throws(VialError) -> [Double] {
    let common = Self.commonCount(texts, limit: promptCount)
    let longest = texts.map(\.count).max() ?? 0
    let size = UInt32(clamping: runner.vocabularySize)
    guard texts.allSatisfy({ $0.holdsOnlyIDs(below: size) }) else {
      throw .computation(.unknownToken)
    }
    guard common > 0 else { throw .emptyPrompt }
    guard longest <= positionLimit else {
      throw .promptTooLong(tokenCount: longest, contextLength: positionLimit)
    }
    guard let sequence = TokenSequence(capacity: longest, pool: runner.blocks, adapter: adapter)
    else { throw .outOfMemory }
    defer { runner.wipe() }
    sequence.plannedCount = longest
    sequence.rewindMargin = longest - common
    for index in 0..<common { sequence.append(texts[0].pointer[index]) }
    do throws(RunnerError) {
      var sums = try firsts(sequence, texts.map { $0.pointer[common] })
      for (index, text) in texts.enumerated() {
        sums[index] += try rest(sequence, text, from: common)
      }
      return sums
    } catch { throw .computation(error) }
  }

  /// How many ids all texts begin with, at most `limit`, leaving at least one of each to score.
  private static func commonCount(_ texts: [SecureBuffer<UInt32>], limit: Int) -> Int {
    guard let first = texts.first else { return 0 }
    var count = min(limit, (texts.map(\.count).min() ?? 0) - 1)
    for text in texts {
      var same = 0
      while same < count, text.pointer[same] == first.pointer[same] { same += 1 }
      count = same
    }
    return max(0, count)
  }

  /// Computes the common start; the log-probabilities of each id after it.
  private func firsts(
    _ sequence: TokenSequence, _ ids: [UInt32]
  ) throws(RunnerError) -> [Double] {
    var values: [Double] = []
    var failure: RunnerError?
    while sequence.pendingCount > 0, failure == nil {
      let count = min(runner.chunkSize, sequence.pendingCount)
      runner.step([StepItem(sequence: sequence, tokenCount: count)]) { _, result in
        switch result {
        case .pending: break
        case .failed(let error): failure = error
        case .logits(let logits):
          values = ids.map { Double(sampler.logProbability(of: $0, logits: logits)) }
        }
      }
    }
    if let failure { throw failure }
    guard values.allSatisfy(\.isFinite) else { throw .numericError }
    return values
  }

  /// The sum of the log-probabilities of a text's ids after the one at `common`.
  private func rest(
    _ sequence: TokenSequence, _ text: SecureBuffer<UInt32>, from common: Int
  ) throws(RunnerError) -> Double {
    sequence.rewind(to: common)
    // The last id predicts nothing that is wanted.
    for index in common..<text.count - 1 { sequence.append(text.pointer[index]) }
    var sum = 0.0
    try runner.advanceEvery(sequence) { position, logits in
      sum += Double(sampler.logProbability(of: text.pointer[position + 1], logits: logits))
      return true
    }
    guard sum.isFinite else { throw .numericError }
    return sum
  }
}

extension SecureBuffer<UInt32> {
  /// Whether every id may index a row of logits.
  func holdsOnlyIDs(below bound: UInt32) -> Bool {
    (0..<count).allSatisfy { pointer[$0] < bound }
  }
}
