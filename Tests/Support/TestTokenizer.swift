// Owns: tokenizers of a tokenizer.json, with arrays in and out. Must not: assert; tests do.

package import Foundation
import VialFormat
package import VialPacking
package import VialText

/// A tokenizer under test, with arrays for spans.
package struct TestTokenizer {
  /// What was packed.
  package let tables: TokenizerTables
  /// What was opened of it.
  package let tokenizer: Tokenizer

  /// Packs and opens the `tokenizer.json` (or `.json.xz`) of a folder.
  package init(folder: URL) throws {
    let plain = folder.appending(path: "tokenizer.json")
    let isPlain = FileManager.default.fileExists(atPath: plain.path)
    let config = folder.appending(path: "tokenizer_config.json")
    try self.init(
      json: Files.read(isPlain ? plain : folder.appending(path: "tokenizer.json.xz")),
      config: FileManager.default.fileExists(atPath: config.path) ? Files.read(config) : nil)
  }

  /// Packs and opens the text of a `tokenizer.json`.
  package init(json: [UInt8], config: [UInt8]? = nil) throws {
    tables = try TokenizerTables.build(tokenizerJSON: json, tokenizerConfigJSON: config)
    tokenizer = try Tokenizer(ByteRegion(copying: tables.section))
  }

  /// The ids of a text.
  package func encode(
    _ text: [UInt8], _ options: EncodeOptions = EncodeOptions(), literals: [TextRange] = []
  ) throws -> [UInt32] {
    try Self.encode(tokenizer, text, options, literals: literals)
  }

  /// The same for any tokenizer.
  package static func encode(
    _ tokenizer: Tokenizer, _ text: [UInt8], _ options: EncodeOptions = EncodeOptions(),
    literals: [TextRange] = []
  ) throws -> [UInt32] {
    var workspace = TokenizerWorkspace()
    var ids = [UInt32](repeating: 0, count: tokenizer.tokenCapacity(forByteCount: text.count))
    while true {
      var output = ids.mutableSpan
      let count = try tokenizer.encode(
        text.span, options, literals: literals.span, workspace: &workspace, into: &output)
      if count <= ids.count { return Array(ids[..<count]) }
      ids = [UInt32](repeating: 0, count: count)
    }
  }

  /// The text of ids.
  package func decode(_ ids: [UInt32], skipsSpecialTokens: Bool = false) -> [UInt8] {
    var text = [UInt8](repeating: 0, count: 64 + ids.count * 8)
    while true {
      var output = text.mutableSpan
      let count = tokenizer.decode(ids.span, skipsSpecialTokens: skipsSpecialTokens, into: &output)
      if count <= text.count { return Array(text[..<count]) }
      text = [UInt8](repeating: 0, count: count)
    }
  }

  /// What the streaming decoder lets out for each id, and at the end.
  package static func stream(
    _ tokenizer: Tokenizer, _ ids: [UInt32], skipsSpecialTokens: Bool = false,
    continuesText: Bool = false
  ) -> [[UInt8]] {
    var decoder = StreamingDecoder(
      tokenizer, skipsSpecialTokens: skipsSpecialTokens, continuesText: continuesText)
    var pieces: [[UInt8]] = []
    for id in ids {
      var buffer = [UInt8](repeating: 0, count: decoder.capacity(for: id))
      var output = buffer.mutableSpan
      let count = decoder.append(id, into: &output)
      pieces.append(Array(buffer[..<count]))
    }
    var buffer = [UInt8](repeating: 0, count: 16)
    var output = buffer.mutableSpan
    let count = decoder.finish(into: &output)
    pieces.append(Array(buffer[..<count]))
    return pieces
  }
}
