// Owns: what became of one question, and its line in a results file.
// Must not: write files.

package import VialText

/// The result for one question.
package struct QuestionOutcome: Sendable, Equatable {
  /// The question's id.
  package var id: String
  /// First 16 digits of the SHA-256 of everything the model was asked: a changed question is asked
  /// again.
  package var digest: String
  /// The question's category.
  package var category: String
  /// The right option.
  package var answer: Int
  /// The chosen option (of options: the likeliest); nil when none could be read or the question
  /// failed.
  package var choice: Int?
  /// The option with the highest log-likelihood per byte; nil when the model wrote.
  package var normalizedChoice: Int?
  /// Natural logarithms of the options' likelihoods; empty when the model wrote.
  package var logLikelihoods: [Double] = []
  /// Seconds it took.
  package var seconds = 0.0
  /// Why the question could not be put; nil when it could.
  package var failure: String?

  /// Nothing chosen yet.
  package init(_ question: Question, digest: String) {
    id = question.id
    self.digest = digest
    category = question.category
    answer = question.answer
  }

  /// Whether the choice is right.
  package var isCorrect: Bool { choice == answer }
  /// Whether the choice by likelihood per byte is right.
  package var isCorrectNormalized: Bool { normalizedChoice == answer }

  /// Chooses by log-likelihood, raw and per byte of the continuations; of equals, the first.
  package mutating func choose(_ logLikelihoods: [Double], byteCounts: [Int]) {
    self.logLikelihoods = logLikelihoods
    choice = Self.best(logLikelihoods)
    normalizedChoice = Self.best(
      zip(logLikelihoods, byteCounts).map { $0 / Double(max(1, $1)) })
  }

  private static func best(_ values: [Double]) -> Int? {
    values.indices.max { (values[$0], -$0) < (values[$1], -$1) }
  }

  /// The outcome of a line of a results file; nil when it is none.
  package init?(_ line: JSONValue) {
    guard let id = line["id"]?.text, let digest = line["digest"]?.text,
      let category = line["category"]?.text, let answer = line["answer"]?.integer,
      let seconds = line["seconds"]?.number
    else { return nil }
    self.id = id
    self.digest = digest
    self.category = category
    self.answer = Int(clamping: answer)
    self.seconds = seconds
    choice = line["choice"]?.integer.map { Int(clamping: $0) }
    normalizedChoice = line["choice_normalized"]?.integer.map { Int(clamping: $0) }
    logLikelihoods = (line["log_likelihoods"]?.array ?? []).compactMap(\.number)
    failure = line["failure"]?.text
  }
}
