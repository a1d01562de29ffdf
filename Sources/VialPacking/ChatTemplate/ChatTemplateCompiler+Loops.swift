// Owns: the compiling of a Jinja chat template to a bounded program: loops, captures and macros.
// Must not: leave a loop or a capture open on any way through the program.

import VialText

/// A loop that is being compiled.
struct TemplateLoop {
  /// Captures around its body.
  let captureDepth: Int
  /// Jumps to the next turn, and out of the loop.
  var continues: [Int] = []
  var breaks: [Int] = []
}

extension ChatTemplateCompiler {
  // MARK: Loops

  mutating func compile(_ loop: JinjaLoop) throws(TemplateError) {
    guard loop.further.isEmpty || analysis.readsFields && Self.givesPairs(loop) else {
      throw TemplateError(line: loop.line, "this kind of loop is not supported")
    }
    let shape = analysis.shape(loop.list)
    switch shape {
    case .constant(.undefined), .constant(.list([])), .constant(.string([])):
      return try inScope { compiler throws(TemplateError) in try compiler.compile(loop.otherwise) }
    case .list, .strings, .integers, .values, .unknown, .constant(.list): break
    case .string:
      return try refuseTurns(loop, "a loop over the characters of a text is not supported")
    default:
      throw TemplateError(
        line: loop.line, "a loop over anything but a list is not supported")
    }
    guard outerLoopCount + loops.count < TemplateLayout.maxCompiledLoopDepth else {
      throw TemplateError(line: loop.line, "loops nested too deeply")
    }
    var list = loop.list
    if loop.condition != nil || !loop.otherwise.isEmpty {
      let slot = try remember(loop, shape)
      list = JinjaExpression(node: .name(Self.listName(slot)), line: loop.line)
      // A name that no template can have.
      analysis.scopes[analysis.scopes.count - 1][Self.listName(slot)] = TemplateVariable(
        slot: slot, shape: loop.condition == nil ? shape : shape == .list ? .list : .values)
    }
    let before = self
    do {
      try emit(list)
      try turns(loop, shape.element)
    } catch {
      // What may be a list of a message's parts never is one here.
      guard shape == .unknown, loop.condition == nil, !Self.isConversation(loop.list) else {
        throw error
      }
      restore(before)
      return try refuseTurns(loop, error.message)
    }
    guard !loop.otherwise.isEmpty else { return }
    try emit(list)
    builder.emit(.not)
    let skip = builder.emit(.jumpIfFalse)
    try inScope { compiler throws(TemplateError) in try compiler.compile(loop.otherwise) }
    builder.land(skip)
  }

  /// Whether a list is the messages by its name: without that loop a template renders nothing.
  private static func isConversation(_ list: JinjaExpression) -> Bool {
    if case .name(let name) = list.node { return name.hasSuffix("messages") }
    return false
  }

  /// Instead of a loop: nothing, or its `else`, where it has no turn, and a refusal where it has.
  private mutating func refuseTurns(
    _ loop: JinjaLoop, _ message: String
  ) throws(TemplateError) {
    try emit(loop.list)
    let skip = builder.emit(.jumpIfFalse)
    builder.emit(.unsupported, b: builder.literal(Array(message.utf8)))
    builder.land(skip)
    warn(TemplateError(line: loop.line, message), "messages that get there will be refused")
    try inScope { compiler throws(TemplateError) in try compiler.compile(loop.otherwise) }
  }

  private static func listName(_ slot: Int) -> String { " list \(slot)" }

  /// The loop's list, without what its condition leaves out, in a slot.
  private mutating func remember(
    _ loop: JinjaLoop, _ shape: TemplateShape
  ) throws(TemplateError) -> Int {
    let slot = builder.slot()
    guard let condition = loop.condition else {
      try emit(loop.list)
      builder.emit(.store, b: slot)
      return slot
    }
    builder.emit(.makeList, b: 0)
    builder.emit(.store, b: slot)
    try emit(loop.list)
    builder.emit(.loopBegin)
    let depth = analysis.loopDepth
    // Jinja's loop does not exist yet, and the one outside cannot be seen from within.
    analysis.loopDepth = 0
    defer { analysis.loopDepth = depth }
    try inScope { compiler throws(TemplateError) in
      let variable = compiler.declare(loop.elementName, shape.element)
      let next = compiler.builder.emit(.loopNext, a: variable)
      compiler.unpack(loop, variable)
      try compiler.emitCondition(condition)
      let skip = compiler.builder.emit(.jumpIfFalse)
      compiler.builder.emit(.load, b: slot)
      compiler.builder.emit(.load, b: variable)
      compiler.builder.emit(.makeList, b: 1)
      compiler.builder.emit(.add)
      compiler.builder.emit(.store, b: slot)
      compiler.builder.land(skip)
      compiler.builder.emit(.loopBack, b: next)
      compiler.builder.land(next)
    }
    return slot
  }

  /// Whether a loop of two variables is over what certainly has two parts.
  private static func givesPairs(_ loop: JinjaLoop) -> Bool {
    guard loop.further.count == 1 else { return false }
    switch loop.list.node {
    case .filter(_, "items", let arguments), .filter(_, "dictsort", let arguments):
      return arguments.isEmpty
    case .call(let function, let arguments, _):
      if case .attribute(_, "items") = function.node { return arguments.isEmpty }
      return false
    default: return false
    }
  }

