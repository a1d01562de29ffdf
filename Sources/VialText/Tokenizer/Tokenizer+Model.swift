// Owns: the tokenizer of a model, whose ids are rows of the embedding and of the logits: rule
//
// Must not: look into the columns.
// Source: Spec/MODELS.md.

public import VialFormat

extension Tokenizer {
  /// Opens the tokenizer section of a file and holds it against the file's configuration. O(1).
  /// - Throws: R-216 when there is no such section, R-400 to.
  package init(of file: VialFile) throws(FormatError) {
    guard let section = file.section(.tokenizer) else {
      throw FormatError(rule: 216, offset: 0, "the tokenizer section is missing")
    }
    try self.init(section, vocabularySize: file.configuration.vocabularySize)
  }

  /// Opens a section whose ids must all be below `vocabularySize`. O(1).
  /// - Throws.
  public init(_ section: ByteRegion, vocabularySize: Int) throws(FormatError) {
    try self.init(section)
    guard tokenCount <= vocabularySize else {
      throw FormatError(
        rule: 706, offset: UInt64(TokenizerLayout.Field.tokenCount), context: "tokenizer",
        "the tokenizer has more ids than the model's vocabulary")
    }
  }
}
