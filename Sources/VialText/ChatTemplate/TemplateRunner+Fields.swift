// Owns: values of JSON in a running template: tools, and what messages have besides their role and
// content.
// Must not: copy text; strings and numbers are slices of the conversation's text.
// Every value is charged.

extension TemplateRunner {
  /// Which part of a message or object.
  enum Part: Int {
    case pairs = 0
    case keys = 1
    case values = 2
    case sortedPairs = 3
    case pairsOrNone = 4
  }

  /// Whether the program may meet values of JSON.
  var usesFields: Bool { !fields.isEmpty }

  // MARK: Taking over

  /// Makes values of the conversation's nodes, if the program asks for them.
  @_lifetime(self: copy self)
  mutating func takeFields() throws(TextError) {
    guard template.readsTools || template.readsFields else { return }
    for index in 0..<messages.entries.count {
      let message = messages.entries[index]
      fields.append(
        message.fields < 0
          ? .undefined : try value(ofNode: message.fields, message.isLiteral, depth: 0))
    }
    if messages.tools >= 0 { tools = try value(ofNode: messages.tools, true, depth: 0) }
    // A conversation without messages has no fields, and still is one.
    if fields.isEmpty { fields.append(.undefined) }
  }

  @_lifetime(self: copy self)
  private mutating func value(
    ofNode index: Int, _ isLiteral: Bool, depth: Int
  ) throws(TextError) -> TemplateValue {
    guard index < messages.nodes.count else { throw .templateType }
    let node = messages.nodes[index]
    try charge(TemplateLayout.elementWork)
    switch node.kind {
    case .null: return .none
    case .no, .yes: return .bool(node.kind == .yes)
    case .string, .number:
      var value = try string(
        TemplateSlice(
          origin: isLiteral ? .literalMessage : .message, start: node.text.start,
          count: node.text.byteCount))
      if node.kind == .number { value.kind = .number }
      return value
    case .list, .object: return try container(node, at: index, isLiteral, depth: depth)
    }
  }

  /// A list or an object, whose parts stand side by side among the values.
  @_lifetime(self: copy self)
  private mutating func container(
    _ node: ChatNode, at index: Int, _ isLiteral: Bool, depth: Int
  ) throws(TextError) -> TemplateValue {
    guard depth < ChatValueReader.depthLimit + 2 else { throw .templateLimit }
    var (count, child) = (0, index + 1)
    while child < node.end, child < messages.nodes.count {
      count += 1
      child = messages.nodes[child].end
    }
    guard count <= TemplateLayout.maxValueCount - values.count else { throw .templateLimit }
    guard node.kind == .list || count % 2 == 0 else { throw .templateType }
    try charge(count, times: TemplateLayout.elementWork)
    let first = values.count
    for _ in 0..<count { values.append(.undefined) }
    child = index + 1
    for offset in 0..<count {
      values[first + offset] = try value(ofNode: child, isLiteral, depth: depth + 1)
      child = messages.nodes[child].end
    }
    return TemplateValue(
      kind: node.kind == .list ? .list : .object, first: first, second: first + count)
  }

  @_lifetime(self: copy self)
  mutating func requirePlain(_ instruction: ChatTemplate.Instruction) throws(TextError) {
    var hasFields = false
    for index in 0..<messages.entries.count where messages.entries[index].fields >= 0 {
      hasFields = true
    }
    guard instruction.a & 1 != 0 && messages.tools >= 0 || instruction.a & 2 != 0 && hasFields
    else { return }
    throw .templateUnsupported(literal: instruction.b)
  }

  // MARK: Members

  /// What the operations on values of JSON push.
  @_lifetime(self: copy self)
  mutating func ofFields(
    _ instruction: ChatTemplate.Instruction
  ) throws(TextError) -> TemplateValue {
    switch instruction.operation {
    case .member:
      let value = try pop()
      let isOne = value.kind == .object || value.kind == .message
      guard value.kind != .undefined, isOne || instruction.a == 0 else { throw .templateType }
      guard isOne else { return .undefined }
      let member = try member(of: value, try string(template.literal(instruction.b)))
      return member.kind == .undefined && instruction.a == 1 ? .none : member
    case .item:
      let key = try pop()
      let value = try pop()
      return try item(key, of: value)
    case .pairs:
      let part = Part(rawValue: instruction.a) ?? .pairs
      return try pairs(try pop(), part, complaint: instruction.b)
    default:
      let value = try pop()
      let start = arena.count
      try appendJSON(value, depth: 0, indent: instruction.a)
      return string(from: start)
    }
  }

