// From a JSON schema to a grammar of the JSON texts that satisfy it.
// Owns which keywords are taken. Must not: let through what a validator would refuse; what it cannot hold an answer
// to, it refuses by name. Implements Spec/TEMPLATES.md, "Schemas".

/// Compiles one schema.
struct SchemaCompiler {
  var program = GrammarProgram()
  private let root: JSONValue
  private var depth = 0
  /// References that are being followed.
  private var references: [String] = []

  /// The grammar of a schema's texts: at most two line ends or a space, and the value.
  static func compile(_ text: [UInt8]) throws(GrammarError) -> GrammarProgram {
    guard text.count <= GrammarLimits.schemaByteCount else { throw .tooLarge("its text") }
    let root: JSONValue
    do throws(JSONError) {
      root = try JSONReader.parse(text)
    } catch { throw .notJSON(offset: error.offset) }
    var compiler = SchemaCompiler(root: root)
    let end = try compiler.program.add(.accept)
    let value = try compiler.value(root, end)
    compiler.program.start = try compiler.leadingSpace(value)
    return compiler.program
  }

  private init(root: JSONValue) { self.root = root }

  private mutating func leadingSpace(_ value: Int32) throws(GrammarError) -> Int32 {
    let one = try program.either([try program.literal("\n", value), value])
    return try program.either([
      try program.literal("\n", one), try program.literal(" ", value), value,
    ])
  }

  // MARK: Any schema

  /// A value that satisfies `schema`, then `next`.
  mutating func value(_ schema: JSONValue, _ next: Int32) throws(GrammarError) -> Int32 {
    depth += 1
    guard depth <= GrammarLimits.depth else { throw .tooLarge("schemas inside of schemas") }
    defer { depth -= 1 }
    if let isAllowed = schema.bool {
      guard isAllowed else { throw .contradictory("a schema is false") }
      return try anything(next, levels: Self.anyLevels)
    }
    guard let object = schema.object else { throw .unsupported("a schema that is no object") }
    for keyword in Self.refused where object[JSONString("\(keyword)")] != nil {
      throw .unsupported(keyword)
    }
    if let reference = object["$ref"] { return try follow(reference, object, next) }
    if let all = object["allOf"] {
      guard let parts = all.array, parts.count == 1,
        object.members.count(where: Self.isKeyword) == 1
      else { throw .unsupported("allOf of several, or beside other keywords") }
      return try value(parts[0], next)
    }
    if let alternatives = try alternatives(object) {
      var starts: [Int32] = []
      for alternative in alternatives { starts.append(try value(alternative, next)) }
      return try program.either(starts)
    }
    if let values = try listed(object) { return try self.values(values, object, next) }
    return try typed(object, next)
  }

  private static let refused: [StaticString] = [
    "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
    "patternProperties", "propertyNames", "contains", "prefixItems", "unevaluatedProperties",
    "unevaluatedItems", "$dynamicRef", "$recursiveRef",
  ]
  private static let remarks: Set<String> = [
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs",
    "definitions", "deprecated", "readOnly", "writeOnly", "format", "$anchor",
  ]

  private static func isKeyword(_ member: JSONObject.Member) -> Bool {
    !remarks.contains(member.key.text)
  }

  /// The schema behind a local reference, which must not lead back to itself.
  private mutating func follow(
    _ reference: JSONValue, _ object: JSONObject, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    guard let path = reference.text, path.first == "#",
      object.members.count(where: Self.isKeyword) == 1
    else { throw .unsupported("$ref to another document, or beside other keywords") }
    guard !references.contains(path) else { throw .unsupported("a $ref that leads back to itself") }
    var target = root
    for part in path.dropFirst().split(separator: "/") {
      let key = Self.unescaped(part)
      guard let inner = target[key] ?? Int(key).flatMap({ target[$0] }) else {
        throw .unsupported("a $ref to nothing")
      }
      target = inner
    }
    references.append(path)
    defer { references.removeLast() }
    return try value(target, next)
  }

