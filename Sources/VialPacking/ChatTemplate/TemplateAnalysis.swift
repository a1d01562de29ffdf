// Owns: folding: which parts of a chat template are the same for every conversation.
// Must not: emit code.
// What is known: messages have a role and a content, no documents; further fields and tools where a
// template asks.

import VialText

/// Names, scopes and folding.
struct TemplateAnalysis {
  /// bos_token and the like.
  let specialTokens: [String: String]
  /// What `strftime_now` takes for today.
  var date: TemplateDate?
  /// Variables by name, the innermost scope last.
  var scopes: [[String: TemplateVariable]] = [[:]]
  /// Slots of namespace attributes.
  var namespaces: [[String: Int]] = []
  /// Loops around this place whose `loop` can be seen from it.
  var loopDepth = 0
  var macros: [String: JinjaMacro] = [:]
  /// Whether messages may have further fields, and conversations tools: only where the template
  /// mentions one of them.
  var readsFields = false
  /// Macros that call themselves, some way round.
  var recursiveMacros: Set<String> = []

  /// `strftime_now` is only among them when there is a date: a prompt must not depend on the day.
  /// Templates that ask whether it is defined have a fixed date for when it is not.
  static let functions: Set<String> = ["raise_exception", "namespace", "range", "dict"]

  func variable(_ name: String) -> TemplateVariable? {
    for scope in scopes.reversed() {
      if let variable = scope[name] { return variable }
    }
    return nil
  }

  /// The macro of a name, unless a variable has it.
  func macro(_ name: String) -> JinjaMacro? { variable(name) == nil ? macros[name] : nil }

  /// What a name stands for.
  func shape(ofName name: String) -> TemplateShape {
    if let variable = variable(name) { return variable.shape }
    switch name {
    case "messages": return .list
    case "add_generation_prompt": return .bool
    case "tools": return readsFields ? .unknown : .constant(.none)
    case "documents": return .constant(.none)
    default: break
    }
    if let token = specialTokens[name] { return .constant(.string(Array(token.utf8))) }
    let isFunction = Self.functions.contains(name) || name == "strftime_now" && date != nil
    return isFunction ? .function(name) : .constant(.undefined)
  }

  /// Whether a condition has the same outcome for every conversation.
  func truth(_ expression: JinjaExpression) -> Bool? {
    switch expression.node {
    case .not(let operand): return truth(operand).map { !$0 }
    case .and(let left, let right):
      let (left, right) = (truth(left), truth(right))
      if left == false || right == false { return false }
      return left == true && right == true ? true : nil
    case .or(let left, let right):
      let (left, right) = (truth(left), truth(right))
      if left == true || right == true { return true }
      return left == false && right == false ? false : nil
    default:
      switch shape(expression) {
      case .constant(let value): return value.isTrue
      case .message, .namespace, .function: return true
      default: return nil
      }
    }
  }

  /// What is known about an expression's value.
  func shape(_ expression: JinjaExpression) -> TemplateShape {
    switch expression.node {
    case .string(let bytes): return .constant(.string(bytes))
    case .integer(let value): return .constant(.integer(value))
    case .bool(let value): return .constant(.bool(value))
    case .none: return .constant(.none)
    case .name(let name): return shape(ofName: name)
    case .attribute(let base, let key): return attribute(base, key)
    case .index(let base, let index): return element(base, index)
    case .slice(let base, _, _, _):
      let value = shape(base)
      if value.isString { return .string }
      return value.constant == nil && value.isList ? value : value.isList ? .values : .unknown
    case .named: return .unknown
    case .call(let function, let arguments, _): return call(function, arguments)
    case .filter(let base, let name, let arguments): return filter(base, name, arguments)
    case .test(let base, let name, let arguments, let isNegated):
      guard let result = test(base, name, arguments) else { return .bool }
      return .constant(.bool(result != isNegated))
    case .not: return truth(expression).map { .constant(.bool($0)) } ?? .bool
    case .negate(let operand):
      if case .constant(.integer(let value)) = shape(operand) { return .constant(.integer(-value)) }
      return .unknown
    case .and(let left, let right): return choice(left, right, stopsAt: false)
    case .or(let left, let right): return choice(left, right, stopsAt: true)
    case .binary(let symbol, let left, let right): return binary(symbol, left, right)
    case .conditional(let condition, let then, let otherwise):
      let second = otherwise.map { shape($0) } ?? .constant(.undefined)
      guard let truth = truth(condition) else {
        return shape(then) == second ? second : .unknown
      }
      return truth ? shape(then) : second
    case .list(let elements), .tuple(let elements):
      let constants = elements.compactMap { shape($0).constant }
      return constants.count == elements.count ? .constant(.list(constants)) : .values
    case .dictionary(let members): return dictionary(members)
    case .other: return .unknown
    }
  }

