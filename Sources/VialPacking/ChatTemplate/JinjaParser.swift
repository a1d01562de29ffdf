// Owns: statements of a chat template.
// Must not: evaluate; what it does not know becomes `other`, which fails only where it would run.

/// Parses a whole template.
struct JinjaParser {
  private let pieces: [JinjaPiece]
  private var position = 0
  private var depth = 0

  private init(_ pieces: [JinjaPiece]) { self.pieces = pieces }

  static func parse(_ template: String) throws(TemplateError) -> [JinjaStatement] {
    var parser = JinjaParser(try JinjaLexer.pieces(of: template))
    let statements = try parser.statements(until: [])
    return statements
  }

  /// The block tag at the cursor when it is one of `names`.
  private func blockName() -> (name: String, line: Int)? {
    guard position < pieces.count, case .block(let tokens, let line) = pieces[position],
      case .name(let name)? = tokens.first?.kind
    else { return nil }
    return (name, line)
  }

  private mutating func statements(until ends: Set<String>) throws(TemplateError)
    -> [JinjaStatement]
  {
    depth += 1
    defer { depth -= 1 }
    var result: [JinjaStatement] = []
    while position < pieces.count {
      switch pieces[position] {
      case .text(let text):
        result.append(.text(text))
        position += 1
      case .output(let tokens, let line):
        var parser = JinjaExpressionParser(tokens, line: line)
        let expression = try parser.expression()
        guard parser.isAtEnd else { throw parser.error("more than one expression in a tag") }
        result.append(.output(expression))
        position += 1
      case .block(_, let line):
        guard depth < 64 else { throw TemplateError(line: line, "blocks nested too deeply") }
        if let name = blockName()?.name, ends.contains(name) { return result }
        result += try block()
      }
    }
    guard ends.isEmpty else { throw TemplateError(line: 1, "a block without its end") }
    return result
  }

  private mutating func block() throws(TemplateError) -> [JinjaStatement] {
    guard case .block(let tokens, let line) = pieces[position] else { return [] }
    position += 1
    var parser = JinjaExpressionParser(tokens, line: line)
    let name = try parser.name()
    switch name {
    case "if": return [try ifElse(&parser)]
    case "for": return [try forLoop(&parser, line)]
    case "set": return [try assignment(&parser, line)]
    case "generation":
      // Marks the assistant's tokens for training; renders as its body.
      let body = try statements(until: ["endgeneration"])
      position += 1
      return body
    case "macro":
      return [try macro(&parser)]
    case "break": return [.breakLoop(line: line)]
    case "continue": return [.continueLoop(line: line)]
    case "call", "filter", "block", "raw":
      _ = try statements(until: ["end\(name)"])
      position += 1
      return [.other("the block '\(name)'", line: line)]
    default: return [.other("the statement '\(name)'", line: line)]
    }
  }

  private mutating func ifElse(_ first: inout JinjaExpressionParser) throws(TemplateError)
    -> JinjaStatement
  {
    var branches: [(condition: JinjaExpression, body: [JinjaStatement])] = []
    var otherwise: [JinjaStatement] = []
    var condition = try first.expression()
    while true {
      let body = try statements(until: ["elif", "else", "endif"])
      branches.append((condition, body))
      guard case .block(let tokens, let line) = pieces[position], let end = blockName()?.name
      else { break }
      position += 1
      if end == "endif" { break }
      if end == "else" {
        otherwise = try statements(until: ["endif"])
        position += 1
        break
      }
      var parser = JinjaExpressionParser(tokens, line: line)
      _ = try parser.name()
      condition = try parser.expression()
    }
    return .ifElse(branches, otherwise: otherwise)
  }

  private mutating func forLoop(
    _ parser: inout JinjaExpressionParser, _ line: Int
  ) throws(TemplateError) -> JinjaStatement {
    let variable = try parser.name()
    var isSimple = true
    var further: [String] = []
    while parser.take(symbol: ",") { further.append(try parser.name()) }
    guard parser.take(name: "in") else { throw parser.error("expected 'in'") }
    var list = try parser.expression()
    var condition: JinjaExpression?
    // `for x in y if z` parses as a conditional expression without an else.
    if case .conditional(let test, let then, otherwise: nil) = list.node {
      (list, condition) = (then, test)
    }
    if !parser.isAtEnd { isSimple = false }
    let body = try statements(until: ["endfor", "else"])
    var otherwise: [JinjaStatement] = []
    if blockName()?.name == "else" {
      position += 1
      otherwise = try statements(until: ["endfor"])
    }
    position += 1
    if !isSimple { return .other("this kind of loop", line: line) }
    return .forLoop(
      JinjaLoop(
        variable: variable, further: further, list: list, condition: condition, body: body,
        otherwise: otherwise,
        line: line))
  }

  private mutating func macro(
    _ parser: inout JinjaExpressionParser
  ) throws(TemplateError) -> JinjaStatement {
    let name = try parser.name()
    try parser.expect(symbol: "(")
    var parameters: [(name: String, fallback: JinjaExpression?)] = []
    while !parser.take(symbol: ")") {
      let parameter = try parser.name()
      let fallback: JinjaExpression? = parser.take(symbol: "=") ? try parser.expression() : nil
      parameters.append((parameter, fallback))
      if !parser.take(symbol: ",") {
        try parser.expect(symbol: ")")
        break
      }
    }
    let body = try statements(until: ["endmacro"])
    position += 1
    return .macro(name, JinjaMacro(parameters: parameters, body: body))
  }

  private mutating func assignment(
    _ parser: inout JinjaExpressionParser, _ line: Int
  ) throws(TemplateError) -> JinjaStatement {
    let name = try parser.name()
    let attribute: String? = parser.take(symbol: ".") ? try parser.name() : nil
    guard parser.take(symbol: "=") else {
      guard parser.isAtEnd || parser.peek(symbol: "|") else {
        return .other("this kind of 'set'", line: line)
      }
      let body = try statements(until: ["endset"])
      position += 1
      guard parser.isAtEnd, attribute == nil else {
        return .other("this kind of 'set'", line: line)
      }
      return .setBlock(name, body, line: line)
    }
    let value = try parser.expression()
    if let attribute { return .setAttribute(name, attribute, value) }
    return .set(name, value)
  }
}
