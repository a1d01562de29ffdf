// Owns: the way from a JSON schema to a grammar of the JSON texts that satisfy it: the order in
// which keywords are looked at, and references.
// Must not: let through what a validator would refuse; what it cannot hold an answer to, it refuses
// by name.
// Source: Spec/TEMPLATES.md, "Schemas".

/// Compiles one schema.
struct SchemaCompiler {
  var program = GrammarProgram(
    budget: WorkBudget(work: GrammarLimits.work, byteCount: GrammarLimits.memoryByteCount))
  let root: JSONValue
  /// Schemas that were put together so far.
  var combinationCount = 0
  /// Formats that answers are not held to.
  private(set) var unkeptFormats: Set<String> = []
  private var depth = 0
  /// Combinations inside of each other.
  private var combinationDepth = 0
  /// Where the rule of each reference begins; what it does comes later.
  private var rules: [JSONString: Int32] = [:]
  /// Schemas made of several that are being compiled, and the rules of those that lead back to
  /// themselves.
  private var openTexts: Set<[UInt8]> = []
  private var recursive: [[UInt8]: Int32] = [:]
  /// Schemas whose rules are still to be made.
  private var pending: [(rule: Int32, schema: JSONValue)] = []
  /// The first reason why nothing satisfies some part, or why what does is not offered.
  private var contradiction: GrammarError?
  /// Whether what is looked at is a schema that must not hold, or that says which others must.
  var isSelecting = false
  /// Schemas by the names that they have themselves, once there was a reference.
  private var anchors: [JSONString: JSONValue]?
  /// Names that several have.
  private var sharedNames: Set<JSONString> = []
  /// Whether the schema says that it is of a draft before 2020-12.
  let isOldDraft: Bool

  /// The grammar of a schema's texts, and the formats in it that are not kept.
  static func compile(
    _ text: [UInt8]
  ) throws(GrammarError) -> (program: GrammarProgram, unkeptFormats: Set<String>) {
    guard text.count <= GrammarLimits.schemaByteCount else { throw .tooLarge("its text") }
    var compiler = SchemaCompiler(root: try parse(text))
    try compiler.spend(text.count)
    try compiler.whole()
    return (compiler.program, compiler.unkeptFormats)
  }

  private static func parse(_ text: [UInt8]) throws(GrammarError) -> JSONValue {
    do throws(JSONError) {
      return try JSONReader.parse(text)
    } catch {
      switch error.kind {
      case .syntax: throw .notJSON(offset: error.offset, "it is not JSON")
      case .size: throw .tooLarge("levels of its JSON")
      case .repeatedKey: throw .notJSON(offset: error.offset, "a key stands twice in an object")
      case .number: throw .notJSON(offset: error.offset, "a number is too large")
      }
    }
  }

  private init(root: JSONValue) {
    self.root = root
    isOldDraft = ["draft-03", "draft-04", "draft-06", "draft-07", "2019-09"].contains {
      Self.draft(of: root, is: $0)
    }
  }

  /// Whether a schema says that it is of a draft. Byte by byte: searching in a String would link
  /// regular expressions.
  private static func draft(of root: JSONValue, is name: StaticString) -> Bool {
    let text = (root["$schema"]?.string?.bytes ?? []).prefix(128)
    let name = Array(name.description.utf8)
    return text.indices.contains { text[$0...].starts(with: name) }
  }

  private mutating func whole() throws(GrammarError) {
    let end = try program.add(.accept)
    let start = try value(root, end)
    program.start = try program.either([try program.literal("\n\n", start), start])
    while let (rule, schema) = pending.popLast() {
      let start = try self.rule { compiler, end throws(GrammarError) in
        try compiler.inlined(schema, end)
      }
      program.set(rule, start, start)
    }
    try program.finish()
    guard program.hasEnd else {
      throw contradiction
        ?? .unsupported("a $ref that leads back to itself without an end, or through 255 others")
    }
  }

  /// Charges the compilation with `count` times `steps`.
  mutating func spend(_ count: Int, times steps: Int = 1) throws(GrammarError) {
    try program.spend(count, times: steps)
  }

  /// A part that nothing satisfies. What can be left out is; when nothing is left, the first reason
  /// is told.
  mutating func nothing(_ reason: StaticString) throws(GrammarError) -> Int32 {
    if contradiction == nil { contradiction = .contradictory(reason) }
    return try program.dead()
  }

  /// A part that something satisfies which is not offered.
  mutating func unoffered(_ reason: StaticString) throws(GrammarError) -> Int32 {
    if contradiction == nil { contradiction = .unsupported(reason) }
    return try program.dead()
  }

  /// A rule of its own for a schema.
  mutating func rule(_ schema: JSONValue) throws(GrammarError) -> Int32 {
    try rule { compiler, end throws(GrammarError) in try compiler.value(schema, end) }
  }

  /// A rule of its own.
  mutating func rule(
    _ body: (inout SchemaCompiler, Int32) throws(GrammarError) -> Int32
  ) throws(GrammarError) -> Int32 {
    let outer = program.beginRule()
    defer { program.endRule(outer) }
    return try body(&self, try program.ruleEnding())
  }

