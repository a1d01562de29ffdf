// From a chat template in Jinja to a bounded program: statements.
// Owns control flow and scopes. Must not: accept what it cannot render exactly; a part that could
// only run for tool messages may become an operation that stops with a clear error.

import VialFormat
public import VialText

/// A compiled chat template.
public struct CompiledTemplate: Sendable {
  /// The bytes of the `chat_template` section.
  public let section: [UInt8]
  /// What stops with an error when it is met, one line each.
  public let warnings: [String]
}

/// Compiles chat templates.
public struct ChatTemplateCompiler {
  var analysis: TemplateAnalysis
  var builder = TemplateProgramBuilder()
  private var warnings: [String] = []
  /// Inside a branch that is taken for tool messages only.
  private var toolDepth = 0

  /// Compiles a template as transformers renders it with messages of role and content only.
  /// `specialTokens` maps bos_token and so on to their text (`TokenizerTables.specialTokens`).
  /// Throws for a template outside the subset; it then packs without one.
  public static func compile(
    _ template: String, specialTokens: [String: String]
  ) throws(TemplateError) -> CompiledTemplate {
    let statements = try JinjaParser.parse(template)
    var compiler = ChatTemplateCompiler(analysis: TemplateAnalysis(specialTokens: specialTokens))
    try compiler.declareContext(statements)
    try compiler.compile(statements)
    compiler.builder.emit(.halt)
    guard let section = compiler.builder.section() else {
      throw TemplateError(line: 1, "it is larger than the format allows")
    }
    do {
      _ = try ChatTemplate(ByteRegion(copying: section))
    } catch {
      throw TemplateError(line: 1, "its program breaks a rule of the format: \(error)")
    }
    return CompiledTemplate(section: section, warnings: compiler.warnings)
  }

  /// The default template of tokenizer_config.json: a string, or a list of named ones.
  public static func template(in tokenizerConfig: JSONValue?) -> String? {
    let value = tokenizerConfig?["chat_template"]
    if let text = value?.text { return text }
    return value?.array?.first { $0["name"]?.text == "default" }?["template"]?.text
  }

  private init(analysis: TemplateAnalysis) { self.analysis = analysis }

  /// Gives names of the context that the template sets (`messages`, `tools`) a slot that starts as
  /// the context's value, so that a branch may leave them alone.
  private mutating func declareContext(_ statements: [JinjaStatement]) throws(TemplateError) {
    for name in Self.assigned(in: statements).sorted() {
      let shape = analysis.shape(ofName: name)
      if case .function = shape { continue }
      if shape == .constant(.undefined) { continue }
      try emit(JinjaExpression(node: .name(name), line: 1))
      builder.emit(.store, b: declare(name, shape))
    }
  }

  // MARK: Statements

  private mutating func compile(_ statements: [JinjaStatement]) throws(TemplateError) {
    for statement in statements {
      guard builder.isWithinLimits else {
        throw TemplateError(line: 1, "it is larger than the format allows")
      }
      let start = builder.position
      let (known, depth) = (analysis, toolDepth)
      do {
        try compile(statement)
      } catch {
        guard depth > 0 else { throw error }
        (analysis, toolDepth) = (known, depth)
        builder.rewind(to: start)
        builder.emit(.unsupported, b: builder.literal(Array(error.message.utf8)))
        warnings.append("\(error); tool messages will be refused")
        return
      }
    }
  }

  private mutating func compile(_ statement: JinjaStatement) throws(TemplateError) {
    switch statement {
    case .text(let bytes): emitText(bytes)
    case .output(let expression): try output(expression)
    case .set(let name, let value): try assign(name, value)
    case .setAttribute(let name, let key, let value): try assign(name, key, value)
    case .ifElse(let branches, let otherwise): try choose(branches, otherwise)
    case .forLoop(let variable, let list, let body, let line):
      try loop(variable, list, body, line)
    case .other(let what, let line): throw TemplateError(line: line, "\(what) is not supported")
    }
  }

  private mutating func emitText(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    builder.emit(.pushLiteral, b: builder.literal(bytes))
    builder.emit(.emit)
  }