  /// A part of a JSON pointer.
  private static func unescaped(_ part: Substring) -> String {
    var bytes: [UInt8] = []
    var isEscaped = false
    for byte in part.utf8 {
      if isEscaped {
        bytes.append(byte == 0x31 ? 0x2F : 0x7E)
        isEscaped = false
      } else if byte == 0x7E {
        isEscaped = true
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The alternatives of anyOf, or of a oneOf whose alternatives exclude each other.
  private func alternatives(_ object: JSONObject) throws(GrammarError) -> [JSONValue]? {
    guard let found = object["anyOf"] ?? object["oneOf"] else { return nil }
    guard let alternatives = found.array, !alternatives.isEmpty,
      object.members.count(where: Self.isKeyword) == 1
    else { throw .unsupported("anyOf or oneOf beside other keywords") }
    guard object["oneOf"] != nil else { return alternatives }
    var types: Set<String> = []
    for alternative in alternatives {
      for type in try self.types(alternative) {
        guard types.insert(type == "integer" ? "number" : type).inserted else {
          throw .unsupported("oneOf whose alternatives have a type in common")
        }
      }
    }
    return alternatives
  }

  private static func typeNames(_ value: JSONValue) -> [String] {
    if let name = value.text { return [name] }
    return (value.array ?? []).compactMap(\.text)
  }

  private func types(_ schema: JSONValue) throws(GrammarError) -> [String] {
    if let type = schema["type"] { return Self.typeNames(type) }
    throw .unsupported("oneOf whose alternatives have no type")
  }

  // MARK: Listed values

  private func listed(_ object: JSONObject) throws(GrammarError) -> [JSONValue]? {
    if let value = object["const"] { return [value] }
    guard let list = object["enum"] else { return nil }
    guard let values = list.array else { throw .unsupported("an enum that is no list") }
    return values
  }

  private mutating func values(
    _ values: [JSONValue], _ object: JSONObject, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    guard values.count <= GrammarLimits.valueCount else { throw .tooLarge("an enum") }
    for member in object.members where Self.isKeyword(member) {
      guard ["enum", "const", "type"].contains(member.key.text) else {
        throw .unsupported("enum or const beside other keywords")
      }
    }
    let types = object["type"].map(Self.typeNames)
    let texts = values.filter { types?.contains(where: $0.isOf) ?? true }.map(\.compactText)
    guard !texts.isEmpty else { throw .contradictory("an enum has no value of its type") }
    guard texts.allSatisfy({ $0.count <= GrammarLimits.valueByteCount }) else {
      throw .tooLarge("a value of an enum")
    }
    return try program.literals(texts, next)
  }

  // MARK: Types

  private mutating func typed(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    let named: [String]
    switch object["type"] {
    case nil: named = Self.impliedTypes(object)
    case .some(let type):
      named = Self.typeNames(type)
      guard !named.isEmpty else { throw .unsupported("a type that is no name") }
    }
    guard !named.isEmpty else { return try anything(next, levels: Self.anyLevels) }
    var starts: [Int32] = []
    for name in named { starts.append(try type(name, object, next)) }
    return try program.either(starts)
  }

  private static func impliedTypes(_ object: JSONObject) -> [String] {
    if object["properties"] != nil || object["required"] != nil { return ["object"] }
    if object["items"] != nil { return ["array"] }
    if object["pattern"] != nil || object["maxLength"] != nil { return ["string"] }
    if object["minimum"] != nil || object["maximum"] != nil { return ["number"] }
    return []
  }

  private mutating func type(
    _ name: String, _ object: JSONObject, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    switch name {
    case "object": return try self.object(object, next)
    case "array": return try array(object, next)
    case "string": return try string(object, next)
    case "integer": return try program.number(try range(object, places: 0), next)
    case "number": return try program.number(try range(object, places: 6), next)
    case "boolean":
      return try program.either([
        try program.literal("true", next), try program.literal("false", next),
      ])
    case "null": return try program.literal("null", next)
    default: throw .unsupported("a type that JSON does not have")
    }
  }

  /// Levels of arrays and objects in a value that may be anything.
  private static let anyLevels = 3

  private mutating func anything(_ next: Int32, levels: Int) throws(GrammarError) -> Int32 {
    var starts = [
      try program.jsonString(least: 0, most: GrammarLimits.stringLength, next),
      try program.number(GrammarRange(places: 6, low: nil, high: nil), next),
      try program.literal("true", next), try program.literal("false", next),
      try program.literal("null", next),
    ]
    if levels > 0 {
      starts.append(
        try list("[", "]", next) { compiler, next throws(GrammarError) in
          try compiler.anything(next, levels: levels - 1)
        })
      starts.append(
        try list("{", "}", next) { compiler, next throws(GrammarError) in
          try compiler.member(
            key: try compiler.program.placeholder(),
            value: try compiler.anything(next, levels: levels - 1))
        })
    }
    return try program.either(starts)
  }

  /// Any number of items with commas between them.
  mutating func list(
    _ open: StaticString, _ close: StaticString, _ next: Int32,
    _ item: (inout SchemaCompiler, Int32) throws(GrammarError) -> Int32
  ) throws(GrammarError) -> Int32 {
    let end = try program.lineBreak(try program.literal(close, next))
    let more = try program.placeholder()
    let start = try item(&self, more)
    program.set(more, end, try program.literal(",", try program.lineBreak(start)))
    let first = try program.lineBreak(start)
    let empty = try program.literal(close, next)
    return try program.literal(open, try program.either([empty, first]))
  }

  /// A key of any text, a colon and a value; `key` becomes the beginning.
  mutating func member(key: Int32, value: Int32) throws(GrammarError) -> Int32 {
    let colon = try program.literal(":", try program.space(value))
    let start = try program.jsonString(least: 1, most: 64, colon)
    program.set(key, start, start)
    return key
  }
}

extension JSONValue {
  /// Whether the value is of a schema's type.
  fileprivate func isOf(_ type: String) -> Bool {
    switch self {
    case .null: type == "null"
    case .bool: type == "boolean"
    case .integer: type == "integer" || type == "number"
    case .number(let value): type == "number" || (type == "integer" && value.rounded() == value)
    case .string: type == "string"
    case .array: type == "array"
    case .object: type == "object"
    }
  }
}
