// Owns: what the operations of a template compute: fields, comparisons, strings.
// Must not: trap on any operand; a value of the wrong kind is `templateType`.

extension TemplateRunner {
  @_lifetime(self: copy self)
  mutating func compute(_ instruction: ChatTemplate.Instruction) throws(TextError) {
    let b = instruction.b
    switch instruction.operation {
    case .pushLiteral: try push(try string(template.literal(b)))
    case .pushBool: try push(.bool(b != 0))
    case .pushInteger: try push(.integer(Int(Int32(truncatingIfNeeded: b))))
    case .pushUndefined: try push(.undefined)
    case .pushNone: try push(.none)
    case .load: try push(slot(b))
    case .store: store(try pop(), b)
    case .pushMessages:
      try push(TemplateValue(kind: .list, first: 0, second: messages.entries.count))
    case .makeList, .range, .reverse, .select, .fields: try push(try list(instruction))
    case .part: try push(try slicedPart())
    case .parts, .cut, .join, .replace, .changeCase, .json, .text, .hasAffix, .find:
      try push(try newText(instruction))
    case .pushGeneration: try push(.bool(addsGenerationPrompt))
    case .field: try push(try field(b))
    case .element: try push(try element())
    case .slice: try push(try sliced(instruction))
    case .length: try push(try length())
    case .loopValue: try push(try loopValue(b))
    case .isKind: try push(.bool(Int(try pop().kind.rawValue) == b))
    case .pushTools: try push(tools)
    case .member, .item, .pairs, .indentedJSON: try push(try ofFields(instruction))
    case .equal: try push(.bool(try isEqual(try pop(), try pop())))
    case .not: try push(.bool(!isTrue(try pop())))
    case .add: try push(try sum())
    case .less, .subtract, .modulo, .multiply, .divide:
      try push(try arithmetic(instruction.operation))
    case .contains, .strip, .split, .affix: try push(try text(instruction))
    default: throw .templateType
    }
  }

  // MARK: Messages

  @_lifetime(self: copy self)
  private mutating func field(_ field: Int) throws(TextError) -> TemplateValue {
    try text(ofField: field, try pop(.message))
  }

  /// Role (0) or content of a message.
  func slice(ofField field: Int, _ value: TemplateValue) throws(TextError) -> TemplateSlice {
    let index = value.first
    guard value.kind == .message, index >= 0, index < messages.entries.count else {
      throw .templateType
    }
    let message = messages.entries[index]
    let range = field == 0 ? message.role : message.content
    return TemplateSlice(
      origin: message.isLiteral ? .literalMessage : .message, start: range.start,
      count: range.byteCount)
  }

  @_lifetime(self: copy self)
  mutating func text(
    ofField field: Int, _ value: TemplateValue
  ) throws(TextError) -> TemplateValue {
    try string(try slice(ofField: field, value))
  }

  @_lifetime(self: copy self)
  private mutating func element() throws(TextError) -> TemplateValue {
    let index = try pop(.integer).first
    return try element(index, of: try pop())
  }

  @_lifetime(self: copy self)
  mutating func element(
    _ index: Int, of list: TemplateValue
  ) throws(TextError) -> TemplateValue {
    if list.kind == .string { return try character(index, of: list) }
    guard list.kind == .list else { throw .templateType }
    let (position, overflow) = (index < 0 ? list.second : list.first)
      .addingReportingOverflow(index)
    guard !overflow, position >= list.first, position < list.second else { return .undefined }
    return values[position]
  }

  @_lifetime(self: copy self)
  private mutating func sliced(
    _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    let list = try pop(.list)
    let start = min(list.first + instruction.a, list.second)
    let end = max(list.second - min(instruction.b, list.second), start)
    return TemplateValue(kind: .list, first: start, second: end)
  }

  @_lifetime(self: copy self)
  private mutating func length() throws(TextError) -> TemplateValue {
    let value = try pop()
    switch value.kind {
    case .list: return .integer(value.second - value.first)
    case .object: return .integer((value.second - value.first) / 2)
    case .undefined where usesFields: return .integer(0)
    case .string:
      try charge(value.byteCount + value.second)
      return .integer(characterCount(value))
    default: throw .templateType
    }
  }

  // MARK: Numbers and equality

  @_lifetime(self: copy self)
  private mutating func arithmetic(
    _ operation: TemplateOperation
  ) throws(TextError) -> TemplateValue {
    let right = try pop(.integer).first
    let left = try pop(.integer).first
    switch operation {
    case .less: return .bool(left < right)
    case .subtract, .multiply:
      let (result, overflow) =
        operation == .subtract
        ? left.subtractingReportingOverflow(right) : left.multipliedReportingOverflow(by: right)
      guard !overflow else { throw .templateLimit }
      return .integer(result)
    case .divide:
      guard right != 0 else { throw .templateType }
      let (result, overflow) = left.dividedReportingOverflow(by: right)
      guard !overflow else { throw .templateLimit }
      let isBelow = left % right != 0 && (left < 0) != (right < 0)
      return .integer(isBelow ? result - 1 : result)
    default:
      // -1 is singled out because the quotient of the least integer by it overflows.
      guard right != 0 else { throw .templateType }
      if right == -1 { return .integer(0) }
      let remainder = left % right
      return .integer(
        remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder)
    }
  }