  private mutating func output(_ expression: JinjaExpression) throws(TemplateError) {
    if case .constant(.string(let bytes)) = analysis.shape(expression) {
      emitText(bytes)
      return
    }
    if case .binary("+", let left, let right) = expression.node,
      analysis.shape(left).isString, analysis.shape(right).isString
    {
      // Both are strings: writing one after the other saves the concatenation.
      try output(left)
      try output(right)
      return
    }
    if try refusal(expression) { return }
    try emit(expression)
    builder.emit(.emit)
  }

  /// `raise_exception(text)`.
  private mutating func refusal(_ expression: JinjaExpression) throws(TemplateError) -> Bool {
    guard case .call(let function, let arguments, _) = expression.node,
      case .name("raise_exception") = function.node
    else { return false }
    var text = Array("the chat template refuses these messages".utf8)
    if let first = arguments.first, case .constant(.string(let bytes)) = analysis.shape(first) {
      text = bytes
    }
    builder.emit(.refuse, b: builder.literal(text))
    return true
  }

  // MARK: Variables

  private mutating func assign(
    _ name: String, _ value: JinjaExpression
  ) throws(TemplateError) {
    if case .call(let function, _, let attributes) = value.node,
      case .name("namespace") = function.node
    {
      analysis.namespaces.append([:])
      let number = analysis.namespaces.count - 1
      for attribute in attributes { try assign(number, attribute.name, attribute.value) }
      declare(name, .namespace(number))
      return
    }
    let shape = analysis.shape(value)
    let start = builder.position
    do {
      try emit(value)
    } catch {
      // Refused where it is used, if it ever is.
      builder.rewind(to: start)
      builder.emit(.pushUndefined)
      builder.emit(.store, b: declare(name, .unsupported(error)))
      return
    }
    builder.emit(.store, b: declare(name, shape))
  }

  private mutating func assign(
    _ name: String, _ key: String, _ value: JinjaExpression
  ) throws(TemplateError) {
    guard case .namespace(let number) = analysis.shape(ofName: name) else {
      throw TemplateError(line: value.line, "'\(name)' is no namespace here")
    }
    try assign(number, key, value)
  }

  private mutating func assign(
    _ namespace: Int, _ key: String, _ value: JinjaExpression
  ) throws(TemplateError) {
    try emit(value)
    let slot = analysis.namespaces[namespace][key] ?? builder.slot()
    analysis.namespaces[namespace][key] = slot
    builder.emit(.store, b: slot)
  }

  /// The slot of a variable of the innermost scope, with what is now known about it.
  @discardableResult
  private mutating func declare(_ name: String, _ shape: TemplateShape) -> Int {
    let last = analysis.scopes.count - 1
    let slot = analysis.scopes[last][name]?.slot ?? builder.slot()
    analysis.scopes[last][name] = TemplateVariable(slot: slot, shape: shape)
    return slot
  }

  // MARK: Branches

  private mutating func choose(
    _ branches: [(condition: JinjaExpression, body: [JinjaStatement])],
    _ otherwise: [JinjaStatement]
  ) throws(TemplateError) {
    var ends: [Int] = []
    var outcomes: [[[String: TemplateVariable]]] = []
    var isDecided = false
    let before = analysis.scopes
    for branch in branches where !isDecided {
      let truth = analysis.truth(branch.condition)
      if truth == false { continue }
      var skip: Int?
      if truth == nil {
        try emitCondition(branch.condition)
        skip = builder.emit(.jumpIfFalse)
      }
      let isTool = Self.mentionsTools(branch.condition)
      toolDepth += isTool ? 1 : 0
      try compile(branch.body)
      toolDepth -= isTool ? 1 : 0
      outcomes.append(analysis.scopes)
      restore(before)
      guard let skip else {
        isDecided = true
        break
      }
      ends.append(builder.emit(.jump))
      builder.land(skip)
    }
    if !isDecided {
      try compile(otherwise)
      outcomes.append(analysis.scopes)
    }
    for end in ends { builder.land(end) }
    merge(outcomes)
  }

  /// Forgets what a branch learnt, but keeps the slots of variables that it declared.
  private mutating func restore(_ before: [[String: TemplateVariable]]) {
    for (level, scope) in analysis.scopes.enumerated() {
      for (name, variable) in scope {
        let shape = before[level][name]?.shape ?? .constant(.undefined)
        analysis.scopes[level][name] = TemplateVariable(slot: variable.slot, shape: shape)
      }
    }
  }

