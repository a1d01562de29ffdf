// Tokens whose ids have no row in the embedding: left out by name, or refused when text needs them.

import Foundation
import Synchronization
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct EmbeddingRowTests {
  /// The fixture with fewer rows than its tokenizer has ids (512: 490 and added tokens), random weights.
  private func packed(rows: Int) throws -> (file: VialFile, warnings: [String]) {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", "\"vocab_size\": 512", "\"vocab_size\": \(rows)")
    var options = fixture.options()
    options.randomSeed = 1
    let warnings = Mutex<[String]>([])
    _ = try Packer.pack(
      options,
      observer: PackObserver(warning: { line in warnings.withLock { $0.append(line) } }))
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output)))
    return (try FormatReader.open(ByteRegion(copying: bytes)), warnings.withLock { $0 })
  }

  private func ids(_ text: String, _ tokenizer: Tokenizer) throws -> [UInt32] {
    var workspace = TokenizerWorkspace()
    var room = [UInt32](repeating: 0, count: 200)
    var output = room.mutableSpan
    let bytes = Array(text.utf8)
    let count = try tokenizer.encode(bytes.span, workspace: &workspace, into: &output)
    return Array(room[..<count])
  }

  @Test func addedTokensAreLeftOutByName() throws {
    let (file, warnings) = try packed(rows: 505)
    let tokenizer = try Tokenizer(of: file)
    #expect(tokenizer.tokenCount == 505)
    let named = warnings.filter { $0.contains("left out") }
    #expect(named.count == 7)
    #expect(
      named.first == "token 505 '</tool_call>' has no row in the embedding of 505 rows; left out")
    #expect(named.last?.hasPrefix("token 511 '<|file_sep|>' ") == true)
    #expect(try ids("<tool_call>", tokenizer) == [504])
    #expect(try ids("</tool_call>", tokenizer).allSatisfy { $0 < 490 })
    #expect(try Verifier(file).verify().problems.isEmpty)
    let (whole, none) = try packed(rows: 512)
    #expect(try Tokenizer(of: whole).tokenCount == 512)
    #expect(!none.contains { $0.contains("left out") })
  }

  private func build(_ model: String, added: String = "", rows: Int) throws -> TokenizerTables {
    let json = """
      {"added_tokens": [\(added)], "model": {"type": "BPE", \(model)},
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}}
      """
    return try TokenizerTables.build(tokenizer: JSONReader.parse(Array(json.utf8)), rowCount: rows)
  }

  @Test func mergesOfTokensThatAreLeftOutGoWithThem() throws {
    let model =
      #""vocab": {"a": 0, "b": 1, "ab": 2, "abab": 3, "ababa": 4}, "merges": ["a b", "ab ab", "abab a"]"#
    let tables = try build(model, rows: 3)
    #expect(tables.tokenCount == 3 && tables.mergeCount == 1)
    #expect(
      tables.warnings == [
        "token 3 'abab' has no row in the embedding of 3 rows; left out",
        "token 4 'ababa' has no row in the embedding of 3 rows; left out",
      ])
    let tokenizer = try Tokenizer(ByteRegion(copying: tables.section))
    #expect(try ids("ababa", tokenizer) == [2, 2, 0])
    #expect(try build(model, rows: 5).warnings.isEmpty)
  }

  @Test func whatTextNeedsIsRefused() throws {
    func message(_ body: () throws -> TokenizerTables) -> String {
      do { return "\(try body().tokenCount)" } catch { return "\(error)" }
    }
    let letters = #""vocab": {"a": 0, "b": 1}, "merges": []"#
    #expect(
      message { try build(letters, rows: 1) }
        == "tokenizer.json: token 1 'b' has no row in the embedding of 1 rows")
    let unknown = #""vocab": {"a": 0, "<unk>": 1}, "unk_token": "<unk>", "merges": []"#
    #expect(message { try build(unknown, rows: 1) }.contains("the unknown token '<unk>' has id 1"))
    let many = (0..<300).map { #"{"id": \#($0 + 2), "content": "<\#($0)>"}"# }
    // Hundreds of tokens too many are another model's tokenizer: nothing is left out, and the packer refuses.
    #expect(message { try build(letters, added: many.joined(separator: ","), rows: 2) } == "302")
    #expect(throws: PackingError.self) { try packed(rows: 200) }
  }
}
