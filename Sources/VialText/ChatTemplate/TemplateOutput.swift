// Owns: where a template's text goes: the caller's memory, with the literal stretches beside it.
// Must not: keep text; what does not fit is counted only.

/// The rendered text and its literal stretches.
struct TemplateOutput: ~Copyable, ~Escapable {
  private var bytes: MutableSpan<UInt8>
  private var literals: MutableSpan<TextRange>
  private(set) var byteCount = 0
  private(set) var literalCount = 0
  /// The literal stretch that may still grow.
  private var open = TextRange(start: -1, byteCount: 0)

  @_lifetime(copy bytes, copy literals)
  init(
    _ bytes: consuming MutableSpan<UInt8>, _ literals: consuming MutableSpan<TextRange>
  ) {
    self.bytes = bytes
    self.literals = literals
  }

  /// Writes a slice; one of literal text opens or lengthens a literal stretch.
  @_lifetime(self: copy self)
  mutating func append(
    _ slice: TemplateSlice, from source: Span<UInt8>
  ) throws(TextError) {
    guard slice.count <= TemplateLayout.maxOutputByteCount - byteCount else {
      throw .textTooLong(limit: TemplateLayout.maxOutputByteCount)
    }
    if slice.origin == .literalMessage, slice.count > 0 { try markLiteral(slice.count) }
    for index in slice.start..<slice.start + slice.count {
      write(slice.form.applied(to: source[index]))
    }
  }

  @_lifetime(self: copy self)
  private mutating func markLiteral(_ count: Int) throws(TextError) {
    if literalCount > 0, open.start + open.byteCount == byteCount {
      open.byteCount += count
    } else {
      guard literalCount < TemplateLayout.maxLiteralRangeCount else { throw .templateLimit }
      open = TextRange(start: byteCount, byteCount: count)
      literalCount += 1
    }
    if literalCount <= literals.count { literals[literalCount - 1] = open }
  }

  @_lifetime(self: copy self)
  private mutating func write(_ byte: UInt8) {
    if byteCount < bytes.count { bytes[byteCount] = byte }
    byteCount += 1
  }
}
