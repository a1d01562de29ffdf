// Tokenizers that are packed: what is refused, in one clear line, and what is read of the settings.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct TokenizerPackingTests {
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

  private static let byteDecoder = #""decoder": {"type": "ByteLevel"}"#

  private func splitting(
    _ steps: String, usesRegex: Bool = false, prefixes: Bool = false
  ) -> String {
    #""pre_tokenizer": {"type": "Sequence", "pretokenizers": [\#(steps), {"type": "ByteLevel", "add_prefix_space": \#(prefixes), "use_regex": \#(usesRegex)}]}, \#(Self.byteDecoder)"#
  }

  @Test func expressionsThatCannotBeKeptAreShown() {
    let model = #""vocab": {"a": 0}, "merges": []"#
    let split = { (regex: String) in
      #"{"type": "Split", "pattern": {"Regex": "\#(regex)"}, "behavior": "Isolated", "invert": false}"#
    }
    #expect(
      message { try build(model, splitting(split(#"\\d+|[a-z]\u001b"#))) }
        == #"tokenizer.json: the pre-tokenizer's regular expression '\d+|[a-z]\u{1b}' is not one that Vial can keep"#
    )
    #expect(
      message { try build(model, splitting(split("a+") + "," + split("b+"))) }
        == "tokenizer.json: the pre-tokenizer's regular expression 'a+', then 'b+' is not one that Vial can keep"
    )
    let text = #"{"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated"}"#
    #expect(message { try build(model, splitting(text)) }.contains("without a regular expression"))
  }

  @Test func digitsAreKeptOneByOneOnly() {
    let model = #""vocab": {"a": 0}, "merges": []"#
    let digits = { (individual: Bool) in
      #"{"type": "Digits", "individual_digits": \#(individual)}"#
    }
    #expect(message { try build(model, splitting(digits(true), usesRegex: true)) } == "built")
    for rest in [
      splitting(digits(false), usesRegex: true), splitting(digits(true)),
      splitting(digits(true), usesRegex: true, prefixes: true),
    ] { #expect(message { try build(model, rest) }.contains("'Digits'")) }
    let two = splitting(digits(true) + "," + digits(true), usesRegex: true)
    #expect(message { try build(model, two) }.contains("sequence"))
  }

  /// Gemma cuts at spaces, of which its normaliser leaves none.
  @Test func splitAtReplacedSpacesIsNothing() throws {
    let model = #""vocab": {"a": 0, "\u2581": 1, "\u2581a": 2}, "merges": ["\u2581 a"]"#
    let decoder =
      #""decoder": {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}"#
    let normalizer =
      #""normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}"#
    let split =
      #""pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}"#
    let plain = try build(model, [decoder, normalizer].joined(separator: ","))
    let other = try build(model, [decoder, normalizer, split].joined(separator: ","))
    #expect(plain.section == other.section)
    let spaced = [decoder, split].joined(separator: ",")
    #expect(message { try build(model, spaced) }.contains("leaves"))
    let words = split.replacingOccurrences(of: #"" ""#, with: #""a""#)
    #expect(
      message { try build(model, [decoder, normalizer, words].joined(separator: ",")) }
        .contains("'Split'"))
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
