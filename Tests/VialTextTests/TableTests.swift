// The hash tables that the packer writes: small, and without far searches all the same.

import TestSupport
import Testing
import VialPacking
import VialText

@Suite struct TableTests {
  private static let letters = (UInt8(ascii: "a")...UInt8(ascii: "z")).map {
    String(decoding: [$0], as: UTF8.self)
  }

  /// 26 letters and `count` pairs of them, each with its merge.
  private func pairs(_ count: Int) throws -> TestTokenizer {
    let pairs = Self.letters.flatMap { left in Self.letters.map { (left, $0) } }.prefix(count)
    let tokens = Self.letters + pairs.map { $0 + $1 }
    let vocabulary = tokens.enumerated().map { #""\#($1)": \#($0)"# }.joined(separator: ",")
    let merges = pairs.map { #"["\#($0)", "\#($1)"]"# }.joined(separator: ",")
    return try TestTokenizer(
      json: Array(
        #"""
        {"added_tokens": [], "model": {"type": "BPE", "vocab": {\#(vocabulary)}, "merges": [\#(merges)]},
         "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
         "decoder": {"type": "ByteLevel"}}
        """#.utf8))
  }

  /// Places of m and of the longest search in the header.
  private func merges(_ tokenizer: TestTokenizer) -> (bits: UInt8, search: Int) {
    let section = tokenizer.tables.section
    return (section[128], Int(section[132]) | Int(section[133]) << 8)
  }

  @Test(arguments: [(495, 9), (497, 10), (676, 10)])
  func tablesAreAsSmallAsTheyCanBe(_ count: Int, _ bits: UInt8) throws {
    let tokenizer = try pairs(count)
    #expect(merges(tokenizer).bits == bits)
    // With linear probing alone a table that is 97% full has entries hundreds of slots away.
    #expect(merges(tokenizer).search < 40)
    for (index, left) in Self.letters.enumerated() {
      for (offset, right) in Self.letters.enumerated() {
        let pair = index * 26 + offset
        let ids = try tokenizer.encode(Array((left + right).utf8))
        #expect(ids == (pair < count ? [UInt32(26 + pair)] : [UInt32(index), UInt32(offset)]))
      }
    }
  }
}
