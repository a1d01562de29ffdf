// Owns: expressions of a chat template, with Jinja's precedence.
// Must not: evaluate.

/// Parses the tokens of one tag.
struct JinjaExpressionParser {
  private let tokens: [JinjaToken]
  private let line: Int
  private(set) var position = 0
  private var depth = 0

  init(_ tokens: [JinjaToken], line: Int) {
    self.tokens = tokens
    self.line = line
  }

  var isAtEnd: Bool { position >= tokens.count }
  var currentLine: Int { position < tokens.count ? tokens[position].line : line }

  func error(_ message: String) -> TemplateError { TemplateError(line: currentLine, message) }

  // MARK: Tokens

  func peek(symbol: String) -> Bool {
    position < tokens.count && tokens[position].kind == .symbol(symbol)
  }

  func peek(name: String) -> Bool {
    position < tokens.count && tokens[position].kind == .name(name)
  }

  mutating func take(symbol: String) -> Bool {
    guard peek(symbol: symbol) else { return false }
    position += 1
    return true
  }

  mutating func take(name: String) -> Bool {
    guard peek(name: name) else { return false }
    position += 1
    return true
  }

  mutating func expect(symbol: String) throws(TemplateError) {
    guard take(symbol: symbol) else { throw error("expected '\(symbol)'") }
  }

  mutating func name() throws(TemplateError) -> String {
    guard position < tokens.count, case .name(let name) = tokens[position].kind else {
      throw error("expected a name")
    }
    position += 1
    return name
  }

  // MARK: Precedence, loosest first

  private func make(_ node: JinjaExpression.Node) -> JinjaExpression {
    JinjaExpression(node: node, line: currentLine)
  }

  /// One level of recursion more; the caller takes it back.
  private mutating func deepen() throws(TemplateError) {
    guard depth < 64 else { throw error("an expression nested too deeply") }
    depth += 1
  }

  mutating func expression() throws(TemplateError) -> JinjaExpression {
    try deepen()
    defer { depth -= 1 }
    var result = try disjunction()
    while take(name: "if") {
      let condition = try disjunction()
      let otherwise: JinjaExpression? = take(name: "else") ? try expression() : nil
      result = make(.conditional(condition, then: result, otherwise: otherwise))
    }
    return result
  }

  private mutating func disjunction() throws(TemplateError) -> JinjaExpression {
    var left = try conjunction()
    while take(name: "or") { left = make(.or(left, try conjunction())) }
    return left
  }

  private mutating func conjunction() throws(TemplateError) -> JinjaExpression {
    var left = try negation()
    while take(name: "and") { left = make(.and(left, try negation())) }
    return left
  }

  private mutating func negation() throws(TemplateError) -> JinjaExpression {
    guard take(name: "not") else { return try comparison() }
    try deepen()
    defer { depth -= 1 }
    return make(.not(try negation()))
  }

  private mutating func comparison() throws(TemplateError) -> JinjaExpression {
    var left = try sum()
    var chain: JinjaExpression?
    while position < tokens.count {
      var symbol: String?
      if case .symbol(let text) = tokens[position].kind,
        ["==", "!=", "<", ">", "<=", ">="].contains(text)
      {
        symbol = text
        position += 1
      } else if take(name: "in") {
        symbol = "in"
      } else if peek(name: "not"), position + 1 < tokens.count,
        tokens[position + 1].kind == .name("in")
      {
        position += 2
        symbol = "not in"
      }
      guard let symbol else { break }
      let right = try sum()
      let comparison = make(.binary(symbol, left, right))
      // As in Python, `a < b < c` compares neighbours.
      chain = chain.map { make(.and($0, comparison)) } ?? comparison
      left = right
    }
    return chain ?? left
  }

  private mutating func sum() throws(TemplateError) -> JinjaExpression {
    var left = try concatenation()
    while let symbol = take(anyOf: ["+", "-"]) {
      left = make(.binary(symbol, left, try concatenation()))
    }
    return left
  }

