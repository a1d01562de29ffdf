// Owns: little-endian fields in and out of bytes.
// Must not: be called with an offset that was not checked against the length (a span traps there).

extension RawSpan {
  /// The unsigned 16-bit field at `offset`.
  func u16(_ offset: Int) -> UInt16 {
    UInt16(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  /// The unsigned 32-bit field at `offset`.
  func u32(_ offset: Int) -> UInt32 {
    UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The unsigned 64-bit field at `offset`.
  func u64(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// The byte at `offset`.
  func u8(_ offset: Int) -> UInt8 {
    unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
  }

  /// Whether all `count` bytes from `offset` are zero.
  func isZero(_ offset: Int, _ count: Int) -> Bool {
    var position = offset
    let end = offset + count
    var bits: UInt64 = 0
    while position + 8 <= end {
      bits |= u64(position)
      position += 8
    }
    while position < end {
      bits |= UInt64(u8(position))
      position += 1
    }
    return bits == 0
  }

  /// Whether the bytes from `offset` are exactly `expected`.
  func matches(_ expected: [UInt8], at offset: Int) -> Bool {
    for (index, byte) in expected.enumerated() where u8(offset + index) != byte { return false }
    return true
  }
}

extension [UInt8] {
  /// The elements as raw bytes.
  package var rawSpan: RawSpan {
    @_lifetime(borrow self)
    get {
      let bytes = unsafe span.bytes
      return unsafe _overrideLifetime(bytes, borrowing: self)
    }
  }

  /// Appends an integer, least significant byte first.
  mutating func append<Integer: FixedWidthInteger & UnsignedInteger>(field value: Integer) {
    var rest = value
    for _ in 0..<MemoryLayout<Integer>.size {
      append(UInt8(truncatingIfNeeded: rest))
      rest = MemoryLayout<Integer>.size == 1 ? 0 : rest >> 8
    }
  }

  /// Appends a digest's 32 bytes.
  mutating func append(field value: Digest) {
    for word in value.words { append(field: word) }
  }

  /// Appends zeros until the length is `length`.
  mutating func pad(to length: Int) {
    if count < length { append(contentsOf: repeatElement(0, count: length - count)) }
  }

  /// Appends zeros until the length is a multiple of `alignment`.
  mutating func pad(toMultipleOf alignment: Int) {
    pad(to: (count + alignment - 1) / alignment * alignment)
  }
}

extension UInt64 {
  /// The next multiple of a power of two, or nil on overflow.
  func roundedUp(toMultipleOf alignment: UInt64) -> UInt64? {
    let (sum, overflow) = addingReportingOverflow(alignment &- 1)
    return overflow ? nil : sum & ~(alignment &- 1)
  }

  /// The sum, or nil on overflow.
  func adding(_ other: UInt64) -> UInt64? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// The product, or nil on overflow.
  func times(_ other: UInt64) -> UInt64? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }
}