  /// A dictionary whose keys are texts and whose values are known; of two equal keys the last
  /// counts.
  private func dictionary(
    _ members: [(key: JinjaExpression, value: JinjaExpression)]
  ) -> TemplateShape {
    var entries: [TemplateEntry] = []
    for member in members {
      guard case .constant(.string(let key)) = shape(member.key),
        let value = shape(member.value).constant
      else { return .unknown }
      entries.removeAll { $0.key == key }
      entries.append(TemplateEntry(key: key, value: value))
    }
    return .constant(.dictionary(entries))
  }

  /// Names that a dictionary's attributes have before its keys.
  static let methods: Set<String> = [
    "clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update",
    "values",
  ]

  private func choice(
    _ left: JinjaExpression, _ right: JinjaExpression, stopsAt stop: Bool
  ) -> TemplateShape {
    if let truth = truth(left) { return truth == stop ? shape(left) : shape(right) }
    return shape(left) == .bool && shape(right) == .bool ? .bool : .unknown
  }

  private func attribute(_ base: JinjaExpression, _ key: String) -> TemplateShape {
    if case .name("loop") = base.node, loopDepth > 0 {
      if ["first", "last"].contains(key) { return .bool }
      return ["previtem", "nextitem"].contains(key) ? .unknown : .integer
    }
    switch shape(base) {
    case .message:
      if ["role", "content"].contains(key) { return .string }
      return isField(key) ? .unknown : .constant(.undefined)
    case .namespace(let number):
      return namespaces[number][key] == nil ? .constant(.undefined) : .unknown
    case .constant(.dictionary(let entries)) where !Self.methods.contains(key):
      return .constant(entries.first { $0.key == Array(key.utf8) }?.value ?? .undefined)
    // Templates ask a content whether it has parts; a text has none.
    case .string where ["content", "role", "text", "type"].contains(key):
      return .constant(.undefined)
    default: return .unknown
    }
  }

  /// Whether a message may have a field besides its role and content.
  func isField(_ key: String) -> Bool { readsFields && ChatFields.names.contains(key) }

  private func element(_ base: JinjaExpression, _ index: JinjaExpression) -> TemplateShape {
    if case .call(let function, let arguments, _) = base.node,
      case .attribute(let text, "split") = function.node, arguments.count == 1,
      shape(text).isString
    {
      return .string
    }
    return shape(base) == .list && shape(index).isInteger ? .message : .unknown
  }

  private func call(_ function: JinjaExpression, _ arguments: [JinjaExpression]) -> TemplateShape {
    if case .name(let name) = function.node {
      if macro(name) != nil { return .string }
      if name == "strftime_now", variable(name) == nil, let date, arguments.count == 1,
        case .constant(.string(let format)) = shape(arguments[0]),
        let text = date.formatted(format)
      {
        return .constant(.string(text))
      }
      return name == "range" && variable(name) == nil ? .integers : .unknown
    }
    guard case .attribute(let base, let method) = function.node else { return .unknown }
    switch method {
    case "strip", "lstrip", "rstrip", "upper", "lower", "capitalize", "title", "replace", "join":
      return .string
    case "format" where shape(base).isString: return .string
    case "startswith", "endswith": return .bool
    case "split": return .strings
    case "find", "rfind": return .integer
    case "items", "keys", "values": return readsFields ? .values : .unknown
    case "get":
      guard shape(base) == .message, let first = arguments.first,
        case .string(let key) = first.node
      else { return .unknown }
      let name = String(decoding: key, as: UTF8.self)
      if isField(name) { return .unknown }
      let value = attribute(base, name)
      guard value == .constant(.undefined) else { return value }
      return arguments.count > 1 ? shape(arguments[1]) : .constant(.none)
    default: return .unknown
    }
  }

  private func filter(
    _ base: JinjaExpression, _ name: String, _ arguments: [JinjaExpression]
  ) -> TemplateShape {
    let value = shape(base)
    switch name {
    case "trim": return .string
    case "length", "count":
      if case .constant(.list(let elements)) = value { return .constant(.integer(elements.count)) }
      if value == .constant(.undefined) { return .constant(.integer(0)) }
      return .integer
    case "default", "d":
      guard value == .constant(.undefined) else { return value }
      return arguments.first.map { shape($0) } ?? .constant(.string([]))
    case "string": return value.isString ? value : .string
    case "upper", "lower", "capitalize", "title", "format", "replace", "join", "tojson":
      return .string
    case "reverse", "safe": return value
    case "items", "dictsort": return readsFields ? .values : .unknown
    case "int": return value.isInteger ? value : .unknown
    case "first", "last": return value == .list ? .message : .unknown
    case "list", "selectattr", "rejectattr", "map":
      // Selections of nothing are empty.
      if value == .constant(.none) && name != "list" || value == .constant(.undefined) {
        return .constant(.list([]))
      }
      if name == "map" { return .strings }
      if readsFields, value == .unknown { return .values }
      return value == .list && name != "list" ? .values : value
    default: return .unknown
    }
  }

