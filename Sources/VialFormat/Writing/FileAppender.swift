// Owns: the adding of sections to a finished file, and the removal of some: where new ones go and
// what becomes free, without moving any other.
// Must not: write (it makes an `AppendPlan`), or touch what the model digest covers.
// Source: Spec/FORMAT.md, "Appending and compacting".

/// Collects changes of an opened file and plans how to write them.
///
/// A section is replaced by removing and adding it.
package struct FileAppender: Sendable {
  struct Key: Hashable {
    let kind: SectionKind
    let id: UInt64

    init(_ section: SectionDescriptor) { (kind, id) = (section.kind, section.id) }
    init(_ kind: SectionKind, _ id: UInt64) { (self.kind, self.id) = (kind, id) }
  }

  /// A section with its stored bytes; its offset is not known yet.
  struct NewSection {
    var descriptor: SectionDescriptor
    let bytes: ByteRegion
    let leaves: [Digest]
  }

  /// The file that is changed.
  package let file: VialFile
  private(set) var removed: Set<Key> = []
  private(set) var added: [NewSection] = []

  /// - Throws: R-118 when this version of the format may not change the file.
  package init(_ file: VialFile) throws(FormatError) {
    try file.identity.checkMayChange()
    self.file = file
  }

  /// Whether nothing was asked for.
  package var isEmpty: Bool { removed.isEmpty && added.isEmpty }

  /// Adds a section whose stored bytes are `bytes`, which must stay unchanged until the plan is
  /// carried out. O(n): they are hashed here.
  /// - Throws: R-119 for a kind that appending must not touch, R-205 when there are no bytes.
  package mutating func add(
    _ kind: SectionKind, id: UInt64 = 0, flags: SectionFlags? = nil, alignment: UInt32? = nil,
    _ bytes: ByteRegion
  ) throws(FormatError) {
    try add(
      SectionDescriptor(
        kind: kind, flags: flags ?? kind.flags, id: id, offset: 0,
        storedByteCount: UInt64(bytes.byteCount), rawByteCount: UInt64(bytes.byteCount),
        codec: .raw, alignment: alignment ?? kind.defaultAlignment, digest: .zero), bytes)
  }

  /// Adds a text, compressed.
  /// - Throws: R-210 when it is too long, R-607 when compression fails.
  package mutating func addText(_ id: TextSection, _ text: [UInt8]) throws(FormatError) {
    guard UInt64(text.count) <= FormatLimits.compressedRawByteCount else {
      throw FormatError(rule: 210, offset: 0, "a compressed section is too long")
    }
    guard let frame = LZ4Frame.encode(text) else {
      throw FormatError(rule: 607, offset: 0, context: "text", "text cannot be compressed")
    }
    try add(
      SectionDescriptor(
        kind: .text, flags: SectionKind.text.flags, id: id.rawValue, offset: 0,
        storedByteCount: UInt64(frame.count), rawByteCount: UInt64(text.count), codec: .lz4,
        alignment: SectionKind.text.defaultAlignment, digest: .zero), ByteRegion(copying: frame))
  }

  private mutating func add(
    _ descriptor: SectionDescriptor, _ bytes: ByteRegion
  ) throws(FormatError) {
    try FileAppender.checkMayTouch(descriptor)
    guard bytes.byteCount > 0 else {
      throw FormatError(rule: 205, offset: 0, "a section is empty")
    }
    var tree = DigestTree()
    tree.update(bytes.bytes)
    var descriptor = descriptor
    descriptor.digest = tree.finalize()
    added.append(NewSection(descriptor: descriptor, bytes: bytes, leaves: tree.leaves))
  }

  /// Removes a section; false when the file has none of this kind and id.
  /// - Throws: R-119 for a section that appending must not touch.
  @discardableResult
  package mutating func remove(_ kind: SectionKind, id: UInt64 = 0) throws(FormatError) -> Bool {
    guard let section = file.sectionTable.find(kind, id: id) else { return false }
    try FileAppender.checkMayTouch(section)
    return removed.insert(Key(section)).inserted
  }

  private static func checkMayTouch(_ section: SectionDescriptor) throws(FormatError) {
    guard !section.flags.contains(.model), section.kind != .free, section.kind != .chunkDigests
    else {
      throw FormatError(
        rule: 119, offset: section.offset, "a section of this kind cannot be added or removed")
    }
  }

  /// The steps that carry out the changes.
  /// - Throws: a rule of the section table that the changed file would break, such as R-208 for a
  ///   section that is there already; R-223 when chunk digests that are needed again are damaged.
  package func plan() throws(FormatError) -> AppendPlan {
    let page = try identityPage()
    var layout = AppendLayout(file, removed: removed, added: added)
    try layout.replaceChunkDigests()
    try layout.layOut()
    var table: [UInt8] = []
    for section in layout.sections { section.encode(into: &table) }
    let digests = FileDigests(
      sectionsByKey: layout.sections.sorted {
        ($0.kind.rawValue, $0.id) < ($1.kind.rawValue, $1.id)
      }, identity: page.bytes)
    let (generation, overflow) = file.root.generation.addingReportingOverflow(1)
    guard !overflow else {
      throw FormatError(rule: 112, offset: 4104, "no generation is left; compact the file")
    }
    let root = RootSlot(
      generation: generation, tableOffset: layout.tableOffset,
      sectionCount: UInt32(layout.sections.count), digests: digests,
      tableDigest: SHA256.hash(table.rawSpan))
    // The reader's own rules decide whether the changed file may exist.
    _ = try SectionTable(table.rawSpan, root: root, isNewer: false)
    let spare = file.rootSlots.firstIndex { $0.root != file.root } ?? 1
    var isSpareDamaged = false
    if case .damaged = file.rootSlots[spare] { isSpareDamaged = true }
    return AppendPlan(
      changing: file, root: root, digests: digests,
      data: layout.data + [(ByteRegion(copying: table), layout.tableOffset)],
      isSpareDamaged: isSpareDamaged, spareOffset: FormatConstants.rootSlotOffsets[spare])
  }

  /// The identity page, as it was when the file was opened.
  private func identityPage() throws(FormatError) -> ByteRegion {
    guard let page = try file.file.slice(0, UInt64(FormatConstants.pageByteCount))?.privateCopy(),
      FileDigests(of: file.sectionTable, identity: page.bytes).file == file.fileDigest
    else { throw FormatError(rule: 104, offset: 0, "the file was changed since it was opened") }
    return page
  }
}

extension IdentityPage {
  /// - Throws: R-118 when a program of this version must not change a file with this identity.
  func checkMayChange() throws(FormatError) {
    let unknown = readOnlyCompatibleFeatures & ~FormatConstants.knownReadOnlyCompatibleFeatures
    guard !isNewer, unknown == 0 else {
      throw FormatError(
        rule: 118, offset: isNewer ? 18 : 32,
        "the file is of a newer version and can be read but not changed")
    }
  }
}
