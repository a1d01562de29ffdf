// Owns: the compiling of a Jinja chat template to a bounded program: statements, control flow and
// scopes.
// Must not: accept what it cannot render exactly; a part that could only run for tool messages may
// become an operation that stops with a clear error.

import VialFormat
public import VialText

/// A compiled chat template.
public struct CompiledTemplate: Sendable {
  /// The bytes of the `chat_template` section.
  public let section: [UInt8]
  /// What stops with an error when it is met, one line each.
  public let warnings: [String]
  /// The incompatible features that a file with this section needs.
  public let incompatibleFeatures: UInt64
}

/// Compiles chat templates.
public struct ChatTemplateCompiler {
  var analysis: TemplateAnalysis
  var builder = TemplateProgramBuilder()
  private var warnings: [String] = []
  /// Inside a branch that is taken for tool messages only.
  private var toolDepth = 0
  /// Inside a branch whose condition depends on the conversation.
  private var branchDepth = 0
  /// Loops around this place, with what jumps out of their bodies.
  var loops: [TemplateLoop] = []
  /// Loops of callers of the macro around this place.
  var outerLoopCount = 0
  var captureDepth = 0
  var macroDepth = 0
  /// Macros that call themselves, where they were compiled.
  var subroutines: [String: TemplateSubroutine] = [:]
  private var sharedSlot: Int?

  /// Compiles a template as transformers renders it with messages of role and content only.
  /// `specialTokens` maps bos_token and so on to their text (`TokenizerTables.specialTokens`).
  /// `date` is what `strftime_now` takes for today; without one the function does not exist.
  /// Throws for a template outside the subset; it then packs without one.
  public static func compile(
    _ template: String, specialTokens: [String: String], date: TemplateDate? = nil
  ) throws(TemplateError) -> CompiledTemplate {
    let statements = try JinjaParser.parse(template)
    let compiler = ChatTemplateCompiler(
      analysis: TemplateAnalysis(specialTokens: specialTokens, date: date))
    let mentions = JinjaNames(statements)
    guard mentions.readsFields else { return try compiler.compiled(statements) }
    var reading = compiler
    reading.analysis.readsFields = true
    reading.analysis.recursiveMacros = mentions.recursiveMacros
    do {
      return try reading.compiled(statements)
    } catch {
      // Without tools and further fields it may be simpler.
      return try compiler.compiled(statements, refusing: error)
    }
  }

  /// Compiles all statements.
  /// - Parameter complaint: why conversations with tools or further fields are refused, if they
  ///   are.
  private func compiled(
    _ statements: [JinjaStatement], refusing complaint: TemplateError? = nil
  ) throws(TemplateError) -> CompiledTemplate {
    var compiler = self
    if let complaint {
      compiler.builder.emit(
        .requirePlain, a: 3, b: compiler.builder.literal(Array(complaint.message.utf8)))
      compiler.warn(complaint, "conversations with tools will be refused")
    }
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
    return CompiledTemplate(
      section: section, warnings: compiler.warnings,
      incompatibleFeatures: compiler.builder.incompatibleFeatures)
  }

  mutating func warn(_ error: TemplateError, _ consequence: String) {
    warnings.append("\(error); \(consequence)")
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

  mutating func compile(_ statements: [JinjaStatement]) throws(TemplateError) {
    for statement in statements {
      guard builder.isWithinLimits else {
        throw TemplateError(line: 1, "it is larger than the format allows")
      }
      let start = builder.position
      let before = self
      do {
        try compile(statement)
      } catch {
        guard before.toolDepth > 0 else { throw error }
        restore(before)
        builder.rewind(to: start)
        builder.emit(.unsupported, b: builder.literal(Array(error.message.utf8)))
        warn(error, "tool messages will be refused")
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
    case .forLoop(let loop): try compile(loop)
    case .breakLoop(let line): try leave(line, isBreak: true)
    case .continueLoop(let line): try leave(line, isBreak: false)
    case .setBlock(let name, let body, _):
      try capture { compiler throws(TemplateError) in try compiler.compile(body) }
      builder.emit(.store, b: declare(name, .string))
    case .macro(let name, let macro):
      // A later variable of the name hides it.
      if branchDepth > 0 || analysis.scopes.count > 1 { return }
      analysis.macros[name] = macro
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
    if case .call(let function, let arguments, let named) = expression.node,
      case .name(let name) = function.node, let macro = analysis.macro(name)
    {
      return try inline(macro, named: name, arguments, named, line: expression.line)
    }
    let shape = analysis.shape(expression)
    guard !shape.isList, shape != .message else {
      throw TemplateError(line: expression.line, "writing a list or a message is not supported")
    }
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
    if shape.entries != nil {
      // Looked up by what is known about it; there is no such value at run time.
      declare(name, shape)
      return
    }
    let start = builder.position
    let before = self
    do {
      try emit(value)
    } catch {
      // Refused where it is used, if it ever is.
      if analysis.readsFields { restore(before) }
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

  /// A slot for what is read before anything else is computed.
  mutating func temporarySlot() -> Int {
    guard analysis.readsFields else { return builder.slot() }
    let slot = sharedSlot ?? builder.slot()
    sharedSlot = slot
    return slot
  }

  /// The slot of a variable of the innermost scope, with what is now known about it.
  @discardableResult
  mutating func declare(_ name: String, _ shape: TemplateShape) -> Int {
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
      let isTool =
        Self.mentionsTools(branch.condition)
        || analysis.readsFields && JinjaNames.asksForTools(branch.condition)
      toolDepth += isTool ? 1 : 0
      branchDepth += truth == nil ? 1 : 0
      try compile(branch.body)
      branchDepth -= truth == nil ? 1 : 0
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
      branchDepth += outcomes.isEmpty ? 0 : 1
      try compile(otherwise)
      branchDepth -= outcomes.isEmpty ? 0 : 1
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
          var refused = shapes.first { $0.isUnsupported }
          if !isAgreed, shapes.contains(where: { $0.entries != nil }) {
            refused = .unsupported(
              TemplateError(
                line: 1, "a dictionary that depends on the conversation is not supported"))
          }
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

  /// Takes back what a statement did that cannot be compiled.
  mutating func restore(_ before: ChatTemplateCompiler) {
    let builder = self.builder
    let start = before.builder.position
    self = before
    // Literals and slots stay: nothing refers to them.
    self.builder = builder
    sharedSlot = sharedSlot.flatMap { $0 < builder.slotCount ? $0 : nil }
    self.builder.rewind(to: start)
  }
}