  /// The further fields of a message; undefined when it has none.
  func field(of message: TemplateValue) -> TemplateValue {
    fields.indices.contains(message.first) && message.kind == .message
      ? fields[message.first] : .undefined
  }

  /// The member of a message or object; undefined without one.
  @_lifetime(self: copy self)
  mutating func member(
    of value: TemplateValue, _ key: TemplateValue
  ) throws(TextError) -> TemplateValue {
    var object = value
    if value.kind == .message {
      for (number, name) in [TemplateBuiltins.roleKey, TemplateBuiltins.contentKey].enumerated()
      where try isEqual(key, try string(name)) {
        return try text(ofField: number, value)
      }
      object = field(of: value)
    }
    guard object.kind == .object else { return .undefined }
    var index = object.first
    while index + 1 < object.second {
      try charge(TemplateLayout.elementWork)
      if try isEqual(values[index], key) { return values[index + 1] }
      index += 2
    }
    return .undefined
  }

  /// A value's subscript.
  @_lifetime(self: copy self)
  private mutating func item(
    _ key: TemplateValue, of value: TemplateValue
  ) throws(TextError) -> TemplateValue {
    switch value.kind {
    case .undefined: throw .templateType
    case .object, .message: return key.kind == .string ? try member(of: value, key) : .undefined
    case .list, .string:
      guard key.kind == .integer else { return .undefined }
      return try element(key.first, of: value)
    default: return .undefined
    }
  }

  /// A message as an object: its role, its content and its further fields.
  @_lifetime(self: copy self)
  mutating func object(of message: TemplateValue) throws(TextError) -> TemplateValue {
    var members: [TemplateValue] = []
    for (number, name) in [TemplateBuiltins.roleKey, TemplateBuiltins.contentKey].enumerated() {
      members.append(try string(name))
      members.append(try text(ofField: number, message))
    }
    let further = field(of: message)
    if further.kind == .object { members += values[further.first..<further.second] }
    var object = try list(members)
    object.kind = .object
    return object
  }

  /// Pairs, keys or values of a message or object.
  @_lifetime(self: copy self)
  mutating func pairs(
    _ value: TemplateValue, _ part: Part, complaint: Int = 0
  ) throws(TextError) -> TemplateValue {
    if value.kind == .undefined, part == .pairsOrNone { return try list([]) }
    let object = value.kind == .message ? try object(of: value) : value
    guard object.kind == .object else { throw .templateType }
    var elements: [TemplateValue] = []
    var index = object.first
    while index + 1 < object.second {
      switch part {
      case .keys: elements.append(values[index])
      case .values: elements.append(values[index + 1])
      default: elements.append(TemplateValue(kind: .list, first: index, second: index + 2))
      }
      index += 2
    }
    try charge(elements.count, times: TemplateLayout.elementWork)
    return try list(part == .sortedPairs ? try sorted(elements, complaint) : elements)
  }

  // MARK: Order

  /// Pairs in the order of their keys, in small letters; the first of equal ones stays the first.
  @_lifetime(self: copy self)
  private mutating func sorted(
    _ pairs: [TemplateValue], _ complaint: Int
  ) throws(TextError) -> [TemplateValue] {
    var sorted: [TemplateValue] = []
    for pair in pairs {
      try checkLetters(values[pair.first], complaint)
      var (low, high) = (0, sorted.count)
      while low < high {
        let middle = low + (high - low) / 2
        if try isBefore(values[pair.first], values[sorted[middle].first]) {
          high = middle
        } else {
          low = middle + 1
        }
      }
      try charge(sorted.count - low)
      sorted.insert(pair, at: low)
    }
    return sorted
  }

  /// Small letters beyond ASCII are not known here.
  @_lifetime(self: copy self)
  private mutating func checkLetters(
    _ key: TemplateValue, _ complaint: Int
  ) throws(TextError) {
    try charge(key.byteCount)
    for index in key.first..<key.first + key.second {
      let slice = arena[index]
      let text = source(slice)
      for position in slice.start..<slice.start + slice.count where text[position] >= 0x80 {
        throw .templateUnsupported(literal: complaint)
      }
    }
  }

  @_lifetime(self: copy self)
  private mutating func isBefore(
    _ left: TemplateValue, _ right: TemplateValue
  ) throws(TextError) -> Bool {
    let small = TemplateSlice.Form.small
    var (one, other) = (TextCursor(of: left), TextCursor(of: right))
    let count = min(left.byteCount, right.byteCount)
    try charge(count + 1, times: 2)
    for _ in 0..<count {
      let (first, second) = (arena[one.index], arena[other.index])
      let a = small.applied(to: source(first)[first.start + one.offset])
      let b = small.applied(to: source(second)[second.start + other.offset])
      if a != b { return a < b }
      one.advance(arena)
      other.advance(arena)
    }
    return left.byteCount < right.byteCount
  }

