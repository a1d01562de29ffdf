// Changes single fields of a file and seals it again, so that a test reaches the rule behind the digests.
// Owns: a second implementation of all digests, written from Spec/FORMAT.md.
import VialFormat

struct FileSurgeon {
  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  static let slots = [4096, 8192]
  /// Offset of the root slot in use.
  var slot = 4096

  var tableOffset: Int { Int(truncatingIfNeeded: u64(slot + 16)) }
  var sectionCount: Int { Int(u32(slot + 32)) }

  func u32(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << ($1 * 8) } }
  func u64(_ at: Int) -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(bytes[at + $1]) << ($1 * 8) } }

  mutating func set<Integer: FixedWidthInteger>(_ at: Int, _ value: Integer) {
    bytes.replaceSubrange(
      at..<at + MemoryLayout<Integer>.size, with: SampleBytes.littleEndian(value))
  }

  /// Offset of the table entry of a section.
  func entry(_ kind: SectionKind, id: UInt64 = 0) -> Int {
    for index in 0..<sectionCount {
      let at = tableOffset + index * 128
      if u32(at) == kind.rawValue && u64(at + 8) == id { return at }
    }
    fatalError("the sample has no such section")
  }

  /// Offset of a section's first byte.
  func start(_ kind: SectionKind, id: UInt64 = 0) -> Int { Int(u64(entry(kind, id: id) + 16)) }

  static func hash(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes.rawSpan).bytes }

  static func sectionDigest(_ stored: ArraySlice<UInt8>) -> [UInt8] {
    var top: [UInt8] = [1] + SampleBytes.littleEndian(UInt64(stored.count)) + [20, 0, 0, 0]
    var position = stored.startIndex
    while position < stored.endIndex {
      let end = min(position + 1 << 20, stored.endIndex)
      top += hash([0] + stored[position..<end])
      position = end
    }
    return hash(top)
  }

  mutating func put(_ content: [UInt8], at offset: Int) {
    bytes.replaceSubrange(offset..<offset + content.count, with: content)
  }

  /// Recomputes identity, section, table, model, file and root digests, as far as they can be.
  mutating func seal() {
    put(FileSurgeon.hash(Array(bytes[0..<4064])), at: 4064)
    for index in 0..<sectionCount { sealSection(tableOffset + index * 128) }
    sealRoot()
  }

  mutating func sealSection(_ at: Int) {
    let (offset, length) = (u64(at + 16), u64(at + 24))
    guard u32(at) != 12, length <= UInt64(bytes.count), offset <= UInt64(bytes.count) - length
    else { return }
    put(FileSurgeon.sectionDigest(bytes[Int(offset)..<Int(offset + length)]), at: at + 64)
  }

  mutating func sealRoot() {
    let entries = (0..<sectionCount).map { tableOffset + $0 * 128 }.sorted {
      (u32($0), u64($0 + 8)) < (u32($1), u64($1 + 8))
    }
    var model = Array("VIAL-MODEL-1".utf8)
    var file = Array("VIAL-FILE-1".utf8) + FileSurgeon.hash(Array(bytes[0..<4096]))
    for at in entries {
      let tuple =
        bytes[at..<at + 4] + bytes[at + 8..<at + 16] + bytes[at + 40..<at + 44]
        + bytes[at + 24..<at + 40] + bytes[at + 64..<at + 96]
      if u32(at + 4) & 2 != 0 { model += tuple }
      if u32(at) != 11 && u32(at) != 12 { file += tuple + bytes[at + 4..<at + 8] }
    }
    put(FileSurgeon.hash(model), at: slot + 64)
    put(FileSurgeon.hash(file), at: slot + 96)
    let tableEnd = tableOffset + sectionCount * 128
    put(FileSurgeon.hash(Array(bytes[tableOffset..<tableEnd])), at: slot + 128)
    sealSlot()
  }

  /// Recomputes the root slot's own digest.
  mutating func sealSlot() {
    put(FileSurgeon.hash(Array(bytes[slot..<slot + 4064])), at: slot + 4064)
  }
}
