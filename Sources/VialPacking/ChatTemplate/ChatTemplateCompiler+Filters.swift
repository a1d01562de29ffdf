// Owns: the compiling of a Jinja chat template to a bounded program: calls, methods and filters.
// Must not: leave an argument aside; one that is not known makes the call unsupported.

import VialText

extension ChatTemplateCompiler {
  mutating func emitCall(
    _ function: JinjaExpression, _ arguments: [JinjaExpression],
    _ named: [(name: String, value: JinjaExpression)], _ expression: JinjaExpression
  ) throws(TemplateError) {
    if case .name(let name) = function.node {
      if let macro = analysis.macro(name) {
        return try capture { compiler throws(TemplateError) in
          try compiler.inline(macro, named: name, arguments, named, line: expression.line)
        }
      }
      if name == "strftime_now", analysis.variable(name) == nil {
        throw unsupported(expression, clockComplaint)
      }
      guard name == "range", named.isEmpty else {
        throw unsupported(expression, "a call of '\(name)'")
      }
      return try emitRange(arguments, expression)
    }
    guard case .attribute(let base, let method) = function.node, named.isEmpty else {
      throw unsupported(expression, "this call")
    }
    try emitMethod(base, method, arguments, expression)
  }

  /// Why the date cannot be had, and what helps.
  private var clockComplaint: String {
    analysis.date == nil
      ? "asking for today's date without --template-date YYYY-MM-DD, which gives the file a day,"
      : "this form of a date"
  }

  private mutating func emitRange(
    _ arguments: [JinjaExpression], _ expression: JinjaExpression
  ) throws(TemplateError) {
    guard (1...3).contains(arguments.count) else { throw unsupported(expression, "this 'range'") }
    if arguments.count == 1 { builder.emit(.pushInteger, b: 0) }
    for argument in arguments { try emit(argument) }
    if arguments.count < 3 { builder.emit(.pushInteger, b: 1) }
    builder.emit(.range)
  }

  private mutating func emitMethod(
    _ base: JinjaExpression, _ method: String, _ arguments: [JinjaExpression],
    _ expression: JinjaExpression
  ) throws(TemplateError) {
    switch (method, arguments.count) {
    case ("strip", 0...1), ("lstrip", 0...1), ("rstrip", 0...1):
      let sides = method == "strip" ? 3 : method == "lstrip" ? 1 : 2
      try emit(base)
      try emitStrip(sides, arguments, expression)
    case ("startswith", 1), ("endswith", 1):
      try emitAffix(base, method == "startswith" ? 0 : 1, arguments[0], expression)
    case ("split", 0):
      try emit(base)
      builder.emit(.parts, b: 0xFFFF_FFFF)
    case ("split", 1...2):
      var limit = 0
      if arguments.count == 2 {
        guard case .constant(.integer(let count)) = analysis.shape(arguments[1]),
          (1..<1 << 16).contains(count)
        else { throw unsupported(expression, "this 'split'") }
        limit = count
      }
      try emit(base)
      try emitCut(arguments[0], limit, expression)
    case ("find", 1), ("rfind", 1):
      let shape = analysis.shape(arguments[0])
      guard shape.isString || shape == .unknown else {
        throw unsupported(expression, "'\(method)' of anything but a string")
      }
      try emitPair(base, arguments[0], .find, a: method == "find" ? 0 : 1)
    case ("get", 1...2) where analysis.shape(base).entries != nil:
      let none = JinjaExpression(node: .none, line: expression.line)
      try emitLookup(
        arguments[0], analysis.shape(base).entries ?? [],
        arguments.count > 1 ? arguments[1] : none, expression)
    case ("get", 1...2) where isOfFields(base, arguments[0]):
      try emitGet(base, arguments, expression)
    case ("items", 0), ("keys", 0), ("values", 0):
      try emitPairs(base, ["items": 0, "keys": 1, "values": 2][method] ?? 0, expression)
    case ("get", 1...2):
      guard analysis.shape(base) == .message, let first = arguments.first,
        case .string(let key) = first.node
      else { throw unsupported(expression, "'get' of anything but a message") }
      let name = String(decoding: key, as: UTF8.self)
      guard ["role", "content"].contains(name) else {
        guard arguments.count == 2 else {
          builder.emit(.pushNone)
          return
        }
        return try emit(arguments[1])
      }
      try emitAttribute(base, name, expression)
    case ("upper", 0), ("lower", 0), ("capitalize", 0), ("title", 0), ("replace", 2):
      try emitText(method, base, arguments, expression, isFilter: false)
    case ("format", _) where analysis.shape(base).isString:
      try emitBraces(base, arguments, expression)
    case ("join", 1):
      try emit(arguments[0])
      try emit(base)
      builder.emit(.join)
    default: throw unsupported(expression, "the method '\(method)'")
    }
  }

