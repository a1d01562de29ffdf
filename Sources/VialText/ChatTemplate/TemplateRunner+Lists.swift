// Owns: lists of a running template: what they are made of, parts of them, comparisons.
// Must not: trap on any operand; lists are bounded by TemplateLayout.maxValueCount.

extension TemplateRunner {
  @_lifetime(self: copy self)
  mutating func list(
    _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    switch instruction.operation {
    case .makeList:
      var elements: [TemplateValue] = []
      guard instruction.b <= TemplateLayout.maxStackDepth else { throw .templateLimit }
      for _ in 0..<instruction.b { elements.append(try pop()) }
      return try list(elements.reversed())
    case .range: return try range()
    case .reverse:
      let list = try pop()
      if list.kind == .string { return try backwards(list) }
      return try self.list(try elements(list).reversed())
    case .fields:
      let messages = try elements(try pop())
      var fields: [TemplateValue] = []
      for message in messages { fields.append(try text(ofField: instruction.a, message)) }
      return try list(fields)
    default: return try selected(instruction)
    }
  }

  /// A new list.
  @_lifetime(self: copy self)
  mutating func list(_ elements: [TemplateValue]) throws(TextError) -> TemplateValue {
    guard elements.count <= TemplateLayout.maxValueCount - values.count else {
      throw .templateLimit
    }
    try charge(elements.count, times: TemplateLayout.elementWork)
    values += elements
    return TemplateValue(
      kind: .list, first: values.count - elements.count, second: values.count)
  }

  /// A list's elements.
  func elements(_ list: TemplateValue) throws(TextError) -> ArraySlice<TemplateValue> {
    guard list.kind == .list else { throw .templateType }
    return values[list.first..<list.second]
  }

  /// What a loop runs over: a list, or nothing where nothing is defined.
  @_lifetime(self: copy self)
  mutating func iterated(_ value: TemplateValue) throws(TextError) -> TemplateValue {
    switch value.kind {
    case .list: value
    case .undefined: TemplateValue(kind: .list, first: 0, second: 0)
    case .object: try pairs(value, .keys)
    default: throw .templateType
    }
  }

  /// One list behind the other; in place where they lie so.
  @_lifetime(self: copy self)
  mutating func joined(
    _ left: TemplateValue, _ right: TemplateValue
  ) throws(TextError) -> TemplateValue {
    if left.second == right.first {
      return TemplateValue(kind: .list, first: left.first, second: right.second)
    }
    try charge(
      left.second - left.first + right.second - right.first, times: TemplateLayout.elementWork)
    return try list(Array(try elements(left)) + Array(try elements(right)))
  }

  @_lifetime(self: copy self)
  private mutating func range() throws(TextError) -> TemplateValue {
    let step = try pop(.integer).first
    let stop = try pop(.integer).first
    let start = try pop(.integer).first
    guard step != 0 else { throw .templateType }
    var elements: [TemplateValue] = []
    var (value, overflow) = (start, false)
    while !overflow, step > 0 ? value < stop : value > stop {
      guard elements.count < TemplateLayout.maxValueCount else { throw .templateLimit }
      try charge(TemplateLayout.elementWork)
      elements.append(.integer(value))
      (value, overflow) = value.addingReportingOverflow(step)
    }
    return try list(elements)
  }

  @_lifetime(self: copy self)
  private mutating func selected(
    _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    let candidates = try elements(try pop())
    let wanted = try string(template.literal(instruction.b))
    var chosen: [TemplateValue] = []
    for message in candidates {
      let text = try text(ofField: instruction.a % 2, message)
      if try isEqual(text, wanted) == (instruction.a < 2) { chosen.append(message) }
    }
    return try list(chosen)
  }

  /// Bounds as Python takes those of a slice.
  private func bounds(
    _ start: TemplateValue, _ end: TemplateValue, count: Int
  ) throws(TextError) -> Range<Int> {
    func bound(_ value: TemplateValue, _ missing: Int) throws(TextError) -> Int {
      switch value.kind {
      case .none: return missing
      case .integer:
        let slot =
          value.first < 0 ? value.first.addingReportingOverflow(count) : (value.first, false)
        return slot.1 ? 0 : max(0, min(count, slot.0))
      default: throw .templateType
      }
    }
    let (low, high) = (try bound(start, 0), try bound(end, count))
    return low..<max(low, high)
  }

