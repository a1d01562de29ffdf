// Owns: the section table, validated as a whole before any section is looked at.
// Must not: allocate more than `openingBytesPerSection` an entry, which the file's own length
// bounds and its caller holds.
// Source: Spec/FORMAT.md, "Section table" (R-201 … R-219).

/// The validated sections of a file.
package struct SectionTable: Sendable {
  /// In file order.
  package let sections: [SectionDescriptor]
  /// Indices into `sections` in (kind, id) order.
  private let keyOrder: [UInt32]

  /// Sections in (kind, id) order.
  var byKey: some Sequence<SectionDescriptor> { keyOrder.lazy.map { sections[Int($0)] } }

  /// The section with this kind and id. O(log n).
  package func find(_ kind: SectionKind, id: UInt64 = 0) -> SectionDescriptor? {
    var low = 0
    var high = keyOrder.count
    while low < high {
      let middle = (low + high) / 2
      let section = sections[Int(keyOrder[middle])]
      if (section.kind.rawValue, section.id) < (kind.rawValue, id) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < keyOrder.count else { return nil }
    let section = sections[Int(keyOrder[low])]
    return section.kind == kind && section.id == id ? section : nil
  }

  /// All sections of a kind in id order.
  package func all(_ kind: SectionKind) -> [SectionDescriptor] {
    byKey.filter { $0.kind == kind }
  }

  /// Validates the table's bytes, which `root` describes and whose digest was not checked yet.
  init(_ table: RawSpan, root: RootSlot, isNewer: Bool) throws(FormatError) {
    guard SHA256.hash(table) == root.tableDigest else {
      throw FormatError(
        rule: 201, offset: root.tableOffset, "section table does not match its digest")
    }
    var sections: [SectionDescriptor] = []
    sections.reserveCapacity(Int(root.sectionCount))
    var end = FormatConstants.firstSectionOffset
    for index in 0..<Int(root.sectionCount) {
      let position = index * FormatConstants.sectionStride
      let at = root.tableOffset + UInt64(position)
      let section = SectionDescriptor(table, at: position)
      try SectionTable.checkReserved(table, position, section, at, isNewer)
      try SectionTable.checkKind(section, at)
      try SectionTable.checkPosition(section, at, previousEnd: end, tableOffset: root.tableOffset)
      try SectionTable.checkStorage(section, at)
      end = section.end
      sections.append(section)
    }
    guard root.tableOffset - end < 64 else {
      throw FormatError(rule: 207, offset: end, "unused bytes before the section table")
    }
    keyOrder = sections.indices.sorted {
      (sections[$0].kind.rawValue, sections[$0].id) < (sections[$1].kind.rawValue, sections[$1].id)
    }.map { UInt32($0) }
    self.sections = sections
    try checkUnique(root.tableOffset)
  }

  private static func checkReserved(
    _ table: RawSpan, _ position: Int, _ section: SectionDescriptor, _ at: UInt64, _ isNewer: Bool
  ) throws(FormatError) {
    guard isNewer || (table.isZero(position + 52, 12) && table.isZero(position + 96, 32)) else {
      throw FormatError(rule: 203, offset: at + 52, "reserved bytes of a section are not zero")
    }
    guard isNewer || section.flags.rawValue & ~SectionFlags.known == 0 else {
      throw FormatError(rule: 203, offset: at + 4, "reserved flags of a section are not zero")
    }
    guard table.u32(position + 48) == FormatConstants.chunkLog2 else {
      throw FormatError(rule: 211, offset: at + 48, "chunk size of a section is not 1 MiB")
    }
  }

  private static func checkPosition(
    _ section: SectionDescriptor, _ at: UInt64, previousEnd: UInt64, tableOffset: UInt64
  ) throws(FormatError) {
    guard section.alignment >= FormatLimits.minimumAlignment,
      section.alignment <= FormatLimits.maximumAlignment,
      section.alignment & (section.alignment &- 1) == 0,
      section.offset % UInt64(section.alignment) == 0
    else { throw FormatError(rule: 204, offset: at + 44, "a section is not aligned") }
    guard section.storedByteCount >= 1, let end = section.offset.adding(section.storedByteCount),
      section.offset >= FormatConstants.firstSectionOffset, end <= tableOffset
    else { throw FormatError(rule: 205, offset: at + 16, "a section lies outside the file") }
    guard section.offset >= previousEnd else {
      throw FormatError(rule: 206, offset: at + 16, "sections overlap or are not sorted")
    }
    guard section.offset - previousEnd < UInt64(section.alignment) else {
      throw FormatError(rule: 207, offset: previousEnd, "unused bytes between sections")
    }
  }

  private static func checkKind(
    _ section: SectionDescriptor, _ at: UInt64
  ) throws(FormatError) {
    guard section.kind.rawValue != 0 else {
      throw FormatError(rule: 202, offset: at, "a section has kind zero")
    }
    guard section.kind.isKnown else {
      guard !section.flags.contains(.required) else {
        throw FormatError(rule: 212, offset: at, "a required section is of an unknown kind")
      }
      return
    }
    guard section.flags.rawValue & SectionFlags.known == section.kind.flags.rawValue else {
      throw FormatError(rule: 213, offset: at + 4, "flags of a section do not fit its kind")
    }
    guard section.kind != .weights || section.alignment >= FormatLimits.weightsAlignment else {
      throw FormatError(rule: 214, offset: at + 44, "weights are not aligned to 64 KiB")
    }
    guard !section.kind.isSingle || section.id == 0 else {
      throw FormatError(rule: 215, offset: at + 8, "a section of this kind must have id 0")
    }
  }

  private static func checkStorage(
    _ section: SectionDescriptor, _ at: UInt64
  ) throws(FormatError) {
    switch section.codec {
    case .raw:
      guard section.rawByteCount == section.storedByteCount else {
        throw FormatError(rule: 210, offset: at + 32, "lengths of an uncompressed section differ")
      }
    case .lz4:
      guard section.kind == .text || !section.kind.isKnown else {
        throw FormatError(rule: 209, offset: at + 40, "a section of this kind is compressed")
      }
      guard section.rawByteCount <= FormatLimits.compressedRawByteCount,
        section.rawByteCount / FormatLimits.compressionRatio <= section.storedByteCount
      else {
        throw FormatError(rule: 210, offset: at + 32, "a compressed section is too long")
      }
    default:
      guard !section.kind.isKnown else {
        throw FormatError(rule: 209, offset: at + 40, "a section has an unknown codec")
      }
    }
    guard section.kind != .free || section.digest == .zero else {
      throw FormatError(rule: 219, offset: at + 64, "a free section has a digest")
    }
  }

  private func checkUnique(_ tableOffset: UInt64) throws(FormatError) {
    for (left, right) in zip(keyOrder, keyOrder.dropFirst()) {
      let (first, second) = (sections[Int(left)], sections[Int(right)])
      guard first.kind != second.kind || first.id != second.id else {
        let at = tableOffset + UInt64(right) * UInt64(FormatConstants.sectionStride) + 8
        throw FormatError(rule: 208, offset: at, "two sections have the same kind and id")
      }
    }
  }
}
