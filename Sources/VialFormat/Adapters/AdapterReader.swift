// Owns: the reading of an adapter section's fields in order, each against its rule.
// Must not: allocate by a number that the section's length does not back.
// Source: Spec/FORMAT.md, "Adapters".

/// One pass over an adapter section.
struct AdapterReader {
  private let section: SectionDescriptor
  private let stored: ByteRegion
  /// Header, targets and names: a copy, so that what was checked is what is used.
  private let head: ByteRegion
  private let count: Int
  private let namesOffset: Int
  private let dataOffset: Int
  private let dataByteCount: UInt64
  /// Where the next name begins in the names.
  private var nameEnd = 0
  /// Where the next part may begin in the data.
  private var dataEnd: UInt64 = 0

  /// Checks the header and the places of names and data.
  init(_ section: SectionDescriptor, _ stored: ByteRegion) throws(FormatError) {
    self.section = section
    self.stored = stored
    func error(_ offset: Int, _ message: StaticString) -> FormatError {
      FormatError(rule: 641, offset: section.offset + UInt64(offset), message)
    }
    let headerByteCount = AdapterDescriptor.headerByteCount
    guard let header = try stored.slice(0, UInt64(headerByteCount))?.privateCopy(),
      header.bytes.matches(AdapterDescriptor.magic, at: 0)
    else { throw error(0, "not an adapter") }
    let bytes = header.bytes
    let length = UInt64(stored.byteCount)
    guard bytes.u32(4) == 1 else { throw error(4, "an adapter's version is not known") }
    guard (1...FormatLimits.adapterTargetCount).contains(bytes.u32(8)),
      bytes.u32(12) == AdapterDescriptor.targetStride
    else { throw error(8, "an adapter's targets are none, too many or of another stride") }
    count = Int(bytes.u32(8))
    namesOffset = headerByteCount + count * AdapterDescriptor.targetStride
    guard bytes.u32(16) <= 1 else { throw error(16, "an adapter has an unknown flag") }
    // Longer names than all may have together are not copied to find that out.
    guard bytes.u64(24) == UInt64(namesOffset),
      bytes.u64(32) <= UInt64(count + 1) * UInt64(FormatLimits.tensorNameByteCount),
      let namesEnd = bytes.u64(24).adding(bytes.u64(32)), namesEnd <= length
    else { throw error(24, "an adapter's names are misplaced") }
    guard let data = namesEnd.roundedUp(toMultipleOf: 64), data == bytes.u64(40),
      data.adding(bytes.u64(48)) == length
    else { throw error(40, "an adapter's data are misplaced") }
    dataByteCount = bytes.u64(48)
    dataOffset = Int(data)
    guard bytes.isZero(56, 8), bytes.isZero(96, 32),
      let head = try stored.slice(0, data)?.privateCopy(),
      // The header of this copy is the one that was checked, whatever becomes of the file.
      head.bytes.matches(header.copied(), at: 0),
      head.bytes.isZero(Int(namesEnd), Int(data - namesEnd))
    else { throw error(56, "reserved bytes of an adapter are not zero") }
    self.head = head
  }

  /// Bytes that what is made of the targets takes at most.
  var workByteCount: Int { count * FormatLimits.adapterTargetWorkByteCount }

  func error(rule: Int = 641, _ offset: Int, _ message: StaticString) -> FormatError {
    FormatError(rule: rule, offset: section.offset + UInt64(offset), message)
  }

  var isRankStabilised: Bool { head.bytes.u32(16) & 1 == 1 }
  var baseDigest: Digest { Digest(head.bytes, at: 64) }
  private var namesByteCount: Int { Int(head.bytes.u64(32)) }

  /// The adapter's name, which comes before those of its targets.
  mutating func name() throws(FormatError) -> String {
    try name(length: head.bytes.u32(20), field: 20)
  }

