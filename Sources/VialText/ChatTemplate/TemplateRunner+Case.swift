// Capitals and small letters of the strings of a running template, those of ASCII only.
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
        guard byte < 0x80 else { throw .templateUnsupported(literal: instruction.b) }
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
}
