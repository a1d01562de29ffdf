// The search for added tokens against a plain one: the longest that the text spells, from left to right.

import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct AddedTokenTests {
  /// A byte-level tokenizer of two letters with these added tokens.
  private func tokenizer(_ added: [String]) throws -> Tokenizer {
    let list = added.map { #"{"content":"\#($0)","normalized":false}"# }.joined(separator: ",")
    let json =
      #"{"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]},"#
      + #""pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"#
      + #""decoder":{"type":"ByteLevel"},"added_tokens":[\#(list)]}"#
    let tables = try TokenizerTables.build(tokenizerJSON: Array(json.utf8))
    return try Tokenizer(ByteRegion(copying: tables.section))
  }

  private func pieces(_ tokenizer: borrowing Tokenizer, _ text: [UInt8]) throws -> [String] {
    var workspace = TokenizerWorkspace()
    var ids = [UInt32](repeating: 0, count: text.count + 20)
    var output = ids.mutableSpan
    let count = try tokenizer.encode(text.span, workspace: &workspace, into: &output)
    return ids[..<count].map { id in
      let bytes = tokenizer.bytes(of: id)
      return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
    }
  }

  /// Tokens of up to a dozen letters, many with the same beginning; one letter is a token at any
  /// rate, so that nothing else reads the text.
  @Test(arguments: [2, 7, 60, 900])
  func theLongestIsFound(_ count: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count))
    let letters = { (length: Int) in
      (0..<length).map { _ in Bool.random(using: &generator) ? "a" : "b" }.joined()
    }
    var added: Set<String> = ["a", "b"]
    let stem = letters(6)
    for index in 0..<count {
      added.insert(index % 2 == 0 ? stem + letters(index % 7) : letters(1 + index % 12))
    }
    let tokenizer = try tokenizer(added.sorted())
    for _ in 0..<20 {
      let text = (0..<40).map { _ in Bool.random(using: &generator) ? stem : letters(3) }.joined()
      var rest = text[...]
      var expected: [String] = []
      while !rest.isEmpty {
        let longest = (1...12).reversed().map { String(rest.prefix($0)) }.first(
          where: added.contains)
        expected.append(try #require(longest))
        rest = rest.dropFirst(expected[expected.count - 1].count)
      }
      #expect(try pieces(tokenizer, Array(text.utf8)) == expected)
    }
  }
}
