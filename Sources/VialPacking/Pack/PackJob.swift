// Owns: the writing of a packed file's sections, in order, from a source that was checked;
// progress, and the question whether to stop, between slices.
// Must not: open or rename files.
// Source: Spec/FORMAT.md, "Writing a file".

import VialFormat
import VialSystem

/// One pack in progress.
struct PackJob {
  private let source: PackSource
  private let pool: ThreadPool
  private let observer: PackObserver
  private let calibration: CalibrationRecord?
  private let knownDigests: [String]?

  /// A job on `pool`.
  /// - Parameters:
  ///   - calibration: how linear layers were calibrated.
  ///   - sourceDigests: of the source's files, when they were taken before.
  init(
    source: PackSource, pool: ThreadPool, observer: PackObserver,
    calibration: CalibrationRecord? = nil, sourceDigests: [String]? = nil
  ) {
    self.source = source
    self.pool = pool
    self.observer = observer
    self.calibration = calibration
    knownDigests = sourceDigests
  }

  /// Writes the whole file.
  func write(to file: AtomicFile) throws(PackingError) -> PackSummary {
    do {
      return try writeSections(AtomicSink(file: file))
    } catch let error as PackingError {
      throw error
    } catch {
      // A broken rule of the format or a failed write: both describe themselves in one line.
      throw PackingError("\(error)")
    }
  }

  private func writeSections(_ sink: AtomicSink) throws -> PackSummary {
    var writer = FileWriter(sink)
    let configuration = source.modelConfiguration()
    try writer.add(.configuration, configuration.encoded())
    let encoders = try makeEncoders()
    var table = TensorTableBuilder()
    let placements = try zip(source.tensors.tensors, encoders).map { tensor, encoder in
      try table.add(tensor.planned.name, encoder.format, shape: tensor.planned.shape)
    }
    try writer.add(.tensorTable, table.build())
    let templates = try writeTemplates(&writer)
    writer.identity.incompatibleFeatures =
      table.incompatibleFeatures | source.tokenizer.chatTemplate.incompatibleFeatures
      | configuration.incompatibleFeatures
    let sourceDigests = try writeWeights(&writer, encoders, placements)
    try writer.add(.tokenizer, source.tokenizer.tables.section)
    for template in templates { try writer.add(template.kind, id: template.id, template.bytes) }
    try writeProvenance(&writer, sourceDigests)
    for text in source.texts.sorted(by: { $0.section.rawValue < $1.section.rawValue })
    where source.options.keepsSources || text.section.isForPeople {
      try writer.add(.text, id: text.section.rawValue, codec: .lz4, text.bytes)
    }
    for adapter in source.adapters.sources {
      let (id, bytes) = try adapter.section(base: writer.modelDigest)
      try writer.begin(.adapter, id: id)
      try writer.append(bytes.bytes)
      try writer.end()
    }
    let digests = try writer.finish { try sign(&$0, $1) }
    return PackSummary(
      fileByteCount: writer.takeSink().byteCount,
      weightsByteCount: table.weightsByteCount(), parameterCount: parameterCount,
      tensorCount: source.tensors.tensors.count, recipe: source.report.summary,
      warningCount: source.notices.differences.count, omissionCount: source.notices.omissionCount,
      modelDigest: "\(digests.model)", fileDigest: "\(digests.file)")
  }

  /// A template's section.
  private typealias Template = (kind: SectionKind, id: UInt64, bytes: [UInt8])

  /// Writes the templates that fit in front of the weights, where there would be zeros up to their
  /// alignment, and returns the others.
  private func writeTemplates(
    _ writer: inout FileWriter<AtomicSink>
  ) throws -> [Template] {
    var templates: [Template] = []
    if let chat = source.tokenizer.chatTemplate.section {
      templates.append((.chatTemplate, 0, chat))
    }
    for template in source.promptTemplates {
      templates.append((.promptTemplate, template.sectionID, template.section))
    }
    var left: [Template] = []
    for template in templates {
      if writer.fits(template.bytes.count, before: .weights) {
        try writer.add(template.kind, id: template.id, template.bytes)
      } else {
        left.append(template)
      }
    }
    return left
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
      modelName: source.modelName, baseModel: source.baseModel, license: source.license,
      credit: options.credit,
      notice: options.notice, tool: options.tool, sourceDigests: sourceDigests,
      recipe: source.report, mergedAdapter: source.adapters.merged?.name, calibration: calibration,
      randomSeed: options.randomSeed)
    try writer.add(.provenance, provenance.encoded())
  }

  /// Writes the weights and returns the digests of the source's files, which are taken meanwhile.
  private func writeWeights(
    _ writer: inout FileWriter<AtomicSink>, _ encoders: [TensorEncoder],
    _ placements: [TensorTableBuilder.Placement]
  ) throws -> [String] {
    let tensors = source.tensors.tensors
    let digests = SourceDigests(
      knownDigests == nil ? source.files : [], workerCount: pool.workerCount)
    var encoder = WeightsEncoder(
      zip(encoders, tensors).map { WeightsEncoder.Tensor(encoder: $0, rows: $1.rows) }, pool: pool,
      digests: digests)
    try writer.begin(.weights)
    var completed: UInt64 = 0
    let total = source.tensors.byteCount
    func encode(_ slice: WeightSlice?, digestByteCount: UInt64) throws {
      try encoder.encode(slice, digestByteCount: digestByteCount) { offset, bytes in
        try writer.appendZeros(upTo: offset)
        try writer.append(bytes)
      }
      completed += slice?.sourceByteCount ?? 0
      observer.progress(
        .init(
          stage: "packing and hashing", completedByteCount: completed + digests.completedByteCount,
          totalByteCount: total + digests.byteCount))
      if observer.shouldStop() { throw PackingError.cancelled }
    }
    for slice in slices(encoders, placements) {
      // Both end together when the lanes are fast enough.
      let fraction = Double(slice.sourceByteCount) / Double(max(1, total))
      try encode(slice, digestByteCount: UInt64(fraction * Double(digests.byteCount)))
    }
    while true {
      try encode(nil, digestByteCount: UInt64(WeightSlices.byteCount * digests.laneCount))
      if let lines = digests.lines() {
        try writer.end()
        return knownDigests ?? lines
      }
    }
  }

  private func slices(
    _ encoders: [TensorEncoder], _ placements: [TensorTableBuilder.Placement]
  ) -> WeightSlices {
    WeightSlices(
      source.tensors.tensors.indices.map { index in
        WeightSlices.Tensor(
          offset: placements[index].offset, tileCount: encoders[index].tileCount,
          tileByteCount: encoders[index].tileByteCount,
          sourceByteCount: source.tensors.tensors[index].sourceByteCount)
      })
  }
}
