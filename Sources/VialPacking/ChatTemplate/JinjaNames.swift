// Owns: what a chat template mentions: tools, further fields of messages, macros that call
// themselves.
// Must not: decide what is supported; what is mentioned need not be reached.

import VialText

/// Names in a template.
struct JinjaNames {
  /// Whether tools, or a field of messages besides role and content, are mentioned anywhere.
  private(set) var readsFields = false
  /// Macros that call themselves, some way round.
  private(set) var recursiveMacros: Set<String> = []
  /// Which macros each macro calls.
  private var calls: [String: Set<String>] = [:]
  private var macro: String?

  init(_ statements: [JinjaStatement]) {
    visit(statements)
    for name in calls.keys {
      var (reached, open) = (Set<String>(), Array(calls[name] ?? []))
      while let next = open.popLast() {
        guard reached.insert(next).inserted else { continue }
        open += calls[next] ?? []
      }
      if reached.contains(name) { recursiveMacros.insert(name) }
    }
  }

  private mutating func visit(_ statements: [JinjaStatement]) {
    for statement in statements {
      switch statement {
      case .text, .breakLoop, .continueLoop, .other: break
      case .output(let value), .set(_, let value), .setAttribute(_, _, let value): visit(value)
      case .setBlock(_, let body, _): visit(body)
      case .ifElse(let branches, let otherwise):
        for branch in branches {
          visit(branch.condition)
          visit(branch.body)
        }
        visit(otherwise)
      case .forLoop(let loop):
        visit(loop.list)
        if let condition = loop.condition { visit(condition) }
        visit(loop.body)
        visit(loop.otherwise)
      case .macro(let name, let macro):
        let outer = self.macro
        self.macro = name
        if calls[name] == nil { calls[name] = [] }
        for parameter in macro.parameters { if let value = parameter.fallback { visit(value) } }
        visit(macro.body)
        self.macro = outer
      }
    }
  }

  private mutating func visit(_ expression: JinjaExpression) {
    switch expression.node {
    case .name("tools"): readsFields = true
    case .attribute(_, let key): if ChatFields.names.contains(key) { readsFields = true }
    case .string(let bytes):
      if ChatFields.names.contains(String(decoding: bytes, as: UTF8.self)) { readsFields = true }
    case .call(let function, _, _):
      if let macro, case .name(let name) = function.node { calls[macro, default: []].insert(name) }
    default: break
    }
    for part in expression.parts { visit(part) }
  }

  /// Whether a condition holds only with tools, or calls of them.
  static func asksForTools(_ expression: JinjaExpression) -> Bool {
    switch expression.node {
    case .name("tools"), .attribute(_, "tool_calls"): true
    case .call(let function, let arguments, _):
      if case .attribute(_, "get") = function.node, let first = arguments.first {
        isCalls(first)
      } else {
        false
      }
    case .binary("in", let left, _): isCalls(left)
    case .binary(">", let left, _), .binary(">=", let left, _): asksForTools(left)
    case .filter(let base, "length", _), .filter(let base, "count", _): asksForTools(base)
    case .test(let base, let name, _, let isNegated):
      (["none", "undefined"].contains(name) == isNegated) && asksForTools(base)
    case .and(let left, let right): asksForTools(left) || asksForTools(right)
    case .or(let left, let right): asksForTools(left) && asksForTools(right)
    default: false
    }
  }

  private static func isCalls(_ expression: JinjaExpression) -> Bool {
    if case .string(let bytes) = expression.node { return bytes == Array("tool_calls".utf8) }
    return false
  }
}

extension JinjaExpression {
  /// The expressions that it is made of.
  var parts: [JinjaExpression] {
    switch node {
    case .string, .integer, .bool, .none, .name, .other: []
    case .attribute(let base, _), .not(let base), .negate(let base), .named(_, let base): [base]
    case .index(let left, let right), .binary(_, let left, let right), .and(let left, let right),
      .or(let left, let right):
      [left, right]
    case .slice(let base, let start, let end, let step):
      [base] + [start, end, step].compactMap { $0 }
    case .call(let function, let arguments, let named):
      [function] + arguments + named.map(\.value)
    case .filter(let base, _, let arguments), .test(let base, _, let arguments, _):
      [base] + arguments
    case .conditional(let condition, let then, let otherwise):
      [condition, then] + (otherwise.map { [$0] } ?? [])
    case .list(let elements), .tuple(let elements): elements
    case .dictionary(let members): members.flatMap { [$0.key, $0.value] }
    }
  }
}
