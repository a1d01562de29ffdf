// Owns: opening: from untrusted bytes to validated descriptors, without touching the weights.
// Must not: map or copy the file, or allocate more than its tables justify.
// Source: Spec/FORMAT.md, "Opening a file".

/// Opens `.vial` bytes.
package enum FormatReader {
  /// Validates identity, roots, the whole section table, configuration and tensor table.
  ///
  /// Weights, tokenizer and cold sections are not read: their bounds are checked, their digests are
  /// left to `Verifier`. O(sections + tensors); allocates what the
  /// three tables take in the file and about 150 bytes a section.
  /// - Throws: the first broken rule, in the order of Spec/FORMAT.md.
  package static func open(_ file: ByteRegion) throws(FormatError) -> VialFile {
    let container = try container(file)
    return try VialFile(
      file: file, identity: container.identity, slots: container.slots, root: container.root,
      sections: container.sections)
  }

  /// What every file has, whether it holds a model or only adapters.
  struct Container {
    let identity: IdentityPage
    let slots: [RootSlot.State]
    let root: RootSlot
    let sections: SectionTable
  }

  /// Steps 1 to 5: identity, roots and the whole section table.
  static func container(_ file: ByteRegion) throws(FormatError) -> Container {
    let length = UInt64(file.byteCount)
    let page = FormatConstants.pageByteCount
    // Whatever is validated once and read again is copied first: another process may change the
    // file.
    guard let start = file.slice(0, FormatConstants.firstSectionOffset) else {
      throw FormatError(rule: 101, offset: length, "file is too short to be a .vial file")
    }
    let header = try start.privateCopy()
    let identity = try IdentityPage(header.bytes.extracting(0..<page))
    let slots = FormatConstants.rootSlotOffsets.map { offset in
      RootSlot.state(
        header.bytes.extracting(Int(offset)..<Int(offset) + page), at: offset,
        fileByteCount: length, isNewer: identity.isNewer)
    }
    let root = try currentRoot(slots)
    guard let tableBytes = file.slice(root.tableOffset, root.tableByteCount) else {
      throw FormatError(rule: 114, offset: root.tableOffset, "section table lies outside the file")
    }
    let table = try tableBytes.privateCopy()
    let sections = try MemoryReserve.with(
      FormatLimits.openingBytesPerSection * Int(root.sectionCount)
    ) { () throws(FormatError) in
      try SectionTable(table.bytes, root: root, isNewer: identity.isNewer)
    }
    let digests = FileDigests(of: sections, identity: header.bytes.extracting(0..<page))
    guard digests.model == root.modelDigest else {
      throw FormatError(rule: 217, offset: 64, context: "root", "model digest is wrong")
    }
    guard digests.file == root.fileDigest else {
      throw FormatError(rule: 218, offset: 96, context: "root", "file digest is wrong")
    }
    return Container(identity: identity, slots: slots, root: root, sections: sections)
  }

  /// The valid root with the highest generation.
  private static func currentRoot(_ slots: [RootSlot.State]) throws(FormatError) -> RootSlot {
    let roots = slots.compactMap(\.root)
    if roots.count == 2 && roots[0].generation == roots[1].generation {
      throw FormatError(rule: 116, offset: 4104, "both roots have the same generation")
    }
    if let newest = roots.max(by: { $0.generation < $1.generation }) { return newest }
    for case .damaged(let error) in slots { throw error }
    throw FormatError(rule: 110, offset: 4096, "file has no root")
  }
}
