// Tokens that only settings name. Golden ids are those of transformers 5.23, `AutoTokenizer`, over the same files.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct SettingsTokensTests {
  /// The tables of a tokenizer of nine letters and one added token, 9 `<a>`.
  private func tables(
    _ config: String, map: String? = nil, added: String? = nil, rows: Int? = nil
  ) throws -> TokenizerTables {
    let vocabulary = "abcdefghi".enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ",")
    let json = """
      {"added_tokens": [{"id": 9, "content": "<a>", "special": true, "normalized": false}],
      "model": {"type": "BPE", "vocab": {\(vocabulary)}, "merges": []},
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}}
      """
    let parse = { (text: String?) in try text.map { try JSONReader.parse(Array($0.utf8)) } }
    return try TokenizerTables.build(
      tokenizer: try JSONReader.parse(Array(json.utf8)), tokenizerConfig: parse(config),
      specialTokensMap: parse(map), addedTokens: parse(added), rowCount: rows)
  }

  private func ids(_ text: String, _ tables: TokenizerTables) throws -> [UInt32] {
    let tokenizer = try Tokenizer(ByteRegion(copying: tables.section))
    var workspace = TokenizerWorkspace()
    var room = [UInt32](repeating: 0, count: 100)
    var output = room.mutableSpan
    let count = try tokenizer.encode(Array(text.utf8).span, workspace: &workspace, into: &output)
    return Array(room[..<count])
  }

  private static let described =
    #"{"__type": "AddedToken", "content": "<b>", "rstrip": true, "normalized": false}"#

  /// tokenizer_config.json's own list: by ascending number, ids from the end of the vocabulary on.
  @Test func theListOfAllAddedTokens() throws {
    let list = """
      {"added_tokens_decoder": {"90": {"content": "<b>", "rstrip": true, "normalized": false},
      "20": {"content": "<c>", "special": true}, "9": {"content": "<a>", "lstrip": true, "normalized": false}}}
      """
    let tables = try tables(list)
    // <a> strips what is left of it, <b> what is right: flags of tokenizer.json are replaced.
    #expect(try ids("x <a><b> <c>", tables) == [9, 11, 10])
    let tokenizer = try Tokenizer(ByteRegion(copying: tables.section))
    #expect([9, 10, 11].map { tokenizer.isSpecial($0) } == [false, true, false])
    // The other files do not count beside it, which is said.
    let beside = try self.tables(
      list, map: #"{"eos_token": "<d>"}"#, added: #"{"<e>": 12}"#)
    #expect(beside.addedTokenCount == 3 && beside.eosToken == nil && beside.warnings.count == 2)
    #expect(beside.warnings[0].contains("special_tokens_map.json does not count"))
  }

  @Test func namesAndLists() throws {
    // A name that no token has: it gets one.
    let named = try tables(#"{"eos_token": "<b>", "bos_token": "<a>", "turn_token": "<c>"}"#)
    #expect(named.eosToken == 10 && named.bosToken == 9)
    #expect(named.specialTokens["turn_token"] == "<c>")
    #expect(try ids("<b><c>", named) == [10, 11])
    // One that is in the vocabulary becomes a token of its own there.
    let plain = try tables(#"{"pad_token": "b"}"#)
    #expect(plain.padToken == 1 && plain.addedTokenCount == 2)
    for key in ["extra_special_tokens", "additional_special_tokens"] {
      let list = try tables(#"{"\#(key)": [\#(Self.described), "<c>"]}"#)
      #expect(try ids("<c><b> a", list) == [11, 10, 0])
    }
    let object = try tables(#"{"extra_special_tokens": {"turn_token": "<b>"}}"#)
    #expect(try ids("<b>", object) == [10] && object.specialTokens["turn_token"] == "<b>")
  }

  @Test func specialTokensMap() throws {
    let map = #"{"eos_token": \#(Self.described), "additional_special_tokens": ["<c>"]}"#
    let tables = try tables(#"{"eos_token": "<a>"}"#, map: map)
    #expect(tables.eosToken == 10)
    #expect(try ids("<b> a<c>", tables) == [10, 0, 11])
  }

  /// added_tokens.json: special only where other settings say so.
  @Test func addedTokensFile() throws {
    let tables = try tables(#"{"eos_token": "<c>"}"#, added: #"{"<b>": 70, "<c>": 60}"#)
    #expect(try ids("<b><c>", tables) == [11, 10])
    let tokenizer = try Tokenizer(ByteRegion(copying: tables.section))
    #expect(tokenizer.isSpecial(10) && !tokenizer.isSpecial(11))
  }

  @Test func rowsThatTheEmbeddingLacks() throws {
    let tables = try tables(#"{"extra_special_tokens": ["<b>", "<c>"]}"#, rows: 11)
    #expect(tables.tokenCount == 11)
    #expect(
      tables.warnings == ["token 11 '<c>' has no row in the embedding of 11 rows; left out"])
  }

  /// Both files of a folder are read, and are among those whose digests are kept.
  @Test func filesOfAFolder() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", "\"vocab_size\": 512", "\"vocab_size\": 520")
    try fixture.write("added_tokens.json", Array(#"{"<|turn|>": 512}"#.utf8))
    try fixture.write(
      "special_tokens_map.json", Array(#"{"eos_token": "<|stop|>", "eos_token": "<|stop|>"}"#.utf8))
    let (file, warnings, _) = try fixture.packed { $0.randomSeed = 1 }
    #expect(file.configuration.eosTokens == [490, 513])
    #expect(warnings.contains { $0.hasPrefix("special_tokens_map.json: eos_token stands twice") })
    guard case .textArray(let files)? = try file.provenance()?["source.digests"] else {
      Issue.record("no digests")
      return
    }
    for name in ["added_tokens.json", "special_tokens_map.json"] {
      #expect(files.contains { $0.hasSuffix("  \(name)") })
    }
  }
}
