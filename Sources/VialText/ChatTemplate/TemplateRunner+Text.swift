// Owns: strings that a running template makes: written values, JSON, parts, replacements, capitals.
// Must not: copy text: all of them are slices, of TemplateBuiltins where a message has no such
// bytes.

extension TemplateRunner {
  @_lifetime(self: copy self)
  mutating func newText(
    _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    switch instruction.operation {
    case .text: return try written(try pop())
    case .json:
      let value = try pop()
      let start = arena.count
      try appendJSON(value, depth: 0, indent: nil)
      return string(from: start)
    case .join: return try joined()
    case .replace: return try replaced()
    case .parts: return try cut(try pop(.string), instruction)
    case .cut: return try cut(most: instruction.a)
    case .find: return try found(fromEnd: instruction.a != 0)
    case .changeCase: return try changedCase(try pop(.string), instruction)
    default:
      let affix = try pop(.string)
      let value = try pop(.string)
      return .bool(try hasAffix(value, affix, atEnd: instruction.a != 0))
    }
  }

  /// A string of slices.
  @_lifetime(self: copy self)
  mutating func string(_ slices: [TemplateSlice]) throws(TextError) -> TemplateValue {
    let start = arena.count
    for slice in slices { try append(slice) }
    return string(from: start)
  }

  /// What writing a value gives.
  @_lifetime(self: copy self)
  mutating func written(_ value: TemplateValue) throws(TextError) -> TemplateValue {
    switch value.kind {
    case .string: return value
    case .undefined: return try string([TemplateSlice]())
    case .none: return try string(TemplateBuiltins.pythonNone)
    case .bool:
      return try string(
        value.first != 0 ? TemplateBuiltins.pythonTrue : TemplateBuiltins.pythonFalse)
    case .integer: return try string(Self.digits(value.first))
    case .number: return asString(value)
    case .message, .list, .object: throw .templateType
    }
  }

  private static func digits(_ value: Int) -> [TemplateSlice] {
    var digits: [TemplateSlice] = []
    var rest = value.magnitude
    repeat {
      digits.append(TemplateBuiltins.digit(Int(rest % 10)))
      rest /= 10
    } while rest > 0
    if value < 0 { digits.append(TemplateBuiltins.minus) }
    return digits.reversed()
  }

  // MARK: JSON

  /// As Python's `json.dumps` with `ensure_ascii` off.
  @_lifetime(self: copy self)
  mutating func appendJSON(
    _ value: TemplateValue, depth: Int, indent: Int?
  ) throws(TextError) {
    guard depth < TemplateLayout.maxStackDepth else { throw .templateLimit }
    switch value.kind {
    case .undefined: throw .templateType
    case .none: try append(TemplateBuiltins.jsonNull)
    case .bool:
      try append(value.first != 0 ? TemplateBuiltins.jsonTrue : TemplateBuiltins.jsonFalse)
    case .integer: for digit in Self.digits(value.first) { try append(digit) }
    case .string:
      try charge(value.second, times: TemplateLayout.elementWork)
      let slices = Array(arena[value.first..<value.first + value.second])
      try appendQuoted(slices)
    case .number:
      for index in value.first..<value.first + value.second { try append(arena[index]) }
    case .object: try appendMembers(value, depth: depth, indent: indent)
    case .message where indent != nil || field(of: value).kind == .object:
      try appendMembers(try object(of: value), depth: depth, indent: indent)
    case .list where indent != nil: try appendLines(value, depth: depth, indent: indent)
    case .message:
      try append(TemplateBuiltins.role)
      try appendQuoted([try slice(ofField: 0, value)])
      try append(TemplateBuiltins.content)
      try appendQuoted([try slice(ofField: 1, value)])
      try append(TemplateBuiltins.closeObject)
    case .list:
      try append(TemplateBuiltins.open)
      for (index, element) in try elements(value).enumerated() {
        if index > 0 { try append(TemplateBuiltins.comma) }
        try appendJSON(element, depth: depth + 1, indent: nil)
      }
      try append(TemplateBuiltins.close)
    }
  }

