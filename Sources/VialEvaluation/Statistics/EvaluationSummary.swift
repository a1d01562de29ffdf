// Owns: the figures of an evaluation: accuracy with Wilson intervals, reliability, latency.
// Must not: know how outcomes came about.

/// A share of right answers.
package struct Accuracy: Sendable, Equatable {
  /// Right answers.
  package let correctCount: Int
  /// Questions.
  package let count: Int

  /// A share; of nothing it is NaN.
  package init(correctCount: Int, count: Int) {
    self.correctCount = correctCount
    self.count = count
  }

  /// Right answers over questions.
  package var value: Double { Double(correctCount) / Double(count) }

  /// The 95% interval of Wilson (JASA 1927); 0 to 1 for nothing.
  package var interval: (low: Double, high: Double) {
    guard count > 0 else { return (0, 1) }
    let (n, z) = (Double(count), 1.959963984540054)
    let scale = 1 / (1 + z * z / n)
    let center = value + z * z / (2 * n)
    let half = z * (value * (1 - value) / n + z * z / (4 * n * n)).squareRoot()
    return (max(0, scale * (center - half)), min(1, scale * (center + half)))
  }
}

/// The figures of a set of outcomes.
package struct EvaluationSummary: Sendable {
  /// The figures of one category.
  package struct Category: Sendable {
    /// Its name; empty for questions without one.
    package let name: String
    /// By raw likelihood, or as written.
    package let accuracy: Accuracy
    /// By likelihood per byte; nil when models wrote.
    package let normalized: Accuracy?
  }

  /// All questions.
  package let all: Category
  /// Every category, by name.
  package let categories: [Category]
  /// How far confidence can be believed; nil when no option was scored.
  package let reliability: Reliability?
  /// Questions whose answer had no choice in it.
  package let unreadCount: Int
  /// Questions that could not be put.
  package let failedCount: Int
  /// Median of the seconds for a question; NaN for none.
  package let medianSeconds: Double
  /// 95th percentile of the same.
  package let p95Seconds: Double

  /// The figures of `outcomes`.
  package init(_ outcomes: [QuestionOutcome]) {
    all = Self.category("", outcomes)
    let names = Set(outcomes.map(\.category)).sorted()
    categories = names.map { name in
      Self.category(name, outcomes.filter { $0.category == name })
    }
    reliability = Reliability(outcomes)
    unreadCount = outcomes.count(where: { $0.choice == nil && $0.failure == nil })
    failedCount = outcomes.count(where: { $0.failure != nil })
    let seconds = outcomes.filter { $0.failure == nil }.map(\.seconds).sorted()
    medianSeconds = Quantile.value(0.5, of: seconds)
    p95Seconds = Quantile.value(0.95, of: seconds)
  }

  private static func category(_ name: String, _ outcomes: [QuestionOutcome]) -> Category {
    let isScored = outcomes.contains { !$0.logLikelihoods.isEmpty }
    return Category(
      name: name,
      accuracy: Accuracy(correctCount: outcomes.count(where: \.isCorrect), count: outcomes.count),
      normalized: isScored
        ? Accuracy(
          correctCount: outcomes.count(where: \.isCorrectNormalized), count: outcomes.count) : nil)
  }
}
