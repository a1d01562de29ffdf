// Owns: a root: which section table is the current one.
// Must not: judge the section table itself; `SectionTable` does.
// Source: Spec/FORMAT.md, "Root slots" (R-110 … R-117).
// There are two slots, so that an append never overwrites the root in use.

/// A valid root. Offsets and lengths are in bytes.
package struct RootSlot: Equatable, Sendable {
  /// Counts from 1; the valid slot with the highest generation is the current one.
  package var generation: UInt64
  /// Where the section table starts.
  package var tableOffset: UInt64
  /// Length of the section table.
  package var tableByteCount: UInt64
  package var sectionCount: UInt32
  /// Length of the file as far as this root is concerned.
  package var fileByteCount: UInt64
  package var modelDigest: Digest
  package var fileDigest: Digest
  /// SHA-256 of the section table.
  package var tableDigest: Digest

  /// What a slot turned out to be.
  package enum State: Equatable, Sendable {
    /// All zeros: never used.
    case empty
    case valid(RootSlot)
    /// Neither; the error says which rule it breaks.
    case damaged(FormatError)

    /// The root, when the slot has one.
    package var root: RootSlot? {
      if case .valid(let root) = self { return root }
      return nil
    }
  }

  /// Judges the slot in `page` (4,096 bytes from `offset`) of a file of `byteCount` bytes.
  static func state(
    _ page: RawSpan, at offset: UInt64, fileByteCount byteCount: UInt64, isNewer: Bool
  ) -> State {
    if page.isZero(0, FormatConstants.pageByteCount) { return .empty }
    do throws(FormatError) {
      return .valid(try RootSlot(page, at: offset, fileByteCount: byteCount, isNewer: isNewer))
    } catch {
      return .damaged(error)
    }
  }

  private init(
    _ page: RawSpan, at offset: UInt64, fileByteCount byteCount: UInt64, isNewer: Bool
  ) throws(FormatError) {
    guard page.matches(FormatConstants.rootMagic, at: 0),
      SHA256.hash(page.extracting(0..<FormatConstants.pageDigestOffset))
        == Digest(page, at: FormatConstants.pageDigestOffset)
    else { throw FormatError(rule: 111, offset: offset, "root slot is damaged") }
    generation = page.u64(8)
    tableOffset = page.u64(16)
    tableByteCount = page.u64(24)
    sectionCount = page.u32(32)
    fileByteCount = page.u64(40)
    modelDigest = Digest(page, at: 64)
    fileDigest = Digest(page, at: 96)
    tableDigest = Digest(page, at: 128)
    guard generation >= 1 else {
      throw FormatError(rule: 112, offset: offset + 8, "root generation is zero")
    }
    guard page.u32(36) == FormatConstants.sectionStride, sectionCount >= 1,
      sectionCount <= FormatLimits.sectionCount,
      tableByteCount == UInt64(sectionCount) * UInt64(FormatConstants.sectionStride),
      tableOffset % 64 == 0, tableOffset >= FormatConstants.firstSectionOffset,
      tableOffset.adding(tableByteCount) == fileByteCount
    else {
      throw FormatError(rule: 113, offset: offset + 16, "root describes an impossible table")
    }
    guard fileByteCount <= byteCount else {
      throw FormatError(
        rule: 114, offset: offset + 40, "file is shorter than its root says (truncated?)")
    }
    guard isNewer || (page.isZero(48, 16) && page.isZero(160, 4064 - 160)) else {
      throw FormatError(rule: 115, offset: offset + 48, "reserved bytes of the root are not zero")
    }
  }

  init(
    generation: UInt64, tableOffset: UInt64, sectionCount: UInt32, digests: FileDigests,
    tableDigest: Digest
  ) {
    self.generation = generation
    self.tableOffset = tableOffset
    self.sectionCount = sectionCount
    tableByteCount = UInt64(sectionCount) * UInt64(FormatConstants.sectionStride)
    fileByteCount = tableOffset + tableByteCount
    modelDigest = digests.model
    fileDigest = digests.file
    self.tableDigest = tableDigest
  }

  /// The 4,096 bytes.
  func encoded() -> [UInt8] {
    var page = FormatConstants.rootMagic
    page.append(field: generation)
    page.append(field: tableOffset)
    page.append(field: tableByteCount)
    page.append(field: sectionCount)
    page.append(field: UInt32(FormatConstants.sectionStride))
    page.append(field: fileByteCount)
    page.pad(to: 64)
    page.append(field: modelDigest)
    page.append(field: fileDigest)
    page.append(field: tableDigest)
    page.sealPage()
    return page
  }
}
