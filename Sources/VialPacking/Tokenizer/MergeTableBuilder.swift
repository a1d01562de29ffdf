// Owns: merges as pairs of ids with rank and result, and their validation.
// Must not: hash; the table builder does.

import VialText

/// The merges of a vocabulary, each pair once.
struct MergeTableBuilder {
  /// A pair (left << 32 | right) and what it merges to (rank << 32 | result).
  struct Entry {
    let pair: UInt64
    var value: UInt64
  }

  private(set) var entries: [Entry] = []
  /// No result has a space behind another character, so text may be cut before spaces.
  private(set) var keepsSpacesInFront = true

  /// Resolves the merges by bytes; a later merge of the same pair replaces the earlier one, as in
  /// the original. Throws for the first merge that names an unknown token.
  init(_ source: TokenizerSource, _ checksSpaces: Bool) throws(TokenizerError) {
    var positions: [UInt64: Int] = [:]
    positions.reserveCapacity(source.merges.count)
    entries.reserveCapacity(source.merges.count)
    for (rank, rule) in source.merges.enumerated() {
      let left = try Self.id(of: rule.left, rule, source)
      let right = try Self.id(of: rule.right, rule, source)
      let joined = JSONString(bytes: rule.left.bytes + rule.right.bytes)
      let result = try Self.id(of: joined, rule, source)
      let pair = UInt64(left) << 32 | UInt64(right)
      let value = UInt64(rank) << 32 | UInt64(result)
      if let position = positions[pair] {
        entries[position].value = value
      } else {
        positions[pair] = entries.count
        entries.append(Entry(pair: pair, value: value))
      }
      if checksSpaces, keepsSpacesInFront {
        keepsSpacesInFront = Self.hasSpacesInFrontOnly(MarkedSpaces.spaces(for: joined.bytes))
      }
    }
  }

  private static func id(
    of token: JSONString, _ rule: TokenizerSource.MergeRule, _ source: TokenizerSource
  ) throws(TokenizerError) -> UInt32 {
    guard let id = source.idByToken[token] else {
      throw TokenizerError(
        "merge \(rule.line) '\(rule.left) \(rule.right)': '\(token)' is not in the vocabulary")
    }
    return id
  }

  private static func hasSpacesInFrontOnly(_ text: [UInt8]) -> Bool {
    !zip(text, text.dropFirst()).contains { $0 != 0x20 && $1 == 0x20 }
  }
}
