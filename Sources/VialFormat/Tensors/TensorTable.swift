// Owns: the tensor table, searched by name in place, and its complete validation, the coverage of
// the weights included.
// Must not: touch weight bytes.
// Source: Spec/FORMAT.md, "Tensor table" (R-320 … R-335).

/// A validated tensor table.
package struct TensorTable: Sendable {
  /// The stored bytes of one weights section.
  struct Weights: Sendable {
    let id: UInt64
    let region: ByteRegion
  }

  private let payload: ByteRegion
  /// By ascending id.
  private let weights: [Weights]
  private let namesOffset: Int
  /// Whether the file has feature *codebooks*.
  private let mayHaveCodebooks: Bool
  /// Number of tensors.
  package let count: Int

  static let magic: [UInt8] = [0x54, 0x45, 0x4E, 0x53]
  static let headerByteCount = 64
  static let entryStride = 128
  static let noPermutation: UInt32 = 0xFFFF_FFFF
  /// Of a codebook's entries in an entry.
  static let entriesOffset = 92

  /// Validates a tensor table against the weights sections and the file's incompatible features.
  /// O(n log n); 4 bytes a tensor.
  init(_ payload: ByteRegion, weights: [Weights], features: UInt64) throws(FormatError) {
    self.payload = payload
    self.weights = weights
    mayHaveCodebooks = features & FormatConstants.codebooksFeature != 0
    let bytes = payload.bytes
    guard bytes.byteCount >= TensorTable.headerByteCount,
      bytes.matches(TensorTable.magic, at: 0), bytes.u32(4) == 1,
      bytes.u32(16) == TensorTable.entryStride, bytes.u32(20) == 0, bytes.isZero(40, 24)
    else { throw TensorTable.error(rule: 320, 0, "tensor table header is wrong") }
    guard (1...FormatLimits.tensorCount).contains(bytes.u64(8)) else {
      throw TensorTable.error(rule: 321, 8, "tensor table has no tensors or too many")
    }
    count = Int(bytes.u64(8))
    namesOffset = TensorTable.headerByteCount + count * TensorTable.entryStride
    guard bytes.u64(24) == UInt64(namesOffset),
      bytes.u64(24).adding(bytes.u64(32)) == UInt64(bytes.byteCount)
    else { throw TensorTable.error(rule: 320, 24, "tensor table names are misplaced") }
    var nameEnd: UInt64 = 0
    for index in 0..<count {
      try checkName(index, expectedOffset: nameEnd)
      nameEnd += UInt64(bytes.u32(entry(index) + 4))
      try checkEntry(index)
    }
    guard nameEnd == bytes.u64(32) else {
      throw TensorTable.error(
        rule: 322, UInt64(namesOffset) + nameEnd, "unused bytes after the names")
    }
    try checkCoverage()
  }

  /// No table of so many bytes has more tensors.
  static func mostTensors(in payload: ByteRegion) -> Int { payload.byteCount / entryStride }

  static func error(rule: Int, _ offset: UInt64, _ message: StaticString) -> FormatError {
    FormatError(rule: rule, offset: offset, context: "tensor table", message)
  }

  private func entry(_ index: Int) -> Int {
    TensorTable.headerByteCount + index * TensorTable.entryStride
  }

  private func nameRange(_ index: Int) -> Range<Int> {
    let start = namesOffset + Int(payload.bytes.u32(entry(index)))
    return start..<start + Int(payload.bytes.u32(entry(index) + 4))
  }

  /// Names lie one after another in the heap, are printable and ascend.
  private func checkName(_ index: Int, expectedOffset: UInt64) throws(FormatError) {
    let bytes = payload.bytes
    let at = entry(index)
    let length = bytes.u32(at + 4)
    guard UInt64(bytes.u32(at)) == expectedOffset,
      (1...FormatLimits.tensorNameByteCount).contains(length),
      expectedOffset + UInt64(length) <= UInt64(bytes.byteCount - namesOffset),
      payload.isUTF8(nameRange(index)), !payload.hasControlCharacter(nameRange(index))
    else { throw TensorTable.error(rule: 322, UInt64(at), "a tensor's name is wrong") }
    if index > 0 {
      guard bytes.isLess(nameRange(index - 1), bytes.extracting(nameRange(index))) else {
        throw TensorTable.error(rule: 323, UInt64(at), "tensor names do not ascend")
      }
    }
  }

  private func checkEntry(_ index: Int) throws(FormatError) {
    let bytes = payload.bytes
    let at = entry(index)
    guard let encoding = TensorEncoding(rawValue: bytes.u32(at + 8)) else {
      throw TensorTable.error(rule: 324, UInt64(at + 8), "a tensor has an unknown encoding")
    }
    let shape = try shape(at)
    guard bytes.u32(at + 12) == TensorFormat.layout(rank: shape.rank).rawValue,
      shape.rank > 1 || encoding == .f32
    else { throw TensorTable.error(rule: 325, UInt64(at + 12), "a tensor's layout does not fit") }
    let format = TensorFormat(
      encoding, group: Int(bytes.u32(at + 56)), isAsymmetric: bytes.u32(at + 20) == 1)
    let hasCodebook = bytes.u8(at + 63) == 1
    guard bytes.u32(at + 20) <= 1, format.isValid, Int(bytes.u8(at + 60)) == encoding.bitCount,
      bytes.u8(at + 61) == (encoding.isQuantized ? 2 : 0),
      bytes.u8(at + 62) == (format.isAsymmetric ? 1 : 0),
      bytes.u8(at + 63) == 0 || (hasCodebook && encoding == .int4 && !format.isAsymmetric)
    else {
      throw TensorTable.error(
        rule: 327, UInt64(at + 56), "a tensor's encoding parameters do not fit")
    }
    if hasCodebook { try checkCodebook(at) }
    let used = hasCodebook ? Codebook.entryCount : 0
    guard bytes.isZero(at + TensorTable.entriesOffset + used, 36 - used) else {
      throw TensorTable.error(
        rule: 328, UInt64(at + TensorTable.entriesOffset + used),
        "reserved bytes of a tensor are not zero")
    }
    guard bytes.u32(at + 88) == TensorTable.noPermutation else {
      throw TensorTable.error(rule: 333, UInt64(at + 88), "input permutations are not supported")
    }
    try checkPosition(at, format.byteCount(shape))
  }

  /// A codebook needs its feature, and levels that ascend.
  private func checkCodebook(_ at: Int) throws(FormatError) {
    guard mayHaveCodebooks else {
      throw TensorTable.error(rule: 334, UInt64(at + 63), "a codebook without its feature")
    }
    guard Codebook(payload.bytes, at: at + TensorTable.entriesOffset) != nil else {
      throw TensorTable.error(
        rule: 335, UInt64(at + TensorTable.entriesOffset), "a codebook's levels do not ascend")
    }
  }

  private func shape(_ at: Int) throws(FormatError) -> TensorShape {
    let bytes = payload.bytes
    let rank = Int(bytes.u32(at + 16))
    let dimensions = [
      bytes.u64(at + 24), bytes.u64(at + 32), bytes.u64(at + 40), bytes.u64(at + 48),
    ]
    guard (1...4).contains(rank), dimensions[rank...].allSatisfy({ $0 == 1 }),
      let shape = TensorShape(checking: Array(dimensions[..<rank]))
    else { throw TensorTable.error(rule: 326, UInt64(at + 16), "a tensor's shape is wrong") }
    return shape
  }

  private func checkPosition(_ at: Int, _ byteCount: UInt64?) throws(FormatError) {
    let bytes = payload.bytes
    guard let region = weights(bytes.u64(at + 64)) else {
      throw TensorTable.error(rule: 329, UInt64(at + 64), "a tensor's weights section is missing")
    }
    guard let byteCount, byteCount == bytes.u64(at + 80) else {
      throw TensorTable.error(
        rule: 331, UInt64(at + 80), "a tensor's length does not follow its shape")
    }
    let offset = bytes.u64(at + 72)
    guard offset % 64 == 0, let end = offset.adding(byteCount), end <= UInt64(region.byteCount)
    else {
      throw TensorTable.error(rule: 330, UInt64(at + 72), "a tensor lies outside its section")
    }
  }

  private func weights(_ id: UInt64) -> ByteRegion? {
    var low = 0
    var high = weights.count
    while low < high {
      let middle = (low + high) / 2
      if weights[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < weights.count && weights[low].id == id ? weights[low].region : nil
  }

  /// Tensor indices by (weights section, offset).
  var fileOrder: [UInt32] {
    return (0..<UInt32(count)).sorted { left, right in
      let (first, second) = (entry(Int(left)), entry(Int(right)))
      return (payload.bytes.u64(first + 64), payload.bytes.u64(first + 72))
        < (payload.bytes.u64(second + 64), payload.bytes.u64(second + 72))
    }
  }

  /// Every weights section is covered: no overlap, gaps below 64 bytes, used to its end.
  private func checkCoverage() throws(FormatError) {
    let bytes = payload.bytes
    var section = 0
    var end: UInt64 = 0
    for index in fileOrder {
      let at = entry(Int(index))
      if bytes.u64(at + 64) != weights[section].id {
        try checkUsed(weights[section], end)
        section += 1
        end = 0
        guard section < weights.count, bytes.u64(at + 64) == weights[section].id else {
          throw TensorTable.error(rule: 332, UInt64(at + 64), "a weights section holds no tensor")
        }
      }
      let offset = bytes.u64(at + 72)
      guard offset >= end, offset - end < 64 else {
        throw TensorTable.error(rule: 332, UInt64(at + 72), "tensors overlap or leave a hole")
      }
      end = offset + bytes.u64(at + 80)
    }
    try checkUsed(weights[section], end)
    guard section == weights.count - 1 else {
      throw TensorTable.error(rule: 332, 0, "a weights section holds no tensor")
    }
  }

  private func checkUsed(_ weights: Weights, _ end: UInt64) throws(FormatError) {
    guard end == UInt64(weights.region.byteCount) else {
      throw TensorTable.error(rule: 332, 0, "a weights section is longer than its tensors")
    }
  }

  /// The tensor at `index` < `count`, in name order.
  package subscript(index: Int) -> TensorDescriptor {
    let bytes = payload.bytes
    let at = entry(index)
    let rank = Int(bytes.u32(at + 16))
    let dimensions = [
      bytes.u64(at + 24), bytes.u64(at + 32), bytes.u64(at + 40), bytes.u64(at + 48),
    ]
    guard let encoding = TensorEncoding(rawValue: bytes.u32(at + 8)),
      let shape = TensorShape(checking: Array(dimensions[..<rank])),
      let region = weights(bytes.u64(at + 64))?.slice(bytes.u64(at + 72), bytes.u64(at + 80))
    else { preconditionFailure("validated when the table was opened") }
    return TensorDescriptor(
      index: index, name: payload.string(nameRange(index)),
      format: TensorFormat(
        encoding, group: Int(bytes.u32(at + 56)), isAsymmetric: bytes.u32(at + 20) == 1,
        codebook: bytes.u8(at + 63) == 0
          ? nil : Codebook(bytes, at: at + TensorTable.entriesOffset)),
      shape: shape, weightsSection: bytes.u64(at + 64), offset: bytes.u64(at + 72), region: region)
  }

  /// The tensor with this name, by binary search in place; nil when there is none. O(log n).
  package func find(_ name: String) -> TensorDescriptor? {
    payload.bytes.index(of: Array(name.utf8), count: count) { nameRange($0) }.map { self[$0] }
  }
}

/// One tensor: what it is and where its bytes are.
package struct TensorDescriptor: Sendable {
  /// Place in name order.
  package let index: Int
  /// The checkpoint's name, as in `model.layers.0.self_attn.q_proj.weight`.
  package let name: String
  package let format: TensorFormat
  package let shape: TensorShape
  /// Id of the weights section.
  package let weightsSection: UInt64
  /// Bytes from the start of that section.
  package let offset: UInt64
  /// The stored bytes: plain elements, or tile16 slices one after another.
  package let region: ByteRegion

  package var encoding: TensorEncoding { format.encoding }
  package var layout: TensorLayout { TensorFormat.layout(rank: shape.rank) }
  /// Stored bytes.
  package var byteCount: Int { region.byteCount }
  /// Bytes of one `[N, K]` slice.
  package var sliceByteCount: Int { byteCount / shape.sliceCount }
  /// The stored bytes of slice `index` < `shape.sliceCount`.
  package func slice(_ index: Int) -> ByteRegion? {
    region.slice(UInt64(index) &* UInt64(sliceByteCount), UInt64(sliceByteCount))
  }
}

extension ByteRegion {
  /// Whether valid UTF-8 in `range` holds a C0 or C1 control or DEL.
  func hasControlCharacter(_ range: Range<Int>) -> Bool {
    let bytes = self.bytes
    for position in range {
      let byte = bytes.u8(position)
      if byte < 0x20 || byte == 0x7F { return true }
      if byte == 0xC2, bytes.u8(position + 1) < 0xA0 { return true }
    }
    return false
  }
}
