// Owns: what a file that holds adapters and no model must and must not have.
// Must not: look at a base; `AdapterDescriptor.check` does.
// Source: Spec/FORMAT.md, "Adapters", "Opening a file".

/// An opened file of adapters. Keeps the bytes alive.
package struct AdapterFile: Sendable {
  /// Its sections.
  package let sectionTable: SectionTable
  /// Its adapters, in file order; at least one.
  package let adapters: [AdapterDescriptor]
  private let file: ByteRegion

  /// Opens `.vial` bytes that hold no model. Each adapter is read whole: its digest, its values.
  /// - Throws: the first broken rule; R-216 for a file without an adapter.
  package init(_ file: ByteRegion) throws(FormatError) {
    let container = try FormatReader.container(file)
    var adapters: [AdapterDescriptor] = []
    for section in container.sections.sections where section.kind == .adapter {
      let region = try VialFile.region(section, in: file)
      guard DigestTree.digest(region) == section.digest else {
        throw FormatError(
          rule: 220, offset: section.offset, "a section does not match its digest")
      }
      let adapter = try AdapterDescriptor(section, region)
      if let problem = adapter.firstValueProblem() { throw problem }
      adapters.append(adapter)
    }
    guard !adapters.isEmpty else {
      throw FormatError(
        rule: 216, offset: container.root.tableOffset, "the file has no adapter")
    }
    self.file = file
    self.adapters = adapters
    sectionTable = container.sections
  }

  /// Whether some bytes are of a file that has no configuration, but an adapter: not a model.
  package static func isOne(_ file: ByteRegion) -> Bool {
    guard let container = try? FormatReader.container(file) else { return false }
    return container.sections.find(.configuration) == nil
      && !container.sections.all(.adapter).isEmpty
  }

  /// The stored bytes of an adapter.
  package func storedBytes(of adapter: AdapterDescriptor) -> ByteRegion? {
    file.slice(adapter.section.offset, adapter.section.storedByteCount)
  }

  /// Writes an adapter's section into a file of its own.
  /// - Returns: what the sink became.
  package static func write<Sink: ByteSink>(
    _ section: ByteRegion, id: UInt64, to sink: Sink
  ) throws -> Sink {
    var writer = FileWriter(sink)
    try writer.begin(.adapter, id: id)
    try writer.append(section.bytes)
    try writer.end()
    _ = try writer.finish()
    return writer.takeSink()
  }
}

extension AdapterDescriptor {
  /// The first value of A or B that is not as want it. O(bytes).
  package func firstValueProblem() -> FormatError? {
    for matrix in targets.flatMap(\.tensors) {
      for range in TensorValueCheck.pieces(of: matrix) {
        if let problem = TensorValueCheck(matrix, context: "file").problem(in: range) {
          return problem
        }
      }
    }
    return nil
  }
}
