// Owns: one LoRA adapter of a file: its name, its base, the offsets of A and B for each target, and
// the complete validation of its section but for the values.
// Must not: read A or B, or know layers.
// Source: Spec/FORMAT.md, "Adapters" (R-641 … R-644).

/// A validated adapter section. Keeps the bytes alive; cheap to copy.
package struct AdapterDescriptor: Sendable {
  /// The section.
  package let section: SectionDescriptor
  /// The name that requests choose it by.
  package let name: String
  /// Whether scales are alpha ÷ √rank instead of alpha ÷ rank.
  package let isRankStabilised: Bool
  /// Model digest of the base.
  package let baseDigest: Digest
  /// By ascending name of the target.
  package let targets: [AdapterTarget]

  static let magic: [UInt8] = [0x4C, 0x4F, 0x52, 0x41]
  static let headerByteCount = 128
  static let targetStride = 64

  /// The largest rank of all targets.
  package var rank: Int { targets.reduce(0) { max($0, $1.rank) } }
  /// Elements of A and B of all targets.
  package var parameterCount: Int {
    targets.reduce(0) { $0 + $1.rank * ($1.inputCount + $1.outputCount) }
  }

  /// The id of the section of an adapter with this name: names of a file are unique, because ids
  /// are.
  package static func sectionID(ofName name: String) -> UInt64 {
    SHA256.hash(Array(name.utf8).rawSpan).words[0]
  }

  /// Validates the stored bytes of a section. O(targets); copies header, targets and names.
  /// - Throws, `outOfMemory`.
  package init(_ section: SectionDescriptor, _ stored: ByteRegion) throws(FormatError) {
    var reader = try AdapterReader(section, stored)
    name = try reader.name()
    guard AdapterDescriptor.sectionID(ofName: name) == section.id else {
      throw reader.error(20, "an adapter's section id is not that of its name")
    }
    isRankStabilised = reader.isRankStabilised
    baseDigest = reader.baseDigest
    let workByteCount = reader.workByteCount
    guard MemoryReserve.hold(workByteCount) else { throw .outOfMemory }
    defer { MemoryReserve.release(workByteCount) }
    targets = try reader.targets()
    self.section = section
  }

  /// Holds the adapter against a model.
  /// - Throws: R-643 when it belongs to another one, R-642 when a target is missing there or has
  ///   another shape.
  package func check(base file: VialFile) throws(FormatError) {
    guard baseDigest == file.modelDigest else {
      throw FormatError(
        rule: 643, offset: section.offset + 64, "an adapter belongs to another model")
    }
    for (index, target) in targets.enumerated() {
      guard let tensor = file.tensors.find(target.name), tensor.shape.rank == 2,
        tensor.shape[0] == target.outputCount, tensor.shape[1] == target.inputCount
      else { throw wrongTarget(index) }
    }
  }

  /// R-642 for a target that does not fit.
  func wrongTarget(_ index: Int) -> FormatError {
    let field = AdapterDescriptor.headerByteCount + index * AdapterDescriptor.targetStride
    return FormatError(
      rule: 642, offset: section.offset + UInt64(field),
      "an adapter's target is not in the model, or has another shape")
  }
}

/// The change of one matrix W: W·x + scale · B·(A·x).
package struct AdapterTarget: Sendable {
  /// The name of W in the base.
  package let name: String
  /// Encoding of A and B: f32, f16 or bf16.
  package let encoding: TensorEncoding
  /// Rows of A, columns of B.
  package let rank: Int
  /// As the adapter's author set it.
  package let alpha: Double
  /// What B·(A·x) is multiplied by.
  package let scale: Float
  /// Columns of A: K.
  package let inputCount: Int
  /// Rows of B: N.
  package let outputCount: Int
  /// A `[rank, K]` in layout tile16.
  package let a: ByteRegion
  /// B `[N, rank]` in layout tile16.
  package let b: ByteRegion
  /// Bytes of A and of B from the start of the file.
  let offsets: (a: UInt64, b: UInt64)

  /// A and B as tensors, for those who check or decode values; their offsets count from the start
  /// of the file.
  package var tensors: [TensorDescriptor] {
    let parts = [(a, offsets.a, [rank, inputCount]), (b, offsets.b, [outputCount, rank])]
    return parts.compactMap { region, offset, dimensions in
      TensorShape(dimensions).map {
        TensorDescriptor(
          index: 0, name: name, format: TensorFormat(encoding), shape: $0, weightsSection: 0,
          offset: offset, region: region)
      }
    }
  }

  /// alpha ÷ rank, or alpha ÷ √rank: computed in f64 and rounded to f32.
  package static func scale(alpha: Double, rank: Int, isRankStabilised: Bool) -> Float {
    Float(alpha / (isRankStabilised ? Double(rank).squareRoot() : Double(rank)))
  }
}

extension VialFile {
  /// An adapter section of this file, read; nil for other sections. Its base is not looked at.
  /// - Throws.
  package func adapter(in section: SectionDescriptor) throws(FormatError) -> AdapterDescriptor? {
    guard section.kind == .adapter else { return nil }
    return try AdapterDescriptor(section, VialFile.region(section, in: file))
  }
}
