// Owns: the chunk digests section: leaves of the sections that have more than one chunk, so that
// one chunk can be checked without reading the rest.
// Must not: compute a digest, or prove the leaves to be the section's own; `SectionChunks` does.
// Source: Spec/FORMAT.md, "Digests".

/// Collects and encodes leaves; sections are added in any order.
struct ChunkDigests {
  static let magic: [UInt8] = [0x43, 0x48, 0x4E, 0x4B]
  static let headerByteCount = 16
  static let entryStride = 32

  private var entries: [(section: SectionDescriptor, leaves: [Digest])] = []

  var isEmpty: Bool { entries.isEmpty }

  /// Bytes before the leaves.
  var headByteCount: Int { ChunkDigests.headerByteCount + entries.count * ChunkDigests.entryStride }

  /// Whether the section's leaves are stored.
  static func holds(_ section: SectionDescriptor) -> Bool {
    section.kind != .free && section.kind != .chunkDigests
      && section.storedByteCount > FormatConstants.chunkByteCount
  }

  mutating func add(_ section: SectionDescriptor, _ leaves: [Digest]) {
    if ChunkDigests.holds(section) { entries.append((section, leaves)) }
  }

  /// The section's payload.
  func encoded() -> [UInt8] {
    let sorted = entries.sorted {
      ($0.section.kind.rawValue, $0.section.id) < ($1.section.kind.rawValue, $1.section.id)
    }
    var bytes = ChunkDigests.magic
    bytes.append(field: UInt32(1))
    bytes.append(field: UInt32(sorted.count))
    bytes.append(field: UInt32(ChunkDigests.entryStride))
    var first: UInt64 = 0
    for (section, leaves) in sorted {
      bytes.append(field: section.kind.rawValue)
      bytes.append(field: UInt32(0))
      bytes.append(field: section.id)
      bytes.append(field: first)
      bytes.append(field: UInt64(leaves.count))
      first += UInt64(leaves.count)
    }
    for (_, leaves) in sorted {
      for leaf in leaves { bytes.append(field: leaf) }
    }
    return bytes
  }

  /// The leaves that a payload stores for a section; nil when it has none, or not as many as the
  /// section's chunks.
  static func leaves(of section: SectionDescriptor, in payload: RawSpan) -> [Digest]? {
    guard payload.byteCount >= headerByteCount, payload.matches(magic, at: 0),
      payload.u32(4) == 1, payload.u32(12) == entryStride
    else { return nil }
    let entryCount = Int(payload.u32(8))
    let available = payload.byteCount - headerByteCount
    guard entryCount <= available / entryStride else { return nil }
    let leafCapacity = UInt64((available - entryCount * entryStride) / 32)
    let count = DigestTree.chunkCount(section.storedByteCount)
    for index in 0..<entryCount {
      let at = headerByteCount + index * entryStride
      guard payload.u32(at) == section.kind.rawValue, payload.u64(at + 8) == section.id else {
        continue
      }
      let first = payload.u64(at + 16)
      guard payload.u64(at + 24) == count, first <= leafCapacity, count <= leafCapacity - first
      else {
        return nil
      }
      let start = headerByteCount + entryCount * entryStride + Int(first) * 32
      return (0..<Int(count)).map { Digest(payload, at: start + $0 * 32) }
    }
    return nil
  }
}
