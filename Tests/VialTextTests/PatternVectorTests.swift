// Ids of one vocabulary under each pre-tokenizer that Vial keeps, as Hugging Face `tokenizers` gives
// them (Tests/Scripts/make_pattern_fixtures.py). A word is a token there, so ids tell the cuts.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct PatternVectorTests {
  private static let folder = Files.fixture("tokenizers/patterns")

  private static let patterns: [(name: String, pattern: PreTokenizerPattern)] = [
    ("gpt2", .gpt2), ("qwen2", .qwen2), ("qwen2 possessive", .qwen2), ("llama3", .llama3),
    ("llama3 possessive", .llama3), ("digits", .gpt2Digits), ("tekken", .tekken),
    ("o200k", .o200k), ("qwen35", .qwen35), ("deepseek-v3", .deepSeekV3),
    ("deepseek-v3 escaped", .deepSeekV3),
  ]

  /// The vocabulary with another pre-tokenizer.
  private static func tokenizer(_ steps: JSONValue) throws -> Tokenizer {
    let json = try JSONReader.parse(Files.read(folder.appending(path: "tokenizer.json")))
    let members = try #require(json.object).members.map { member in
      member.key == "pre_tokenizer" ? JSONObject.Member(key: member.key, value: steps) : member
    }
    let tables = try TokenizerTables.build(
      tokenizer: .object(JSONObject(members: members, index: [:])))
    return try Tokenizer(ByteRegion(copying: tables.section))
  }

  private static func steps() throws -> JSONObject {
    let file = try JSONReader.parse(Files.read(folder.appending(path: "pre_tokenizers.json")))
    return try #require(file.object)
  }

  @Test(arguments: patterns)
  func words(_ name: String, _ pattern: PreTokenizerPattern) throws {
    let tokenizer = try Self.tokenizer(#require(Self.steps()[name]))
    #expect(tokenizer.pattern == pattern)
    let rows = try Files.lines(Self.folder.appending(path: "vectors.jsonl"))
    #expect(rows.count > 350)
    for row in rows {
      let named = row[name]?.text.flatMap { row[$0] } ?? row[name]
      let expected = try #require(named?.array).map { UInt32($0.integer ?? -1) }
      let text = try #require(row["text"]?.string).bytes
      #expect(try TestTokenizer.encode(tokenizer, text) == expected, "\(text)")
    }
  }

  @Test func everyPreTokenizerIsTried() throws {
    #expect(try Self.steps().members.map(\.key.text) == Self.patterns.map(\.name))
    let byCharacter: Set<PreTokenizerPattern> = [.none, .metaspace, .metaspaceSplit]
    #expect(
      Set(PreTokenizerPattern.allCases).subtracting(byCharacter)
        == Set(Self.patterns.map(\.pattern)))
  }

  /// Text that no expression matches would be lost.
  @Test func splitsThatLoseTextAreRefused() throws {
    for name in ["deepseek-v3", "deepseek-v3 escaped"] {
      let steps = try #require(Self.steps()[name]?["pretokenizers"]?.array)
      let removing = steps.dropLast().map { step in
        JSONValue.object(
          JSONObject(
            members: [
              .init(key: "type", value: "Split"), .init(key: "invert", value: .bool(true)),
              .init(key: "behavior", value: "Removed"),
              .init(key: "pattern", value: step["pattern"] ?? .null),
            ], index: [:]))
      }
      let sequence = JSONValue.object(
        JSONObject(
          members: [
            .init(key: "type", value: "Sequence"),
            .init(key: "pretokenizers", value: .array(removing + steps.suffix(1))),
          ], index: [:]))
      #expect(throws: TokenizerError.self) { try Self.tokenizer(sequence) }
    }
  }
}
