// Owns: a vocabulary as tries of its tokens' bytes, in the order of a walk, and what needs no walk.
// Must not: hold added tokens (no grammar may spell one), or tokens longer than a grammar looks
// ahead; or read an entry of the tables twice: another process may change a mapped file.

internal import VialFormat

/// Tokens by their bytes.
struct TokenTrie: Sendable {
  /// For each node the byte that leads to it.
  let bytes: [UInt8]
  /// For each node the number of bytes before it, below `GrammarLimits.tokenByteCount`.
  let depths: [UInt8]
  /// For each node the first node that is not below it.
  let ends: [Int32]
  /// For each node its first token in `tokens`; one more at the end.
  let firstTokens: [Int32]
  /// Ids in the order of the nodes.
  let tokens: [UInt32]

  /// From tokens in the order of their bytes.
  fileprivate init(
    _ entries: [TokenEntry], _ text: Span<UInt8>, _ budget: inout WorkBudget
  ) throws(GrammarError) {
    var builder = TrieBuilder()
    for entry in entries {
      let nodeCount = builder.bytes.count
      builder.add(Int(entry.count)) { text[Int(entry.start) + $0] }
      try reserve(builder.bytes.count - nodeCount, of: Self.nodeByteCount, &budget)
      guard builder.bytes.count <= Int(Int32.max) else { throw .tooLarge("the file's vocabulary") }
    }
    builder.finish()
    (bytes, depths, ends) = (builder.bytes, builder.depths, builder.ends)
    firstTokens = builder.firstTokens
    tokens = entries.map(\.id)
  }

  private static let nodeByteCount = 10
}

/// Charges memory for the vocabulary.
private func reserve(
  _ count: Int, of size: Int, _ budget: inout WorkBudget
) throws(GrammarError) {
  guard budget.reserve(count, of: size) else { throw .tooLarge("the file's vocabulary") }
}

/// Where a token's bytes lie, read once.
private struct TokenEntry {
  let id: UInt32
  let start: UInt32
  let count: UInt8
  /// The first eight bytes, zeros behind the last, so that few comparisons need more.
  let head: UInt64

  init(_ id: UInt32, _ range: Range<Int>, _ text: Span<UInt8>) {
    var head: UInt64 = 0
    for offset in 0..<8 {
      let byte = offset < range.count ? text[range.lowerBound + offset] : 0
      head = head << 8 | UInt64(byte)
    }
    (self.id, self.head) = (id, head)
    (start, count) = (UInt32(range.lowerBound), UInt8(range.count))
  }

  func isBefore(_ other: TokenEntry, _ text: Span<UInt8>) -> Bool {
    if head != other.head { return head < other.head }
    for offset in 0..<Int(min(count, other.count)) {
      let (a, b) = (text[Int(start) + offset], text[Int(other.start) + offset])
      if a != b { return a < b }
    }
    return count != other.count ? count < other.count : id < other.id
  }
}

/// All tokens that a constrained answer may have. Immutable; some 15 MB for 150,000 tokens.
final class TokenTries: Sendable {
  /// All of them.
  let all: TokenTrie
  /// Those that are not plain.
  let rest: TokenTrie
  /// A bit for each *plain* token of at most so many characters: whole ones that stand in a JSON
  /// string as they are.
  let plain: [[UInt64]]
  /// Ids below this.
  let idCount: Int
  /// Whether each byte of UTF-8 text is a token, so that no answer can get stuck.
  let hasAllBytes: Bool

  /// O(n log n) in the vocabulary; memory at most a few times that of its tables.
  init(_ tokenizer: Tokenizer) throws(GrammarError) {
    let bytes = tokenizer.tokenBytes
    let text = bytes.span
    idCount = tokenizer.tokenCount
    var budget = WorkBudget(
      work: 0,
      byteCount: GrammarLimits.memoryByteCount
        + GrammarLimits.vocabularyFactor * (bytes.count + 5 * idCount))
    let entries = try Self.entries(tokenizer, text, &budget)
    let wordCount = (idCount + 63) / 64
    try reserve(wordCount, of: 8 * (GrammarLimits.tokenByteCount + 1), &budget)
    var plain = [[UInt64]](
      repeating: [UInt64](repeating: 0, count: wordCount), count: GrammarLimits.tokenByteCount + 1)
    var present = [Bool](repeating: false, count: 256)
    var rest: [TokenEntry] = []
    for entry in entries {
      let range = Int(entry.start)..<Int(entry.start) + Int(entry.count)
      if range.count == 1 { present[Int(text[range.lowerBound])] = true }
      if let count = Self.plainCharacterCount(text, range) {
        plain[count][Int(entry.id) / 64] |= 1 << UInt64(entry.id % 64)
      } else {
        rest.append(entry)
      }
    }
    for count in 1..<plain.count {
      for word in 0..<wordCount { plain[count][word] |= plain[count - 1][word] }
    }
    self.plain = plain
    all = try TokenTrie(entries, text, &budget)
    self.rest = rest.count == entries.count ? all : try TokenTrie(rest, text, &budget)
    let needed = Array(0x20...0x7E) + Array(0x80...0xBF) + Array(0xC2...0xF4)
    hasAllBytes = needed.allSatisfy { present[$0] } && present[0x0A]
  }

  /// Tokens that may be offered, in the order of their bytes.
  private static func entries(
    _ tokenizer: Tokenizer, _ text: Span<UInt8>, _ budget: inout WorkBudget
  ) throws(GrammarError) -> [TokenEntry] {
    // Sorting takes half as much again.
    try reserve(tokenizer.tokenCount, of: MemoryLayout<TokenEntry>.stride * 3 / 2, &budget)
    var entries: [TokenEntry] = []
    for id in 0..<UInt32(tokenizer.tokenCount) {
      let range = tokenizer.byteRange(of: id)
      if (1...GrammarLimits.tokenByteCount).contains(range.count), tokenizer.isPresent(id),
        !tokenizer.isAdded(id), !tokenizer.isSpecial(id), range.upperBound <= Int(UInt32.max)
      {
        entries.append(TokenEntry(id, range, text))
      }
    }
    entries.sort { $0.isBefore($1, text) }
    return entries
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
