// Where a template's text goes: the caller's memory, with the literal stretches beside it.
// Must not: keep text; what does not fit is counted only.

/// The rendered text and its literal stretches.
struct TemplateOutput: ~Copyable, ~Escapable {
  private var bytes: MutableSpan<UInt8>
  private var literals: MutableSpan<TextRange>
  private(set) var byteCount = 0
  private(set) var literalCount = 0
  /// The literal stretch that may still grow.
  private var open = TextRange(start: -1, byteCount: 0)
  /// Most bytes that may be written.
  private let limit: Int

  /// A sink for a conversation of `messageByteCount` bytes, which bound what a template may write.
  @_lifetime(copy bytes, copy literals)
  init(
    _ bytes: consuming MutableSpan<UInt8>, _ literals: consuming MutableSpan<TextRange>,
    messageByteCount: Int
  ) {
    self.bytes = bytes
    self.literals = literals
    let share = min(messageByteCount, Tokenizer.maxTextByteCount) * 4
    limit = min(TemplateLayout.maxOwnByteCount + share, Tokenizer.maxTextByteCount)
  }

  /// Writes a slice; one of literal text opens or lengthens a literal stretch.
  @_lifetime(self: copy self)
  mutating func append(
    _ slice: TemplateSlice, from source: Span<UInt8>
  ) throws(TextError) {
    guard byteCount + slice.count <= limit else { throw .templateLimit }
    if slice.origin == .literalMessage, slice.count > 0 { markLiteral(slice.count) }
    for index in slice.start..<slice.start + slice.count {
      write(slice.form.applied(to: source[index]))
    }
  }

  @_lifetime(self: copy self)
  private mutating func markLiteral(_ count: Int) {
    if literalCount > 0, open.start + open.byteCount == byteCount {
      open.byteCount += count
    } else {
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
