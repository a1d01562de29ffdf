// Owns: how far a model's confidence can be believed: calibration error, Brier score, and what
// abstaining would give.
// Must not: know how options were scored.

import VialNumerics

/// The reliability of confidence over questions whose options were scored. The confidence of a
/// question is the choice's share of the options' likelihoods.
package struct Reliability: Sendable {
  /// Questions of similar confidence.
  package struct Bin: Sendable, Equatable {
    /// Least confidence; the bin ends where the next begins.
    package let low: Double
    /// Questions.
    package let count: Int
    /// Right choices.
    package let correctCount: Int
    /// Mean confidence; NaN for none.
    package let confidence: Double
  }

  /// What remains when the model abstains below a confidence.
  package struct Abstention: Sendable, Equatable {
    /// The least confidence at which it answers.
    package let threshold: Double
    /// Right choices among the questions that are answered.
    package let accuracy: Accuracy
  }

  /// Ten bins of equal width.
  package let bins: [Bin]
  /// Expected calibration error (Naeini et al., AAAI 2015): mean over questions of
  /// |accuracy - confidence| of their bin.
  package let expectedError: Double
  /// Brier score over all options (Brier 1950): mean over questions of the squared distances
  /// between the options' shares and the truth; 0 is best, 2 worst.
  package let brierScore: Double
  /// At thresholds 0, 0.3, 0.5, 0.7, 0.9 and 0.95.
  package let abstentions: [Abstention]

  private static let binCount = 10
  private static let thresholds = [0, 0.3, 0.5, 0.7, 0.9, 0.95]

  /// nil when no option was scored.
  package init?(_ outcomes: [QuestionOutcome]) {
    let judged = outcomes.compactMap(Judged.init)
    guard !judged.isEmpty else { return nil }
    var bins: [Bin] = []
    for index in 0..<Self.binCount {
      let inside = judged.filter {
        min(Self.binCount - 1, Int($0.confidence * Double(Self.binCount))) == index
      }
      bins.append(
        Bin(
          low: Double(index) / Double(Self.binCount), count: inside.count,
          correctCount: inside.count(where: \.isCorrect),
          confidence: inside.reduce(0) { $0 + $1.confidence } / Double(inside.count)))
    }
    self.bins = bins
    let count = Double(judged.count)
    expectedError =
      bins.filter { $0.count > 0 }.reduce(0) {
        $0 + abs(Double($1.correctCount) - $1.confidence * Double($1.count))
      } / count
    brierScore = judged.reduce(0) { $0 + $1.distance } / count
    abstentions = Self.thresholds.map { threshold in
      let answered = judged.filter { $0.confidence >= threshold }
      return Abstention(
        threshold: threshold,
        accuracy: Accuracy(
          correctCount: answered.count(where: \.isCorrect), count: answered.count))
    }
  }

  /// Questions that were scored.
  package var count: Int { abstentions[0].accuracy.count }
}

/// A question whose options were scored.
private struct Judged {
  let confidence: Double
  let isCorrect: Bool
  /// Squared distance between the options' shares and the truth.
  let distance: Double

  init?(_ outcome: QuestionOutcome) {
    guard let best = outcome.logLikelihoods.max() else { return nil }
    let weights = outcome.logLikelihoods.map { DoubleFunctions.exp($0 - best) }
    let sum = weights.reduce(0, +)
    confidence = 1 / sum
    isCorrect = outcome.isCorrect
    distance = weights.enumerated().reduce(0) { total, option in
      let difference = option.element / sum - (option.offset == outcome.answer ? 1 : 0)
      return total + difference * difference
    }
  }
}
