// Owns: how large a vocabulary is, for whoever must hold memory for what is made of it.
// Must not: be taken for exact while another process changes the file.

extension Tokenizer {
  /// Bytes of all tokens of at most `limit` bytes each, those of longer ones not counted.
  /// O(tokens).
  public func byteCount(ofTokensUpTo limit: Int) -> Int {
    (0..<header.tokenCount).reduce(0) { sum, id in
      let count = byteRange(of: id).count
      return sum + (count <= limit ? count : 0)
    }
  }
}
