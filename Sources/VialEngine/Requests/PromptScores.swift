// Owns: log-probabilities of a prompt's own tokens while and after they are computed.
// Must not: compute. Workers note different positions at once; what is ready is read behind the
// request's monitor.

internal import VialSystem

/// The score of one token of a prompt.
public struct PromptFigures {
  /// Id.
  public let token: UInt32
  /// Natural logarithm of its probability after the tokens before it.
  public let logProbability: Float
  /// The likeliest ids at its position, best first; as many as the request wants alternatives.
  /// Valid while the request lives.
  public let alternatives: UnsafeBufferPointer<TokenAlternative>
}

/// Scores of all tokens of one prompt but the first, which nothing precedes.
final class PromptScores: @unchecked Sendable {
  private struct Score: BitwiseCopyable {
    var logProbability: Float
    var alternativeCount: Int32
  }

  /// Tokens that have a score, from the second on. The engine's thread changes it, under the
  /// request's monitor.
  var readyCount = 0
  /// Tokens that get one.
  let count: Int
  private let prompt: SecureBuffer<UInt32>
  private let scores: SecureBuffer<Score>
  private let alternatives: SecureBuffer<TokenAlternative>
  private let alternativeCount: Int

  /// nil when memory is short.
  init?(prompt: SecureBuffer<UInt32>, alternativeCount: Int) {
    count = max(0, prompt.count - 1)
    let (alternativeCapacity, overflow) = count.multipliedReportingOverflow(by: alternativeCount)
    guard !overflow, let scores = SecureBuffer<Score>(capacity: count),
      let alternatives = SecureBuffer<TokenAlternative>(capacity: alternativeCapacity)
    else { return nil }
    for _ in 0..<count { scores.append(Score(logProbability: .nan, alternativeCount: 0)) }
    for _ in 0..<alternativeCapacity {
      alternatives.append(TokenAlternative(token: 0, logProbability: .nan))
    }
    self.prompt = prompt
    self.scores = scores
    self.alternatives = alternatives
    self.alternativeCount = alternativeCount
  }

  /// Notes what the logits behind `position` say of the token after it. Any worker, each its own
  /// position.
  func note(
    _ logits: UnsafePointer<Float>, behind position: Int, _ sampler: Sampler, worker: Int
  ) {
    guard position < count else { return }
    var likeliest: [TokenAlternative] = []
    let logProbability = sampler.score(
      prompt.pointer[position + 1], logits: logits, alternativeCount: alternativeCount,
      alternatives: &likeliest, worker: worker)
    for (index, alternative) in likeliest.enumerated() {
      alternatives.update(at: position * alternativeCount + index) { _ in alternative }
    }
    scores.update(at: position) { _ in
      Score(logProbability: logProbability, alternativeCount: Int32(clamping: likeliest.count))
    }
  }

  /// Hands the scores that are ready to `body`, in order.
  func forEach(_ body: (PromptFigures) -> Void) {
    for index in 0..<readyCount { body(figures(behind: index)) }
  }

  /// The score of one token of the prompt; nil while it has none, as the first one always.
  func figures(ofToken index: Int) -> PromptFigures? {
    (1...).contains(index) && index <= readyCount ? figures(behind: index - 1) : nil
  }

  private func figures(behind position: Int) -> PromptFigures {
    let score = scores.pointer[position]
    return PromptFigures(
      token: prompt.pointer[position + 1], logProbability: score.logProbability,
      alternatives: UnsafeBufferPointer(
        start: alternatives.pointer + position * alternativeCount,
        count: Int(score.alternativeCount)))
  }
}
