// Owns: the words around a question: what the model is asked and what it may answer.
// Must not: render chat templates or tokenise.

/// How a question is put and how the answer is found.
package enum QuestionMode: String, Sendable, CaseIterable {
  /// The likelihood of each option's text after the question alone.
  case text
  /// The options are listed; the likelihood of each one's letter.
  case letter
  /// The options are listed; the model writes, and its choice is read from what it wrote.
  case generate
}

/// A question in words.
package struct QuestionPrompt: Sendable {
  /// What the user says, or without a chat template the text up to the answer.
  package let text: String
  /// What the model would have to say for each option; empty when it writes itself.
  package let continuations: [String]

  /// The words of `question`.
  /// - Parameter isRaw: a text that is continued; otherwise a message that is answered.
  package init(_ question: Question, mode: QuestionMode, isRaw: Bool) {
    var text = question.context.isEmpty ? "" : question.context + "\n\n"
    text += isRaw ? "Question: \(question.text)" : question.text
    if mode != .text {
      text += "\n"
      for (index, option) in question.options.enumerated() {
        text += "\n\(Question.letter(index)). \(option)"
      }
      if !isRaw {
        text +=
          mode == .letter
          ? "\n\nAnswer with the letter of the right option only."
          : "\n\nEnd with \"Answer: \" and the letter of the right option."
      }
    }
    self.text = isRaw ? text + "\nAnswer:" : text
    let space = isRaw ? " " : ""
    switch mode {
    case .text: continuations = question.options.map { space + $0 }
    case .letter: continuations = question.options.indices.map { space + Question.letter($0) }
    case .generate: continuations = []
    }
  }
}