  @_lifetime(self: copy self)
  private mutating func appendQuoted(_ slices: [TemplateSlice]) throws(TextError) {
    try append(TemplateBuiltins.quote)
    for slice in slices {
      try charge(slice.count)
      var plain = slice
      plain.count = 0
      for position in slice.start..<slice.start + slice.count {
        guard let escape = TemplateBuiltins.escape(source(slice)[position]) else {
          plain.count += 1
          continue
        }
        try append(plain)
        try append(escape)
        plain.start = position + 1
        plain.count = 0
      }
      try append(plain)
    }
    try append(TemplateBuiltins.quote)
  }

  // MARK: Parts

  @_lifetime(self: copy self)
  private mutating func joined() throws(TextError) -> TemplateValue {
    let separator = try pop(.string)
    let elements = Array(try elements(try pop()))
    try charge(elements.count, times: 4 * TemplateLayout.elementWork)
    var texts: [TemplateValue] = []
    for element in elements { texts.append(try written(element)) }
    let start = arena.count
    for (index, text) in texts.enumerated() {
      for value in index > 0 ? [separator, text] : [text] {
        for slice in value.first..<value.first + value.second { try append(arena[slice]) }
      }
    }
    return string(from: start)
  }

  @_lifetime(self: copy self)
  private mutating func replaced() throws(TextError) -> TemplateValue {
    let new = try pop(.string)
    let old = try pop(.string)
    let value = try pop(.string)
    let positions = try positions(of: old, in: value)
    let start = arena.count
    var end = 0
    for match in positions {
      _ = try part(value, end..<match)
      for slice in new.first..<new.first + new.second { try append(arena[slice]) }
      end = match + old.byteCount
    }
    _ = try part(value, end..<value.byteCount)
    return string(from: start)
  }

  @_lifetime(self: copy self)
  private mutating func cut(
    _ value: TemplateValue, _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    guard instruction.b != 0xFFFF_FFFF else { return try words(value) }
    return try cut(value, at: try string(template.literal(instruction.b)), most: instruction.a)
  }

  @_lifetime(self: copy self)
  private mutating func cut(most: Int) throws(TextError) -> TemplateValue {
    let separator = try pop()
    let value = try pop(.string)
    if separator.kind == .none, most == 0 { return try words(value) }
    guard separator.kind == .string, separator.byteCount > 0 else { throw .templateType }
    return try cut(value, at: separator, most: most)
  }

  @_lifetime(self: copy self)
  private mutating func cut(
    _ value: TemplateValue, at separator: TemplateValue, most: Int
  ) throws(TextError) -> TemplateValue {
    let most = most == 0 ? Int.max : most
    let positions = try positions(of: separator, in: value, most: most)
    var parts: [TemplateValue] = []
    var start = 0
    for match in positions {
      parts.append(try part(value, start..<match))
      start = match + separator.byteCount
    }
    parts.append(try part(value, start..<value.byteCount))
    return try list(parts)
  }

  /// Python's `find` and `rfind`.
  @_lifetime(self: copy self)
  private mutating func found(fromEnd: Bool) throws(TextError) -> TemplateValue {
    let needle = try pop(.string)
    let value = try pop(.string)
    guard let match = try find(needle, in: value, fromEnd: fromEnd) else { return .integer(-1) }
    let before = try part(value, 0..<match)
    try charge(before.byteCount + before.second)
    return .integer(characterCount(before))
  }

  /// What stands between stretches of Python's white space.
  @_lifetime(self: copy self)
  private mutating func words(_ value: TemplateValue) throws(TextError) -> TemplateValue {
    try charge(value.byteCount + value.second, times: 4)
    var words: [Range<Int>] = []
    var (offset, start) = (0, Int?.none)
    for index in value.first..<value.first + value.second {
      let slice = arena[index]
      let text = source(slice)
      var position = slice.start
      while position < slice.start + slice.count {
        let scalar = UTF8Text.decode(text, at: position, limit: slice.start + slice.count)
        if PythonSpace.contains(scalar.value) {
          guard words.count < TemplateLayout.maxSliceCount else { throw .templateLimit }
          if let begun = start { words.append(begun..<offset) }
          start = nil
        } else if start == nil {
          start = offset
        }
        position += scalar.byteCount
        offset += scalar.byteCount
      }
    }
    if let begun = start { words.append(begun..<offset) }
    var parts: [TemplateValue] = []
    for word in words { parts.append(try part(value, word)) }
    return try list(parts)
  }
}
