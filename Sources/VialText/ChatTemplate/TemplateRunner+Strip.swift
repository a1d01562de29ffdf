// Owns: Python's `strip` on the strings of a running template.
// Must not: copy text; what is left is slices.

extension TemplateRunner {
  /// The value without the characters of a literal, or white space, at its ends.
  @_lifetime(self: copy self)
  mutating func stripped(
    _ value: TemplateValue, _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    let set = instruction.b == 0xFFFF_FFFF ? nil : template.literal(instruction.b)
    try charge(value.second, times: TemplateLayout.elementWork)
    var (low, high) = (value.first, value.first + value.second)
    let start = arena.count
    guard start + value.second <= TemplateLayout.maxSliceCount else { throw .templateLimit }
    var (first, last) = (TemplateSlice?.none, TemplateSlice?.none)
    if instruction.a & 1 != 0 {
      while low < high, first == nil {
        first = try trimmedAtStart(arena[low], set)
        if first == nil { low += 1 }
      }
    }
    if instruction.a & 2 != 0 {
      while low < high, last == nil {
        // The slice that the start was trimmed of may be the last one, too.
        last = try trimmedAtEnd((high - 1 == low ? first : nil) ?? arena[high - 1], set)
        if last == nil { high -= 1 }
      }
    }
    guard low < high else { return string(from: start) }
    for index in low..<high {
      arena.append(
        (index == high - 1 ? last : nil) ?? (index == low ? first : nil) ?? arena[index])
    }
    return string(from: start)
  }

  /// The slice without what is stripped at its start; nil when nothing is left.
  @_lifetime(self: copy self)
  private mutating func trimmedAtStart(
    _ slice: TemplateSlice, _ set: TemplateSlice?
  ) throws(TextError) -> TemplateSlice? {
    var slice = slice
    while slice.count > 0 {
      let text = source(slice)
      let scalar = UTF8Text.decode(text, at: slice.start, limit: slice.start + slice.count)
      try charge(4 + (set?.count ?? 0), times: 2)
      guard isStripped(slice.form.applied(to: scalar.value), set) else { return slice }
      slice.start += scalar.byteCount
      slice.count -= scalar.byteCount
    }
    return nil
  }

  /// The slice without what is stripped at its end; nil when nothing is left.
  @_lifetime(self: copy self)
  private mutating func trimmedAtEnd(
    _ slice: TemplateSlice, _ set: TemplateSlice?
  ) throws(TextError) -> TemplateSlice? {
    var slice = slice
    while slice.count > 0 {
      let text = source(slice)
      let scalar = UTF8Text.decodeBackward(
        text, before: slice.start + slice.count, start: slice.start)
      try charge(4 + (set?.count ?? 0), times: 2)
      guard isStripped(slice.form.applied(to: scalar.value), set) else { return slice }
      slice.count -= scalar.byteCount
    }
    return nil
  }

  private func isStripped(_ scalar: UInt32, _ set: TemplateSlice?) -> Bool {
    guard let set else { return PythonSpace.contains(scalar) }
    var position = set.start
    while position < set.start + set.count {
      let member = UTF8Text.decode(pool, at: position, limit: set.start + set.count)
      if member.value == scalar { return true }
      position += member.byteCount
    }
    return false
  }
}
