// Owns: the dump as aligned text for people.
// Must not: be an interface; programs read `DumpJSON`.

import VialFormat
import VialSystem
import VialText

/// Writes a dump as text.
struct DumpText {
  private let contents: FileContents
  private var file: VialFile { contents.file }

  init(_ contents: FileContents) { self.contents = contents }

  /// The whole dump.
  func text(listsTensors: Bool) -> String {
    var parts = [
      "\(TerminalText.line(contents.path))  \(ByteText.grouped(file.file.byteCount)) bytes\n",
      block("identity", identity), block("digests", digests), block("sections", sections),
      block("configuration", keyValues(file.configurationTable)),
      block("parameters", parameters), block("tokenizer", tokenizer),
      block("templates", templates),
    ]
    let adapters = AdapterLine.lines(of: file)
    if !adapters.isEmpty { parts.append(block("adapters", AdapterLine.table(adapters))) }
    if let provenance = contents.provenance {
      parts.append(block("provenance", keyValues(provenance)))
    }
    if listsTensors { parts.append(block("tensors", tensors)) }
    return parts.joined(separator: "\n")
  }

  private func block(_ title: String, _ table: TextTable) -> String { title + "\n" + table.text() }

  private var identity: TextTable {
    var table = TextTable([.left, .left])
    let identity = file.identity
    table.add(["format", "\(identity.majorVersion).\(identity.minorVersion)"])
    let features = [
      ("incompatible", identity.incompatibleFeatures),
      ("read-only compatible", identity.readOnlyCompatibleFeatures),
      ("compatible", identity.compatibleFeatures),
    ].filter { $0.1 != 0 }.map { "\($0.0) 0x\(String($0.1, radix: 16))" }
    table.add(["features", features.isEmpty ? "none" : features.joined(separator: ", ")])
    for (name, state) in zip(["root A", "root B"], file.rootSlots) {
      table.add([name, describe(state)])
    }
    if file.tailByteCount > 0 {
      table.add(["tail", "\(file.tailByteCount) bytes after the end: an unfinished append?"])
    }
    return table
  }

  private func describe(_ state: RootSlot.State) -> String {
    switch state {
    case .empty: "empty"
    case .damaged(let error): "damaged: \(error)"
    case .valid(let root):
      "generation \(root.generation)" + (root == file.root ? ", current" : "")
        + ", \(root.sectionCount) sections, \(ByteText.grouped(root.fileByteCount)) bytes"
    }
  }

  private var digests: TextTable {
    var table = TextTable([.left, .left])
    table.add(["model", file.modelDigest.description])
    table.add(["file", file.fileDigest.description])
    return table
  }

  private var sections: TextTable {
    var table = TextTable(
      [.left, .right, .right, .right, .right, .left, .right, .left, .left],
      header: [
        "section", "id", "offset", "stored", "raw", "codec", "align", "digest", "flags",
      ])
    for section in file.sections {
      table.add([
        section.title, String(section.id), String(section.offset),
        String(section.storedByteCount), String(section.rawByteCount), section.codec.name,
        String(section.alignment),
        section.kind == .free ? "" : String(section.digest.description.prefix(16)),
        section.flagNames.joined(separator: ", "),
      ])
    }
    return table
  }

  private func keyValues(_ values: KeyValueTable) -> TextTable {
    var table = TextTable([.left, .left])
    for (key, value) in values.entries {
      let lines = Self.lines(of: value)
      table.add([key, lines.first ?? ""])
      for line in lines.dropFirst() { table.add(["", line]) }
    }
    return table
  }

  /// A value as text; long lists are cut.
  private static func lines(of value: KeyValue) -> [String] {
    switch value {
    case .unsigned(let number): [String(number)]
    case .signed(let number): [String(number)]
    case .float(let number): [number.description]
    case .bool(let flag): [flag ? "true" : "false"]
    case .text(let text): [text]
    case .unsignedArray(let numbers): [list(numbers.map { String($0) })]
    case .floatArray(let numbers): [list(numbers.map { $0.description })]
    case .bytes(let bytes): [list(bytes.map { hexadecimal($0) }, separator: "", limit: 64)]
    case .textArray(let texts): texts
    }
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }

  private static func list(
    _ items: [String], separator: String = ", ", limit: Int = 6
  ) -> String {
    guard items.count > limit else { return items.joined(separator: separator) }
    return items.prefix(limit).joined(separator: separator) + "\(separator)… (\(items.count))"
  }

  private var parameters: TextTable {
    var table = TextTable(
      [.left, .right, .right, .right, .right],
      header: ["encoding", "tensors", "parameters", "bytes", "bits/weight"])
    for line in contents.parameters.lines { table.add(Self.cells(line.name, line)) }
    table.add(Self.cells("all", contents.parameters.total))
    return table
  }

  private static func cells(_ name: String, _ line: ParameterSummary.Line) -> [String] {
    [
      name, String(line.tensorCount), ByteText.grouped(line.parameterCount),
      ByteText.grouped(line.byteCount), ByteText.fixed(line.bitsPerWeight, 3),
    ]
  }

  private var tokenizer: TextTable {
    let tokenizer = contents.tokenizer
    var table = TextTable([.left, .left])
    table.add(["kind", tokenizer.kind.name])
    table.add(["normalizer", tokenizer.normalizer.name])
    table.add(["pattern", "\(tokenizer.pattern)"])
    table.add(["tokens", ByteText.grouped(tokenizer.tokenCount)])
    table.add(["merges", ByteText.grouped(tokenizer.mergeCount)])
    table.add(["added tokens", ByteText.grouped(tokenizer.addedTokenCount)])
    for (name, id) in [
      ("begin", tokenizer.bosToken), ("end", tokenizer.eosToken), ("padding", tokenizer.padToken),
    ] {
      if let id { table.add([name, "\(id) \(tokenizer.text(of: id))"]) }
    }
    return table
  }

  private var templates: TextTable {
    var table = TextTable([.left, .left, .right])
    for template in contents.templates {
      table.add([template.id, template.name, "\(ByteText.grouped(template.byteCount)) bytes"])
    }
    if contents.templates.isEmpty { table.add(["none"]) }
    return table
  }

  private var tensors: TextTable {
    var table = TextTable(
      [.left, .left, .left, .right, .right, .right],
      header: ["name", "encoding", "shape", "section", "offset", "bytes"])
    for index in 0..<file.tensors.count {
      let tensor = file.tensors[index]
      table.add([
        tensor.name, tensor.formatName, tensor.shape.description, String(tensor.weightsSection),
        String(tensor.offset), String(tensor.byteCount),
      ])
    }
    return table
  }
}

extension TokenizerKind {
  /// As in dumps.
  var name: String {
    switch self {
    case .byteLevel: "byte-level BPE"
    case .characterLevel: "character-level BPE with byte fallback"
    }
  }
}

extension TokenizerNormalizer {
  /// As in dumps.
  var name: String {
    switch self {
    case .none: "none"
    case .nfc: "NFC"
    case .spaces: "spaces"
    }
  }
}

extension Tokenizer {
  /// A token's bytes as text; what is not UTF-8 is repaired.
  func text(of id: UInt32) -> String {
    let bytes = bytes(of: id)
    return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
  }
}
