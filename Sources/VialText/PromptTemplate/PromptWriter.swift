// Owns: where a prompt template's messages go: the caller's memory.
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

  /// Lines that begin with `> `, `>` alone for an empty one, so that none is a line of the
  /// template.
  @_lifetime(self: copy self)
  mutating func write(quoted text: Span<UInt8>) throws(PromptError) {
    try look(at: text)
    let whole = 0..<text.count
    var position = 0
    var isFirst = true
    while let line = text.nextLine(&position, in: whole) {
      if !isFirst { try write(one: 0x0A) }
      isFirst = false
      try write(one: 0x3E)
      if line.isEmpty { continue }
      try write(one: 0x20)
      try write(text.extracting(line))
    }
  }

  /// `> - item` lines.
  @_lifetime(self: copy self)
  mutating func write(quotedItems text: Span<UInt8>) throws(PromptError) {
    try look(at: text)
    let whole = 0..<text.count
    var position = 0
    var isFirst = true
    while let line = text.nextLine(&position, in: whole) {
      let item = text.trimmed(line)
      if item.isEmpty { continue }
      if !isFirst { try write(one: 0x0A) }
      isFirst = false
      try write("> - ".utf8Span.span)
      try write(text.extracting(item))
    }
  }

  /// A byte of the template's own, which counts.
  @_lifetime(self: copy self)
  private mutating func write(one byte: UInt8) throws(PromptError) {
    guard count < PromptLimits.renderedByteCount else { throw Self.tooLong }
    write(byte)
  }

  /// The choice as the template spells it.
  @_lifetime(self: copy self)
  mutating func write(choice text: Span<UInt8>, _ variable: PromptVariable) throws(PromptError) {
    try look(at: text)
    guard let choice = variable.choice(text) else { return }
    try write(choice.utf8Span.span)
  }

  /// The number, a space and its unit as the template spells it; behind them the record's flag and
  /// reference range.
  @_lifetime(self: copy self)
  mutating func write(
    number text: Span<UInt8>, _ variable: PromptVariable, _ version: PromptTemplate.FormatVersion
  ) throws(PromptError) {
    try look(at: text)
    // It was checked before.
    guard let value = try? NumberValue(text, variable, version) else { return }
    try write(text.extracting(value.comparator))
    try write(text.extracting(value.number))
    if let unit = value.unit {
      write(0x20)
      try write(variable.units[unit].utf8Span.span)
    }
    for part in [value.flag, value.reference] where !part.isEmpty {
      write(0x20)
      try write(text.extracting(part))
    }
  }
}
