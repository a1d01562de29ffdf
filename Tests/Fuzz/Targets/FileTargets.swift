// Targets that read `.vial` bytes: the whole file, and single tables inside a file around them.
// Must not: use VialFormat's own digests to build files; FileSeal makes them.
import VialFormat

enum FileTargets {
  /// A whole file, left out zeros and all.
  static func open(_ input: [UInt8]) {
    ModelUse.everything(SparseFile.unfold(input))
  }

  /// The input is a section table for the tiny model's sections.
  static func sections(_ input: [UInt8]) {
    let table = input.prefix(65_536)
    let tableOffset = TinyModel.tableOffset
    var bytes = TinyModel.header + TinyModel.bytes[12288..<tableOffset] + table
    bytes += [UInt8](repeating: 0, count: (128 - table.count % 128) % 128)
    FileParts.putRoot(&bytes, tableOffset: tableOffset)
    FileSeal.seal(&bytes, .all)
    ModelUse.descriptor(bytes)
  }

  /// Two bytes a weights section (length in steps of 64 bytes, zero for none), four in all; then
  /// the tensor table.
  static func tensors(_ input: [UInt8]) {
    var reader = InputReader(input)
    let lengths = (0..<2).map { _ in min(Int(reader.half()), 4096) * 64 }
    let table = reader.rest()
    guard !table.isEmpty else { return }
    var file = FileParts()
    file.add(.configuration, 0, TinyModel.configuration)
    file.add(.tensorTable, 0, table)
    file.add(.tokenizer, 0, [0])
    for (id, length) in lengths.enumerated() where length > 0 {
      file.add(.weights, UInt64(id), [UInt8](repeating: 0, count: length))
    }
    ModelUse.descriptor(file.bytes(sealing: .all))
  }

  /// The input is the payload.
  static func keyValues(_ input: [UInt8]) {
    guard let table = try? KeyValueTable(ByteRegion(copying: input), context: "fuzz") else {
      return
    }
    for (key, value) in table.entries where table[key] != value {
      // A float is never NaN here, so a value equals itself.
      fatalError("a key–value is not found by its own key")
    }
    _ = try? ModelConfiguration(table)
  }

  /// Four bytes raw length, then the frame.
  static func compressedText(_ input: [UInt8]) {
    var reader = InputReader(input)
    let rawByteCount = UInt64(reader.word())
    let frame = reader.rest()
    guard !frame.isEmpty else { return }
    let bytes = TableHeavyFile.withText(frame, rawByteCount: rawByteCount)
    guard let opened = try? FormatReader.open(ByteRegion(copying: bytes)) else { return }
    guard let text = try? opened.text(.license) else { return }
    if UInt64(text.byteCount) != rawByteCount { fatalError("a text has not its raw length") }
  }
}

/// A file put together section by section without any of the writer's checks.
struct FileParts {
  private var body: [UInt8] = []
  private var sectionTable: [UInt8] = []

  mutating func add(
    _ kind: SectionKind, _ id: UInt64, _ bytes: [UInt8], codec: UInt32 = 0,
    rawByteCount: UInt64? = nil
  ) {
    let alignment = kind == .weights ? 65_536 : 64
    let offset = (12288 + body.count + alignment - 1) / alignment * alignment
    body += [UInt8](repeating: 0, count: offset - 12288 - body.count) + bytes
    sectionTable += FileSeal.littleEndian(kind.rawValue)
    sectionTable += FileSeal.littleEndian(kind.flags.rawValue) + FileSeal.littleEndian(id)
    for length in [UInt64(offset), UInt64(bytes.count), rawByteCount ?? UInt64(bytes.count)] {
      sectionTable += FileSeal.littleEndian(length)
    }
    sectionTable += FileSeal.littleEndian(codec) + FileSeal.littleEndian(UInt32(alignment))
    sectionTable += FileSeal.littleEndian(UInt32(20))
    sectionTable += [UInt8](repeating: 0, count: 128 - 52)
  }

  /// The file, with the digests in `parts` right.
  func bytes(sealing parts: SealedParts) -> [UInt8] {
    var bytes = TinyModel.header + body
    bytes += [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64)
    let tableOffset = bytes.count
    bytes += sectionTable
    Self.putRoot(&bytes, tableOffset: tableOffset)
    FileSeal.seal(&bytes, parts)
    return bytes
  }

  /// Puts a root over the table at `tableOffset`, which ends the file, into slot A.
  static func putRoot(_ bytes: inout [UInt8], tableOffset: Int) {
    let tableByteCount = bytes.count - tableOffset
    var root = Array("VIALROOT".utf8) + FileSeal.littleEndian(UInt64(1))
    root += FileSeal.littleEndian(UInt64(tableOffset))
    root += FileSeal.littleEndian(UInt64(tableByteCount))
    root += FileSeal.littleEndian(UInt32(tableByteCount / 128)) + FileSeal.littleEndian(UInt32(128))
    root += FileSeal.littleEndian(UInt64(bytes.count))
    FileSeal.put(root, 4096, &bytes)
  }
}