  private mutating func concatenation() throws(TemplateError) -> JinjaExpression {
    var left = try product()
    while take(symbol: "~") { left = make(.binary("~", left, try product())) }
    return left
  }

  private mutating func product() throws(TemplateError) -> JinjaExpression {
    var left = try unary()
    while let symbol = take(anyOf: ["*", "/", "//", "%", "**"]) {
      left = make(.binary(symbol, left, try unary()))
    }
    return left
  }

  private mutating func take(anyOf symbols: [String]) -> String? {
    for symbol in symbols where take(symbol: symbol) { return symbol }
    return nil
  }

  private mutating func unary() throws(TemplateError) -> JinjaExpression {
    let isNegated = take(symbol: "-")
    guard isNegated || take(symbol: "+") else {
      return try filtered(try postfixed(try primary()))
    }
    try deepen()
    defer { depth -= 1 }
    let operand = try unary()
    return isNegated ? make(.negate(operand)) : operand
  }

  // MARK: Primary

  private mutating func primary() throws(TemplateError) -> JinjaExpression {
    guard position < tokens.count else { throw error("an expression ends too early") }
    let token = tokens[position]
    position += 1
    switch token.kind {
    case .string(var bytes):
      while position < tokens.count, case .string(let more) = tokens[position].kind {
        bytes += more
        position += 1
      }
      return make(.string(bytes))
    case .integer(let value): return make(.integer(value))
    case .name(let name): return make(Self.constants[name] ?? .name(name))
    case .symbol("("):
      if take(symbol: ")") { return make(.tuple([])) }
      let first = try expression()
      if take(symbol: ")") { return first }
      var elements = [first]
      while take(symbol: ",") {
        if peek(symbol: ")") { break }
        elements.append(try expression())
      }
      try expect(symbol: ")")
      return make(.tuple(elements))
    case .symbol("["):
      return make(.list(try arguments(until: "]").positional))
    case .symbol("{"):
      var members: [(key: JinjaExpression, value: JinjaExpression)] = []
      while !take(symbol: "}") {
        let key = try expression()
        try expect(symbol: ":")
        members.append((key, try expression()))
        if !take(symbol: ",") {
          try expect(symbol: "}")
          break
        }
      }
      return make(.dictionary(members))
    case .symbol(let symbol): throw error("'\(symbol)' in an expression")
    }
  }

  private static let constants: [String: JinjaExpression.Node] = [
    "true": .bool(true), "True": .bool(true), "false": .bool(false), "False": .bool(false),
    "none": .none, "None": .none,
  ]

  private mutating func postfixed(_ base: JinjaExpression) throws(TemplateError) -> JinjaExpression
  {
    var result = base
    while true {
      if take(symbol: ".") {
        if position < tokens.count, case .integer(let index) = tokens[position].kind {
          position += 1
          result = make(.index(result, make(.integer(index))))
        } else {
          result = make(.attribute(result, try name()))
        }
      } else if take(symbol: "[") {
        result = try subscripted(result)
      } else if take(symbol: "(") {
        let arguments = try arguments(until: ")")
        result = make(.call(result, arguments.positional, arguments.named))
      } else {
        return result
      }
    }
  }

  private mutating func subscripted(_ base: JinjaExpression) throws(TemplateError)
    -> JinjaExpression
  {
    var parts: [JinjaExpression?] = [nil]
    var isSlice = false
    while !take(symbol: "]") {
      if take(symbol: ":") {
        isSlice = true
        parts.append(nil)
      } else {
        parts[parts.count - 1] = try expression()
      }
    }
    if isSlice {
      while parts.count < 3 { parts.append(nil) }
      return make(.slice(base, parts[0], parts[1], parts[2]))
    }
    guard let index = parts[0] else { throw error("an empty subscript") }
    if case .string(let key) = index.node,
      // Of these an attribute is a method.
      !TemplateAnalysis.methods.contains(String(decoding: key, as: UTF8.self))
    {
      return make(.attribute(base, String(decoding: key, as: UTF8.self)))
    }
    return make(.index(base, index))
  }

