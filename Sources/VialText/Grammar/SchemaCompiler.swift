// From a JSON schema to a grammar of the JSON texts that satisfy it.
// Owns which keywords are taken. Must not: let through what a validator would refuse; what it cannot hold an answer
// to, it refuses by name. Implements Spec/TEMPLATES.md, "Schemas".

/// Compiles one schema.
struct SchemaCompiler {
  var program: GrammarProgram
  let root: JSONValue
  /// Schemas that were put together so far.
  var combinationCount = 0
  private var depth = 0
  /// References that are being followed.
  private var references: [String] = []
  /// Most times that one of them may be among these again.
  private let recursionLimit: Int
  private var isRecursive = false

  /// The grammar of a schema's texts: at most two line ends or a space, and the value.
  static func compile(_ text: [UInt8]) throws(GrammarError) -> GrammarProgram {
    guard text.count <= GrammarLimits.schemaByteCount else { throw .tooLarge("its text") }
    let root: JSONValue
    do throws(JSONError) {
      root = try JSONReader.parse(text)
    } catch { throw .notJSON(offset: error.offset) }
    // A schema that leads back to itself may have to be tried with fewer levels. All attempts share the work: the first
    // has half of it, the second a quarter, and so on.
    var limit = GrammarLimits.recursion
    while true {
      let share = min(GrammarLimits.recursion - limit + 1, GrammarLimits.recursion - 1)
      let budget = WorkBudget(
        work: GrammarLimits.work >> share, byteCount: GrammarLimits.memoryByteCount)
      var compiler = SchemaCompiler(root: root, recursionLimit: limit, budget: budget)
      do throws(GrammarError) {
        return try compiler.whole()
      } catch {
        if case .tooLarge = error, compiler.isRecursive, limit > 1 {
          limit -= 1
          continue
        }
        throw error == Self.endless ? .unsupported("a $ref that leads back to itself") : error
      }
    }
  }

  /// What a reference is that leads back to itself once too often: no value is that deep.
  private static let endless = GrammarError.contradictory("a $ref leads back to itself too often")

  private init(root: JSONValue, recursionLimit: Int, budget: WorkBudget) {
    (self.root, self.recursionLimit) = (root, recursionLimit)
    program = GrammarProgram(budget: budget)
  }

  /// Charges the compilation with `count` times `steps`.
  mutating func spend(_ count: Int, times steps: Int = 1) throws(GrammarError) {
    try program.spend(count, times: steps)
  }

