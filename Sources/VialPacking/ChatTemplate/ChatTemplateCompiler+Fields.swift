// Owns: the compiling of a Jinja chat template to a bounded program: tools, further fields of
// messages, and macros that call themselves.
// Must not: emit any of it for a template that mentions neither: its program stays what it was.

import VialText

/// A macro that calls itself, compiled once.
struct TemplateSubroutine {
  /// Its first instruction.
  let entry: Int
  /// Its slots; all of them are known once its body is compiled.
  var firstSlot: Int
  var slotCount: Int?
  /// Calls that were compiled before all slots were known.
  var calls: [Int] = []
}

extension ChatTemplateCompiler {
  // MARK: Members

  /// Emits an attribute of what may be an object or a message; false when it is another kind of
  /// attribute.
  mutating func emitMember(
    _ base: JinjaExpression, _ key: String, _ expression: JinjaExpression
  ) throws(TemplateError) -> Bool {
    guard analysis.readsFields else { return false }
    let shape = analysis.shape(base)
    guard shape == .unknown || shape == .message && analysis.isField(key) else { return false }
    guard !TemplateAnalysis.methods.contains(key) else {
      throw unsupported(expression, "the method '\(key)' as a value")
    }
    try emit(base)
    builder.emit(.member, b: builder.literal(Array(key.utf8)))
    return true
  }

  /// Whether `get` may find something besides role and content.
  func isOfFields(_ base: JinjaExpression, _ key: JinjaExpression) -> Bool {
    guard analysis.readsFields, case .string(let bytes) = key.node else { return false }
    let shape = analysis.shape(base)
    return shape == .unknown
      || shape == .message && analysis.isField(String(decoding: bytes, as: UTF8.self))
  }

  /// `value.get(key)` and `value.get(key, fallback)`.
  mutating func emitGet(
    _ base: JinjaExpression, _ arguments: [JinjaExpression], _ expression: JinjaExpression
  ) throws(TemplateError) {
    guard case .string(let key) = arguments[0].node else {
      throw unsupported(expression, "this 'get'")
    }
    if arguments.count == 1 {
      try emit(base)
      builder.emit(.member, a: 1, b: builder.literal(key))
      return
    }
    // Without the key the fallback, but what is none stays none.
    let slot = temporarySlot()
    try emit(base)
    builder.emit(.member, b: builder.literal(key))
    builder.emit(.store, b: slot)
    builder.emit(.load, b: slot)
    builder.emit(.isKind, b: 0)
    let skip = builder.emit(.jumpIfFalse)
    try emit(arguments[1])
    builder.emit(.store, b: slot)
    builder.land(skip)
    builder.emit(.load, b: slot)
  }

  /// Pairs, keys or values of an object.
  mutating func emitPairs(
    _ base: JinjaExpression, _ part: Int, _ expression: JinjaExpression
  ) throws(TemplateError) {
    guard analysis.readsFields, analysis.shape(base) == .unknown else {
      throw unsupported(expression, "the members of anything but an object")
    }
    try emit(base)
    let words = "sorting keys with letters beyond ASCII is not supported"
    builder.emit(.pairs, a: part, b: builder.literal(part == 3 ? Array(words.utf8) : []))
  }

  /// `tojson` with arguments.
  mutating func emitJSON(
    _ base: JinjaExpression, _ arguments: [JinjaExpression], _ expression: JinjaExpression
  ) throws(TemplateError) {
    var indent: Int?
    for argument in arguments {
      guard case .named(let name, let value) = argument.node else {
        throw unsupported(expression, "this 'tojson'")
      }
      switch (name, analysis.shape(value)) {
      case ("ensure_ascii", .constant(.bool(false))), ("sort_keys", .constant(.bool(false))),
        ("indent", .constant(.none)), ("separators", .constant(.none)):
        continue
      case ("indent", .constant(.integer(let count))) where (0...64).contains(count):
        indent = count
      default: throw unsupported(expression, "this 'tojson'")
      }
    }
    try emit(base)
    if let indent { builder.emit(.indentedJSON, a: indent) } else { builder.emit(.json) }
  }

  /// The filter that `map` puts every element through, if it is one of texts.
  static func textFilter(_ argument: JinjaExpression) -> String? {
    guard case .string(let bytes) = argument.node else { return nil }
    let name = String(decoding: bytes, as: UTF8.self)
    return ["upper", "lower", "trim", "string", "tojson"].contains(name) ? name : nil
  }

