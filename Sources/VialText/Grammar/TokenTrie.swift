// A vocabulary as tries of its tokens' bytes, in the order of a walk, and what needs no walk.
// Must not: hold added tokens (no grammar may spell one), or tokens longer than a grammar looks ahead.

internal import VialFormat

/// Tokens by their bytes.
struct TokenTrie: Sendable {
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

  /// From ids in the order of their bytes.
  init(_ ids: [UInt32], _ tokenizer: Tokenizer) {
    let text = tokenizer.tokenBytes
    var builder = TrieBuilder()
    for id in ids {
      let range = tokenizer.byteRange(of: id)
      builder.add(range.count) { text.span[range.lowerBound + $0] }
    }
    builder.finish()
    (bytes, depths, ends) = (builder.bytes, builder.depths, builder.ends)
    firstTokens = builder.firstTokens
    tokens = ids
  }
}

/// All tokens that a constrained answer may have. Immutable; some 15 MB for 150,000 tokens.
final class TokenTries: Sendable {
  /// All of them.
  let all: TokenTrie
  /// Those that are not plain.
  let rest: TokenTrie
  /// A bit for each *plain* token of at most so many characters: whole ones that stand in a JSON string as they are.
  let plain: [[UInt64]]
  /// Ids below this.
  let idCount: Int
  /// Whether each byte of UTF-8 text is a token, so that no answer can get stuck.
  let hasAllBytes: Bool

  /// O(n log n) in the vocabulary.
  init(_ tokenizer: Tokenizer) {
    let ids = Self.sortedIDs(tokenizer)
    let text = tokenizer.tokenBytes
    var present = [Bool](repeating: false, count: 256)
    var rest: [UInt32] = []
    idCount = tokenizer.tokenCount
    let empty = [UInt64](repeating: 0, count: (idCount + 63) / 64)
    var plain = [[UInt64]](repeating: empty, count: GrammarLimits.tokenByteCount + 1)
    for id in ids {
      let range = tokenizer.byteRange(of: id)
      if range.count == 1 { present[Int(text.span[range.lowerBound])] = true }
      if let count = Self.plainCharacterCount(text.span, range) {
        plain[count][Int(id) / 64] |= 1 << UInt64(id % 64)
      } else {
        rest.append(id)
      }
    }
    for count in 1..<plain.count {
      for word in empty.indices { plain[count][word] |= plain[count - 1][word] }
    }
    self.plain = plain
    self.rest = TokenTrie(rest, tokenizer)
    all = TokenTrie(ids, tokenizer)
    let needed = Array(0x20...0x7E) + Array(0x80...0xBF) + Array(0xC2...0xF4)
    hasAllBytes = needed.allSatisfy { present[$0] } && present[0x0A]
  }

  /// Ids that may be offered, in the order of their bytes.
  private static func sortedIDs(_ tokenizer: Tokenizer) -> [UInt32] {
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
    return ids
  }

  /// Characters of a plain token; nil for another one.
  private static func plainCharacterCount(_ text: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var (position, count) = (range.lowerBound, 0)
    while position < range.upperBound {
      let scalar = UTF8Text.decode(text, at: position, limit: range.upperBound)
      let isInvalid = scalar.value == 0xFFFD && scalar.byteCount == 1
      guard !isInvalid, scalar.value >= 0x20, scalar.value != 0x22, scalar.value != 0x5C else {
        return nil
      }
      position += scalar.byteCount
      count += 1
    }
    return count
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
