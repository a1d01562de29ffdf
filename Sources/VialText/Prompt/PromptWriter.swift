// Where a prompt template's messages go: the caller's memory.
// Must not: keep text; what does not fit is counted only.

/// Writes as far as there is room, and counts.
struct PromptWriter: ~Copyable, ~Escapable {
  private var output: MutableSpan<UInt8>
  private(set) var count = 0
  /// Bytes of values and of the template that may still be looked at.
  private var budget = WorkBudget(work: 4 * PromptLimits.renderedByteCount, byteCount: 0)

  @_lifetime(copy output)
  init(output: consuming MutableSpan<UInt8>) { self.output = output }

  private static let tooLong = PromptError.textTooLong(limit: PromptLimits.renderedByteCount)

  /// What is looked at is bounded, too: a list of blank lines writes nothing.
  @_lifetime(self: copy self)
  private mutating func look(at bytes: Span<UInt8>) throws(PromptError) {
    guard budget.spend(bytes.count + 16) else { throw Self.tooLong }
  }

  @_lifetime(self: copy self)
  mutating func write(_ bytes: Span<UInt8>) throws(PromptError) {
    try look(at: bytes)
    guard bytes.count <= PromptLimits.renderedByteCount - count else { throw Self.tooLong }
    for index in bytes.indices { write(bytes[index]) }
  }

  @_lifetime(self: copy self)
  private mutating func write(_ byte: UInt8) {
    if count < output.count { output[count] = byte }
    count += 1
  }

  /// `- item` lines.
  @_lifetime(self: copy self)
  mutating func write(items text: Span<UInt8>) throws(PromptError) {
    try look(at: text)
    var start = 0
    var isFirst = true
    while start < text.count {
      var end = start
      while end < text.count, text[end] != 0x0A { end += 1 }
      let item = text.trimmed(start..<end)
      if !item.isEmpty {
        if !isFirst { write(0x0A) }
        isFirst = false
        write(0x2D)
        write(0x20)
        try write(text.extracting(item))
      }
      start = end + 1
    }
  }

  /// The number, a space and its unit.
  @_lifetime(self: copy self)
  mutating func write(number text: Span<UInt8>, _ variable: PromptVariable) throws(PromptError) {
    try look(at: text)
    let length = DecimalText.prefixLength(text)
    try write(text.extracting(0..<length))
    let unit = text.trimmed(length..<text.count)
    if !unit.isEmpty {
      write(0x20)
      try write(text.extracting(unit))
    } else if let only = variable.units.first {
      write(0x20)
      try write(only.utf8Span.span)
    }
  }
}
