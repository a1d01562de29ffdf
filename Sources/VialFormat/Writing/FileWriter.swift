// Owns: the writing of a `.vial` file section by section: offsets, padding, section table, root,
// and digests computed while the bytes pass by.
// Must not: open files, or keep a section in memory unless it is compressed.
// Source: Spec/FORMAT.md, "Writing a file".
// Deterministic: same calls, same bytes.

/// Streams a new file into a sink.
///
/// Order: `begin`, any number of `append`s, `end`, for each section; then `finish`.
package struct FileWriter<Sink: ByteSink> {
  private var sink: Sink
  private var position = FormatConstants.firstSectionOffset
  private var sections: [SectionDescriptor] = []
  private var open: OpenSection?
  private var leaves = ChunkDigests()
  /// The identity page; features may be set before `finish`.
  package var identity = IdentityPage()

  private struct OpenSection {
    var descriptor: SectionDescriptor
    var tree = DigestTree()
    /// Raw bytes that wait for compression.
    var pending: [UInt8] = []
  }

  /// A writer at the start of an empty sink.
  package init(_ sink: Sink) { self.sink = sink }

  /// Starts a section; alignment (bytes) and flags come from the kind unless given.
  package mutating func begin(
    _ kind: SectionKind, id: UInt64 = 0, codec: SectionCodec = .raw,
    flags: SectionFlags? = nil, alignment: UInt32? = nil
  ) throws {
    precondition(open == nil, "the previous section was not ended")
    let alignment = alignment ?? kind.defaultAlignment
    guard let offset = position.roundedUp(toMultipleOf: UInt64(alignment)) else {
      throw FormatError(rule: 205, offset: position, "the file is too long")
    }
    try pad(to: offset)
    open = OpenSection(
      descriptor: SectionDescriptor(
        kind: kind, flags: flags ?? kind.flags, id: id, offset: offset, storedByteCount: 0,
        rawByteCount: 0, codec: codec, alignment: alignment, digest: .zero))
  }

  /// Whether sections of the front's alignment with `byteCount` bytes fit before the next section
  /// of `kind`, without moving it: into what would be zeros.
  package func fits(_ byteCount: Int, before kind: SectionKind) -> Bool {
    guard let start = position.roundedUp(toMultipleOf: UInt64(FormatLimits.minimumAlignment)),
      let end = position.roundedUp(toMultipleOf: UInt64(kind.defaultAlignment))
    else { return false }
    return start <= end && UInt64(byteCount) <= end - start
  }

  /// Bytes appended to the open section so far, before compression.
  package var sectionByteCount: UInt64 { open?.descriptor.rawByteCount ?? 0 }

  /// Appends to the open section.
  package mutating func append(_ bytes: RawSpan) throws {
    guard var section = open.take() else { preconditionFailure("no section was begun") }
    defer { open = section }
    section.descriptor.rawByteCount += UInt64(bytes.byteCount)
    if section.descriptor.codec == .lz4 {
      guard section.descriptor.rawByteCount <= FormatLimits.compressedRawByteCount else {
        throw FormatError(rule: 210, offset: position, "a compressed section is too long")
      }
      for index in 0..<bytes.byteCount { section.pending.append(bytes.u8(index)) }
    } else {
      try store(bytes, &section)
    }
  }

  /// Appends zeros until the open section has `byteCount` bytes.
  package mutating func appendZeros(upTo byteCount: UInt64) throws {
    let zeros = [UInt8](repeating: 0, count: 4096)
    while sectionByteCount < byteCount {
      let step = Int(min(4096, byteCount - sectionByteCount))
      try append(zeros.rawSpan.extracting(0..<step))
    }
  }

  private mutating func store(_ bytes: RawSpan, _ section: inout OpenSection) throws {
    try sink.write(bytes, at: position)
    section.tree.update(bytes)
    position += UInt64(bytes.byteCount)
  }

  /// Ends the open section.
  /// - Throws: R-205 for an empty section, R-607 when compression fails.
  package mutating func end() throws { try end(isCompressed: false) }

  private mutating func end(isCompressed: Bool) throws {
    guard var section = open.take() else { preconditionFailure("no section was begun") }
    if section.descriptor.codec == .lz4 && !isCompressed {
      guard let frame = LZ4Frame.encode(section.pending) else {
        throw FormatError(rule: 607, offset: 0, context: "text", "text cannot be compressed")
      }
      try store(frame.rawSpan, &section)
    }
    section.descriptor.digest = section.tree.finalize()
    section.descriptor.storedByteCount = section.tree.byteCount
    guard section.descriptor.storedByteCount > 0 else {
      throw FormatError(rule: 205, offset: position, "a section is empty")
    }
    leaves.add(section.descriptor, section.tree.leaves)
    sections.append(section.descriptor)
  }

  /// A section of another file, as it is stored there.
  /// - Throws: R-220 when its bytes do not match its digest.
  package mutating func copy(_ section: SectionDescriptor, of file: VialFile) throws {
    try begin(
      section.kind, id: section.id, flags: section.flags, alignment: section.alignment)
    let step = FormatConstants.chunkByteCount
    for start in stride(from: 0, to: section.storedByteCount, by: Int(step)) {
      let count = min(step, section.storedByteCount - start)
      guard let bytes = file.file.slice(section.offset + start, count) else { break }
      try append(bytes.bytes)
    }
    open?.descriptor.codec = section.codec
    open?.descriptor.rawByteCount = section.rawByteCount
    try end(isCompressed: true)
    guard sections.last?.digest == section.digest else {
      throw FormatError(
        rule: 220, offset: section.offset, "a section does not match its digest")
    }
  }

  /// A whole section at once.
  package mutating func add(
    _ kind: SectionKind, id: UInt64 = 0, codec: SectionCodec = .raw, _ bytes: [UInt8]
  ) throws {
    try begin(kind, id: id, codec: codec)
    try append(bytes.rawSpan)
    try end()
  }

  /// Writes chunk digests, what `signing` adds, section table, root and identity. Returns the
  /// digests.
  /// - Parameter signing: adds signature sections; it is given the digests, which these do not
  ///   change.
  package mutating func finish(
    signing: (inout FileWriter, FileDigests) throws -> Void = { _, _ in }
  ) throws -> FileDigests {
    precondition(open == nil, "the last section was not ended")
    if !leaves.isEmpty { try add(.chunkDigests, leaves.encoded()) }
    let page = identity.encoded()
    let digests = FileDigests(sectionsByKey: sectionsByKey, identity: page.rawSpan)
    try signing(&self, digests)
    guard let tableOffset = position.roundedUp(toMultipleOf: 64),
      (1...FormatLimits.sectionCount).contains(UInt32(clamping: sections.count))
    else { throw FormatError(rule: 113, offset: position, "the file has too many sections") }
    try pad(to: tableOffset)
    var table: [UInt8] = []
    for section in sections { section.encode(into: &table) }
    try sink.write(table.rawSpan, at: tableOffset)
    let root = RootSlot(
      generation: 1, tableOffset: tableOffset, sectionCount: UInt32(sections.count),
      digests: digests, tableDigest: SHA256.hash(table.rawSpan))
    _ = try SectionTable(table.rawSpan, root: root, isNewer: false)
    var header = page
    header.append(contentsOf: root.encoded())
    header.pad(to: Int(FormatConstants.firstSectionOffset))
    try sink.write(header.rawSpan, at: 0)
    return digests
  }

  /// The model digest of the sections that were ended so far.
  package var modelDigest: Digest {
    FileDigests(sectionsByKey: sectionsByKey, identity: identity.encoded().rawSpan).model
  }

  private var sectionsByKey: [SectionDescriptor] {
    sections.sorted { ($0.kind.rawValue, $0.id) < ($1.kind.rawValue, $1.id) }
  }

  /// The sink, when everything is written.
  package consuming func takeSink() -> Sink { sink }

  private mutating func pad(to offset: UInt64) throws {
    let zeros = [UInt8](repeating: 0, count: 4096)
    while position < offset {
      let step = Int(min(4096, offset - position))
      try sink.write(zeros.rawSpan.extracting(0..<step), at: position)
      position += UInt64(step)
    }
  }
}
