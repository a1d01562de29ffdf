// Owns: a multiple-choice question as every source format becomes it.
// Must not: know formats or models.

/// A question with options, one of which is right.
package struct Question: Sendable, Equatable {
  /// Unique in its set: the source's own, or `line N`.
  package var id: String
  /// What the question is about (an abstract, a case); empty when there is nothing.
  package var context: String
  /// The question.
  package var text: String
  /// The options, 2 to 26.
  package var options: [String]
  /// Index of the right option.
  package var answer: Int
  /// Subject or set; empty when the source has none.
  package var category: String

  /// Most options: one for each letter.
  package static let optionLimit = 26

  /// A question.
  package init(
    id: String, context: String = "", text: String, options: [String], answer: Int,
    category: String = ""
  ) {
    self.id = id
    self.context = context
    self.text = text
    self.options = options
    self.answer = answer
    self.category = category
  }

  /// `A` for 0.
  package static func letter(_ index: Int) -> String {
    String(UnicodeScalar(UInt8(ascii: "A") + UInt8(clamping: index)))
  }

  /// The index of a letter of either case; nil when `text` is not one letter of an option.
  static func index(ofLetter text: String, optionCount: Int) -> Int? {
    guard text.utf8.count == 1, let byte = text.uppercased().utf8.first else { return nil }
    let index = Int(byte) - Int(UInt8(ascii: "A"))
    return (0..<optionCount).contains(index) ? index : nil
  }
}

/// Why a line of a question file is not a question. Says nothing of its text.
package struct QuestionError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One clear sentence.
  package let description: String

  init(_ description: String) { self.description = description }
}
