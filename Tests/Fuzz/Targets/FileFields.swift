// Where the fields of a valid file lie, so that damage can be aimed: offset and width of each, with a
// name for messages. Written from Spec/FORMAT.md, TOKENIZER.md and TEMPLATES.md.
import VialFormat

/// One field of a file.
struct FileField: Sendable {
  let name: String
  /// Kind of the section that it lies in; nil outside sections.
  var section: SectionKind?
  /// Byte offset in the file.
  let offset: Int
  /// 1, 2, 4 or 8 bytes.
  let width: Int
}

/// All fields of a file.
struct FileFields {
  private(set) var fields: [FileField] = []
  private let bytes: [UInt8]
  private var section: SectionKind?

  /// The fields of a valid model file.
  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    add("identity", 0, [1, 1, 1, 1, 8, 4, 2, 2, 4, 8, 8, 8, 8])
    for slot in FileSeal.slotOffsets {
      add("root", slot, [8, 8, 8, 8, 4, 4, 8, 8, 8])
      for digest in 0..<3 { add("root digest", slot + 64 + digest * 32, [8, 8, 8, 8]) }
      add("root end", slot + 160, [8])
      add("slot digest", slot + 4064, [8, 8])
    }
    let table = Int(FileSeal.long(bytes, 4096 + 16))
    for index in 0..<Int(FileSeal.word(bytes, 4096 + 32)) { addSection(table + index * 128) }
  }

  private mutating func add(_ name: String, _ offset: Int, _ widths: [Int]) {
    var offset = offset
    for width in widths where offset + width <= bytes.count {
      fields.append(FileField(name: name, section: section, offset: offset, width: width))
      offset += width
    }
  }

  private mutating func addSection(_ entry: Int) {
    add("section entry", entry, [4, 4, 8, 8, 8, 8, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8])
    let start = Int(FileSeal.long(bytes, entry + 16))
    let length = Int(FileSeal.long(bytes, entry + 24))
    let kind = SectionKind(rawValue: FileSeal.word(bytes, entry))
    section = kind
    defer { section = nil }
    switch kind {
    case .configuration, .provenance, .promptTemplate: addKeyValues(start, length)
    case .tensorTable: addTensors(start, length)
    case .tokenizer: addTokenizer(start, length)
    case .chatTemplate: addTemplate(start)
    case .text: add("text", start, [4, 1, 1, 8, 1, 4, 4])
    case .weights:
      for at in stride(from: start, to: start + length, by: 509) { add("weights", at, [2]) }
    default: add("other section", start, [1])
    }
  }

  private mutating func addKeyValues(_ start: Int, _ length: Int) {
    add("key–values", start, [4, 4, 4, 4, 8, 8])
    let count = Int(FileSeal.word(bytes, start + 4))
    for index in 0..<count { add("key–value entry", start + 32 + index * 32, [4, 4, 4, 4, 8, 8]) }
    for at in stride(from: start + 32 + count * 32, to: start + length, by: 5) {
      add("key–value heap", at, [1, 4])
    }
  }

  private mutating func addTensors(_ start: Int, _ length: Int) {
    add("tensor table", start, [4, 4, 8, 4, 4, 8, 8, 8])
    let count = Int(FileSeal.long(bytes, start + 8))
    for index in 0..<count {
      add(
        "tensor entry", start + 64 + index * 128,
        [4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 4, 1, 1, 1, 1, 8, 8, 8, 4, 4, 4, 4, 4, 4])
    }
    for at in stride(from: start + 64 + count * 128, to: start + length, by: 7) {
      add("tensor name", at, [1])
    }
  }

  private mutating func addTokenizer(_ start: Int, _ length: Int) {
    add("tokenizer", start, [Int](repeating: 4, count: 36))
    add("tokenizer columns", start + 144, [8, 4, 4] + [Int](repeating: 8, count: 12))
    for at in stride(from: start + 256, to: start + length, by: 29) {
      add("tokenizer column", at / 4 * 4, [4])
    }
  }

  private mutating func addTemplate(_ start: Int) {
    add("chat template", start, [4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 8])
    for index in 0..<Int(FileSeal.word(bytes, start + 4)) {
      add("instruction", start + 64 + index * 8, [2, 2, 4])
    }
    let literals = start + Int(FileSeal.long(bytes, start + 32))
    for index in 0..<Int(FileSeal.word(bytes, start + 8)) {
      add("literal", literals + index * 8, [4, 4])
    }
  }
}