  private mutating func whole() throws(GrammarError) -> GrammarProgram {
    let end = try program.add(.accept)
    program.start = try leadingSpace(try value(root, end))
    return program
  }

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
    try spend(Self.schemaSteps + object.members.count)
    for keyword in Self.refused where object[keyword.key] != nil {
      throw .unsupported(keyword.name)
    }
    if let parts = try parts(object) {
      return try value(try combined(parts), next)
    }
    if let reference = object["$ref"] { return try follow(reference, next) }
    if let alternatives = try alternatives(object) {
      return try either(alternatives) { compiler, alternative throws(GrammarError) in
        try compiler.value(alternative, next)
      }
    }
    if let values = try listed(object) { return try self.values(values, object, next) }
    return try typed(object, next)
  }

  /// Those of several beginnings that some value has.
  private mutating func either<Option>(
    _ options: [Option],
    _ start: (inout SchemaCompiler, Option) throws(GrammarError) -> Int32
  ) throws(GrammarError) -> Int32 {
    var starts: [Int32] = []
    var failure = GrammarError.contradictory("there are no alternatives")
    for option in options {
      let found = try possible { compiler throws(GrammarError) in try start(&compiler, option) }
      switch found {
      case .success(let start): starts.append(start)
      case .failure(let error): failure = error
      }
    }
    guard !starts.isEmpty else { throw failure }
    return try program.either(starts)
  }

  /// What `body` adds, or that nothing satisfies it; then nothing was added.
  mutating func possible(
    _ body: (inout SchemaCompiler) throws(GrammarError) -> Int32
  ) throws(GrammarError) -> Result<Int32, GrammarError> {
    let (count, depth, references) = (program.nodes.count, depth, references)
    do throws(GrammarError) {
      return .success(try body(&self))
    } catch {
      guard case .contradictory = error else { throw error }
      program.rewind(to: count)
      (self.depth, self.references) = (depth, references)
      return .failure(error)
    }
  }

  /// What looking at one schema costs at least.
  private static let schemaSteps = 32

  private static let refused: [(key: JSONString, name: StaticString)] =
    ([
      "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
      "patternProperties", "propertyNames", "contains", "prefixItems", "unevaluatedProperties",
      "unevaluatedItems", "$dynamicRef", "$recursiveRef",
    ] as [StaticString]).map { (JSONString($0.description), $0) }
  private static let remarks: Set<String> = [
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs",
    "definitions", "deprecated", "readOnly", "writeOnly", "format", "$anchor",
  ]

  /// Whether a keyword only says something to people.
  static func isRemark(_ keyword: String) -> Bool { remarks.contains(keyword) }

  static func isKeyword(_ member: JSONObject.Member) -> Bool {
    !remarks.contains(member.key.text)
  }

  /// The schema behind a local reference, as often behind itself as is allowed.
  private mutating func follow(_ reference: JSONValue, _ next: Int32) throws(GrammarError) -> Int32
  {
    let target = try target(reference)
    let path = reference.text ?? ""
    let count = references.count { $0 == path }
    isRecursive = isRecursive || count > 0
    guard count <= recursionLimit else { throw Self.endless }
    references.append(path)
    defer { references.removeLast() }
    return try value(target, next)
  }

  /// The schema behind a local reference.
  mutating func target(_ reference: JSONValue) throws(GrammarError) -> JSONValue {
    guard let path = reference.text, path == "#" || path.hasPrefix("#/") else {
      throw .unsupported("$ref to another document")
    }
    try spend(path.utf8.count, times: 4)
    var target = root
    for part in path.dropFirst().split(separator: "/") {
      let key = Self.unescaped(part)
      guard let inner = target[key] ?? Int(key).flatMap({ target[$0] }) else {
        throw .unsupported("a $ref to nothing")
      }
      target = inner
    }
    return target
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

  static func typeNames(_ value: JSONValue) -> [String] {
    if let name = value.text { return [name] }
    return (value.array ?? []).compactMap(\.text)
  }

  // MARK: Listed values

  private mutating func listed(_ object: JSONObject) throws(GrammarError) -> [JSONValue]? {
    guard let list = object["enum"] else { return object["const"].map { [$0] } }
    guard let values = list.array else { throw .unsupported("an enum that is no list") }
    guard let only = object["const"] else { return values }
    let wanted = try text(only)
    var listed: [JSONValue] = []
    for value in values where try text(value) == wanted { listed.append(value) }
    return listed
  }

  /// A value as JSON, charged.
  mutating func text(_ value: JSONValue) throws(GrammarError) -> [UInt8] {
    let text = value.compactText
    try spend(text.count + 4)
    try program.reserve(text.count + 32, of: 1)
    return text
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
    var texts: [[UInt8]] = []
    for value in values where types?.contains(where: value.isOf) ?? true {
      texts.append(try text(value))
    }
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
      try spend(named.count, times: 8)
      guard !named.isEmpty else { throw .unsupported("a type that is no name") }
    }
    guard !named.isEmpty else { return try anything(next, levels: Self.anyLevels) }
    return try either(named) { compiler, name throws(GrammarError) in
      try compiler.type(name, object, next)
    }
  }

  /// Keywords that say something about values of one type only.
  private static let keywordsOfType: [(type: String, keywords: [String])] = [
    (
      "object",
      ["properties", "required", "additionalProperties", "minProperties", "maxProperties"]
    ),
    ("array", ["items", "minItems", "maxItems", "uniqueItems"]),
    ("string", ["pattern", "minLength", "maxLength", "format"]),
    ("number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
  ]

  /// Without a type, the first that a keyword speaks of: values of the others would be allowed, but nobody means them.
  private static func impliedTypes(_ object: JSONObject) -> [String] {
    let implied = keywordsOfType.first { entry in entry.keywords.contains { object[$0] != nil } }
    return implied.map { [$0.type] } ?? []
  }

  private mutating func type(
    _ name: String, _ object: JSONObject, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    switch name {
    case "object": return try self.object(object, next)
    case "array": return try array(object, next)
    case "string": return try string(object, next)
    case "integer", "number":
      return try program.number(try range(object, isInteger: name == "integer"), next)
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
    let found = try possible { compiler throws(GrammarError) in try item(&compiler, more) }
    guard case .success(let start) = found else {
      return try program.literal(open, try program.literal(close, next))
    }
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