  /// The list of what a filter makes of each element.
  mutating func emitEach(
    _ base: JinjaExpression, _ filter: String, _ expression: JinjaExpression
  ) throws(TemplateError) {
    let name = " element"
    guard outerLoopCount + loops.count < TemplateLayout.maxCompiledLoopDepth else {
      throw unsupported(expression, "loops nested too deeply")
    }
    let (made, element) = (builder.slot(), builder.slot())
    builder.emit(.makeList, b: 0)
    builder.emit(.store, b: made)
    try emit(base)
    builder.emit(.loopBegin)
    let next = builder.emit(.loopNext, a: element)
    let scopes = analysis.scopes
    analysis.scopes.append([name: TemplateVariable(slot: element, shape: .unknown)])
    builder.emit(.load, b: made)
    try emitFilter(
      JinjaExpression(node: .name(name), line: expression.line), filter, [], expression)
    analysis.scopes = scopes
    builder.emit(.makeList, b: 1)
    builder.emit(.add)
    builder.emit(.store, b: made)
    builder.emit(.loopBack, b: next)
    builder.land(next)
    builder.emit(.load, b: made)
  }

  // MARK: Macros that call themselves

  /// Calls a macro whose body stands in the program once.
  mutating func call(
    _ name: String, _ macro: JinjaMacro, _ arguments: [JinjaExpression],
    _ named: [(name: String, value: JinjaExpression)], line: Int
  ) throws(TemplateError) {
    let isKnown = named.allSatisfy { argument in
      macro.parameters.contains { $0.name == argument.name }
    }
    guard arguments.count <= macro.parameters.count, isKnown else {
      throw TemplateError(line: line, "arguments that the macro does not have")
    }
    if subroutines[name] == nil { try compileSubroutine(name, macro) }
    for (index, parameter) in macro.parameters.enumerated() {
      let given =
        index < arguments.count
        ? arguments[index] : named.first { $0.name == parameter.name }?.value
      try emit(
        given ?? parameter.fallback ?? JinjaExpression(node: .name(" none"), line: line))
    }
    guard var subroutine = subroutines[name] else { return }
    let call = builder.emit(.call, b: subroutine.entry)
    if let count = subroutine.slotCount {
      builder.set(a: subroutine.firstSlot << 8 | count, at: call)
    } else {
      subroutine.calls.append(call)
      subroutines[name] = subroutine
    }
  }

  /// Puts a macro's body here, with a jump over it.
  private mutating func compileSubroutine(
    _ name: String, _ macro: JinjaMacro
  ) throws(TemplateError) {
    let skip = builder.emit(.jump)
    let firstSlot = builder.slotCount
    subroutines[name] = TemplateSubroutine(entry: builder.position, firstSlot: firstSlot)
    var inner: [String: TemplateVariable] = [:]
    for parameter in macro.parameters {
      inner[parameter.name] = TemplateVariable(slot: builder.slot(), shape: .unknown)
    }
    for parameter in macro.parameters.reversed() {
      builder.emit(.store, b: inner[parameter.name]?.slot ?? 0)
    }
    let before = (analysis.scopes, analysis.loopDepth, loops, outerLoopCount, captureDepth)
    // What the template itself sets may be something else at another call.
    let outer = analysis.scopes[0].mapValues { variable in
      switch variable.shape {
      case .namespace, .function, .unsupported, .constant(.dictionary): variable
      default: TemplateVariable(slot: variable.slot, shape: .unknown)
      }
    }
    analysis.scopes = [outer, inner]
    analysis.loopDepth = 0
    (loops, outerLoopCount, captureDepth) = ([], 0, 0)
    try compile(macro.body)
    (analysis.scopes, analysis.loopDepth, loops, outerLoopCount, captureDepth) = before
    builder.emit(.goBack)
    builder.land(skip)
    let count = builder.slotCount - firstSlot
    guard firstSlot + count <= Int(TemplateLayout.maxSlotCount) else {
      throw TemplateError(line: 1, "it is larger than the format allows")
    }
    for call in subroutines[name]?.calls ?? [] {
      builder.set(a: firstSlot << 8 | count, at: call)
    }
    subroutines[name]?.slotCount = count
    subroutines[name]?.calls = []
  }
}
