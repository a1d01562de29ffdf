// Owns: a file without its dead bytes: every section that is not free, one after another, as a new
// file has them.
// Must not: change a stored byte of a section, or either digest: signatures stay valid.
// Source: Spec/FORMAT.md, "Appending and compacting".

/// Writes opened files anew.
package enum Compaction {
  /// Writes `file` without free ranges and tail into `sink`. O(n); every section's digest is
  /// checked on the way.
  ///
  /// A file that nobody changed after it was written comes out byte for byte the same.
  /// - Throws: what the sink throws; R-118 when the file may not be changed, R-220 or R-223 when it
  ///   is damaged.
  package static func write<Sink: ByteSink>(_ file: VialFile, to sink: Sink) throws -> Sink {
    try file.identity.checkMayChange()
    var writer = FileWriter(sink)
    writer.identity = file.identity
    for section in file.sections
    where ![.free, .chunkDigests, .signature].contains(section.kind) {
      try writer.copy(section, of: file)
    }
    let digests = try writer.finish { writer, digests in
      for section in file.sections where section.kind == .signature {
        try writer.copy(section, of: file)
      }
    }
    guard digests == FileDigests(model: file.modelDigest, file: file.fileDigest) else {
      throw FormatError(rule: 223, offset: 0, "chunk digests are missing or wrong")
    }
    return writer.takeSink()
  }
}
