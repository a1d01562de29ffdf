// A vocabulary as a trie of its tokens' bytes, in the order of a walk.
// Must not: hold added tokens (no grammar may spell one), or tokens longer than a grammar looks ahead.

internal import VialFormat

/// All tokens that a constrained answer may have. Immutable; some 10 MB for 150,000 tokens.
final class TokenTrie: Sendable {
  /// For each node the byte that leads to it.
  let bytes: [UInt8]
  /// For each node the number of bytes before it.
  let depths: [UInt8]
  /// For each node the first node that is not below it.
  let ends: [Int32]
  /// For each node its first token in `tokens`; one more at the end.
  let firstTokens: [Int32]
  /// Ids in the order of the nodes.
  let tokens: [UInt32]
  /// Ids below this.
  let idCount: Int
  /// Whether each byte of UTF-8 text is a token, so that no answer can get stuck.
  let hasAllBytes: Bool

  /// O(n log n) in the vocabulary.
  init(_ tokenizer: Tokenizer) {
    var ids: [UInt32] = []
    for id in 0..<UInt32(tokenizer.tokenCount) {
      let count = tokenizer.byteRange(of: id).count
      if (1...GrammarLimits.tokenByteCount).contains(count), tokenizer.isPresent(id),
        !tokenizer.isAdded(id), !tokenizer.isSpecial(id)
      {
        ids.append(id)
      }
    }
    let text = tokenizer.tokenBytes
    ids.sort { left, right in
      let span = text.span
      let (first, second) = (tokenizer.byteRange(of: left), tokenizer.byteRange(of: right))
      for offset in 0..<min(first.count, second.count) {
        let (a, b) = (span[first.lowerBound + offset], span[second.lowerBound + offset])
        if a != b { return a < b }
      }
      return first.count != second.count ? first.count < second.count : left < right
    }
    var builder = TrieBuilder()
    var present = [Bool](repeating: false, count: 256)
    for id in ids {
      let range = tokenizer.byteRange(of: id)
      if range.count == 1 { present[Int(text.span[range.lowerBound])] = true }
      builder.add(range.count) { text.span[range.lowerBound + $0] }
    }
    builder.finish()
    let needed = Array(0x20...0x7E) + Array(0x80...0xBF) + Array(0xC2...0xF4)
    hasAllBytes = needed.allSatisfy { present[$0] } && present[0x0A]
    (bytes, depths, ends) = (builder.bytes, builder.depths, builder.ends)
    firstTokens = builder.firstTokens
    tokens = ids
    idCount = tokenizer.tokenCount
  }
}

/// Nodes of a trie from sorted texts.
private struct TrieBuilder {
  private(set) var bytes: [UInt8] = []
  private(set) var depths: [UInt8] = []
  private(set) var ends: [Int32] = []
  private(set) var firstTokens: [Int32] = []
  /// Nodes from the root to the last one.
  private var path: [Int] = []
  private var tokenCount: Int32 = 0

  mutating func add(_ count: Int, _ byte: (Int) -> UInt8) {
    var common = 0
    while common < min(path.count, count), bytes[path[common]] == byte(common) { common += 1 }
    leave(to: common)
    for depth in common..<count {
      path.append(bytes.count)
      bytes.append(byte(depth))
      depths.append(UInt8(depth))
      ends.append(0)
      firstTokens.append(tokenCount)
    }
    tokenCount += 1
  }

  private mutating func leave(to depth: Int) {
    while path.count > depth { ends[path.removeLast()] = Int32(bytes.count) }
  }

  mutating func finish() {
    leave(to: 0)
    firstTokens.append(tokenCount)
  }
}
