// What the tests of this folder share: files, tokenizers from tokenizer.json, arrays in and out.
// Must not: assert; tests do.

import Foundation
import VialFormat
import VialPacking
import VialText

/// Files of the project and of the data folder beside it.
enum Files {
  /// The package's root folder.
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The data folder: `VIAL_DATA`, or `../shared/data`; nil where it is absent.
  static let data: URL? = {
    let named = ProcessInfo.processInfo.environment["VIAL_DATA"].map { URL(filePath: $0) }
    let folder = named ?? root.appending(path: "../shared/data")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }()

  /// A committed fixture.
  static func fixture(_ path: String) -> URL { root.appending(path: "Tests/Fixtures/\(path)") }

  /// The bytes of a file, unpacked when its name ends in `.xz`.
  static func read(_ url: URL) throws -> [UInt8] {
    guard url.pathExtension == "xz" else { return Array(try Data(contentsOf: url)) }
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["xz", "-dc", url.path]
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Array(data)
  }

  /// The values of a JSON-lines file.
  static func lines(_ url: URL) throws -> [JSONValue] {
    try read(url).split(separator: 0x0A).map { try JSONReader.parse(Array($0)) }
  }
}

/// A tokenizer under test, with arrays for spans.
struct TestTokenizer {
  let tables: TokenizerTables
  let tokenizer: Tokenizer

  /// Packs and opens the `tokenizer.json` (or `.json.xz`) of a folder.
  init(folder: URL) throws {
    let plain = folder.appending(path: "tokenizer.json")
    let isPlain = FileManager.default.fileExists(atPath: plain.path)
    let config = folder.appending(path: "tokenizer_config.json")
    try self.init(
      json: Files.read(isPlain ? plain : folder.appending(path: "tokenizer.json.xz")),
      config: FileManager.default.fileExists(atPath: config.path) ? Files.read(config) : nil)
  }

  init(json: [UInt8], config: [UInt8]? = nil) throws {
    tables = try TokenizerTables.build(tokenizerJSON: json, tokenizerConfigJSON: config)
    tokenizer = try Tokenizer(ByteRegion(copying: tables.section))
  }

  func encode(
    _ text: [UInt8], _ options: EncodeOptions = EncodeOptions(), literals: [TextRange] = []
  ) throws -> [UInt32] {
    try Self.encode(tokenizer, text, options, literals: literals)
  }

  static func encode(
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

  func decode(_ ids: [UInt32], skipsSpecialTokens: Bool = false) -> [UInt8] {
    var text = [UInt8](repeating: 0, count: 64 + ids.count * 8)
    while true {
      var output = text.mutableSpan
      let count = tokenizer.decode(ids.span, skipsSpecialTokens: skipsSpecialTokens, into: &output)
      if count <= text.count { return Array(text[..<count]) }
      text = [UInt8](repeating: 0, count: count)
    }
  }

  /// What the streaming decoder lets out for each id, and at the end.
  static func stream(
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

/// A line of a vector file: text, ids and, where given, the decoded text.
struct Vector {
  let text: [UInt8]
  let ids: [UInt32]
  let decoded: [UInt8]?

  init(_ json: JSONValue) {
    text = json["text"]?.string?.bytes ?? []
    ids = (json["ids"]?.array ?? []).map { UInt32($0.integer ?? -1) }
    decoded = json["decoded"]?.string?.bytes
  }
}

/// A small generator with a fixed sequence, so that a failure can be met again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
