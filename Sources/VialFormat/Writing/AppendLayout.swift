// Owns: the offsets of sections after an append: kept ones stay, new ones follow, the rest becomes
// free ranges; and the replacement of chunk digests.
// Must not: move a section that is kept.
// Source: Spec/FORMAT.md, "Appending and compacting", "Free ranges".

/// The sections of a changed file, in the making.
struct AppendLayout {
  private let file: VialFile
  private var kept: [SectionDescriptor]
  private var added: [FileAppender.NewSection]
  /// All sections in file order, once `layOut` succeeded.
  private(set) var sections: [SectionDescriptor] = []
  /// Where the section table goes.
  private(set) var tableOffset: UInt64 = 0

  init(
    _ file: VialFile, removed: Set<FileAppender.Key>, added: [FileAppender.NewSection]
  ) {
    self.file = file
    self.added = added
    kept = file.sections.filter { $0.kind != .free && !removed.contains(FileAppender.Key($0)) }
  }

  /// New sections with their offsets.
  var data: [(bytes: ByteRegion, offset: UInt64)] {
    added.map { ($0.bytes, $0.descriptor.offset) }
  }

  /// Puts new chunk digests in the place of the old ones when other sections are long now.
  /// - Throws: R-223 when leaves that are still needed are missing or wrong.
  mutating func replaceChunkDigests() throws(FormatError) {
    let before = file.sections.filter { ChunkDigests.holds($0) }
    let staying = kept.filter { ChunkDigests.holds($0) }
    let arriving = added.filter { ChunkDigests.holds($0.descriptor) }
    guard before.count != staying.count || !arriving.isEmpty else { return }
    var digests = ChunkDigests()
    if !staying.isEmpty {
      let stored = try file.section(.chunkDigests)?.privateCopy()
      for section in staying {
        guard let leaves = stored.flatMap({ ChunkDigests.leaves(of: section, in: $0.bytes) }),
          DigestTree.root(leaves: leaves[...], byteCount: section.storedByteCount)
            == section.digest
        else {
          throw FormatError(
            rule: 223, offset: section.offset, "the chunk digests of a section are damaged")
        }
        digests.add(section, leaves)
      }
    }
    for section in arriving { digests.add(section.descriptor, section.leaves) }
    kept.removeAll { $0.kind == .chunkDigests }
    guard !digests.isEmpty else { return }
    let bytes = digests.encoded()
    let region = ByteRegion(copying: bytes)
    let descriptor = SectionDescriptor(
      kind: .chunkDigests, flags: SectionKind.chunkDigests.flags, id: 0, offset: 0,
      storedByteCount: UInt64(bytes.count), rawByteCount: UInt64(bytes.count), codec: .raw,
      alignment: SectionKind.chunkDigests.defaultAlignment,
      digest: DigestTree.digest(region))
    added.append(
      FileAppender.NewSection(
        descriptor: descriptor, bytes: region, leaves: []))
  }

  /// Gives every section its place.
  mutating func layOut() throws(FormatError) {
    sections = keptAndFree()
    var end = file.root.fileByteCount
    for index in added.indices {
      let alignment = added[index].descriptor.alignment
      guard alignment >= FormatLimits.minimumAlignment,
        alignment <= FormatLimits.maximumAlignment, alignment & (alignment &- 1) == 0
      else { throw FormatError(rule: 204, offset: end, "a section is not aligned") }
      guard let offset = end.roundedUp(toMultipleOf: UInt64(alignment)),
        let next = offset.adding(added[index].descriptor.storedByteCount)
      else { throw AppendLayout.tooLong(end) }
      added[index].descriptor.offset = offset
      end = next
      sections.append(added[index].descriptor)
    }
    guard sections.count <= Int(FormatLimits.sectionCount),
      let offset = end.roundedUp(toMultipleOf: UInt64(FormatLimits.minimumAlignment)),
      let length = offset.adding(
        UInt64(sections.count) * UInt64(FormatConstants.sectionStride)), length <= Int64.max
    else { throw AppendLayout.tooLong(end) }
    tableOffset = offset
  }

  private static func tooLong(_ offset: UInt64) -> FormatError {
    FormatError(rule: 113, offset: offset, "the file has too many sections or bytes")
  }

  /// Kept sections and one free section for each stretch between them that has dead bytes. The last
  /// stretch is the old section table's.
  private func keptAndFree() -> [SectionDescriptor] {
    let keptOffsets = Set(kept.map(\.offset))
    var result: [SectionDescriptor] = []
    var end = FormatConstants.firstSectionOffset
    var hasDeadBytes = false
    for section in file.sections {
      guard keptOffsets.contains(section.offset) else {
        hasDeadBytes = true
        continue
      }
      if hasDeadBytes { result.append(AppendLayout.free(after: end, before: section.offset)) }
      hasDeadBytes = false
      result.append(section)
      end = section.end
    }
    return result + [AppendLayout.free(after: end, before: file.root.fileByteCount)]
  }

  /// The free section between two neighbours. It begins at the next multiple of the smallest
  /// alignment, as whatever died there did, so it has at least a byte.
  private static func free(after end: UInt64, before next: UInt64) -> SectionDescriptor {
    let alignment = FormatLimits.minimumAlignment
    let start = end.roundedUp(toMultipleOf: UInt64(alignment)) ?? end
    return SectionDescriptor(
      kind: .free, flags: SectionKind.free.flags, id: start, offset: start,
      storedByteCount: next - start, rawByteCount: next - start, codec: .raw,
      alignment: alignment, digest: .zero)
  }
}
