// Owns: the walk over UTF-8 without `String`: validation once, then decoding that cannot fail.
// Must not: trap on any bytes; on invalid input the decoder yields U+FFFD and steps one byte.

/// One decoded character and its length in bytes.
struct DecodedScalar {
  let value: UInt32
  let byteCount: Int
}

/// UTF-8 functions over spans.
public enum UTF8Text {
  /// The offset of the first byte that does not belong to valid UTF-8, or nil. O(n).
  public static func firstInvalidOffset(_ text: Span<UInt8>) -> Int? {
    var position = 0
    let count = text.count
    while position < count {
      if text[position] < 0x80 {
        position += 1
        continue
      }
      let scalar = decode(text, at: position, limit: count)
      // A real U+FFFD has three bytes.
      if scalar.value == 0xFFFD, scalar.byteCount == 1 { return position }
      position += scalar.byteCount
    }
    return nil
  }

  /// The character at `position`, which must be below `limit`; U+FFFD of one byte when invalid.
  @inline(__always)
  static func decode(_ text: Span<UInt8>, at position: Int, limit: Int) -> DecodedScalar {
    let first = text[position]
    if first < 0x80 { return DecodedScalar(value: UInt32(first), byteCount: 1) }
    return decodeLong(text, at: position, limit: limit, first: first)
  }

  private static func decodeLong(
    _ text: Span<UInt8>, at position: Int, limit: Int, first: UInt8
  ) -> DecodedScalar {
    let invalid = DecodedScalar(value: 0xFFFD, byteCount: 1)
    let byteCount = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0
    guard byteCount > 0, byteCount <= limit - position else { return invalid }
    var value = UInt32(first) & (0xFF >> UInt32(byteCount + 1))
    for index in 1..<byteCount {
      let next = text[position + index]
      guard next & 0xC0 == 0x80 else { return invalid }
      value = value << 6 | UInt32(next & 0x3F)
    }
    let least: UInt32 = byteCount == 2 ? 0x80 : byteCount == 3 ? 0x800 : 0x10000
    guard value >= least, value < 0x110000, !(0xD800..<0xE000).contains(value) else {
      return invalid
    }
    return DecodedScalar(value: value, byteCount: byteCount)
  }

  /// The character that ends just before `position`, which must be above `start`.
  static func decodeBackward(
    _ text: Span<UInt8>, before position: Int, start: Int
  ) -> DecodedScalar {
    var from = position - 1
    while from > start, position - from < 4, text[from] & 0xC0 == 0x80 { from -= 1 }
    let scalar = decode(text, at: from, limit: position)
    guard scalar.byteCount == position - from else {
      return DecodedScalar(value: 0xFFFD, byteCount: 1)
    }
    return scalar
  }

  /// Writes `scalar` at `position` and returns the position behind it; the caller made room.
  @inline(__always)
  static func encode(
    _ scalar: UInt32, into output: inout MutableSpan<UInt8>, at position: Int
  ) -> Int {
    if scalar < 0x80 {
      output[position] = UInt8(truncatingIfNeeded: scalar)
      return position + 1
    }
    let count = scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4
    let lead: UInt32 = count == 2 ? 0xC0 : count == 3 ? 0xE0 : 0xF0
    var rest = scalar
    for index in stride(from: count - 1, to: 0, by: -1) {
      output[position + index] = UInt8(truncatingIfNeeded: 0x80 | rest & 0x3F)
      rest >>= 6
    }
    output[position] = UInt8(truncatingIfNeeded: lead | rest)
    return position + count
  }
}