  // MARK: Comparisons

  /// Whether two objects have the same keys and equal values.
  @_lifetime(self: copy self)
  mutating func haveEqualMembers(
    _ left: TemplateValue, _ right: TemplateValue, depth: Int
  ) throws(TextError) -> Bool {
    guard left.second - left.first == right.second - right.first else { return false }
    var index = left.first
    while index + 1 < left.second {
      let (one, other) = (values[index + 1], try member(of: right, values[index]))
      let isNested = one.kind == other.kind && (one.kind == .list || one.kind == .object)
      let isSame =
        isNested ? try areEqual(one, other, depth: depth + 1) : try isEqual(one, other)
      guard other.kind != .undefined, isSame else { return false }
      index += 2
    }
    return true
  }

  /// Whether a number of JSON, on either side, equals the other value: by its text. A whole one is
  /// not compared with one that has a point or an exponent.
  @_lifetime(self: copy self)
  mutating func areEqualNumbers(
    _ left: TemplateValue, _ right: TemplateValue
  ) throws(TextError) -> Bool {
    let kinds: [TemplateValue.Kind] = [.number, .integer]
    guard kinds.contains(left.kind), kinds.contains(right.kind) else { return false }
    let (one, other) = (asString(try written(left)), asString(try written(right)))
    guard isWhole(one) == isWhole(other) else { throw .templateType }
    if isZero(one), isZero(other) { return true }
    return try isEqual(one, other)
  }

  private func isWhole(_ number: TemplateValue) -> Bool {
    for index in number.first..<number.first + number.second {
      let slice = arena[index]
      let text = source(slice)
      for position in slice.start..<slice.start + slice.count
      where text[position] == 0x2E || text[position] == 0x65 {
        return false
      }
    }
    return true
  }

  /// The same slices as a string.
  func asString(_ value: TemplateValue) -> TemplateValue {
    var string = value
    string.kind = .string
    return string
  }

  /// Whether a number of JSON is zero: none of its digits before an exponent is another.
  func isZero(_ value: TemplateValue) -> Bool {
    for index in value.first..<value.first + value.second {
      let slice = arena[index]
      let text = source(slice)
      for position in slice.start..<slice.start + slice.count {
        if text[position] == 0x65 { return true }
        if (0x31...0x39).contains(text[position]) { return false }
      }
    }
    return true
  }

  // MARK: JSON

  /// An object's JSON.
  @_lifetime(self: copy self)
  mutating func appendMembers(
    _ value: TemplateValue, depth: Int, indent: Int?
  ) throws(TextError) {
    try append(TemplateBuiltins.openObject)
    var index = value.first
    while index + 1 < value.second {
      if index > value.first {
        try append(indent == nil ? TemplateBuiltins.comma : TemplateBuiltins.bareComma)
      }
      try appendLineEnd(depth + 1, indent)
      try appendJSON(values[index], depth: depth + 1, indent: indent)
      try append(TemplateBuiltins.colon)
      try appendJSON(values[index + 1], depth: depth + 1, indent: indent)
      index += 2
    }
    if value.first < value.second { try appendLineEnd(depth, indent) }
    try append(TemplateBuiltins.closeObject)
  }

  /// A list's JSON, an element a line.
  @_lifetime(self: copy self)
  mutating func appendLines(
    _ value: TemplateValue, depth: Int, indent: Int?
  ) throws(TextError) {
    try append(TemplateBuiltins.open)
    for index in value.first..<value.second {
      if index > value.first { try append(TemplateBuiltins.bareComma) }
      try appendLineEnd(depth + 1, indent)
      try appendJSON(values[index], depth: depth + 1, indent: indent)
    }
    if value.first < value.second { try appendLineEnd(depth, indent) }
    try append(TemplateBuiltins.close)
  }

  @_lifetime(self: copy self)
  private mutating func appendLineEnd(_ depth: Int, _ indent: Int?) throws(TextError) {
    guard let indent else { return }
    try append(TemplateBuiltins.lineEnd)
    // At most 64 levels of 65,535 spaces.
    var rest = depth * indent
    while rest > 0 {
      try append(TemplateBuiltins.spaces(min(rest, TemplateBuiltins.mostSpaces)))
      rest -= TemplateBuiltins.mostSpaces
    }
  }
}