  @_lifetime(self: copy self)
  private mutating func sum() throws(TextError) -> TemplateValue {
    let right = try pop()
    let left = try pop()
    if left.kind == .integer, right.kind == .integer {
      let (result, overflow) = left.first.addingReportingOverflow(right.first)
      guard !overflow else { throw .templateLimit }
      return .integer(result)
    }
    if left.kind == .list, right.kind == .list { return try joined(left, right) }
    guard left.kind == .string, right.kind == .string else { throw .templateType }
    let start = arena.count
    for value in [left, right] {
      for index in value.first..<value.first + value.second { try append(arena[index]) }
    }
    return string(from: start)
  }

  @_lifetime(self: copy self)
  mutating func isEqual(
    _ left: TemplateValue, _ right: TemplateValue
  ) throws(TextError) -> Bool {
    if left.kind == .number || right.kind == .number { return try areEqualNumbers(left, right) }
    guard left.kind == right.kind else { return false }
    if [.list, .message, .object].contains(left.kind) { return try areEqual(left, right) }
    guard left.kind == .string else {
      return left.first == right.first && left.second == right.second
    }
    guard left.byteCount == right.byteCount else { return false }
    return try matchCount(TextCursor(of: left), right) == right.byteCount
  }

  // MARK: Strings

  /// Empty slices are dropped, so that a string never has more slices than bytes, which are
  /// charged.
  @_lifetime(self: copy self)
  mutating func append(_ slice: TemplateSlice) throws(TextError) {
    guard slice.count > 0 else { return }
    guard arena.count < TemplateLayout.maxSliceCount else { throw .templateLimit }
    try charge(TemplateLayout.elementWork)
    arena.append(slice)
  }

  /// The string of the slices from `start` on. O(slices), which were charged when they were made.
  func string(from start: Int) -> TemplateValue {
    var byteCount = 0
    for index in start..<arena.count { byteCount += arena[index].count }
    return TemplateValue(
      kind: .string, first: start, second: arena.count - start, byteCount: byteCount)
  }

  /// A string of one slice, or of none when it is empty.
  @_lifetime(self: copy self)
  mutating func string(_ slice: TemplateSlice) throws(TextError) -> TemplateValue {
    let start = arena.count
    try append(slice)
    return string(from: start)
  }

  /// Length of a string in characters.
  func characterCount(_ value: TemplateValue) -> Int {
    var count = 0
    for index in value.first..<value.first + value.second {
      let slice = arena[index]
      let text = source(slice)
      for position in slice.start..<slice.start + slice.count where text[position] & 0xC0 != 0x80 {
        count += 1
      }
    }
    return count
  }

  /// The part `range` of a string.
  @_lifetime(self: copy self)
  mutating func part(
    _ value: TemplateValue, _ range: Range<Int>
  ) throws(TextError) -> TemplateValue {
    try charge(value.second)
    let start = arena.count
    var offset = 0
    for index in value.first..<value.first + value.second {
      let slice = arena[index]
      let low = max(range.lowerBound, offset)
      let high = min(range.upperBound, offset + slice.count)
      if low < high {
        try append(
          TemplateSlice(
            origin: slice.origin, start: slice.start + (low - offset), count: high - low,
            form: slice.form))
      }
      offset += slice.count
    }
    return string(from: start)
  }

  @_lifetime(self: copy self)
  private mutating func text(
    _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    switch instruction.operation {
    case .contains:
      let haystack = try pop()
      if haystack.kind == .list { return .bool(try contains(haystack, try pop())) }
      if haystack.kind == .object || haystack.kind == .message {
        return .bool(try member(of: haystack, try pop(.string)).kind != .undefined)
      }
      guard haystack.kind == .string else { throw .templateType }
      let needle = try pop(.string)
      return .bool(try find(needle, in: haystack, fromEnd: false) != nil)
    case .affix:
      let value = try pop(.string)
      let affix = try string(template.literal(instruction.b))
      return .bool(try hasAffix(value, affix, atEnd: instruction.a != 0))
    case .split:
      let value = try pop(.string)
      let separator = try string(template.literal(instruction.b))
      guard separator.byteCount > 0 else { throw .templateType }
      let isLast = instruction.a != 0
      guard let found = try find(separator, in: value, fromEnd: isLast) else { return value }
      return try part(
        value, isLast ? found + separator.byteCount..<value.byteCount : 0..<found)
    default:
      return try stripped(try pop(.string), instruction)
    }
  }
}