  /// A part of a list, or of a string by characters.
  @_lifetime(self: copy self)
  mutating func slicedPart() throws(TextError) -> TemplateValue {
    let end = try pop()
    let start = try pop()
    let value = try pop()
    if value.kind == .list {
      let range = try bounds(start, end, count: value.second - value.first)
      return TemplateValue(
        kind: .list, first: value.first + range.lowerBound, second: value.first + range.upperBound)
    }
    guard value.kind == .string else { throw .templateType }
    try charge(value.byteCount + value.second, times: 3)
    let range = try bounds(start, end, count: characterCount(value))
    return try part(
      value, offset(range.lowerBound, in: value)..<offset(range.upperBound, in: value))
  }

  /// A character of a string, negative from the end; undefined when there is none.
  @_lifetime(self: copy self)
  mutating func character(
    _ index: Int, of value: TemplateValue
  ) throws(TextError) -> TemplateValue {
    try charge(value.byteCount + value.second, times: 3)
    let count = characterCount(value)
    let (slot, overflow) = index < 0 ? index.addingReportingOverflow(count) : (index, false)
    guard !overflow, slot >= 0, slot < count else { return .undefined }
    return try part(value, offset(slot, in: value)..<offset(slot + 1, in: value))
  }

  /// Where character `index` begins in bytes; the end behind the last one. O(bytes), charged by the
  /// caller.
  private func offset(_ index: Int, in value: TemplateValue) -> Int {
    var (count, offset) = (0, 0)
    for slot in value.first..<value.first + value.second {
      let slice = arena[slot]
      let text = source(slice)
      for position in slice.start..<slice.start + slice.count {
        if text[position] & 0xC0 != 0x80 {
          if count == index { return offset }
          count += 1
        }
        offset += 1
      }
    }
    return offset
  }

  @_lifetime(self: copy self)
  private mutating func backwards(_ value: TemplateValue) throws(TextError) -> TemplateValue {
    try charge(value.byteCount + value.second, times: 4)
    var characters: [TemplateSlice] = []
    for slot in value.first..<value.first + value.second {
      let slice = arena[slot]
      let text = source(slice)
      for position in slice.start..<slice.start + slice.count {
        if text[position] & 0xC0 == 0x80, !characters.isEmpty, position > slice.start {
          characters[characters.count - 1].count += 1
          continue
        }
        guard characters.count < TemplateLayout.maxSliceCount else { throw .templateLimit }
        characters.append(
          TemplateSlice(origin: slice.origin, start: position, count: 1, form: slice.form))
      }
    }
    return try string(characters.reversed())
  }

  /// Whether a list has a value.
  @_lifetime(self: copy self)
  mutating func contains(
    _ list: TemplateValue, _ value: TemplateValue
  ) throws(TextError) -> Bool {
    let elements = try elements(list)
    try charge(elements.count, times: TemplateLayout.elementWork)
    for element in elements where try isEqual(element, value) { return true }
    return false
  }

  /// Whether two lists have equal elements, or two messages the same role and content.
  @_lifetime(self: copy self)
  mutating func areEqual(
    _ left: TemplateValue, _ right: TemplateValue, depth: Int = 0
  ) throws(TextError) -> Bool {
    guard depth < TemplateLayout.maxStackDepth else { throw .templateLimit }
    if left.kind == .message {
      if left.first == right.first { return true }
      for field in 0...1 {
        let (one, other) = (try text(ofField: field, left), try text(ofField: field, right))
        guard try isEqual(one, other) else { return false }
      }
      return try areEqual(field(of: left), field(of: right), depth: depth + 1)
    }
    if left.kind == .undefined, right.kind == .undefined { return true }
    guard left.kind == right.kind else { return false }
    if left.kind == .object { return try haveEqualMembers(left, right, depth: depth) }
    let (one, other) = (try elements(left), try elements(right))
    guard one.count == other.count else { return false }
    try charge(one.count, times: TemplateLayout.elementWork)
    for (first, second) in zip(one, other) {
      let isSame =
        first.kind == second.kind && (first.kind == .list || first.kind == .object)
        ? try areEqual(first, second, depth: depth + 1) : try isEqual(first, second)
      guard isSame else { return false }
    }
    return true
  }
}
