// Owns: reading the choice out of what a model wrote.
// Must not: see the reasoning part or the right answer.

/// The rules, the first that finds something decides:
/// 1. the last "answer is X", "answer: X" (or "option X", in brackets or bold) or "\boxed{X}",
/// 2. a letter that begins the text and is followed by ".", ")", ":" or the end of the line,
/// 3. the last letter in round brackets or alone in a line,
/// 4. the one option whose text the answer contains, as whole words, whatever the case.
/// Letters count in upper case and only for options that exist.
package struct AnswerExtraction {
  private let options: [String]

  /// For a question with these options.
  package init(options: [String]) { self.options = options }

  /// The index of the chosen option; nil when no rule finds one.
  package func choice(in text: String) -> Int? {
    stated(text) ?? leading(text) ?? standing(text) ?? named(text)
  }

  private func stated(_ text: String) -> Int? {
    let pattern =
      #/(?:(?i:answer(?:\s+is|\s*:|\s+is\s*:)\s*(?:option\s+)?)|\\boxed\{)[\s*_("'\[]*([A-Z])\b/#
    return text.matches(of: pattern).compactMap { index($0.1) }.last
  }

  private func leading(_ text: String) -> Int? {
    guard let match = text.prefixMatch(of: #/\s*[*_("\[]*([A-Z])[*_"\]]*(?:[.):]|[ \t]*(?:\n|$))/#)
    else { return nil }
    return index(match.1)
  }

  private func standing(_ text: String) -> Int? {
    let pattern = #/\(([A-Z])\)|(?:^|\n)[ \t*_]*([A-Z])[ \t*_.]*(?=\n|$)/#
    return text.matches(of: pattern).compactMap { index($0.1 ?? $0.2 ?? "") }.last
  }

  private func named(_ text: String) -> Int? {
    let words = Self.words(text)
    let found = options.indices.filter { Self.contains(words, Self.words(options[$0])) }
    return found.count == 1 ? found[0] : nil
  }

  private func index(_ letter: Substring) -> Int? {
    Question.index(ofLetter: String(letter), optionCount: options.count)
  }

  private static func words(_ text: String) -> [String] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
  }

  private static func contains(_ words: [String], _ part: [String]) -> Bool {
    guard !part.isEmpty, part.count <= words.count else { return false }
    return (0...words.count - part.count).contains {
      words[$0..<$0 + part.count].elementsEqual(part)
    }
  }
}
