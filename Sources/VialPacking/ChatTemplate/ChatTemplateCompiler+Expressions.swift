// Owns: the compiling of a Jinja chat template to a bounded program: expressions.
// Must not: emit an operation whose run-time meaning differs from Jinja's for any conversation.

import VialText

extension ChatTemplateCompiler {
  func unsupported(_ expression: JinjaExpression, _ what: String) -> TemplateError {
    TemplateError(line: expression.line, "\(what) is not supported")
  }

  /// Emits code that pushes a value of the same truth as the expression's.
  mutating func emitCondition(_ expression: JinjaExpression) throws(TemplateError) {
    switch expression.node {
    case .and(let left, let right), .or(let left, let right):
      // The side whose outcome is known does not matter here: it would have decided otherwise.
      if analysis.truth(left) != nil { return try emitCondition(right) }
      if analysis.truth(right) != nil { return try emitCondition(left) }
      let isAnd = if case .and = expression.node { true } else { false }
      try emitCondition(left)
      let skip = builder.emit(isAnd ? .jumpIfFalseKeep : .jumpIfTrueKeep)
      try emitCondition(right)
      builder.land(skip)
    case .not(let operand):
      try emitCondition(operand)
      builder.emit(.not)
    default: try emit(expression)
    }
  }

  /// Emits code that pushes the expression's value.
  mutating func emit(_ expression: JinjaExpression) throws(TemplateError) {
    if case .constant(let value) = analysis.shape(expression) {
      return try emit(value, expression)
    }
    switch expression.node {
    case .name(let name): try emit(name: name, expression)
    case .attribute(let base, let key): try emitAttribute(base, key, expression)
    case .index(let base, let index): try emitElement(base, index, expression)
    case .slice(let base, let start, let end, let step):
      try emitSlice(base, start, end, step, expression)
    case .call(let function, let arguments, let named):
      try emitCall(function, arguments, named, expression)
    case .filter(let base, let name, let arguments):
      try emitFilter(base, name, arguments, expression)
    case .test(let base, let name, _, let isNegated):
      try emitTest(base, name, isNegated, expression)
    case .not(let operand):
      try emitCondition(operand)
      builder.emit(.not)
    case .and(let left, let right): try emitChoice(left, right, .jumpIfFalseKeep)
    case .or(let left, let right): try emitChoice(left, right, .jumpIfTrueKeep)
    case .binary(let symbol, let left, let right): try emitBinary(symbol, left, right, expression)
    case .conditional(let condition, let then, let otherwise):
      try emitConditional(condition, then, otherwise)
    case .list(let elements), .tuple(let elements):
      for element in elements { try emit(element) }
      guard elements.count < TemplateLayout.maxStackDepth / 2 else {
        throw unsupported(expression, "a long list")
      }
      builder.emit(.makeList, b: elements.count)
    case .negate(let operand):
      builder.emit(.pushInteger, b: 0)
      try emit(operand)
      builder.emit(.subtract)
    case .other(let what): throw unsupported(expression, what)
    default: throw unsupported(expression, "this expression")
    }
  }

  mutating func emit(
    _ value: TemplateConstant, _ expression: JinjaExpression
  ) throws(TemplateError) {
    switch value {
    case .undefined: builder.emit(.pushUndefined)
    case .none: builder.emit(.pushNone)
    case .bool(let value): builder.emit(.pushBool, b: value ? 1 : 0)
    case .integer(let value):
      guard let small = Int32(exactly: value) else {
        throw unsupported(expression, "a large number")
      }
      builder.emit(.pushInteger, b: Int(UInt32(bitPattern: small)))
    case .string(let bytes): builder.emit(.pushLiteral, b: builder.literal(bytes))
    case .list(let elements):
      guard elements.count < TemplateLayout.maxStackDepth / 2 else {
        throw unsupported(expression, "a long list")
      }
      for element in elements { try emit(element, expression) }
      builder.emit(.makeList, b: elements.count)
    case .dictionary: throw unsupported(expression, "a dictionary as a value")
    }
  }

  private mutating func emit(
    name: String, _ expression: JinjaExpression
  ) throws(TemplateError) {
    if let variable = analysis.variable(name) {
      if case .unsupported(let error) = variable.shape { throw error }
      builder.emit(.load, b: variable.slot)
      return
    }
    switch name {
    case "messages": builder.emit(.pushMessages)
    case "add_generation_prompt": builder.emit(.pushGeneration)
    case "tools" where analysis.readsFields: builder.emit(.pushTools)
    default: throw unsupported(expression, "'\(name)'")
    }
  }