  // MARK: Any schema

  /// A value that satisfies `schema`, then `next`.
  mutating func value(_ schema: JSONValue, _ next: Int32) throws(GrammarError) -> Int32 {
    guard let object = schema.object, SchemaKeywords.isComposite(object),
      let text = schema.compactText(limit: Self.recursiveByteCount)
    else { return try inlined(schema, next) }
    try spend(text.count)
    if recursive[text] == nil, openTexts.insert(text).inserted {
      defer { openTexts.remove(text) }
      return try inlined(schema, next)
    }
    let known = recursive[text]
    let rule = if let known { known } else { try later(schema) }
    recursive[text] = rule
    return try program.add(.call(start: rule, next: next))
  }

  /// Longest text of a schema made of several that may lead back to itself; of a longer one, each
  /// level counts.
  private static let recursiveByteCount = 4096

  /// A rule whose body comes when everything that is open is done.
  private mutating func later(_ schema: JSONValue) throws(GrammarError) -> Int32 {
    let rule = try program.placeholder()
    pending.append((rule, schema))
    return rule
  }

  private mutating func inlined(_ schema: JSONValue, _ next: Int32) throws(GrammarError) -> Int32 {
    depth += 1
    guard depth <= GrammarLimits.depth else { throw .tooLarge("schemas inside of schemas") }
    defer { depth -= 1 }
    if let isAllowed = schema.bool {
      return isAllowed ? try anything(next) : try nothing("a schema is false")
    }
    guard let object = schema.object else { throw .unsupported("a schema that is no object") }
    try check(object)
    if let parts = try parts(object) { return try value(try combined(parts), next) }
    if let reference = object["$ref"] { return try call(reference, next) }
    if let cases = try cases(object) { return try either(cases, next) }
    if let alternatives = try alternatives(object) { return try either(alternatives, next) }
    if let values = try listedValues(object) { return try self.values(values, object, next) }
    return try typed(object, next)
  }

  private mutating func either(
    _ alternatives: [JSONValue], _ next: Int32
  ) throws(GrammarError) -> Int32 {
    guard !alternatives.isEmpty else { return try nothing("there are no alternatives") }
    var starts: [Int32] = []
    for alternative in alternatives { starts.append(try value(alternative, next)) }
    return try program.either(starts)
  }

  /// What looking at one schema costs at least.
  private static let schemaSteps = 32

  private mutating func check(_ object: JSONObject) throws(GrammarError) {
    try spend(Self.schemaSteps + object.members.count)
    for keyword in SchemaKeywords.refused where object[keyword.key] != nil {
      throw .unsupported(keyword.name)
    }
  }

  /// A value of any kind.
  mutating func anything(_ next: Int32) throws(GrammarError) -> Int32 {
    let rule = try program.anythingRule()
    return try program.add(.call(start: rule, next: next))
  }

  // MARK: References

  /// The schema behind a local reference, as a rule that all such references share.
  private mutating func call(_ reference: JSONValue, _ next: Int32) throws(GrammarError) -> Int32 {
    let target = try target(reference)
    let path = reference.string ?? "#"
    if let known = rules[path] { return try program.add(.call(start: known, next: next)) }
    let rule = try later(target)
    rules[path] = rule
    return try program.add(.call(start: rule, next: next))
  }

  /// The schema behind a local reference: a JSON pointer (RFC 6901), or the name that a schema has
  /// itself.
  mutating func target(_ reference: JSONValue) throws(GrammarError) -> JSONValue {
    guard let text = reference.string else { throw .unsupported("a $ref that is no text") }
    try spend(text.bytes.count, times: 4)
    let names = try names()
    let local = root["$id"]?.string ?? root["id"]?.string
    var path = text.bytes[...]
    if let local, !local.bytes.isEmpty, path.starts(with: local.bytes), local.bytes.last != 0x23 {
      path = path.dropFirst(local.bytes.count)
    }
    guard path.first == 0x23 || path.isEmpty else { throw .unsupported("$ref to another document") }
    guard path.count > 1 else { return root }
    guard path.dropFirst().first == 0x2F else {
      let name = JSONString(bytes: Array(path))
      guard !sharedNames.contains(name) else {
        throw .unsupported("a $ref to one of several schemas of one name")
      }
      guard let schema = names[name] else {
        throw .unsupported("a $ref to nothing")
      }
      return schema
    }
    var target = root
    for part in path.dropFirst(2).split(separator: 0x2F, omittingEmptySubsequences: false) {
      let key = SchemaKeywords.unescaped(part)
      let index = Int(key.text)
      guard let inner = target.object?[key] ?? index.flatMap({ target[$0] }) else {
        throw .unsupported("a $ref to nothing")
      }
      target = inner
    }
    return target
  }