  /// The next name of the names.
  private mutating func name(length: UInt32, field: Int) throws(FormatError) -> String {
    guard (1...FormatLimits.tensorNameByteCount).contains(length),
      Int(length) <= namesByteCount - nameEnd
    else { throw error(field, "a name of an adapter is empty, too long or misplaced") }
    let range = namesOffset + nameEnd..<namesOffset + nameEnd + Int(length)
    guard head.isUTF8(range), !head.hasControlCharacter(range) else {
      throw error(range.lowerBound, "a name of an adapter is not printable UTF-8")
    }
    nameEnd += Int(length)
    return head.string(range)
  }

  /// All targets; nothing may be left over.
  mutating func targets() throws(FormatError) -> [AdapterTarget] {
    var targets: [AdapterTarget] = []
    targets.reserveCapacity(count)
    for index in 0..<count {
      let at = AdapterDescriptor.headerByteCount + index * AdapterDescriptor.targetStride
      let target = try target(at)
      if let last = targets.last {
        guard last.name.utf8.lexicographicallyPrecedes(target.name.utf8) else {
          throw error(at, "targets of an adapter do not ascend")
        }
      }
      targets.append(target)
    }
    guard nameEnd == namesByteCount else { throw error(32, "unused bytes after the names") }
    guard dataEnd == dataByteCount else { throw error(48, "unused bytes after the data") }
    return targets
  }

  private mutating func target(_ at: Int) throws(FormatError) -> AdapterTarget {
    // A constant of this call: a span of a property would keep all of the reader borrowed.
    let head = self.head
    let bytes = head.bytes
    guard Int(bytes.u32(at)) == nameEnd else {
      throw error(at, "the name of an adapter's target is misplaced")
    }
    let name = try name(length: bytes.u32(at + 4), field: at + 4)
    guard let encoding = TensorEncoding(rawValue: bytes.u32(at + 8)), !encoding.isQuantized else {
      throw error(at + 8, "the encoding of an adapter's target is not known")
    }
    guard (1...FormatLimits.adapterRank).contains(bytes.u32(at + 12)) else {
      throw error(at + 12, "the rank of an adapter's target is not from 1 to 1,024")
    }
    let rank = Int(bytes.u32(at + 12))
    let alpha = Double(bitPattern: bytes.u64(at + 16))
    guard alpha.isFinite else {
      throw error(rule: 644, at + 16, "an adapter's alpha is not finite")
    }
    guard
      let shapeA = TensorShape(checking: [UInt64(rank), bytes.u64(at + 24)]),
      let shapeB = TensorShape(checking: [bytes.u64(at + 32), UInt64(rank)])
    else { throw error(at + 24, "an adapter's target is too large or has no size") }
    guard bytes.isZero(at + 56, 8) else {
      throw error(at + 56, "reserved bytes of an adapter's target are not zero")
    }
    let format = TensorFormat(encoding)
    let (a, offsetA) = try part(shapeA, format, at + 40)
    let (b, offsetB) = try part(shapeB, format, at + 48)
    let scale = AdapterTarget.scale(
      alpha: alpha, rank: rank, isRankStabilised: isRankStabilised)
    guard scale.isFinite else {
      throw error(rule: 644, at + 16, "an adapter's scale is not finite")
    }
    return AdapterTarget(
      name: name, encoding: encoding, rank: rank, alpha: alpha, scale: scale,
      inputCount: shapeA[1], outputCount: shapeB[0], a: a, b: b, offsets: (offsetA, offsetB))
  }

  /// A or B, which follows what is before it.
  private mutating func part(
    _ shape: TensorShape, _ format: TensorFormat, _ field: Int
  ) throws(FormatError) -> (ByteRegion, UInt64) {
    let offset = head.bytes.u64(field)
    guard offset % 64 == 0, offset >= dataEnd, offset - dataEnd < 64,
      let byteCount = format.byteCount(shape), let end = offset.adding(byteCount),
      end <= dataByteCount,
      let region = stored.slice(UInt64(dataOffset) + offset, byteCount),
      stored.bytes.isZero(dataOffset + Int(dataEnd), Int(offset - dataEnd))
    else { throw error(field, "a matrix of an adapter is misplaced") }
    dataEnd = end
    return (region, section.offset + UInt64(dataOffset) + offset)
  }
}