  private mutating func emitChoice(
    _ left: JinjaExpression, _ right: JinjaExpression, _ operation: TemplateOperation
  ) throws(TemplateError) {
    if let truth = analysis.truth(left) {
      let stops = truth == (operation == .jumpIfTrueKeep)
      return try emit(stops ? left : right)
    }
    try emit(left)
    let skip = builder.emit(operation)
    try emit(right)
    builder.land(skip)
  }

  private mutating func emitConditional(
    _ condition: JinjaExpression, _ then: JinjaExpression, _ otherwise: JinjaExpression?
  ) throws(TemplateError) {
    if let truth = analysis.truth(condition) {
      if truth { return try emit(then) }
      if let otherwise { return try emit(otherwise) }
      builder.emit(.pushUndefined)
      return
    }
    try emitCondition(condition)
    let skip = builder.emit(.jumpIfFalse)
    try emit(then)
    let end = builder.emit(.jump)
    builder.land(skip)
    if let otherwise { try emit(otherwise) } else { builder.emit(.pushUndefined) }
    builder.land(end)
  }

  // MARK: Parts

  mutating func emitAttribute(
    _ base: JinjaExpression, _ key: String, _ expression: JinjaExpression
  ) throws(TemplateError) {
    if case .name("loop") = base.node, analysis.loopDepth > 0 {
      let fields = [
        "index0": 0, "index": 1, "first": 2, "last": 3, "length": 4, "previtem": 5, "nextitem": 6,
        "revindex": 7, "revindex0": 8,
      ]
      guard let field = fields[key] else { throw unsupported(expression, "'loop.\(key)'") }
      builder.emit(.loopValue, b: field)
      return
    }
    if case .namespace(let number) = analysis.shape(base),
      let slot = analysis.namespaces[number][key]
    {
      builder.emit(.load, b: slot)
      return
    }
    if try emitMember(base, key, expression) { return }
    // What is no message stops the program.
    guard [.message, .unknown].contains(analysis.shape(base)), ["role", "content"].contains(key)
    else {
      throw unsupported(expression, "the attribute '\(key)' here")
    }
    try emit(base)
    builder.emit(.field, b: key == "role" ? 0 : 1)
  }

  private mutating func emitElement(
    _ base: JinjaExpression, _ index: JinjaExpression, _ expression: JinjaExpression
  ) throws(TemplateError) {
    if case .call(let function, let arguments, _) = base.node,
      case .attribute(let text, "split") = function.node, arguments.count == 1,
      case .constant(.string(let separator)) = analysis.shape(arguments[0]), !separator.isEmpty
    {
      if case .constant(.integer(let which)) = analysis.shape(index), which == 0 || which == -1 {
        try emit(text)
        builder.emit(.split, a: which == 0 ? 0 : 1, b: builder.literal(separator))
        return
      }
    }
    let shape = analysis.shape(base)
    if let entries = shape.entries {
      return try emitLookup(index, entries, nil, expression)
    }
    if analysis.readsFields, shape == .unknown || shape == .values {
      try emitPair(base, index, .item)
      return
    }
    guard shape.isList || shape.isString || shape == .unknown else {
      throw unsupported(expression, "this subscript")
    }
    if case .constant(let key) = analysis.shape(index) {
      guard case .integer = key else { throw unsupported(expression, "this subscript") }
    }
    try emit(base)
    try emit(index)
    builder.emit(.element)
  }

  /// What a key that the conversation decides stands for in a dictionary; without a fallback,
  /// undefined.
  mutating func emitLookup(
    _ key: JinjaExpression, _ entries: [TemplateEntry], _ fallback: JinjaExpression?,
    _ expression: JinjaExpression
  ) throws(TemplateError) {
    let slot = temporarySlot()
    try emit(key)
    builder.emit(.store, b: slot)
    var ends: [Int] = []
    for entry in entries {
      builder.emit(.load, b: slot)
      builder.emit(.pushLiteral, b: builder.literal(entry.key))
      builder.emit(.equal)
      let skip = builder.emit(.jumpIfFalse)
      try emit(entry.value, expression)
      ends.append(builder.emit(.jump))
      builder.land(skip)
    }
    if let fallback { try emit(fallback) } else { builder.emit(.pushUndefined) }
    for end in ends { builder.land(end) }
  }

  /// A slice's bound: 0 where there is none, nil when it is no constant.
  private func bound(_ part: JinjaExpression?) -> Int? {
    guard let part else { return 0 }
    guard case .constant(.integer(let value)) = analysis.shape(part) else { return nil }
    return value
  }