  private mutating func arguments(
    until end: String
  ) throws(TemplateError) -> (
    positional: [JinjaExpression], named: [(name: String, value: JinjaExpression)]
  ) {
    var positional: [JinjaExpression] = []
    var named: [(name: String, value: JinjaExpression)] = []
    while !take(symbol: end) {
      if position + 1 < tokens.count, case .name(let name) = tokens[position].kind,
        tokens[position + 1].kind == .symbol("=")
      {
        position += 2
        named.append((name, try expression()))
      } else {
        positional.append(try expression())
      }
      if !take(symbol: ",") {
        try expect(symbol: end)
        break
      }
    }
    return (positional, named)
  }

  // MARK: Filters and tests

  private mutating func filtered(_ base: JinjaExpression) throws(TemplateError) -> JinjaExpression {
    var result = base
    while true {
      if take(symbol: "|") {
        result = try filter(result)
      } else if take(name: "is") {
        result = try test(result)
      } else if peek(symbol: "(") || peek(symbol: ".") || peek(symbol: "[") {
        result = try postfixed(result)
      } else {
        return result
      }
    }
  }

  private mutating func filter(_ base: JinjaExpression) throws(TemplateError) -> JinjaExpression {
    let name = try name()
    guard take(symbol: "(") else { return make(.filter(base, name, [])) }
    let taken = try arguments(until: ")")
    let arguments = taken.positional + taken.named.map { make(.named($0.name, $0.value)) }
    if ["default", "d"].contains(name), arguments.count == 2 {
      // The second argument lets what is false have the default, too.
      let second = arguments[1]
      var value = second.node
      if case .named("boolean", let named) = second.node { value = named.node }
      switch value {
      case .bool(true): return make(.or(base, arguments[0]))
      case .bool(false): return make(.filter(base, name, [arguments[0]]))
      default: return make(.other("this 'default'"))
      }
    }
    return make(.filter(base, name, arguments))
  }

  private mutating func test(_ base: JinjaExpression) throws(TemplateError) -> JinjaExpression {
    let isNegated = take(name: "not")
    let name = try name()
    var arguments: [JinjaExpression] = []
    if take(symbol: "(") {
      arguments = try self.arguments(until: ")").positional
    } else if startsArgument {
      arguments = [try postfixed(try primary())]
    }
    guard let comparison = comparison(base, name, arguments) else {
      return make(.test(base, name, arguments, isNegated: isNegated))
    }
    return isNegated ? make(.not(comparison)) : comparison
  }

  /// Whether a test's argument follows without brackets.
  private var startsArgument: Bool {
    guard position < tokens.count else { return false }
    switch tokens[position].kind {
    case .string, .integer, .symbol("["): return true
    case .name(let name): return !["else", "or", "and", "is", "if", "not", "in"].contains(name)
    default: return false
    }
  }

  /// Tests that are operators by another name.
  private func comparison(
    _ base: JinjaExpression, _ name: String, _ arguments: [JinjaExpression]
  ) -> JinjaExpression? {
    let operators = [
      "eq": "==", "equalto": "==", "sameas": "==", "ne": "!=", "lt": "<", "lessthan": "<",
      "gt": ">", "greaterthan": ">", "le": "<=", "ge": ">=", "in": "in",
    ]
    if let symbol = operators[name], arguments.count == 1 {
      return make(.binary(symbol, base, arguments[0]))
    }
    let two = make(.integer(2))
    switch (name, arguments.count) {
    case ("odd", 0): return make(.binary("!=", make(.binary("%", base, two)), make(.integer(0))))
    case ("even", 0): return make(.binary("==", make(.binary("%", base, two)), make(.integer(0))))
    case ("divisibleby", 1):
      return make(.binary("==", make(.binary("%", base, arguments[0])), make(.integer(0))))
    default: return nil
    }
  }
}
