// Owns: two models reading the same tokens, in step: each position's logits of both meet once and
// are forgotten.
// Must not: judge; `Comparison` does the statistics.

package import Vial
package import VialEngine
import VialFormat
package import VialModel
import VialSystem

/// What two models make of one position of a text.
package struct ComparedPosition: Sendable {
  /// Index in the compared ids.
  package let index: Int
  /// Index in its window.
  package let windowIndex: Int
  /// KL(A ‖ B) of the distributions of the next token, in nats.
  package let divergence: Double
  /// Whether both find the same token likeliest.
  package let hasSameTop: Bool
  /// Natural logarithms of the probabilities of the token that follows; nil for the last position
  /// of a window.
  package let logProbabilities: (a: Float, b: Float)?

  /// What was measured at a position.
  package init(
    index: Int, windowIndex: Int, divergence: Double, hasSameTop: Bool,
    logProbabilities: (a: Float, b: Float)?
  ) {
    self.index = index
    self.windowIndex = windowIndex
    self.divergence = divergence
    self.hasSameTop = hasSameTop
    self.logProbabilities = logProbabilities
  }
}

/// Runs two models over one text. Not thread-safe.
package final class ModelComparer {
  /// Tokens in a window.
  package let windowSize: Int
  private let a: ModelRunner
  private let b: ModelRunner
  private let sampler: Sampler
  private let adapters: (a: AppliedAdapter?, b: AppliedAdapter?)
  private let comparer: LogitsComparer
  /// Logits of A until B has caught up.
  private let rows: WorkMemory
  /// Tokens that one model computes before the other follows.
  private static let portion = 64

  /// Reserves memory for one window of each.
  /// - Parameters:
  ///   - a: one model.
  ///   - b: the other.
  ///   - options: how to compute, for both.
  ///   - windowSize: at most both contexts; nil: `score`'s, for the model with the shorter context.
  ///   - adapters: change the weights; each of its own model.
  /// - Throws: `incomparable` when tokenizers or vocabularies differ; `invalidOption`.
  package init(
    _ a: Model, _ b: Model, options: ComputeOptions = ComputeOptions(), windowSize: Int? = nil,
    adapters: (a: AppliedAdapter?, b: AppliedAdapter?) = (nil, nil)
  ) throws(VialError) {
    try a.check(adapters.a)
    try b.check(adapters.b)
    self.adapters = adapters
    guard a.hasSameTokenizer(as: b) else { throw .incomparable("the tokenizers differ") }
    guard a.file.configuration.vocabularySize == b.file.configuration.vocabularySize else {
      throw .incomparable("the vocabularies have different sizes")
    }
    let size = windowSize ?? min(Scorer.windowSize(of: a), Scorer.windowSize(of: b))
    guard (2...max(2, min(a.contextLength, b.contextLength))).contains(size) else {
      throw .invalidOption("the window must be from 2 to the shorter context")
    }
    self.windowSize = size
    do throws(RunnerError) {
      var runnerOptions = RunnerOptions(compute: options, positionCount: size)
      runnerOptions.compute.chunkSize = Self.portion
      self.a = try ModelRunner(weights: a.weights, options: runnerOptions)
      self.b = try ModelRunner(weights: b.weights, options: runnerOptions)
      sampler = try Sampler(runner: self.a, idCount: self.a.vocabularySize)
      comparer = try LogitsComparer(runner: self.a)
    } catch { throw .computation(error) }
    let rowByteCount = self.a.vocabularySize * MemoryLayout<Float>.stride
    guard let rows = WorkMemory(byteCount: rowByteCount * Self.portion) else {
      throw .outOfMemory
    }
    self.rows = rows
  }

  /// Wipes what a comparison has left.
  private func wipe() {
    a.wipe()
    b.wipe()
    rows.wipe(byteCount: rows.byteCount)
    comparer.wipe()
  }

  /// Compares the models on `tokens` in consecutive windows.
  /// - Parameters:
  ///   - tokens: ids of a text.
  ///   - body: gets each position in order; it returns whether to go on.
  package func compare(
    _ tokens: borrowing Span<UInt32>, body: (ComparedPosition) -> Bool
  ) throws(VialError) {
    // A following token is looked up before it is computed.
    for index in 0..<tokens.count where Int(tokens[index]) >= a.vocabularySize {
      throw .computation(.unknownToken)
    }
    defer { wipe() }
    for begin in stride(from: 0, to: tokens.count, by: windowSize) {
      let count = min(windowSize, tokens.count - begin)
      guard let left = TokenSequence(capacity: count, pool: a.blocks, adapter: adapters.a),
        let right = TokenSequence(capacity: count, pool: b.blocks, adapter: adapters.b)
      else { throw .outOfMemory }
      (left.plannedCount, right.plannedCount) = (count, count)
      for first in stride(from: 0, to: count, by: Self.portion) {
        for index in first..<min(count, first + Self.portion) {
          left.append(tokens[begin + index])
          right.append(tokens[begin + index])
        }
        let end = begin + left.tokens.count
        let next = end < begin + count ? tokens[end] : nil
        do throws(RunnerError) {
          guard try advance(left, right, windowBegin: begin, next: next, body) else { return }
        } catch { throw .computation(error) }
      }
    }
  }

  /// One portion of a window through both models. `next` is the token after it, if the window goes
  /// on.
  private func advance(
    _ left: TokenSequence, _ right: TokenSequence, windowBegin: Int, next: UInt32?,
    _ body: (ComparedPosition) -> Bool
  ) throws(RunnerError) -> Bool {
    let (first, end) = (left.computedCount, left.tokens.count)
    let size = a.vocabularySize
    let kept = rows.elements(Float.self)
    try a.advanceEvery(left) { position, logits in
      (kept + (position - first) * size).update(from: logits, count: size)
      return true
    }
    let ids = right.tokens.pointer
    var goesOn = true
    var isFinite = true
    try b.advanceEvery(right) { position, logits in
      let row = kept + (position - first) * size
      guard let difference = comparer.compare(row, logits) else {
        isFinite = false
        return false
      }
      let following = position + 1 < end ? ids[position + 1] : next
      goesOn = body(
        ComparedPosition(
          index: windowBegin + position, windowIndex: position,
          divergence: difference.divergence, hasSameTop: difference.hasSameTop,
          logProbabilities: following.map {
            (
              sampler.logProbability(of: $0, logits: row),
              sampler.logProbability(of: $0, logits: logits)
            )
          }))
      return goesOn
    }
    guard isFinite else { throw .numericError }
    return goesOn
  }
}

extension Model {
  /// Whether both files turn text into the same ids: their tokenizer sections are the same bytes.
  package func hasSameTokenizer(as other: Model) -> Bool {
    file.sectionTable.find(.tokenizer)?.digest == other.file.sectionTable.find(.tokenizer)?.digest
  }
}