  /// Cuts the string on the stack.
  private mutating func emitCut(
    _ separator: JinjaExpression, _ limit: Int, _ expression: JinjaExpression
  ) throws(TemplateError) {
    switch analysis.shape(separator) {
    case .constant(.string(let bytes)) where !bytes.isEmpty:
      builder.emit(.parts, a: limit, b: builder.literal(bytes))
    case .constant(.none) where limit == 0: builder.emit(.parts, b: 0xFFFF_FFFF)
    case .string, .unknown:
      try emit(separator)
      builder.emit(.cut, a: limit)
    default: throw unsupported(expression, "'split' at anything but a text")
    }
  }

  private mutating func emitAffix(
    _ base: JinjaExpression, _ side: Int, _ affix: JinjaExpression, _ expression: JinjaExpression
  ) throws(TemplateError) {
    let shape = analysis.shape(affix)
    try emit(base)
    if case .constant(.string(let bytes)) = shape {
      builder.emit(.affix, a: side, b: builder.literal(bytes))
      return
    }
    guard shape.isString || shape == .unknown else {
      throw unsupported(expression, "an affix that is no string")
    }
    try emit(affix)
    builder.emit(.hasAffix, a: side)
  }

  /// Methods of strings that are filters, too.
  private mutating func emitText(
    _ name: String, _ base: JinjaExpression, _ arguments: [JinjaExpression],
    _ expression: JinjaExpression, isFilter: Bool
  ) throws(TemplateError) {
    if isFilter {
      try emitWritten(base, expression)
    } else {
      let shape = analysis.shape(base)
      guard shape.isString || shape == .unknown else {
        throw unsupported(expression, "'\(name)' of anything but a string")
      }
      try emit(base)
    }
    if name == "replace" {
      guard arguments.count == 2 else { throw unsupported(expression, "this 'replace'") }
      for argument in arguments { try emit(argument) }
      builder.emit(.replace)
      return
    }
    let kinds = ["upper": 0, "lower": 1, "capitalize": 2, "title": 3]
    guard var kind = kinds[name], arguments.isEmpty else {
      throw unsupported(expression, "this '\(name)'")
    }
    // Jinja's filter and Python's method differ in where words begin.
    if name == "title", isFilter { kind = 4 }
    let words = "capital and small letters beyond ASCII are not supported"
    builder.emit(.changeCase, a: kind, b: builder.literal(Array(words.utf8)))
  }

  // MARK: Filters

  mutating func emitFilter(
    _ base: JinjaExpression, _ name: String, _ arguments: [JinjaExpression],
    _ expression: JinjaExpression
  ) throws(TemplateError) {
    let shape = analysis.shape(base)
    switch (name, arguments.count) {
    case ("trim", 0...1):
      try emitWritten(base, expression)
      try emitStrip(3, arguments, expression)
    case ("length", 0), ("count", 0):
      try emit(base)
      builder.emit(.length)
    case ("default", 0...1), ("d", 0...1): try emitDefault(base, arguments.first)
    case ("string", 0): try emitWritten(base, expression)
    case ("safe", 0) where shape.isString, ("list", 0) where shape.isList,
      ("int", 0) where shape.isInteger:
      try emit(base)
    case ("first", 0) where shape.isList || shape.isString,
      ("last", 0) where shape.isList || shape.isString:
      try emit(base)
      builder.emit(.pushInteger, b: name == "first" ? 0 : 0xFFFF_FFFF)
      builder.emit(.element)
    case ("reverse", 0) where shape.isList || shape.isString:
      try emit(base)
      builder.emit(.reverse)
    case ("upper", 0), ("lower", 0), ("capitalize", 0), ("title", 0), ("replace", 2):
      try emitText(name, base, arguments, expression, isFilter: true)
    case ("format", _): try emitFormat(base, arguments, expression)
    case ("tojson", 0):
      try emit(base)
      builder.emit(.json)
    case ("tojson", _) where analysis.readsFields: try emitJSON(base, arguments, expression)
    case ("items", 0): try emitPairs(base, 4, expression)
    case ("dictsort", 0): try emitPairs(base, 3, expression)
    case ("map", 1) where analysis.readsFields && Self.textFilter(arguments[0]) != nil:
      try emitEach(base, Self.textFilter(arguments[0]) ?? "", expression)
    case ("first", 0) where analysis.readsFields && shape == .unknown,
      ("last", 0) where analysis.readsFields && shape == .unknown:
      try emit(base)
      builder.emit(.pushInteger, b: name == "first" ? 0 : 0xFFFF_FFFF)
      builder.emit(.element)
    case ("safe", 0) where analysis.readsFields: try emitWritten(base, expression)
    case ("join", 0...1):
      guard shape == .unknown || shape.isList && shape != .list else {
        throw unsupported(expression, "'join' of anything but texts")
      }
      try emit(base)
      if let separator = arguments.first {
        try emit(separator)
      } else {
        builder.emit(.pushLiteral, b: builder.literal([]))
      }
      builder.emit(.join)
    case ("map", 1): try emitMap(base, arguments[0], expression)
    case ("selectattr", _), ("rejectattr", _):
      try emitSelection(base, name == "selectattr", arguments, expression)
    default: throw unsupported(expression, "the filter '\(name)'")
    }
  }

