// Owns: capitals and small letters of the strings of a running template, those of ASCII only; what
// has no case stays.
// Must not: copy text: a letter that is written otherwise is a mark on its slice.

extension TemplateRunner {
  /// Where a capital is due.
  private enum Capitals: Int {
    case everywhere = 0
    case nowhere = 1
    case first = 2
    /// Behind whatever is no letter: Python's `str.title`.
    case behindOthers = 3
    /// Behind white space, `-`, `(`, `{`, `[` and `<`: Jinja's filter `title`.
    case behindMarks = 4

    /// Whether a letter behind `byte` is a capital.
    func areDue(behind byte: UInt8) -> Bool {
      switch self {
      case .everywhere, .nowhere, .first: false
      case .behindOthers:
        !(0x41...0x5A).contains(byte) && !(0x61...0x7A).contains(byte)
      case .behindMarks:
        PythonSpace.contains(UInt32(byte)) || byte == 0x2D || byte == 0x28 || byte == 0x7B
          || byte == 0x5B || byte == 0x3C
      }
    }
  }

  @_lifetime(self: copy self)
  mutating func changedCase(
    _ value: TemplateValue, _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    guard let capitals = Capitals(rawValue: instruction.a) else { throw .templateType }
    try charge(value.byteCount + value.second)
    let start = arena.count
    let usual: TemplateSlice.Form = capitals == .everywhere ? .capitals : .small
    // The first letter of all is a capital unless none is.
    var isDue = capitals != .everywhere && capitals != .nowhere
    for index in value.first..<value.first + value.second {
      let slice = arena[index]
      var run = slice
      (run.count, run.form) = (0, usual)
      for position in slice.start..<slice.start + slice.count {
        let byte = source(slice)[position]
        if byte >= 0x80 {
          try checkCase(slice, at: position, capitals, instruction)
          run.count += 1
          continue
        }
        if isDue {
          try append(run)
          try append(
            TemplateSlice(origin: slice.origin, start: position, count: 1, form: .capitals))
          (run.start, run.count) = (position + 1, 0)
        } else {
          run.count += 1
        }
        isDue = capitals.areDue(behind: byte)
      }
      try append(run)
    }
    return string(from: start)
  }

  /// Stops at a character beyond ASCII that Python would write otherwise, or that decides whether a
  /// capital is due.
  private func checkCase(
    _ slice: TemplateSlice, at position: Int, _ capitals: Capitals,
    _ instruction: ChatTemplate.Instruction
  ) throws(TextError) {
    let text = source(slice)
    // The bytes behind a character's first one were looked at with it.
    if text[position] & 0xC0 == 0x80, position > slice.start { return }
    let scalar = UTF8Text.decode(text, at: position, limit: slice.start + slice.count).value
    let isKept =
      switch capitals {
      case .everywhere: Self.hasNoCase(scalar) || (0xC0...0xDE).contains(scalar)
      case .nowhere: Self.hasNoCase(scalar) || (0xDF...0xFF).contains(scalar)
      default: false
      }
    guard isKept else { throw .templateUnsupported(literal: instruction.b) }
  }

  /// Whether a character is of a stretch of Unicode in which nothing has capitals and small
  /// letters.
  private static func hasNoCase(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x80...0xB4, 0xB6...0xBF, 0xD7, 0xF7, 0x300...0x344, 0x346...0x36F, 0x590...0x109F,
      0x1100...0x139F, 0x2000...0x20FF, 0x2190...0x245F, 0x2500...0x2BFF, 0x2E80...0xA63F,
      0xAC00...0xD7FF, 0xFE00...0xFEFF, 0x1D400...0x1D7FF, 0x1F000...0x1FAFF, 0x20000...0x3FFFF:
      true
    default: false
    }
  }
}