  /// The parts of a loop's element, where it has several variables.
  private mutating func unpack(_ loop: JinjaLoop, _ slot: Int) {
    guard !loop.further.isEmpty else { return }
    for (index, name) in ([loop.variable] + loop.further).enumerated() {
      builder.emit(.load, b: slot)
      builder.emit(.pushInteger, b: index)
      builder.emit(.element)
      builder.emit(.store, b: declare(name, .unknown))
    }
  }

  /// The turns of a loop over the list on the stack.
  private mutating func turns(
    _ loop: JinjaLoop, _ element: TemplateShape
  ) throws(TemplateError) {
    builder.emit(.loopBegin)
    loops.append(TemplateLoop(captureDepth: captureDepth))
    analysis.loopDepth += 1
    try inScope { compiler throws(TemplateError) in
      let slot = compiler.declare(loop.elementName, element)
      let next = compiler.builder.emit(.loopNext, a: slot)
      compiler.unpack(loop, slot)
      try compiler.declareInner(loop)
      try compiler.compile(loop.body)
      let jumps = compiler.loops.removeLast()
      for jump in jumps.continues { compiler.builder.land(jump) }
      compiler.builder.emit(.loopBack, b: next)
      compiler.builder.land(next)
      for jump in jumps.breaks { compiler.builder.land(jump) }
    }
    analysis.loopDepth -= 1
  }

  /// What the body sets is its own again in every turn, and starts as outside.
  private mutating func declareInner(_ loop: JinjaLoop) throws(TemplateError) {
    for name in Self.assigned(in: loop.body).sorted()
    where name != loop.variable && !loop.further.contains(name) {
      let shape = analysis.shape(ofName: name)
      switch shape {
      case .namespace, .function, .unsupported, .constant(.dictionary): continue
      default: break
      }
      try emit(JinjaExpression(node: .name(name), line: loop.line))
      builder.emit(.store, b: declare(name, shape))
    }
  }

  /// `break` and `continue`.
  mutating func leave(_ line: Int, isBreak: Bool) throws(TemplateError) {
    guard let loop = loops.last, loop.captureDepth == captureDepth else {
      throw TemplateError(line: line, "leaving a loop from here is not supported")
    }
    if isBreak {
      builder.emit(.leaveLoop)
      loops[loops.count - 1].breaks.append(builder.emit(.jump))
    } else {
      loops[loops.count - 1].continues.append(builder.emit(.jump))
    }
  }

  /// Names that a body sets outside of inner loops.
  static func assigned(in body: [JinjaStatement]) -> Set<String> {
    var names: Set<String> = []
    for statement in body {
      switch statement {
      case .set(let name, _), .setBlock(let name, _, _): names.insert(name)
      case .ifElse(let branches, let otherwise):
        for branch in branches { names.formUnion(assigned(in: branch.body)) }
        names.formUnion(assigned(in: otherwise))
      default: break
      }
    }
    return names
  }

  /// What `body` declares is forgotten behind it.
  private mutating func inScope(
    _ body: (inout ChatTemplateCompiler) throws(TemplateError) -> Void
  ) throws(TemplateError) {
    let before = analysis.scopes
    analysis.scopes.append([:])
    try body(&self)
    analysis.scopes = before
  }

  // MARK: Captures and macros

  /// Pushes what `body` writes.
  mutating func capture(
    _ body: (inout ChatTemplateCompiler) throws(TemplateError) -> Void
  ) throws(TemplateError) {
    builder.emit(.capture)
    captureDepth += 1
    try body(&self)
    captureDepth -= 1
    builder.emit(.captured)
  }

  /// Most macros that call each other.
  private static let macroDepthLimit = 8

  /// A macro's body where it is called.
  mutating func inline(
    _ macro: JinjaMacro, named name: String, _ arguments: [JinjaExpression],
    _ named: [(name: String, value: JinjaExpression)], line: Int
  ) throws(TemplateError) {
    if analysis.recursiveMacros.contains(name) {
      return try call(name, macro, arguments, named, line: line)
    }
    guard macroDepth < Self.macroDepthLimit else {
      throw TemplateError(line: line, "macros that call each other too deeply")
    }
    let isKnown = named.allSatisfy { argument in
      macro.parameters.contains { $0.name == argument.name }
    }
    guard arguments.count <= macro.parameters.count, isKnown else {
      throw TemplateError(line: line, "arguments that the macro does not have")
    }
    var inner: [String: TemplateVariable] = [:]
    for (index, parameter) in macro.parameters.enumerated() {
      let given =
        index < arguments.count
        ? arguments[index] : named.first { $0.name == parameter.name }?.value
      let value = given ?? parameter.fallback ?? JinjaExpression(node: .name(" none"), line: line)
      let slot = builder.slot()
      try emit(value)
      builder.emit(.store, b: slot)
      inner[parameter.name] = TemplateVariable(slot: slot, shape: analysis.shape(value))
    }
    let before = (analysis.scopes, analysis.loopDepth, loops, outerLoopCount, captureDepth)
    // A macro sees what the template itself has set, not its caller's variables.
    analysis.scopes = [analysis.scopes[0], inner]
    analysis.loopDepth = 0
    outerLoopCount += loops.count
    loops = []
    macroDepth += 1
    try compile(macro.body)
    macroDepth -= 1
    (analysis.scopes, analysis.loopDepth, loops, outerLoopCount, captureDepth) = before
  }
}
