// Makes the digests of a damaged file right again, as its maker could, so that damage reaches the
// rules behind them. Written from Spec/FORMAT.md, "Digests"; total: any bytes will do.
// Must not: repair anything else.
import VialFormat

/// Which digests are made right.
public struct SealedParts: OptionSet, Sendable {
  public var rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// The identity page's.
  public static let identity = SealedParts(rawValue: 1)
  /// Those of all sections, in the section table.
  public static let sections = SealedParts(rawValue: 2)
  /// Model, file and table digest, in the root slots.
  public static let roots = SealedParts(rawValue: 4)
  /// The root slots' own.
  public static let slots = SealedParts(rawValue: 8)
  /// Every digest.
  public static let all: SealedParts = [.identity, .sections, .roots, .slots]
}

/// Recomputes digests.
public enum FileSeal {
  static let slotOffsets = [4096, 8192]
  private static let rootMagic = Array("VIALROOT".utf8)

  /// Makes the digests in `parts` right, as far as the tables make sense.
  public static func seal(_ bytes: inout [UInt8], _ parts: SealedParts) {
    guard bytes.count >= 12288 else { return }
    if parts.contains(.identity) { put(hash(bytes, 0..<4064), 4064, &bytes) }
    for slot in slotOffsets where Array(bytes[slot..<slot + 8]) == rootMagic {
      let entries = entries(bytes, slot)
      if parts.contains(.sections) { for entry in entries { sealSection(entry, &bytes) } }
      if parts.contains(.roots) { sealRoot(slot, entries, &bytes) }
      if parts.contains(.slots) { put(hash(bytes, slot..<slot + 4064), slot + 4064, &bytes) }
    }
  }

  /// Offsets of the section table's entries that lie inside the file.
  private static func entries(_ bytes: [UInt8], _ slot: Int) -> [Int] {
    guard let offset = Int(exactly: long(bytes, slot + 16)), offset <= bytes.count else {
      return []
    }
    let count = min(Int(word(bytes, slot + 32)), (bytes.count - offset) / 128)
    return (0..<count).map { offset + $0 * 128 }
  }

  private static func sealSection(_ entry: Int, _ bytes: inout [UInt8]) {
    let (offset, length) = (long(bytes, entry + 16), long(bytes, entry + 24))
    guard word(bytes, entry) != SectionKind.free.rawValue, length <= UInt64(bytes.count),
      offset <= UInt64(bytes.count) - length
    else { return }
    put(sectionDigest(bytes, Int(offset)..<Int(offset + length)), entry + 64, &bytes)
  }

  static func sectionDigest(_ bytes: [UInt8], _ range: Range<Int>) -> [UInt8] {
    var top = SHA256()
    top.update([1] + littleEndian(UInt64(range.count)) + [20, 0, 0, 0])
    var position = range.lowerBound
    while position < range.upperBound {
      let end = min(position + 1 << 20, range.upperBound)
      var leaf = SHA256()
      leaf.update([0])
      leaf.update(bytes.rawSpan.extracting(position..<end))
      top.update(leaf.finalize().bytes)
      position = end
    }
    return top.finalize().bytes
  }

  private static func sealRoot(_ slot: Int, _ entries: [Int], _ bytes: inout [UInt8]) {
    var model = SHA256()
    var file = SHA256()
    model.update(Array("VIAL-MODEL-1".utf8))
    file.update(Array("VIAL-FILE-1".utf8) + hash(bytes, 0..<4096))
    let sorted = entries.sorted {
      (word(bytes, $0), long(bytes, $0 + 8)) < (word(bytes, $1), long(bytes, $1 + 8))
    }
    for at in sorted {
      let tuple =
        bytes[at..<at + 4] + bytes[at + 8..<at + 16] + bytes[at + 40..<at + 44]
        + bytes[at + 24..<at + 40] + bytes[at + 64..<at + 96]
      if bytes[at + 4] & 2 != 0 { model.update(Array(tuple)) }
      let kind = SectionKind(rawValue: word(bytes, at))
      if kind != .signature && kind != .free {
        file.update(Array(tuple))
        file.update(Array(bytes[at + 4..<at + 8]))
      }
    }
    put(model.finalize().bytes, slot + 64, &bytes)
    put(file.finalize().bytes, slot + 96, &bytes)
    let start = entries.first ?? 0
    put(hash(bytes, start..<start + entries.count * 128), slot + 128, &bytes)
  }

  static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> [UInt8] {
    SHA256.hash(bytes.rawSpan.extracting(range)).bytes
  }

  static func put(_ content: [UInt8], _ offset: Int, _ bytes: inout [UInt8]) {
    guard content.count <= bytes.count, offset <= bytes.count - content.count else { return }
    for (index, byte) in content.enumerated() { bytes[offset + index] = byte }
  }

  static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << ($1 * 8) }
  }

  static func long(_ bytes: [UInt8], _ at: Int) -> UInt64 {
    UInt64(word(bytes, at)) | UInt64(word(bytes, at + 4)) << 32
  }

  static func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}
