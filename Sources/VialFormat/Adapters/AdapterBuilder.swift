// Owns: the writing of an adapter section: offsets of names, A and B, whose matrices the caller
// fills.
// Must not: know where the numbers come from.
// Source: Spec/FORMAT.md, "Adapters".

/// Collects the targets of one adapter.
package struct AdapterBuilder: Sendable {
  /// One target's numbers, without its matrices.
  package struct Target: Sendable {
    /// Name of the base's tensor.
    package var name: String
    /// f32, f16 or bf16.
    package var encoding: TensorEncoding
    /// 1 … 1,024.
    package var rank: Int
    package var alpha: Double
    /// Columns of A.
    package var inputCount: Int
    /// Rows of B.
    package var outputCount: Int

    /// Everything at once.
    package init(
      name: String, encoding: TensorEncoding, rank: Int, alpha: Double, inputCount: Int,
      outputCount: Int
    ) {
      self.name = name
      self.encoding = encoding
      self.rank = rank
      self.alpha = alpha
      self.inputCount = inputCount
      self.outputCount = outputCount
    }
  }

  /// Which of a target's matrices is asked for.
  package enum Part: Sendable {
    /// `[rank, inputs]`.
    case a
    /// `[outputs, rank]`.
    case b
  }

  private let name: String
  private let base: Digest
  private let isRankStabilised: Bool
  /// By ascending name.
  private let targets: [Target]

  /// - Throws: for what a reader would refuse.
  package init(
    name: String, base: Digest, isRankStabilised: Bool, targets: [Target]
  ) throws(FormatError) {
    self.name = name
    self.base = base
    self.isRankStabilised = isRankStabilised
    self.targets = targets.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    guard (1...Int(FormatLimits.adapterTargetCount)).contains(targets.count) else {
      throw AdapterBuilder.error("an adapter has no targets or too many")
    }
  }

  private static func error(_ message: StaticString) -> FormatError {
    FormatError(rule: 641, offset: 0, context: "adapter", message)
  }

  /// The section's bytes. `fill` writes each matrix, in layout tile16, into memory of zeros that
  /// has its length.
  package func section(
    fill: (Target, Part, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> ByteRegion {
    let names = [name] + targets.map(\.name)
    let namesOffset =
      AdapterDescriptor.headerByteCount + targets.count * AdapterDescriptor.targetStride
    let namesByteCount = names.reduce(0) { $0 + $1.utf8.count }
    let dataOffset = (namesOffset + namesByteCount + 63) & ~63
    let (layouts, dataByteCount) = try layouts()
    var head = header(
      namesOffset: namesOffset, namesByteCount: namesByteCount, dataOffset: dataOffset,
      dataByteCount: dataByteCount)
    var nameOffset = name.utf8.count
    for (target, layout) in zip(targets, layouts) {
      encode(target, nameOffset: nameOffset, layout, into: &head)
      nameOffset += target.name.utf8.count
    }
    for name in names { head += Array(name.utf8) }
    head.pad(to: dataOffset)
    guard let total = Int(exactly: UInt64(dataOffset) + dataByteCount) else {
      throw AdapterBuilder.error("an adapter is too large")
    }
    guard let storage = OwnedBytes(byteCount: total) else { throw FormatError.outOfMemory }
    unsafe storage.base.initializeMemory(as: UInt8.self, repeating: 0, count: total)
    unsafe head.withUnsafeBytes {
      unsafe storage.base.copyMemory(from: $0.baseAddress!, byteCount: head.count)
    }
    for (target, layout) in zip(targets, layouts) {
      for (part, offset, byteCount) in [
        (Part.a, layout.a, layout.aCount), (.b, layout.b, layout.bCount),
      ] {
        try unsafe fill(
          target, part,
          UnsafeMutableRawBufferPointer(
            start: storage.base + dataOffset + Int(offset), count: Int(byteCount)))
      }
    }
    let region = ByteRegion(storage, byteCount: total)
    // The reader's own rules decide whether it may exist.
    _ = try AdapterDescriptor(descriptor(of: region), region)
    return region
  }

  /// The section's id.
  package var sectionID: UInt64 { AdapterDescriptor.sectionID(ofName: name) }

  private func descriptor(of region: ByteRegion) -> SectionDescriptor {
    SectionDescriptor(
      kind: .adapter, flags: SectionKind.adapter.flags, id: sectionID, offset: 0,
      storedByteCount: UInt64(region.byteCount), rawByteCount: UInt64(region.byteCount),
      codec: .raw, alignment: SectionKind.adapter.defaultAlignment, digest: .zero)
  }

  private struct TargetLayout {
    let a: UInt64
    let aCount: UInt64
    let b: UInt64
    let bCount: UInt64
  }

  private func layouts() throws(FormatError) -> ([TargetLayout], UInt64) {
    var layouts: [TargetLayout] = []
    var end: UInt64 = 0
    for target in targets {
      let format = TensorFormat(target.encoding)
      guard (1...Int(FormatLimits.adapterRank)).contains(target.rank),
        let a = TensorShape([target.rank, target.inputCount]),
        let b = TensorShape([target.outputCount, target.rank]),
        let aCount = format.byteCount(a), let bCount = format.byteCount(b),
        let aOffset = end.roundedUp(toMultipleOf: 64), let aEnd = aOffset.adding(aCount),
        let bOffset = aEnd.roundedUp(toMultipleOf: 64), let bEnd = bOffset.adding(bCount)
      else { throw AdapterBuilder.error("a rank or shape of an adapter is out of range") }
      layouts.append(TargetLayout(a: aOffset, aCount: aCount, b: bOffset, bCount: bCount))
      end = bEnd
    }
    return (layouts, end)
  }

  private func header(
    namesOffset: Int, namesByteCount: Int, dataOffset: Int, dataByteCount: UInt64
  ) -> [UInt8] {
    var head = AdapterDescriptor.magic
    head.append(field: UInt32(1))
    head.append(field: UInt32(targets.count))
    head.append(field: UInt32(AdapterDescriptor.targetStride))
    head.append(field: UInt32(isRankStabilised ? 1 : 0))
    head.append(field: UInt32(clamping: name.utf8.count))
    head.append(field: UInt64(namesOffset))
    head.append(field: UInt64(namesByteCount))
    head.append(field: UInt64(dataOffset))
    head.append(field: dataByteCount)
    head.pad(to: 64)
    head.append(field: base)
    head.pad(to: AdapterDescriptor.headerByteCount)
    return head
  }

  private func encode(
    _ target: Target, nameOffset: Int, _ layout: TargetLayout, into head: inout [UInt8]
  ) {
    let end = head.count + AdapterDescriptor.targetStride
    head.append(field: UInt32(clamping: nameOffset))
    head.append(field: UInt32(clamping: target.name.utf8.count))
    head.append(field: target.encoding.rawValue)
    head.append(field: UInt32(target.rank))
    head.append(field: target.alpha.bitPattern)
    head.append(field: UInt64(target.inputCount))
    head.append(field: UInt64(target.outputCount))
    head.append(field: layout.a)
    head.append(field: layout.b)
    head.pad(to: end)
  }
}
