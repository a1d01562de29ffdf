// Owns: one section whose chunks can be checked one by one, in any order, from any thread: finding
// its leaves and proving that they are its own.
// Must not: remember what was checked.
// Source: Spec/FORMAT.md, "Digests".

/// The chunks of a section with the digests that they must have.
package struct SectionChunks: Sendable {
  /// The section.
  package let section: SectionDescriptor
  private let stored: ByteRegion
  private let leaves: [Digest]

  /// Chunks that are checked together fastest on this machine.
  package static var chunksPerTurn: Int { Int(DigestTree.chunksPerTurn) }
  /// Bytes of a chunk; the last of a section may be shorter.
  package static var chunkByteCount: Int { Int(FormatConstants.chunkByteCount) }

  /// Number of chunks.
  package var count: Int { leaves.count }

  /// Finds the leaves of a section. Reads no more of it than one chunk: a section that has only one
  /// is checked here.
  /// - Throws: R-223 when leaves are missing or do not give the section's digest, R-222 when they
  ///   are in disorder, R-220 for a section of one chunk that is damaged; `outOfMemory`.
  package init(_ section: SectionDescriptor, of file: VialFile) throws(FormatError) {
    self.section = section
    stored = try VialFile.region(section, in: file.file)
    guard ChunkDigests.holds(section) else {
      leaves = DigestTree.leaves(of: [stored])
      try check(220, section.offset, "a section does not match its digest")
      return
    }
    guard let index = file.sectionTable.find(.chunkDigests) else {
      throw FormatError(rule: 223, offset: 0, "chunk digests are missing")
    }
    // A copy: what is compared later is what was checked here.
    let payload = try VialFile.region(index, in: file.file).privateCopy()
    let wanted = Int(DigestTree.chunkCount(section.storedByteCount))
    let leaves = try MemoryReserve.with(2 * wanted * MemoryLayout<Digest>.stride) {
      () throws(FormatError) in ChunkDigests.leaves(of: section, in: payload.bytes)
    }
    guard let leaves else {
      throw FormatError(
        rule: 222, offset: index.offset, "chunk digests do not fit the sections")
    }
    self.leaves = leaves
    try check(223, index.offset, "chunk digests are wrong")
  }

  private func check(
    _ rule: Int, _ offset: UInt64, _ message: StaticString
  ) throws(FormatError) {
    guard
      DigestTree.root(leaves: leaves[...], byteCount: section.storedByteCount) == section.digest
    else { throw FormatError(rule: rule, offset: offset, message) }
  }

  /// Reads some chunks; the error for the first that does not match its leaf, or nil. Chunks, each
  /// below `count`, may be any; several at a time are several times as fast.
  package func problem(inChunks chunks: some Collection<Int>) -> FormatError? {
    let regions = chunks.compactMap { chunk -> ByteRegion? in
      let start = UInt64(chunk) * FormatConstants.chunkByteCount
      return stored.slice(
        start, min(FormatConstants.chunkByteCount, section.storedByteCount - start))
    }
    for (chunk, leaf) in zip(chunks, DigestTree.leaves(of: regions)) where leaf != leaves[chunk] {
      return FormatError(
        rule: 220, offset: section.offset + UInt64(chunk) * FormatConstants.chunkByteCount,
        "a chunk of a section does not match its digest")
    }
    return nil
  }
}
