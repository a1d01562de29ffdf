// Owns: a section under construction: little-endian columns, each aligned to 8 bytes.
// Must not: know what the columns mean.

/// Bytes with a fixed header and columns behind it.
struct SectionBytes {
  private(set) var bytes: [UInt8]

  /// A zeroed header of `headerByteCount` bytes.
  init(headerByteCount: Int) { bytes = [UInt8](repeating: 0, count: headerByteCount) }

  /// Overwrites the integer at `offset`.
  mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for index in 0..<Value.bitWidth / 8 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
    }
  }

  /// Appends a column, pads it to 8 bytes and returns its offset.
  mutating func append<Value: FixedWidthInteger>(column: [Value]) -> UInt64 {
    let offset = bytes.count
    bytes.reserveCapacity(offset + column.count * Value.bitWidth / 8 + 8)
    for value in column {
      for index in 0..<Value.bitWidth / 8 {
        bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index)))
      }
    }
    while bytes.count % 8 != 0 { bytes.append(0) }
    return UInt64(offset)
  }
}