  private mutating func emitSlice(
    _ base: JinjaExpression, _ start: JinjaExpression?, _ end: JinjaExpression?,
    _ step: JinjaExpression?, _ expression: JinjaExpression
  ) throws(TemplateError) {
    if analysis.shape(base) == .list, step == nil, let first = bound(start), first >= 0,
      let last = bound(end), last <= 0, first < 1 << 16, last > -(1 << 16), end == nil || last != 0
    {
      try emit(base)
      builder.emit(.slice, a: first, b: -last)
      return
    }
    let shape = analysis.shape(base)
    guard shape.isList || shape.isString || shape == .unknown else {
      throw unsupported(expression, "this slice")
    }
    try emit(base)
    guard let step else {
      for bound in [start, end] {
        if let bound { try emit(bound) } else { builder.emit(.pushNone) }
      }
      builder.emit(.part)
      return
    }
    guard analysis.shape(step) == .constant(.integer(-1)), start == nil, end == nil else {
      throw unsupported(expression, "this slice")
    }
    builder.emit(.reverse)
  }

  mutating func emitStrip(
    _ sides: Int, _ arguments: [JinjaExpression], _ expression: JinjaExpression
  ) throws(TemplateError) {
    guard let first = arguments.first else {
      builder.emit(.strip, a: sides, b: 0xFFFF_FFFF)
      return
    }
    guard case .constant(.string(let characters)) = analysis.shape(first), arguments.count == 1
    else { throw unsupported(expression, "'strip' of anything but a literal") }
    builder.emit(.strip, a: sides, b: builder.literal(characters))
  }

  // MARK: Operators

  private mutating func emitBinary(
    _ symbol: String, _ left: JinjaExpression, _ right: JinjaExpression,
    _ expression: JinjaExpression
  ) throws(TemplateError) {
    switch symbol {
    case "==", "!=":
      try emit(left)
      try emit(right)
      builder.emit(.equal)
      if symbol == "!=" { builder.emit(.not) }
    case "in", "not in":
      try emitMembership(left, right, expression)
      if symbol == "not in" { builder.emit(.not) }
    case "<", ">=":
      try emitPair(left, right, .less)
      if symbol == ">=" { builder.emit(.not) }
    case ">", "<=":
      try emitPair(right, left, .less)
      if symbol == "<=" { builder.emit(.not) }
    case "+": try emitPair(left, right, .add)
    case "~":
      for side in [left, right] {
        try emit(side)
        if !analysis.shape(side).isString { builder.emit(.text) }
      }
      builder.emit(.add)
    case "*" where analysis.shape(left).isString || analysis.shape(right).isString:
      throw unsupported(expression, "a text times what is not known here")
    case "*": try emitPair(left, right, .multiply)
    case "//": try emitPair(left, right, .divide)
    case "-": try emitPair(left, right, .subtract)
    case "%" where analysis.shape(left).isString:
      var values = [right]
      if case .tuple(let elements) = right.node { values = elements }
      try emitFormat(left, values, expression)
    case "%": try emitPair(left, right, .modulo)
    default: throw unsupported(expression, "the operator '\(symbol)' here")
    }
  }

  mutating func emitPair(
    _ left: JinjaExpression, _ right: JinjaExpression, _ operation: TemplateOperation, a: Int = 0
  ) throws(TemplateError) {
    try emit(left)
    try emit(right)
    builder.emit(operation, a: a)
  }

  private mutating func emitMembership(
    _ needle: JinjaExpression, _ haystack: JinjaExpression, _ expression: JinjaExpression
  ) throws(TemplateError) {
    var known: [TemplateConstant]?
    switch analysis.shape(haystack) {
    case .constant(.list(let elements)): known = elements
    case .constant(.dictionary(let entries)): known = entries.map { .string($0.key) }
    default: break
    }
    guard let elements = known else {
      let shape = analysis.shape(haystack)
      guard
        shape.isString || shape.isList || shape == .unknown
          || shape == .message && analysis.readsFields
      else {
        throw unsupported(expression, "'in' here")
      }
      // Pushed in this order the string lies on top, where the operation expects it.
      try emitPair(needle, haystack, .contains)
      return
    }
    var skips: [Int] = []
    for (index, element) in elements.enumerated() {
      try emit(needle)
      try emit(element, expression)
      builder.emit(.equal)
      if index < elements.count - 1 { skips.append(builder.emit(.jumpIfTrueKeep)) }
    }
    for skip in skips { builder.land(skip) }
    if elements.isEmpty { builder.emit(.pushBool, b: 0) }
  }
}
