// Long words: the merges of `LongWord` against the plainest loop there is.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct LongWordTests {
  /// A byte-level tokenizer of a few letters, which merge at random, and its merges.
  private struct Letters {
    let tokenizer: Tokenizer
    var merges: [UInt64: (rank: Int, result: UInt32)] = [:]
    static let count = 4

    init(seed: UInt64, mergeCount: Int) throws {
      var generator = SeededGenerator(seed: seed)
      var spellings = (0..<Self.count).map { String(UnicodeScalar(UInt8(0x61 + $0))) }
      var rules: [String] = []
      while rules.count < mergeCount {
        let left = Int.random(in: 0..<spellings.count, using: &generator)
        let right = Int.random(in: 0..<spellings.count, using: &generator)
        let spelling = spellings[left] + spellings[right]
        let pair = UInt64(left) << 32 | UInt64(right)
        guard merges[pair] == nil, spelling.utf8.count <= 48 else { continue }
        let result = spellings.firstIndex(of: spelling) ?? spellings.count
        if result == spellings.count { spellings.append(spelling) }
        merges[pair] = (rules.count, UInt32(result))
        rules.append("\"\(spellings[left]) \(spellings[right])\"")
      }
      let members = spellings.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
      let json = """
        {"model":{"type":"BPE","vocab":{\(members)},"merges":[\(rules.joined(separator: ","))]},\
        "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":false},\
        "decoder":{"type":"ByteLevel"}}
        """
      let tables = try TokenizerTables.build(tokenizerJSON: Array(json.utf8))
      tokenizer = try Tokenizer(ByteRegion(copying: tables.section))
    }

    /// The pair of lowest rank, the leftmost of equals, again and again.
    func plain(_ text: [UInt8]) -> [UInt32] {
      var symbols = text.map { UInt32($0 - 0x61) }
      while true {
        var best: (rank: Int, place: Int, result: UInt32)?
        for place in symbols.indices.dropLast() {
          let pair = UInt64(symbols[place]) << 32 | UInt64(symbols[place + 1])
          guard let merge = merges[pair], merge.rank < best?.rank ?? .max else { continue }
          best = (merge.rank, place, merge.result)
        }
        guard let best else { return symbols }
        symbols[best.place] = best.result
        symbols.remove(at: best.place + 1)
      }
    }
  }

  @Test(arguments: [1, 4, 12, 60, 400])
  func mergesAreThoseOfThePlainLoop(_ mergeCount: Int) throws {
    // Around a block of 16, groups of 8 and 64 blocks, and anything.
    let lengths = [41, 47, 48, 49, 127, 128, 129, 130, 255, 257, 1023, 1024, 1025, 1200]
    for seed in 0..<6 {
      let letters = try Letters(seed: UInt64(seed * 1000 + mergeCount), mergeCount: mergeCount)
      var generator = SeededGenerator(seed: UInt64(seed))
      for length in lengths {
        let used = UInt8.random(in: 1...UInt8(Letters.count), using: &generator)
        let text = (0..<length).map { _ in 0x61 + UInt8.random(in: 0..<used, using: &generator) }
        #expect(
          try TestTokenizer.encode(letters.tokenizer, text) == letters.plain(text),
          "seed \(seed), \(length) letters")
      }
    }
  }
}
