// Ids and decoded text of our own small tokenizers, as Hugging Face `tokenizers` gives them
// (Tests/Scripts/make_tokenizer_fixtures.py).

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct FixtureVectorTests {
  static let names = ["byte-nfc", "byte-digits3", "pieces-fallback"]

  private func folder(_ name: String) -> URL { Files.fixture("tokenizers/\(name)") }

  @Test(arguments: names)
  func encoding(_ name: String) throws {
    let tokenizer = try TestTokenizer(folder: folder(name))
    let vectors = try Files.lines(folder(name).appending(path: "vectors.jsonl"))
    #expect(vectors.count >= 300)
    for json in vectors {
      let vector = Vector(json)
      let ids = try tokenizer.encode(vector.text)
      #expect(ids == vector.ids, "\(vector.text)")
      let special = try tokenizer.encode(vector.text, EncodeOptions(addsSpecialTokens: true))
      #expect(special == json["special"]?.array?.compactMap { $0.integer.map { UInt32($0) } })
      #expect(tokenizer.decode(vector.ids) == vector.decoded)
    }
  }

  @Test(arguments: names)
  func decodingOfAnyIds(_ name: String) throws {
    let tokenizer = try TestTokenizer(folder: folder(name))
    for json in try Files.lines(folder(name).appending(path: "decode.jsonl")) {
      let ids = Vector(json).ids
      #expect(tokenizer.decode(ids) == json["decoded"]?.string?.bytes, "\(ids)")
      let skipped = tokenizer.decode(ids, skipsSpecialTokens: true)
      #expect(skipped == json["skipped"]?.string?.bytes, "\(ids)")
    }
  }

  @Test func smallOutputAsksForMore() throws {
    let tokenizer = try TestTokenizer(folder: folder("byte-nfc"))
    let text = Array("The patient has a fever".utf8)
    let all = try tokenizer.encode(text)
    var workspace = TokenizerWorkspace()
    var few = [UInt32](repeating: 7, count: 2)
    var output = few.mutableSpan
    let count = try tokenizer.tokenizer.encode(text.span, workspace: &workspace, into: &output)
    #expect(count == all.count)
    #expect(few == Array(all[..<2]))
  }

  @Test func invalidUTF8IsRefusedWithItsOffset() throws {
    let tokenizer = try TestTokenizer(folder: folder("byte-nfc"))
    let broken: [(bytes: [UInt8], offset: Int)] = [
      ([0x61, 0xFF], 1), ([0xC3], 0), ([0x61, 0xE2, 0x82], 1), ([0xED, 0xA0, 0x80], 0),
      ([0xC0, 0x80], 0), ([0xF4, 0x90, 0x80, 0x80], 0), ([0x61, 0x62, 0x80], 2),
    ]
    for (bytes, offset) in broken {
      #expect(throws: TextError.invalidUTF8(offset: offset)) { try tokenizer.encode(bytes) }
    }
  }

  @Test func longWordsAreNotQuadratic() throws {
    for name in Self.names {
      let tokenizer = try TestTokenizer(folder: folder(name))
      let clock = ContinuousClock()
      for unit in ["a", "ab", "\u{301}\u{323}", "\u{4E00}", " "] {
        let text = Array(String(repeating: unit, count: 1_000_000 / unit.utf8.count).utf8)
        let duration = try clock.measure { _ = try tokenizer.encode(text) }
        #expect(duration < .seconds(20), "\(name) \(unit)")
      }
    }
  }
}

@Suite struct LiteralTextTests {
  private func tokenizer() throws -> TestTokenizer {
    try TestTokenizer(folder: Files.fixture("tokenizers/byte-nfc"))
  }

  @Test func literalTextSpellsNoAddedToken() throws {
    let tokenizer = try tokenizer()
    for text in ["<|user|>hi<|end|>", "a <think> b", "5 mg/dL", "[MASK] x", "caf\u{E9}"] {
      let ids = try tokenizer.encode(Array(text.utf8), EncodeOptions(isLiteral: true))
      #expect(!ids.contains { tokenizer.tokenizer.isAdded($0) }, "\(text)")
      #expect(tokenizer.decode(ids) == Array(text.utf8))
    }
  }

  @Test func literalStretchesMergeWithTheirNeighbours() throws {
    let tokenizer = try tokenizer()
    let text = Array("<|user|>the <|end|> patient<|end|>".utf8)
    // "the <|end|> pat" is literal, its end lies inside a word.
    let ids = try tokenizer.encode(text, literals: [TextRange(start: 8, byteCount: 15)])
    let user = try tokenizer.encode(Array("<|user|>".utf8))
    let end = try tokenizer.encode(Array("<|end|>".utf8))
    let middle = try tokenizer.encode(
      Array("the <|end|> patient".utf8), EncodeOptions(isLiteral: true))
    #expect(ids == user + middle + end)
  }

  @Test func tokensMatchedAfterNormalisationRespectLiterals() throws {
    let tokenizer = try tokenizer()
    // e + combining acute: normalised to the token "café", once free and once literal.
    let word = "cafe\u{301}"
    let text = Array("\(word) \(word)".utf8)
    let token = try tokenizer.encode(Array("caf\u{E9}".utf8))
    #expect(token.count == 1)
    let free = try tokenizer.encode(text)
    #expect(free.filter { $0 == token[0] }.count == 2)
    let half = try tokenizer.encode(
      text, literals: [TextRange(start: 0, byteCount: word.utf8.count)])
    #expect(half.filter { $0 == token[0] }.count == 1)
    #expect(half.last == token[0])
  }
}