  /// A test's outcome where it is the same for every conversation.
  private func test(
    _ base: JinjaExpression, _ name: String, _ arguments: [JinjaExpression]
  ) -> Bool? {
    let value = shape(base)
    if value == .unknown || value.isUnsupported { return nil }
    switch name {
    case "defined": return value != .constant(.undefined)
    case "undefined": return value == .constant(.undefined)
    case "none": return value == .constant(.none)
    case "string": return value.isString
    case "mapping": return value == .message || value.entries != nil
    case "iterable", "sequence":
      // Jinja runs over what is undefined, too.
      if readsFields, value == .constant(.undefined) { return true }
      return value.isString || value.isList || value == .message || value.entries != nil
    case "number": return value.isInteger
    case "boolean":
      if case .constant(.bool) = value { return true }
      return value == .bool
    case "true": return value.constant.map { $0 == .bool(true) }
    case "false": return value.constant.map { $0 == .bool(false) }
    default: return nil
    }
  }

  private func binary(
    _ symbol: String, _ left: JinjaExpression, _ right: JinjaExpression
  ) -> TemplateShape {
    let (first, second) = (shape(left), shape(right))
    switch symbol {
    case "==", "!=":
      if let isEqual = equality(first, second) {
        return .constant(.bool(isEqual == (symbol == "==")))
      }
      return .bool
    case "in", "not in":
      if let isIn = membership(first, second) {
        return .constant(.bool(isIn == (symbol == "in")))
      }
      return .bool
    case "<", ">", "<=", ">=":
      guard case .constant(.integer(let a)) = first, case .constant(.integer(let b)) = second else {
        return .bool
      }
      let result = symbol == "<" ? a < b : symbol == ">" ? a > b : symbol == "<=" ? a <= b : a >= b
      return .constant(.bool(result))
    case "+", "~":
      if case .constant(.string(let a)) = first, case .constant(.string(let b)) = second,
        // What would not fit a program is not worth the memory either.
        a.count + b.count <= Int(TemplateLayout.maxPoolByteCount)
      {
        return .constant(.string(a + b))
      }
      if symbol == "~" || first.isString && second.isString { return .string }
      if first.isList, second.isList {
        return first == second && first.constant == nil ? first : .values
      }
      return first.isInteger && second.isInteger && symbol == "+" ? .integer : .unknown
    case "%" where first.isString: return .string
    case "*" where first.isString || second.isString: return repeated(first, second)
    case "-", "%", "*", "//": return first.isInteger && second.isInteger ? .integer : .unknown
    default: return .unknown
    }
  }

  /// A text so many times, on either side.
  private func repeated(_ first: TemplateShape, _ second: TemplateShape) -> TemplateShape {
    let (text, times) = first.isString ? (first, second) : (second, first)
    guard case .constant(.string(let bytes)) = text, case .constant(.integer(let count)) = times
    else { return .string }
    guard count > 0, !bytes.isEmpty else { return .constant(.string([])) }
    guard count <= Int(TemplateLayout.maxPoolByteCount) / bytes.count else { return .string }
    return .constant(.string([UInt8]([[UInt8]](repeating: bytes, count: count).joined())))
  }

  private func equality(_ first: TemplateShape, _ second: TemplateShape) -> Bool? {
    if let a = first.constant, let b = second.constant { return a == b }
    let isOther = { (value: TemplateShape) in
      value == .constant(.none) || value == .constant(.undefined)
    }
    let isKnown = { (value: TemplateShape) in
      value.isString || value.isInteger || value == .bool || value == .message || value.isList
    }
    return isOther(first) && isKnown(second) || isOther(second) && isKnown(first) ? false : nil
  }

  private func membership(_ needle: TemplateShape, _ haystack: TemplateShape) -> Bool? {
    switch haystack {
    case .message:
      guard case .constant(.string(let key)) = needle else { return nil }
      let name = String(decoding: key, as: UTF8.self)
      return isField(name) ? nil : ["role", "content"].contains(name)
    case .constant(.undefined): return false
    case .constant(.list(let elements)): return needle.constant.map { elements.contains($0) }
    case .constant(.dictionary(let entries)):
      return needle.constant.map { needle in entries.contains { needle == .string($0.key) } }
    case .constant(.string(let text)):
      guard case .constant(.string(let part)) = needle else { return nil }
      return part.isEmpty || text.indices.contains { text[$0...].starts(with: part) }
    default: return nil
    }
  }
}