  /// What writing a value gives: filters take it of everything.
  mutating func emitWritten(
    _ base: JinjaExpression, _ expression: JinjaExpression
  ) throws(TemplateError) {
    let shape = analysis.shape(base)
    guard !shape.isList, shape != .message else {
      throw unsupported(expression, "a list or a message as a string")
    }
    try emit(base)
    if !shape.isString { builder.emit(.text) }
  }

  private mutating func emitDefault(
    _ base: JinjaExpression, _ fallback: JinjaExpression?
  ) throws(TemplateError) {
    let fallback = fallback ?? JinjaExpression(node: .string([]), line: base.line)
    switch analysis.shape(base) {
    case .constant(.undefined): try emit(fallback)
    case .unknown:
      let slot = temporarySlot()
      try emit(base)
      builder.emit(.store, b: slot)
      builder.emit(.load, b: slot)
      builder.emit(.isKind, b: 0)
      let skip = builder.emit(.jumpIfFalse)
      try emit(fallback)
      builder.emit(.store, b: slot)
      builder.land(skip)
      builder.emit(.load, b: slot)
    default: try emit(base)
    }
  }

  /// `map(attribute='content')` over messages.
  private mutating func emitMap(
    _ base: JinjaExpression, _ argument: JinjaExpression, _ expression: JinjaExpression
  ) throws(TemplateError) {
    guard case .named("attribute", let key) = argument.node, case .string(let bytes) = key.node,
      ["role", "content"].contains(String(decoding: bytes, as: UTF8.self)),
      analysis.shape(base).isList
    else { throw unsupported(expression, "this 'map'") }
    try emit(base)
    builder.emit(.fields, a: String(decoding: bytes, as: UTF8.self) == "role" ? 0 : 1)
  }

  /// `selectattr` and `rejectattr` over messages, by equality, or by a key that none of them has.
  private mutating func emitSelection(
    _ base: JinjaExpression, _ selects: Bool, _ arguments: [JinjaExpression],
    _ expression: JinjaExpression
  ) throws(TemplateError) {
    guard analysis.shape(base).isList, case .string(let bytes)? = arguments.first?.node else {
      throw unsupported(expression, "this selection")
    }
    let key = String(decoding: bytes, as: UTF8.self)
    let test: String
    switch arguments.count > 1 ? arguments[1].node : .string([]) {
    case .string(let name): test = String(decoding: name, as: UTF8.self)
    default: throw unsupported(expression, "this selection")
    }
    try emit(base)
    let isOwn = ["role", "content"].contains(key)
    let equal = ["equalto", "eq", "=="]
    let unequal = ["ne", "!="]
    if isOwn, arguments.count == 3, equal.contains(test) || unequal.contains(test),
      case .constant(.string(let value)) = analysis.shape(arguments[2])
    {
      let isEqual = equal.contains(test) == selects
      builder.emit(
        .select, a: (key == "role" ? 0 : 1) + (isEqual ? 0 : 2), b: builder.literal(value))
      return
    }
    // Whether a message passes is the same for all of them.
    let passes: Bool
    switch (test, isOwn) {
    case ("defined", _): passes = isOwn
    case ("undefined", _): passes = !isOwn
    case ("", false) where arguments.count == 1: passes = false
    default: throw unsupported(expression, "this selection")
    }
    guard passes != selects else { return }
    builder.emit(.pushInteger, b: 0)
    builder.emit(.pushInteger, b: 0)
    builder.emit(.part)
  }
}
