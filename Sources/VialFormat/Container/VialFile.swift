// Owns: an opened file: validated descriptors over somebody else's bytes, with access to sections
// by kind and id.
// Must not: read weights, or check what `Verifier` checks.

/// A validated `.vial` model file. Keeps the bytes alive; cheap to copy.
package struct VialFile: Sendable {
  /// All bytes handed to `FormatReader.open`, a tail beyond the root's length included.
  package let file: ByteRegion
  package let identity: IdentityPage
  /// Both root slots, in file order.
  package let rootSlots: [RootSlot.State]
  /// The current root.
  package let root: RootSlot
  /// The section table.
  package let sectionTable: SectionTable
  /// Hyperparameters, fully validated.
  package let configuration: ModelConfiguration
  /// All key–values of the configuration, unknown ones included.
  package let configurationTable: KeyValueTable
  /// Tensors, searchable by name in place.
  package let tensors: TensorTable

  /// Covers configuration, tensor table, weights and tokenizer.
  package var modelDigest: Digest { root.modelDigest }
  /// Covers every section except free ranges and signatures.
  package var fileDigest: Digest { root.fileDigest }
  /// Sections in file order.
  package var sections: [SectionDescriptor] { sectionTable.sections }
  /// Bytes after the current root's length (an unfinished append): ignored here, reported by
  /// verify.
  package var tailByteCount: UInt64 { UInt64(file.byteCount) - root.fileByteCount }

  init(
    file: ByteRegion, identity: IdentityPage, slots: [RootSlot.State], root: RootSlot,
    sections: SectionTable
  ) throws(FormatError) {
    self.file = file
    self.identity = identity
    self.root = root
    rootSlots = slots
    sectionTable = sections
    guard let configuration = sections.find(.configuration),
      let tensors = sections.find(.tensorTable), sections.find(.tokenizer) != nil,
      !sections.all(.weights).isEmpty
    else {
      throw FormatError(
        rule: 216, offset: root.tableOffset,
        "not a model: configuration, tensor table, weights or tokenizer is missing")
    }
    guard configuration.storedByteCount <= FormatLimits.keyValueByteCount else {
      throw FormatError(rule: 301, offset: 0, context: "configuration", "key–values are too long")
    }
    let table = try KeyValueTable(
      VialFile.checked(configuration, in: file), context: "configuration")
    configurationTable = table
    // Each text and array is copied once or twice.
    self.configuration = try MemoryReserve.with(4 * table.byteCount) { () throws(FormatError) in
      try ModelConfiguration(table)
    }
    try self.configuration.check(features: identity.incompatibleFeatures, table)
    let payload = try VialFile.checked(tensors, in: file)
    self.tensors = try MemoryReserve.with(
      FormatLimits.openingBytesPerSection * sections.sections.count
        + FormatLimits.openingBytesPerTensor * TensorTable.mostTensors(in: payload)
    ) { () throws(FormatError) in
      try TensorTable(
        payload, weights: VialFile.weights(sections, in: file),
        features: identity.incompatibleFeatures)
    }
  }

  private static func weights(
    _ sections: SectionTable, in file: ByteRegion
  ) throws(FormatError) -> [TensorTable.Weights] {
    var weights: [TensorTable.Weights] = []
    for section in sections.all(.weights) {
      weights.append(.init(id: section.id, region: try region(section, in: file)))
    }
    return weights
  }

  /// The stored bytes of a section; the table's validation makes failure impossible.
  static func region(
    _ section: SectionDescriptor, in file: ByteRegion
  ) throws(FormatError) -> ByteRegion {
    guard let region = file.slice(section.offset, section.storedByteCount) else {
      throw FormatError(rule: 205, offset: section.offset, "a section lies outside the file")
    }
    return region
  }

  /// A private copy of a section, whose digest is checked before its first use: nobody can change
  /// it afterwards.
  private static func checked(
    _ section: SectionDescriptor, in file: ByteRegion
  ) throws(FormatError) -> ByteRegion {
    let region = try region(section, in: file).privateCopy()
    try check(region, section)
    return region
  }

  private static func check(
    _ region: ByteRegion, _ section: SectionDescriptor
  ) throws(FormatError) {
    guard DigestTree.digest(region) == section.digest else {
      throw FormatError(
        rule: 220, offset: section.offset, "a section does not match its digest")
    }
  }

  /// Reads a section, which must not be a free one, against its digest.
  /// - Throws: R-220.
  package func checkDigest(of section: SectionDescriptor) throws(FormatError) {
    try VialFile.check(try VialFile.region(section, in: file), section)
  }

  /// The stored bytes of an uncompressed section; nil when there is none.
  package func section(_ kind: SectionKind, id: UInt64 = 0) -> ByteRegion? {
    guard let section = sectionTable.find(kind, id: id), section.codec == .raw else { return nil }
    return file.slice(section.offset, section.storedByteCount)
  }

  /// The stored bytes of a section, compressed or not.
  package func storedBytes(of section: SectionDescriptor) -> ByteRegion? {
    file.slice(section.offset, section.storedByteCount)
  }

  /// A cold text, decompressed; nil when the file has none. Allocates its raw length, which R-210
  /// bounds, a copy of its stored bytes and `FormatLimits.textWorkByteCount` at once. Does not
  /// check the digest.
  package func text(_ id: TextSection) throws(FormatError) -> ByteRegion? {
    guard let section = sectionTable.find(.text, id: id.rawValue) else { return nil }
    return try contents(of: section)
  }

  /// Any section's raw bytes, copied.
  package func contents(of section: SectionDescriptor) throws(FormatError) -> ByteRegion {
    let region = try VialFile.region(section, in: file)
    switch section.codec {
    case .raw: return try region.privateCopy()
    case .lz4:
      let stored = try region.privateCopy()
      return try MemoryReserve.with(Int(FormatLimits.textWorkByteCount)) { () throws(FormatError) in
        try LZ4Frame.decode(stored, rawByteCount: section.rawByteCount)
      }
    default: throw FormatError(rule: 209, offset: section.offset, "a section has an unknown codec")
    }
  }

  /// Where the model came from; nil when the file does not say.
  package func provenance() throws(FormatError) -> KeyValueTable? {
    guard let region = section(.provenance) else { return nil }
    return try KeyValueTable(region, context: "provenance")
  }

  /// A text of the provenance; nil when it has none under that key.
  package func provenanceText(_ key: String) throws(FormatError) -> String? {
    guard let provenance = try provenance() else { return nil }
    // A text may be as long as all key–values.
    return try MemoryReserve.with(2 * provenance.byteCount) {
      guard case .text(let text)? = provenance[key] else { return nil }
      return text
    }
  }

  /// What people call the model; may be empty.
  package func modelName() throws(FormatError) -> String {
    try provenanceText("model.name") ?? configuration.formerName
  }
}

extension ByteRegion {
  /// The bytes as an array. O(n). For what is small, and for writers: it traps when memory is
  /// short.
  package func copied() -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(
        from: UnsafeRawBufferPointer(start: baseAddress, count: byteCount))
      count = byteCount
    }
  }
}
