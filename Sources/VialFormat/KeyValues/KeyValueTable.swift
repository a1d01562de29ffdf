// Owns: a sorted, typed key–value payload, searched in place, and its complete validation, so that
// access cannot fail.
// Must not: use bytes that may change after the check: it keeps a copy, whatever becomes of a
// mapped file.
// Source: Spec/FORMAT.md, "Key–values" (R-301 … R-307).

/// A validated key–value payload.
package struct KeyValueTable: Sendable {
  private let payload: ByteRegion
  /// Number of entries.
  package let count: Int
  /// Length of the payload in bytes.
  package var byteCount: Int { payload.byteCount }
  private let heapOffset: Int
  private let context: StaticString

  static let headerByteCount = 32
  static let entryStride = 32
  static let magic: [UInt8] = [0x4B, 0x56, 0x30, 0x31]

  /// Copies and validates a payload. O(bytes); `context` names the section in errors.
  /// - Throws, `outOfMemory`.
  package init(_ region: ByteRegion, context: StaticString) throws(FormatError) {
    guard UInt64(region.byteCount) <= FormatLimits.keyValueByteCount else {
      throw FormatError(rule: 301, offset: 0, context: context, "key–values are too long")
    }
    let payload = try region.privateCopy()
    self.payload = payload
    self.context = context
    let bytes = payload.bytes
    guard bytes.byteCount >= KeyValueTable.headerByteCount,
      bytes.matches(KeyValueTable.magic, at: 0), bytes.u32(8) == KeyValueTable.entryStride,
      bytes.u32(12) == 0, bytes.u32(4) <= FormatLimits.keyValueCount
    else { throw FormatError(rule: 301, offset: 0, context: context, "key–value header is wrong") }
    count = Int(bytes.u32(4))
    heapOffset = KeyValueTable.headerByteCount + count * KeyValueTable.entryStride
    guard bytes.u64(16) == UInt64(heapOffset),
      bytes.u64(16).adding(bytes.u64(24)) == UInt64(bytes.byteCount)
    else {
      throw FormatError(rule: 301, offset: 16, context: context, "key–value heap is misplaced")
    }
    let valuesOffset = try checkKeys()
    try checkValues(from: valuesOffset)
  }

  private func entry(_ index: Int) -> Int {
    KeyValueTable.headerByteCount + index * KeyValueTable.entryStride
  }

  /// Offset in the payload of a heap value, and its length.
  private func heapRange(_ index: Int) -> Range<Int> {
    let start = heapOffset + Int(payload.bytes.u64(entry(index) + 16))
    return start..<start + Int(payload.bytes.u64(entry(index) + 24))
  }

  private func keyRange(_ index: Int) -> Range<Int> {
    let start = heapOffset + Int(payload.bytes.u32(entry(index)))
    return start..<start + Int(payload.bytes.u32(entry(index) + 4))
  }

  /// Keys lie at the start of the heap, one after another, ascending. Returns where they end.
  private func checkKeys() throws(FormatError) -> UInt64 {
    let bytes = payload.bytes
    let heapByteCount = UInt64(bytes.byteCount - heapOffset)
    var next: UInt64 = 0
    for index in 0..<count {
      let at = entry(index)
      let length = bytes.u32(at + 4)
      guard UInt64(bytes.u32(at)) == next, (1...FormatLimits.keyByteCount).contains(length),
        next + UInt64(length) <= heapByteCount
      else {
        throw FormatError(rule: 302, offset: UInt64(at), context: context, "a key is misplaced")
      }
      next += UInt64(length)
      let key = keyRange(index)
      for position in key where !(0x21...0x7E).contains(bytes.u8(position)) {
        throw FormatError(
          rule: 302, offset: UInt64(position), context: context, "a key is not printable ASCII")
      }
      if index > 0 {
        guard bytes.isLess(keyRange(index - 1), bytes.extracting(key)) else {
          throw FormatError(rule: 303, offset: UInt64(at), context: context, "keys do not ascend")
        }
      }
    }
    return next
  }

  /// Values follow the keys in entry order, each at the next multiple of 8, and end the payload.
  private func checkValues(from keysEnd: UInt64) throws(FormatError) {
    let bytes = payload.bytes
    let heapByteCount = UInt64(bytes.byteCount - heapOffset)
    var next = keysEnd
    for index in 0..<count {
      let at = entry(index)
      guard let type = KeyValueType(rawValue: bytes.u32(at + 8)) else {
        throw FormatError(
          rule: 304, offset: UInt64(at + 8), context: context, "a value has an unknown type")
      }
      let misplaced = FormatError(
        rule: 305, offset: UInt64(at + 16), context: context, "a value is misplaced")
      let (elements, length) = (bytes.u32(at + 12), bytes.u64(at + 24))
      guard type == .textArray || type.byteCount(elements) == length else { throw misplaced }
      if type.isScalar {
        try checkScalar(type, at: at + 16)
        continue
      }
      let start = (next + 7) & ~7
      guard bytes.u64(at + 16) == start, let end = start.adding(length), end <= heapByteCount,
        bytes.isZero(heapOffset + Int(next), Int(start - next))
      else { throw misplaced }
      next = end
      try checkHeapValue(type, heapRange(index), elements)
    }
    guard next == heapByteCount else {
      throw FormatError(
        rule: 305, offset: UInt64(heapOffset) + next, context: context, "unused bytes after values")
    }
  }

  private func checkScalar(_ type: KeyValueType, at offset: Int) throws(FormatError) {
    let value = payload.bytes.u64(offset)
    let isGood =
      switch type {
      case .bool: value <= 1
      case .float: Double(bitPattern: value).isFinite
      default: true
      }
    guard isGood else {
      throw FormatError(rule: 306, offset: UInt64(offset), context: context, "a value is not valid")
    }
  }

  private func checkHeapValue(
    _ type: KeyValueType, _ range: Range<Int>, _ elements: UInt32
  ) throws(FormatError) {
    let bytes = payload.bytes
    let invalid = FormatError(
      rule: 306, offset: UInt64(range.lowerBound), context: context, "a value is not valid")
    switch type {
    case .text:
      guard payload.isUTF8(range) else { throw invalid }
    case .floatArray:
      for offset in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
        guard Float(bitPattern: bytes.u32(offset)).isFinite else { throw invalid }
      }
    case .textArray:
      var position = range.lowerBound
      let malformed = FormatError(
        rule: 307, offset: UInt64(position), context: context, "a text array is malformed")
      for _ in 0..<elements {
        guard range.upperBound - position >= 4 else { throw malformed }
        let length = Int(bytes.u32(position))
        position += 4
        guard length <= range.upperBound - position else { throw malformed }
        guard payload.isUTF8(position..<position + length) else { throw invalid }
        position += length
      }
      guard position == range.upperBound else { throw malformed }
    default: break
    }
  }

  /// The key of an entry; keys ascend by their bytes.
  package func key(at index: Int) -> String {
    payload.string(keyRange(index))
  }

  /// The value of an entry, copied.
  package func value(at index: Int) -> KeyValue {
    let bytes = payload.bytes
    let at = entry(index)
    let scalar = bytes.u64(at + 16)
    guard let type = KeyValueType(rawValue: bytes.u32(at + 8)) else { return .bytes([]) }
    switch type {
    case .unsigned: return .unsigned(scalar)
    case .signed: return .signed(Int64(bitPattern: scalar))
    case .float: return .float(Double(bitPattern: scalar))
    case .bool: return .bool(scalar == 1)
    case .text: return .text(payload.string(heapRange(index)))
    case .unsignedArray:
      return .unsignedArray(
        stride(from: heapRange(index).lowerBound, to: heapRange(index).upperBound, by: 8).map {
          payload.bytes.u64($0)
        })
    case .floatArray:
      return .floatArray(
        stride(from: heapRange(index).lowerBound, to: heapRange(index).upperBound, by: 4).map {
          Float(bitPattern: payload.bytes.u32($0))
        })
    case .bytes:
      return .bytes(heapRange(index).map { payload.bytes.u8($0) })
    case .textArray: return .textArray(texts(heapRange(index)))
    }
  }

  private func texts(_ range: Range<Int>) -> [String] {
    var result: [String] = []
    var position = range.lowerBound
    while position < range.upperBound {
      let length = Int(payload.bytes.u32(position))
      result.append(payload.string(position + 4..<position + 4 + length))
      position += 4 + length
    }
    return result
  }

  /// The index of a key, by binary search in place. O(log n).
  package func index(of key: String) -> Int? {
    payload.bytes.index(of: Array(key.utf8), count: count) { keyRange($0) }
  }

  /// The value of a key; nil when there is none.
  package subscript(key: String) -> KeyValue? {
    index(of: key).map { value(at: $0) }
  }

  /// All entries in key order, copied.
  package var entries: [(key: String, value: KeyValue)] {
    (0..<count).map { (key(at: $0), value(at: $0)) }
  }
}

