// What masks may cost, and that what is remembered decides none of them.

import TestSupport
import Testing
import VialText

@Suite struct GrammarBudgetTests {
  private let tokenizer: TestTokenizer
  private let vocabulary: GrammarVocabulary

  init() throws {
    tokenizer = try TestTokenizer(folder: Files.fixture("tokenizers/byte-nfc"))
    vocabulary = try GrammarVocabulary(tokenizer.tokenizer)
  }

  /// After each letter so many places of the pattern are open that a mask takes all the work that it may.
  private static let hostile = [
    (#"{"type":"string","pattern":"^.*(a|b|c|d).{250}$"}"#, #""abcdeabcdeaabbccddeeabcde"#),
    (
      #"{"type":"string","pattern":"^.*[aeiou].*[aeiou].{100}[aeiou].{100}$","maxLength":2000}"#,
      #""abcdeabcdeaeiouaeiouxyz"#
    ),
    (
      #"{"type":"string","pattern":"^(?:a?){0,256}(?:[a-z]?){0,256}(?:b?){0,256}$"}"#,
      #""aaaaaaaaaaaa"#
    ),
  ]

  @Test(arguments: hostile) func masksAreBoundedAndAlike(_ schema: String, _ text: String) throws {
    let path = Array(text.utf8)
    let grammar = try Grammar(schema: Array(schema.utf8))
    let shared = GrammarAutomaton(grammar, vocabulary: vocabulary, endTokens: [])
    var matcher = GrammarMatcher(shared)
    for (index, byte) in path.enumerated() {
      let mask = matcher.mask()
      // The same state from an empty memory: the shared automaton knows parts of it by now.
      let fresh = GrammarAutomaton(grammar, vocabulary: vocabulary, endTokens: [])
      var again = GrammarMatcher(fresh)
      let isTaken = again.advance(Array(path[..<index]).span)
      #expect(isTaken)
      #expect(again.mask() == mask, "byte \(index)")
      #expect(fresh.spent < 4 * GrammarLimits.maskWork)
      let goesOn = matcher.advance([byte].span)
      #expect(goesOn)
    }
  }
}
