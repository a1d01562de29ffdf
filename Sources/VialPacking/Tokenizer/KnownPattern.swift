// Owns: the pre-tokenizer regular expressions that Vial's hand-written matchers stand for.
// Must not: hold an expression whose matches differ from the matcher's in any text; each spelling
// here was compared with the tokenizers library.
// Source: Spec/TOKENIZER.md, "Pre-tokenisation".

import VialText

/// Regular expressions by the matcher that equals them.
enum KnownPattern {
  /// The matcher for regular expressions that cut one after the other, or nil when it is none of
  /// the known ones.
  /// - Parameter losesUnmatched: whether text that no expression matches is dropped.
  static func pattern(of regexes: [String], losesUnmatched: Bool) -> PreTokenizerPattern? {
    // Compared by bytes: Swift's `==` would fold canonically equivalent text.
    let spelled = regexes.map(escaped)
    let found = spellings.first { $0.regexes.map { Array($0.utf8) } == spelled }?.pattern
    // Only these leave text unmatched.
    return found == .deepSeekV3 && losesUnmatched ? nil : found
  }

  /// The bytes of an expression, with line ends written as escapes, which mean the same.
  private static func escaped(_ regex: String) -> [UInt8] {
    regex.utf8.flatMap { byte in
      byte == 0x0D ? Array(#"\r"#.utf8) : byte == 0x0A ? Array(#"\n"#.utf8) : [byte]
    }
  }

  static let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
  static let qwen2 = contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"# + rest
  static let llama3 = contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"# + rest
  static let tekken = cased(contractions: "") + #"\p{N}"# + restWithSlashes
  static let o200k = cased(contractions: contractions + "?") + #"\p{N}{1,3}"# + restWithSlashes
  static let qwen35 =
    contractions + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"# + ends
  static let deepSeekV3 = [
    #"\p{N}{1,3}"#, "[\u{4E00}-\u{9FA5}\u{3040}-\u{309F}\u{30A0}-\u{30FF}]+",
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
      + #"| ?[\p{P}\p{S}]+[\r\n]*"# + ends,
  ]

  private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
  private static let ends = #"|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*"# + ends
  private static let restWithSlashes = #"| ?[^\s\p{L}\p{N}]+[\r\n/]*"# + ends

  /// Words with cases, with what may follow each.
  private static func cased(contractions: String) -> String {
    let front = #"[^\r\n\p{L}\p{N}]?"#
    let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    return "\(front)\(upper)*\(lower)+\(contractions)|\(front)\(upper)+\(lower)*\(contractions)|"
  }

  /// tiktoken's spelling of cl100k and what was made from it, with possessive quantifiers: the same
  /// matches.
  private static func possessive(numbers: String) -> String {
    #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|"# + numbers
      + #"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#
  }

  private static let spellings: [(regexes: [String], pattern: PreTokenizerPattern)] = [
    ([qwen2], .qwen2), ([possessive(numbers: #"\p{N}"#)], .qwen2),
    ([llama3], .llama3), ([possessive(numbers: #"\p{N}{1,3}"#)], .llama3),
    ([gpt2], .gpt2), ([tekken], .tekken), ([o200k], .o200k), ([qwen35], .qwen35),
    (deepSeekV3, .deepSeekV3),
  ]
}
