// Owns: the model digest and the file digest, from a section table alone: their two domain strings
// and what each counts.
// Must not: read a section's bytes.
// Source: Spec/FORMAT.md, "Digests".

/// The two digests of a file.
package struct FileDigests: Equatable, Sendable {
  /// Covers configuration, tensor table, weights and tokenizer; survives append and compact.
  package let model: Digest
  /// Covers the identity page and every section except free ranges and signatures.
  package let file: Digest

  /// Two digests that are known.
  init(model: Digest, file: Digest) {
    self.model = model
    self.file = file
  }

  /// From a file's section table and the 4,096 bytes of its identity page.
  init(of table: SectionTable, identity: RawSpan) {
    self.init(sectionsByKey: table.byKey, identity: identity)
  }

  /// From the sections in (kind, id) order and the 4,096 bytes of the identity page.
  init(sectionsByKey sections: some Sequence<SectionDescriptor>, identity: RawSpan) {
    var model = SHA256()
    model.update(Array("VIAL-MODEL-1".utf8))
    var file = SHA256()
    file.update(Array("VIAL-FILE-1".utf8))
    file.update(SHA256.hash(identity).bytes)
    for section in sections {
      if section.flags.contains(.model) { model.update(FileDigests.tuple(section)) }
      if section.kind != .free && section.kind != .signature {
        var tuple = FileDigests.tuple(section)
        tuple.append(field: section.flags.rawValue)
        file.update(tuple)
      }
    }
    self.model = model.finalize()
    self.file = file.finalize()
  }

  private static func tuple(_ section: SectionDescriptor) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(80)
    bytes.append(field: section.kind.rawValue)
    bytes.append(field: section.id)
    bytes.append(field: section.codec.rawValue)
    bytes.append(field: section.storedByteCount)
    bytes.append(field: section.rawByteCount)
    bytes.append(field: section.digest)
    return bytes
  }
}