  /// Schemas by the names that they have themselves. Throws where a reference, or a name, would
  /// mean another schema to a part of the document that has an identifier of its own.
  private mutating func names() throws(GrammarError) -> [JSONString: JSONValue] {
    if let anchors { return anchors }
    var found: [JSONString: JSONValue] = [:]
    var open = [(value: root, isInner: false)]
    var isRoot = true
    while let (value, isInner) = open.popLast() {
      defer { isRoot = false }
      try spend(1)
      for element in value.array ?? [] { open.append((element, isInner)) }
      guard let object = value.object else { continue }
      var isInner = isInner
      for key in ["$id", "id"] as [JSONString] {
        guard let own = object[key]?.string else { continue }
        if own.bytes.first == 0x23 {
          name(own, value, &found)
        } else if !isRoot, key == identifier {
          isInner = true
        }
      }
      if let own = object["$anchor"]?.string {
        name(JSONString(bytes: [0x23] + own.bytes), value, &found)
      }
      if isInner, object["$ref"]?.string != nil {
        throw .unsupported("a $ref below an $id that is not the whole schema's")
      }
      for member in object.members where !Self.data.contains(member.key) {
        open.append((member.value, isInner))
      }
    }
    anchors = found
    return found
  }

  /// Keywords whose values are no schemas.
  private static let data: Set<JSONString> = ["enum", "const", "default", "examples"]

  /// What makes a schema a document of its own.
  private var identifier: JSONString {
    Self.draft(of: root, is: "draft-03") || Self.draft(of: root, is: "draft-04") ? "id" : "$id"
  }

  private mutating func name(
    _ name: JSONString, _ schema: JSONValue, _ found: inout [JSONString: JSONValue]
  ) {
    if found.updateValue(schema, forKey: name) != nil { sharedNames.insert(name) }
  }

  // MARK: Listed values

  private func listedValues(_ object: JSONObject) throws(GrammarError) -> [JSONValue]? {
    guard let list = object["enum"] else { return object["const"].map { [$0] } }
    guard let values = list.array else { throw .unsupported("an enum that is no list") }
    return values
  }

  /// Those of the values that all other keywords allow.
  private mutating func values(
    _ values: [JSONValue], _ object: JSONObject, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    guard values.count <= GrammarLimits.valueCount else { throw .tooLarge("an enum") }
    let texts = try allowed(values, object).map { value throws(GrammarError) in try text(value) }
    guard !texts.isEmpty else { return try nothing("an enum has no value that is allowed") }
    guard texts.allSatisfy({ $0.count <= GrammarLimits.valueByteCount }) else {
      throw .tooLarge("a value of an enum")
    }
    return try program.literals(texts, next)
  }

  /// Those of a schema's listed values that its other keywords allow.
  mutating func allowed(
    _ values: [JSONValue], _ object: JSONObject
  ) throws(GrammarError) -> [JSONValue] {
    let list: JSONString = object["enum"] == nil ? "const" : "enum"
    let object = try self.object(object.members.filter { $0.key != list })
    var result: [JSONValue] = []
    for value in values where try satisfies(value, .object(object)) { result.append(value) }
    return result
  }

  /// A value as JSON, charged.
  mutating func text(_ value: JSONValue) throws(GrammarError) -> [UInt8] {
    let text = value.compactText
    try spend(text.count + 4)
    try program.reserve(text.count + 32, of: 1)
    return text
  }

  // MARK: Types

  private mutating func typed(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    guard let names = try SchemaKeywords.types(object) else { return try anything(next) }
    try spend(names.count, times: 8)
    var starts: [Int32] = []
    for name in names { starts.append(try type(name, object, next)) }
    return try program.either(starts)
  }

  private mutating func type(
    _ name: String, _ object: JSONObject, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    switch name {
    case "object": return try self.object(object, next)
    case "array": return try array(object, next)
    case "string": return try string(object, next)
    case "integer", "number": return try number(object, isInteger: name == "integer", next)
    case "boolean":
      return try program.either([
        try program.literal("true", next), try program.literal("false", next),
      ])
    case "null": return try program.literal("null", next)
    default: throw .unsupported("a type that JSON does not have")
    }
  }

  /// Begins to look at a value; throws where that leads too deep.
  mutating func enterCheck() throws(GrammarError) {
    depth += 1
    guard depth <= 2 * GrammarLimits.depth else { throw .tooLarge("schemas inside of schemas") }
  }

  mutating func leaveCheck() { depth -= 1 }

  /// Begins to put schemas together, or to hold one against another; throws where that leads back
  /// to itself, which it may through references, properties and alternatives by turns: each of them
  /// counts its own depth only.
  mutating func enterCombination() throws(GrammarError) {
    combinationDepth += 1
    guard combinationDepth <= GrammarLimits.combinationDepth else {
      throw .tooLarge("combinations of schemas")
    }
  }

  mutating func leaveCombination() { combinationDepth -= 1 }

  /// Notes a format that answers are not held to.
  mutating func noteUnkept(_ format: String) {
    if unkeptFormats.count < 16 { unkeptFormats.insert(format) }
  }
}
