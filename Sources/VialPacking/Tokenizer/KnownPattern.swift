// Owns: the pre-tokenizer regular expressions that Vial's hand-written matchers stand for.
// Must not: hold an expression whose matches differ from the matcher's in any text; each spelling
// here was compared with the tokenizers library.
// Source: Spec/TOKENIZER.md, "Pre-tokenisation".

import VialText

/// Regular expressions by the matcher that equals them.
enum KnownPattern {
  /// The matcher for a regular expression, or nil when it is none of the known ones.
  static func pattern(of regex: String) -> PreTokenizerPattern? {
    // Compared by bytes: Swift's `==` would fold canonically equivalent text.
    spellings.first { Array($0.regex.utf8) == Array(regex.utf8) }?.pattern
  }

  private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
  private static let shortContractions = "'(?i:[sdmt]|ll|ve|re)"
  private static let rest =
    #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  private static let spellings: [(regex: String, pattern: PreTokenizerPattern)] = [
    (contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"# + rest, .qwen2),
    (contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"# + rest, .llama3),
    // tiktoken's cl100k, with possessive quantifiers: the same matches.
    (
      shortContractions
        + #"|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#,
      .llama3
    ),
    (#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .gpt2),
  ]
}
