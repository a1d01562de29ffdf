// Owns: the placing of tensors in weights sections: their offsets, and the tensor table that is
// written.
// Must not: see a weight.
// Source: Spec/FORMAT.md, "Tensor table".

/// Collects tensors in the order in which their bytes will be written.
package struct TensorTableBuilder: Sendable {
  /// Where a tensor's bytes go, in bytes from the start of its weights section.
  package struct Placement: Equatable, Sendable {
    package let section: UInt64
    /// A multiple of 64: the writer fills with zeros up to it.
    package let offset: UInt64
    package let byteCount: UInt64
  }

  private struct Entry {
    var name: [UInt8]
    var format: TensorFormat
    var shape: TensorShape
    var placement: Placement
  }

  private var entries: [Entry] = []
  private var sectionEnds: [UInt64: UInt64] = [:]

  package init() {}

  /// Declares the next tensor of a weights section and says where its bytes belong.
  /// - Throws: for a name, shape or format that the reader would
  ///   refuse.
  @discardableResult
  package mutating func add(
    _ name: String, _ format: TensorFormat, shape dimensions: [Int], section: UInt64 = 0
  ) throws(FormatError) -> Placement {
    let bytes = Array(name.utf8)
    guard (1...Int(FormatLimits.tensorNameByteCount)).contains(bytes.count),
      !ByteRegion(copying: bytes).hasControlCharacter(bytes.indices)
    else { throw TensorTable.error(rule: 322, 0, "a tensor's name is wrong") }
    guard let shape = TensorShape(dimensions) else {
      throw TensorTable.error(rule: 326, 0, "a tensor's shape is wrong")
    }
    guard format.isValid else {
      throw TensorTable.error(rule: 327, 0, "a tensor's encoding parameters do not fit")
    }
    guard let byteCount = format.byteCount(shape),
      let offset = (sectionEnds[section] ?? 0).roundedUp(toMultipleOf: 64),
      let end = offset.adding(byteCount)
    else { throw TensorTable.error(rule: 331, 0, "a tensor's length does not follow its shape") }
    let placement = Placement(section: section, offset: offset, byteCount: byteCount)
    sectionEnds[section] = end
    entries.append(Entry(name: bytes, format: format, shape: shape, placement: placement))
    return placement
  }

  /// Bytes of a weights section as declared so far.
  package func weightsByteCount(section: UInt64 = 0) -> UInt64 { sectionEnds[section] ?? 0 }

  /// The incompatible features that the tensors need, for the identity page.
  package var incompatibleFeatures: UInt64 {
    entries.contains { $0.format.codebook != nil } ? FormatConstants.codebooksFeature : 0
  }

  /// The tensor table section's payload.
  /// - Throws: for no, too many or equally named tensors.
  package func build() throws(FormatError) -> [UInt8] {
    let sorted = entries.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    guard (1...FormatLimits.tensorCount).contains(UInt64(sorted.count)) else {
      throw TensorTable.error(rule: 321, 8, "tensor table has no tensors or too many")
    }
    for (left, right) in zip(sorted, sorted.dropFirst()) where left.name == right.name {
      throw TensorTable.error(rule: 323, 0, "two tensors have the same name")
    }
    let namesOffset = TensorTable.headerByteCount + sorted.count * TensorTable.entryStride
    var payload = TensorTable.magic
    payload.append(field: UInt32(1))
    payload.append(field: UInt64(sorted.count))
    payload.append(field: UInt32(TensorTable.entryStride))
    payload.append(field: UInt32(0))
    payload.append(field: UInt64(namesOffset))
    payload.append(field: UInt64(sorted.reduce(0) { $0 + $1.name.count }))
    payload.pad(to: TensorTable.headerByteCount)
    var nameOffset: UInt32 = 0
    for entry in sorted {
      TensorTableBuilder.encode(entry, nameOffset, into: &payload)
      nameOffset += UInt32(entry.name.count)
    }
    for entry in sorted { payload.append(contentsOf: entry.name) }
    return payload
  }

  private static func encode(_ entry: Entry, _ nameOffset: UInt32, into payload: inout [UInt8]) {
    let end = payload.count + TensorTable.entryStride
    let (format, shape) = (entry.format, entry.shape)
    payload.append(field: nameOffset)
    payload.append(field: UInt32(entry.name.count))
    payload.append(field: format.encoding.rawValue)
    payload.append(field: TensorFormat.layout(rank: shape.rank).rawValue)
    payload.append(field: UInt32(shape.rank))
    payload.append(field: UInt32(format.isAsymmetric ? 1 : 0))
    for index in 0..<4 { payload.append(field: UInt64(shape[index])) }
    payload.append(field: UInt32(format.group))
    payload.append(field: UInt8(format.encoding.bitCount))
    payload.append(field: UInt8(format.encoding.isQuantized ? 2 : 0))
    payload.append(field: UInt8(format.isAsymmetric ? 1 : 0))
    payload.append(field: UInt8(format.codebook == nil ? 0 : 1))
    payload.append(field: entry.placement.section)
    payload.append(field: entry.placement.offset)
    payload.append(field: entry.placement.byteCount)
    payload.append(field: TensorTable.noPermutation)
    format.codebook?.encode(into: &payload)
    payload.pad(to: end)
  }
}