  /// Keeps what all branches agree on.
  private mutating func merge(_ outcomes: [[[String: TemplateVariable]]]) {
    for outcome in outcomes {
      for (level, scope) in outcome.enumerated() {
        for (name, variable) in scope {
          let shapes = outcomes.map { $0[level][name]?.shape ?? .constant(.undefined) }
          let isAgreed = shapes.allSatisfy { $0 == shapes[0] }
          let isText = shapes.allSatisfy(\.isString)
          let refused = shapes.first { $0.isUnsupported }
          analysis.scopes[level][name] = TemplateVariable(
            slot: variable.slot,
            shape: refused ?? (isAgreed ? shapes[0] : isText ? .string : .unknown))
        }
      }
    }
  }

  /// Whether a condition compares with a role that only tools have.
  private static func mentionsTools(_ expression: JinjaExpression) -> Bool {
    switch expression.node {
    case .string(let bytes):
      ["tool", "ipython", "function", "tool_response", "environment", "observation"]
        .contains(String(decoding: bytes, as: UTF8.self))
    case .binary("==", let left, let right): mentionsTools(left) || mentionsTools(right)
    case .and(let left, let right): mentionsTools(left) || mentionsTools(right)
    case .or(let left, let right): mentionsTools(left) && mentionsTools(right)
    default: false
    }
  }

  // MARK: Loops

  private mutating func loop(
    _ variable: String, _ list: JinjaExpression, _ body: [JinjaStatement], _ line: Int
  ) throws(TemplateError) {
    // Backwards: the loop counts forwards, and each turn takes the message at the other end.
    let (list, isReversed) = reversed(list)
    switch analysis.shape(list) {
    case .constant(.undefined), .constant(.list([])), .constant(.string([])): return
    case .list, .unknown: try emit(list)
    default: throw TemplateError(line: line, "a loop over anything but messages is not supported")
    }
    guard analysis.loopDepth < TemplateLayout.maxLoopDepth else {
      throw TemplateError(line: line, "loops nested too deeply")
    }
    builder.emit(.loopBegin)
    let before = analysis.scopes
    analysis.scopes.append([:])
    let slot = declare(variable, .message)
    analysis.loopDepth += 1
    let next = builder.emit(.loopNext, a: slot)
    if isReversed { try emitOpposite(list, slot) }
    // What the body sets is its own again in every turn, and starts as outside.
    for name in Self.assigned(in: body).sorted() where name != variable {
      let shape = analysis.shape(ofName: name)
      switch shape {
      case .namespace, .function, .unsupported: continue
      default: break
      }
      try emit(JinjaExpression(node: .name(name), line: line))
      builder.emit(.store, b: declare(name, shape))
    }
    try compile(body)
    builder.emit(.loopBack, b: next)
    builder.land(next)
    analysis.loopDepth -= 1
    analysis.scopes = before
  }

  /// The list of `list[::-1]`, and whether it was that.
  private func reversed(_ list: JinjaExpression) -> (JinjaExpression, Bool) {
    guard case .slice(let base, nil, nil, let step?) = list.node,
      analysis.shape(step) == .constant(.integer(-1))
    else { return (list, false) }
    return (base, true)
  }

  /// Stores the message that is as far from the list's end as the loop's turn is from its start.
  private mutating func emitOpposite(
    _ list: JinjaExpression, _ slot: Int
  ) throws(TemplateError) {
    try emit(list)
    try emit(list)
    builder.emit(.length)
    builder.emit(.pushInteger, b: 1)
    builder.emit(.subtract)
    builder.emit(.loopValue, b: 0)
    builder.emit(.subtract)
    builder.emit(.element)
    builder.emit(.store, b: slot)
  }

  /// Names that a body sets outside of inner loops.
  private static func assigned(in body: [JinjaStatement]) -> Set<String> {
    var names: Set<String> = []
    for statement in body {
      switch statement {
      case .set(let name, _): names.insert(name)
      case .ifElse(let branches, let otherwise):
        for branch in branches { names.formUnion(assigned(in: branch.body)) }
        names.formUnion(assigned(in: otherwise))
      default: break
      }
    }
    return names
  }
}
