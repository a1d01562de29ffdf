// Writes the sections of a packed file, in order, from a source that was checked.
// Owns: progress, and the question whether to stop, between slices. Must not: open or rename files.
// Implements: Spec/FORMAT.md, "Writing a file".

import VialFormat
import VialSystem

/// One pack in progress.
struct PackJob {
  private let source: PackSource
  private let pool: ThreadPool
  private let observer: PackObserver

  /// A job on `pool`.
  init(source: PackSource, pool: ThreadPool, observer: PackObserver) {
    self.source = source
    self.pool = pool
    self.observer = observer
  }

  /// Writes the whole file.
  func write(to file: AtomicFile) throws(PackingError) -> PackSummary {
    let digests = try hashSource()
    do {
      return try writeSections(AtomicSink(file: file), sourceDigests: digests)
    } catch let error as PackingError {
      throw error
    } catch {
      // A broken rule of the format or a failed write: both describe themselves in one line.
      throw PackingError("\(error)")
    }
  }

  private func hashSource() throws(PackingError) -> [String] {
    let total = source.files.reduce(0) { $0 + $1.byteCount }
    return try SourceDigests.compute(source.files, pool: pool) { done in
      observer.progress(
        .init(stage: "hashing the source", completedByteCount: done, totalByteCount: total))
      return !observer.shouldStop()
    }
  }

  private func writeSections(
    _ sink: AtomicSink, sourceDigests: [String]
  ) throws -> PackSummary {
    var writer = FileWriter(sink)
    try writer.add(.configuration, source.modelConfiguration().encoded())
    let encoders = try makeEncoders()
    var table = TensorTableBuilder()
    let placements = try zip(source.tensors.tensors, encoders).map { tensor, encoder in
      try table.add(tensor.planned.name, encoder.format, shape: tensor.planned.shape)
    }
    try writer.add(.tensorTable, table.build())
    try writeWeights(&writer, encoders, placements)
    try writer.add(.tokenizer, source.tokenizer.tables.section)
    if let template = source.tokenizer.chatTemplate.section {
      try writer.add(.chatTemplate, template)
    }
    try writeProvenance(&writer, sourceDigests)
    for text in source.texts.sorted(by: { $0.section.rawValue < $1.section.rawValue }) {
      try writer.add(.text, id: text.section.rawValue, codec: .lz4, text.bytes)
    }
    let digests = try writer.finish { try sign(&$0, $1) }
    return PackSummary(
      fileByteCount: writer.takeSink().byteCount,
      weightsByteCount: table.weightsByteCount(), parameterCount: parameterCount,
      tensorCount: source.tensors.tensors.count, recipe: source.report.summary,
      modelDigest: "\(digests.model)", fileDigest: "\(digests.file)")
  }

  private func sign(_ writer: inout FileWriter<AtomicSink>, _ digests: FileDigests) throws {
    guard let key = source.options.signingKey, let signer = PublicKey(key.publicKey) else { return }
    let section = try Signature.section(digests, by: signer, sign: { key.sign($0) })
    try writer.add(.signature, id: signer.sectionID, section)
  }

  private func makeEncoders() throws(PackingError) -> [TensorEncoder] {
    var encoders: [TensorEncoder] = []
    for tensor in source.tensors.tensors {
      encoders.append(try TensorEncoder(tensor.planned, format: tensor.format))
    }
    return encoders
  }

  private var parameterCount: UInt64 {
    source.tensors.tensors.reduce(0) {
      $0 + UInt64($1.planned.rowCount) * UInt64($1.planned.columnCount)
    }
  }

  private func writeProvenance(
    _ writer: inout FileWriter<AtomicSink>, _ sourceDigests: [String]
  ) throws {
    let options = source.options
    let provenance = Provenance(
      baseModel: source.modelName, licence: source.licence, credit: options.credit,
      notice: options.notice, tool: options.tool, sourceDigests: sourceDigests,
      recipe: source.report,
      randomSeed: options.randomSeed)
    try writer.add(.provenance, provenance.encoded())
  }

  private func writeWeights(
    _ writer: inout FileWriter<AtomicSink>, _ encoders: [TensorEncoder],
    _ placements: [TensorTableBuilder.Placement]
  ) throws {
    let total = source.tensors.byteCount
    var completed: UInt64 = 0
    var slices = WeightsEncoder(pool: pool)
    try writer.begin(.weights)
    for (index, tensor) in source.tensors.tensors.enumerated() {
      try writer.appendZeros(upTo: placements[index].offset)
      var rowsDone: UInt64 = 0
      try slices.encode(encoders[index], rows: tensor.rows) { bytes in
        try writer.append(bytes)
      } progress: { rowCount in
        rowsDone += UInt64(rowCount)
        let part = tensor.sourceByteCount / UInt64(tensor.planned.rowCount) * rowsDone
        observer.progress(
          .init(
            stage: "packing the weights", completedByteCount: completed + part,
            totalByteCount: total))
        if observer.shouldStop() { throw PackingError.cancelled }
      }
      completed += tensor.sourceByteCount
    }
    try writer.end()
  }
}
