// Owns: the leaving out, by name, of tokens whose ids have no row in the embedding: a checkpoint
// that was given tokens and not resized.
// Must not: leave out what text cannot be spelled without.

import VialText

extension TokenizerSource {
  /// Most tokens that are left out: with more, the tokenizer is another model's.
  private static let leftOutLimit = 256

  /// Leaves out the tokens from `rowCount` on, which the model can neither read nor choose, with
  /// the merges that make them or are made from them, and says so by name. Changes nothing when
  /// there are more than `leftOutLimit`.
  /// - Throws: for a token that every text may need: the unknown one, a character, a byte.
  mutating func leaveOut(from rowCount: Int) throws(TokenizerError) {
    let added = addedTokens.filter { $0.id >= rowCount }.map { ($0.content, $0.id) }
    let known = Set(added.map(\.0))
    let plain = vocabulary.filter { $0.id >= rowCount && !known.contains($0.token) }
    guard !added.isEmpty || !plain.isEmpty else { return }
    guard added.count + plain.count <= Self.leftOutLimit else { return }
    for (token, id) in plain where isNeeded(token) {
      throw TokenizerError(
        "token \(id) '\(token)' has no row in the embedding of \(rowCount) rows")
    }
    if let unknownToken, let id = idByToken[unknownToken], id >= rowCount {
      throw TokenizerError(
        "the unknown token '\(unknownToken)' has id \(id), but the embedding has \(rowCount) rows")
    }
    let all = added + plain
    for (token, id) in all { leftOut[token] = id }
    let spelled = Set(vocabulary.lazy.filter { $0.id >= rowCount }.map(\.token))
    vocabulary.removeAll { $0.id >= rowCount }
    idByToken = idByToken.filter { $0.value < rowCount }
    addedTokens.removeAll { $0.id >= rowCount }
    merges.removeAll { rule in
      [rule.left, rule.right, JSONString(bytes: rule.left.bytes + rule.right.bytes)]
        .contains(where: spelled.contains)
    }
    for (token, id) in all.sorted(by: { $0.1 < $1.1 }) {
      notices.omits(
        "token \(id) '\(token)' has no row in the embedding of \(rowCount) rows; left out")
    }
  }

  /// Whether a token is what words are first cut into, or stands for a byte.
  private func isNeeded(_ token: JSONString) -> Bool {
    token.text.unicodeScalars.count == 1
      || (fallsBackToBytes && MarkedSpaces.byte(of: token.bytes) != nil)
  }
}