extension RawSpan {
  /// Which of `count` texts, sorted byte by byte, is `wanted`; nil: none. O(log n).
  /// - Parameter range: where the text of an index lies.
  func index(of wanted: [UInt8], count: Int, range: (Int) -> Range<Int>) -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isLess(range(middle), wanted.rawSpan) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < count, range(low).count == wanted.count,
      matches(wanted, at: range(low).lowerBound)
    else { return nil }
    return low
  }

  /// Whether the bytes of `range` sort before `other`, byte by byte.
  func isLess(_ range: Range<Int>, _ other: RawSpan) -> Bool {
    let common = Swift.min(range.count, other.byteCount)
    for index in 0..<common {
      let (left, right) = (u8(range.lowerBound + index), other.u8(index))
      if left != right { return left < right }
    }
    return range.count < other.byteCount
  }
}

extension ByteRegion {
  /// Whether the bytes of `range` are valid UTF-8.
  func isUTF8(_ range: Range<Int>) -> Bool {
    guard
      let column = column(UInt8.self, at: UInt64(range.lowerBound), count: UInt64(range.count))
    else { return false }
    return (try? UTF8Span(validating: column.span)) != nil
  }

  /// The text of `range`, copied once; invalid UTF-8 is repaired. Empty when the range is not
  /// inside.
  func string(_ range: Range<Int>) -> String {
    guard let part = slice(UInt64(range.lowerBound), UInt64(range.count)) else { return "" }
    return withExtendedLifetime(part) {
      unsafe String(
        decoding: UnsafeRawBufferPointer(start: part.baseAddress, count: part.byteCount),
        as: UTF8.self)
    }
  }
}
