// What the packer refuses, in one clear line, and the JSON reader's grammar.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct TokenizerRefusalTests {
  /// A small tokenizer.json with some members replaced.
  private func build(
    _ model: String,
    _ rest: String =
      #""pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}"#
  )
    throws -> TokenizerTables
  {
    let json =
      #"{"version": "1.0", "added_tokens": [], "model": {"type": "BPE", \#(model)}, \#(rest)}"#
    return try TokenizerTables.build(tokenizerJSON: Array(json.utf8))
  }

  private func message(_ body: () throws -> TokenizerTables) -> String {
    do {
      _ = try body()
      return "built"
    } catch {
      return "\(error)"
    }
  }

  @Test func badMergesAreNamed() {
    let vocabulary = #""vocab": {"a": 0, "b": 1, "ab": 2}"#
    #expect(message { try build(vocabulary + #", "merges": ["a b"]"#) } == "built")
    #expect(message { try build(vocabulary + #", "merges": [["a", "b"]]"#) } == "built")
    #expect(
      message { try build(vocabulary + #", "merges": ["a b", "b a"]"#) }
        == "tokenizer.json: merge 2 'b a': 'ba' is not in the vocabulary")
    #expect(
      message { try build(vocabulary + #", "merges": ["a c"]"#) }
        == "tokenizer.json: merge 1 'a c': 'c' is not in the vocabulary")
    #expect(
      message { try build(vocabulary + #", "merges": ["ab"]"#) }
        == "tokenizer.json: merge 1 'ab' is not two tokens and one space")
    #expect(
      message { try build(vocabulary + #", "merges": [["a"]]"#) }
        == "tokenizer.json: merge 1 is neither a string nor a pair of strings")
  }

  @Test func unknownComponentsAreNamed() {
    let model = #""vocab": {"a": 0}, "merges": []"#
    let decoder = #""decoder": {"type": "ByteLevel"}"#
    let split = { (regex: String) in
      #""pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\#(regex)"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}, \#(decoder)"#
    }
    #expect(message { try build(model, split("[a-z]+")) }.contains("regular expression"))
    #expect(
      message { try build(model, #""pre_tokenizer": {"type": "BertPreTokenizer"}"#) }.contains(
        "BertPreTokenizer"))
    let bytes = #""pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}"#
    #expect(message { try build(model, bytes) }.contains("decoder"))
    let lower = bytes + "," + decoder + #", "normalizer": {"type": "Lowercase"}"#
    #expect(message { try build(model, lower) }.contains("Lowercase"))
    #expect(message { try build(#""vocab": {"a": 0, "b": 0}, "merges": []"#) }.contains("id 0"))
    #expect(message { try build(#""vocab": {"a": -1}, "merges": []"#) }.contains("'a'"))
    #expect(message { try build(#""vocab": {}, "merges": []"#) }.contains("vocabulary"))
    #expect(message { try build(#""type2": 1"#) }.contains("vocabulary"))
    #expect(message { try TokenizerTables.build(tokenizerJSON: Array("{".utf8)) }.contains("JSON"))
  }

  @Test func sameInputSameBytes() throws {
    let folder = Files.fixture("tokenizers/byte-nfc")
    #expect(
      try TestTokenizer(folder: folder).tables.section
        == TestTokenizer(folder: folder).tables.section)
  }

  @Test func canonicallyEqualTokensStayApart() throws {
    // "é" and "e" + combining acute are one String to Swift, two tokens to a vocabulary.
    let vocabulary = #""vocab": {"\u00e9": 0, "e\u0301": 1}, "merges": [], "unk_token": null"#
    let rest =
      #""normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}, "decoder": {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}"#
    let tables = try build(vocabulary, rest)
    let tokenizer = try Tokenizer(ByteRegion(copying: tables.section))
    #expect(try TestTokenizer.encode(tokenizer, Array("\u{E9}".utf8)) == [0])
  }

  @Test func specialTokensComeFromTheConfiguration() throws {
    let tables = try TestTokenizer(folder: Files.fixture("tokenizers/byte-nfc")).tables
    #expect(tables.specialTokens["bos_token"] == "<|begin|>")
    #expect(tables.bosToken != nil && tables.eosToken != nil && tables.bosToken != tables.eosToken)
    #expect(tables.stopTokens == [try #require(tables.eosToken)])
  }
}

@Suite struct JSONReaderTests {
  private func parse(_ text: String) throws -> JSONValue { try JSONReader.parse(Array(text.utf8)) }

  @Test func values() throws {
    let value = try parse(#" {"a": [1, -2.5e1, true, null, "x\u00e9\ud83e\ude7a\n"], "b": {}} "#)
    #expect(value["a"]?[0]?.integer == 1)
    #expect(value["a"]?[1]?.number == -25)
    #expect(value["a"]?[2]?.bool == true)
    #expect(value["a"]?[3]?.isNull == true)
    #expect(value["a"]?[4]?.text == "x\u{E9}\u{1FA7A}\n")
    #expect(value["b"]?.object?.members.isEmpty == true)
    #expect(value["c"] == nil)
    #expect(try parse("9223372036854775807").integer == .max)
    #expect(try parse("1000000000000000019884624838656").number == 1e30)
    #expect(try parse("32.0").integer == 32)
  }

  @Test func largeObjectsAreIndexedAndOrdered() throws {
    let members = (0..<1000).map { "\"k\($0)\": \($0)" }.joined(separator: ",")
    let object = try #require(parse("{\(members)}").object)
    #expect(object.members.map(\.key.text) == (0..<1000).map { "k\($0)" })
    #expect(object["k777"]?.integer == 777)
  }

  @Test func refusals() {
    let bad: [(text: String, offset: Int)] = [
      ("", 0), ("{", 1), ("[1,]", 3), ("{\"a\":1,}", 7), ("{\"a\" 1}", 5), ("nul", 3),
      ("01", 1), ("1.", 2), ("-", 1), ("\"\\x\"", 1), ("\"\\ud800\"", 1), ("\"\u{1}\"", 1),
      ("[1] 2", 4), ("{\"a\":1,\"a\":2}", 7), ("NaN", 0), ("1e999", 0), ("'a'", 0),
    ]
    for (text, offset) in bad {
      do {
        _ = try parse(text)
        Issue.record("parsed \(text)")
      } catch let error as JSONError {
        #expect(error.offset == offset, "\(text)")
      } catch {
        Issue.record("\(error)")
      }
    }
    #expect(throws: JSONError.self) { try JSONReader.parse([0x22, 0xFF, 0x22]) }
    #expect(throws: JSONError.self) { try JSONReader.parse([0x22, 0xED, 0xA0, 0x80, 0x22]) }
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: JSONError.self) { try parse(deep) }
    let many = (0..<50).map { "\"k\($0 % 49)\":0" }.joined(separator: ",")
    #expect(throws: JSONError.self) { try parse("{\(many)}") }
  }

  @Test func anyDamageIsAnErrorOrAValue() {
    var generator = SeededGenerator(seed: 5)
    let text = Array(#"{"a": [1, -2.5e1, "x\u00e9\ud83e\ude7a"], "b": {"c": null}}"#.utf8)
    for _ in 0..<20_000 {
      var damaged = text
      damaged[Int.random(in: 0..<text.count, using: &generator)] = .random(
        in: 0...255, using: &generator)
      _ = try? JSONReader.parse(damaged)
    }
  }
}
