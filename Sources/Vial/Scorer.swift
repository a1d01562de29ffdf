// Owns: log-probabilities of a given text, window by window.
// Must not: choose tokens.

public import VialEngine
import VialFormat
public import VialModel
import VialSystem

/// The score of one token.
public struct TokenScore: Sendable {
  /// Index in the scored ids.
  public let index: Int
  /// The id.
  public let token: UInt32
  /// Natural logarithm of its probability after the tokens before it in its window; nil for the
  /// first of a window, which nothing precedes.
  public let logProbability: Float?
}

/// Scores texts with one model. Not thread-safe.
public final class Scorer {
  /// Tokens in a window: the smaller of 2048 and the model's context.
  public let windowSize: Int
  /// Entries of a row of logits.
  public var vocabularySize: Int { runner.vocabularySize }
  private let runner: ModelRunner
  private let sampler: Sampler
  private let adapter: AppliedAdapter?

  /// Tokens in a window of a model.
  public static func windowSize(of model: Model) -> Int { min(model.contextLength, 2048) }

  /// Reserves memory for one window.
  /// - Parameters:
  ///   - model: what scores.
  ///   - options: how to compute.
  ///   - adapter: changes the weights; of this model.
  public init(
    model: Model, options: ComputeOptions = ComputeOptions(), adapter: AppliedAdapter? = nil
  ) throws(VialError) {
    try model.check(adapter)
    self.adapter = adapter
    windowSize = Self.windowSize(of: model)
    do throws(RunnerError) {
      runner = try ModelRunner(
        weights: model.weights, options: RunnerOptions(compute: options, positionCount: windowSize))
      sampler = try Sampler(runner: runner, idCount: runner.vocabularySize)
    } catch { throw .computation(error) }
  }

  /// Scores `tokens` in consecutive windows.
  /// - Parameters:
  ///   - tokens: ids of a text.
  ///   - body: gets each token in order, with the logits that follow it (`vocabularySize` floats).
  ///     It returns whether to go on.
  public func score(
    _ tokens: borrowing Span<UInt32>,
    body: (TokenScore, UnsafePointer<Float>) -> Bool
  ) throws(VialError) {
    defer { runner.wipe() }
    var begin = 0
    var goesOn = true
    while begin < tokens.count, goesOn {
      let count = min(windowSize, tokens.count - begin)
      guard let sequence = TokenSequence(capacity: count, pool: runner.blocks, adapter: adapter)
      else { throw .outOfMemory }
      for index in begin..<begin + count { sequence.append(tokens[index]) }
      goesOn = try scoreWindow(sequence, firstIndex: begin, body: body)
      begin += count
    }
  }

  private func scoreWindow(
    _ sequence: TokenSequence, firstIndex: Int, body: (TokenScore, UnsafePointer<Float>) -> Bool
  ) throws(VialError) -> Bool {
    let ids = sequence.tokens.pointer
    let count = sequence.tokens.count
    var next: Float?
    var goesOn = true
    do throws(RunnerError) {
      try runner.advanceEvery(sequence) { position, logits in
        goesOn = body(
          TokenScore(index: firstIndex + position, token: ids[position], logProbability: next),
          logits)
        if position + 1 < count {
          next = sampler.logProbability(
            of: ids[position + 1], logits: logits)
        }
        return goesOn
      }
    } catch { throw VialError(error) }
    return goesOn
  }
}
