// Python's `strip` on the strings of a running template.
// Owns which characters are white space there (a few more than in the tokenizer's patterns).

extension TemplateRunner {
  /// The value without the characters of a literal, or white space, at its ends.
  @_lifetime(self: copy self)
  mutating func stripped(
    _ value: TemplateValue, _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    let set = instruction.b == 0xFFFF_FFFF ? nil : template.literal(instruction.b)
    try charge(byteCount(value))
    var slices = (value.first..<value.first + value.second).map { arena[$0] }
    if instruction.a & 1 != 0 {
      while !slices.isEmpty {
        trimStart(&slices[0], set)
        if slices[0].count > 0 { break }
        slices.removeFirst()
      }
    }
    if instruction.a & 2 != 0 {
      while !slices.isEmpty {
        trimEnd(&slices[slices.count - 1], set)
        if slices[slices.count - 1].count > 0 { break }
        slices.removeLast()
      }
    }
    let start = arena.count
    guard start + slices.count <= TemplateLayout.maxSliceCount else { throw .templateLimit }
    arena += slices
    return TemplateValue(kind: .string, first: start, second: slices.count)
  }

  private func trimStart(_ slice: inout TemplateSlice, _ set: TemplateSlice?) {
    let text = slice.origin == .pool ? pool : messages.text
    while slice.count > 0 {
      let scalar = UTF8Text.decode(text, at: slice.start, limit: slice.start + slice.count)
      guard isStripped(scalar.value, set) else { break }
      slice.start += scalar.byteCount
      slice.count -= scalar.byteCount
    }
  }

  private func trimEnd(_ slice: inout TemplateSlice, _ set: TemplateSlice?) {
    let text = slice.origin == .pool ? pool : messages.text
    while slice.count > 0 {
      let scalar = UTF8Text.decodeBackward(
        text, before: slice.start + slice.count, start: slice.start)
      guard isStripped(scalar.value, set) else { break }
      slice.count -= scalar.byteCount
    }
  }

  private func isStripped(_ scalar: UInt32, _ set: TemplateSlice?) -> Bool {
    guard let set else { return Self.isPythonSpace(scalar) }
    var position = set.start
    while position < set.start + set.count {
      let member = UTF8Text.decode(pool, at: position, limit: set.start + set.count)
      if member.value == scalar { return true }
      position += member.byteCount
    }
    return false
  }

  /// `str.isspace`.
  private static func isPythonSpace(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
      0x205F, 0x3000:
      true
    default: false
    }
  }
}
