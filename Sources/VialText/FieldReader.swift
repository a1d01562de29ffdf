// Owns: the reading of fixed fields of a section's header, with errors that name rule and offset.
// Must not: read outside the header, whose length it checks once, or twice from a mapped file: it
// reads a copy.

internal import VialFormat

/// Fields of a header that is known to be long enough.
struct FieldReader {
  private let header: ByteRegion
  private let context: StaticString

  /// Takes a copy of the first `byteCount` bytes of `region`, or throws `rule` or `outOfMemory`.
  init(
    _ region: ByteRegion, byteCount: Int, rule: Int, context: StaticString
  ) throws(FormatError) {
    guard let header = region.slice(0, UInt64(byteCount)) else {
      throw FormatError(
        rule: rule, offset: 0, context: context, "the section is shorter than its header")
    }
    self.header = try header.privateCopy()
    self.context = context
  }

  /// The little-endian u32 at `offset`; 0 outside the header.
  func word(_ offset: Int) -> UInt32 {
    guard offset >= 0, offset + 4 <= header.byteCount else { return 0 }
    return unsafe UInt32(
      littleEndian: header.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The little-endian u64 at `offset`; 0 outside the header.
  func long(_ offset: Int) -> UInt64 { UInt64(word(offset + 4)) << 32 | UInt64(word(offset)) }

  /// An error at `offset`.
  func error(rule: Int, _ offset: Int, _ message: StaticString) -> FormatError {
    FormatError(rule: rule, offset: UInt64(offset), context: context, message)
  }

  /// Throws `rule` at `offset` unless `condition` holds.
  func expect(
    _ condition: Bool, rule: Int, _ offset: Int, _ message: StaticString
  ) throws(FormatError) {
    guard condition else { throw error(rule: rule, offset, message) }
  }
}
