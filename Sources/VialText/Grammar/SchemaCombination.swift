// Schemas that several others make together: allOf, and keywords beside $ref, anyOf and oneOf.
// Must not: lose a constraint: what it cannot put together, it refuses by name.

extension SchemaCompiler {
  /// What a schema consists of when that is more than one schema; nil when it is one.
  mutating func parts(_ object: JSONObject) throws(GrammarError) -> [JSONValue]? {
    try spend(object.members.count, times: 4)
    let keyword = ["$ref", "allOf", "anyOf", "oneOf"].first { object[$0] != nil }
    guard let keyword, keyword == "allOf" || object.members.count(where: Self.isKeyword) > 1 else {
      return nil
    }
    let others = object.members.filter { $0.key != JSONString(keyword) }
    let this = JSONValue.object(
      try self.object([
        JSONObject.Member(key: JSONString(keyword), value: object[keyword] ?? .null)
      ]))
    guard keyword == "allOf" else { return [.object(try self.object(others)), this] }
    guard let all = object["allOf"]?.array, !all.isEmpty else {
      throw .unsupported("an allOf that is no list")
    }
    return others.contains(where: Self.isKeyword)
      ? [.object(try self.object(others))] + all : all
  }

  /// An object of members with distinct keys.
  mutating func object(_ members: [JSONObject.Member]) throws(GrammarError) -> JSONObject {
    try spend(members.count + 8, times: 4)
    try program.reserve(members.count + 2, of: 96)
    var index: [JSONString: Int] = [:]
    if members.count > JSONObject.smallCount {
      for (position, member) in members.enumerated() { index[member.key] = position }
    }
    return JSONObject(members: members, index: index)
  }

  /// One schema for what satisfies all of them.
  mutating func combined(_ schemas: [JSONValue]) throws(GrammarError) -> JSONValue {
    var result = JSONValue.bool(true)
    for schema in schemas { result = try combined(result, schema, depth: 0) }
    return result
  }

  private mutating func combined(
    _ first: JSONValue, _ second: JSONValue, depth: Int
  ) throws(GrammarError) -> JSONValue {
    combinationCount += 1
    try spend(16)
    guard combinationCount <= GrammarLimits.combinationCount, depth < GrammarLimits.depth else {
      throw .tooLarge("combinations of schemas")
    }
    if let isAllowed = first.bool { return isAllowed ? second : first }
    if let isAllowed = second.bool { return isAllowed ? first : second }
    guard let one = first.object, let other = second.object else {
      throw .unsupported("a schema that is no object")
    }
    if let expanded = try expanded(one) {
      return try combined(expanded, depth: depth) { ($0, second) }
    }
    if let expanded = try expanded(other) {
      return try combined(expanded, depth: depth) { (first, $0) }
    }
    return try merged(one, other, depth: depth)
  }

  /// A schema that is not one by itself.
  private enum Expanded {
    case parts([JSONValue])
    case alternatives([JSONValue])
  }

  private mutating func expanded(_ object: JSONObject) throws(GrammarError) -> Expanded? {
    if let parts = try parts(object) { return .parts(parts) }
    if let reference = object["$ref"] { return .parts([try target(reference)]) }
    return try alternatives(object).map { .alternatives($0) }
  }

  /// Each alternative with the other schema, or all parts, put together before, with it.
  private mutating func combined(
    _ expanded: Expanded, depth: Int, _ pair: (JSONValue) -> (JSONValue, JSONValue)
  ) throws(GrammarError) -> JSONValue {
    switch expanded {
    case .parts(let parts):
      var whole = JSONValue.bool(true)
      for part in parts { whole = try combined(whole, part, depth: depth + 1) }
      let (first, second) = pair(whole)
      return try combined(first, second, depth: depth + 1)
    case .alternatives(let alternatives):
      var results: [JSONValue] = []
      for alternative in alternatives {
        let (first, second) = pair(alternative)
        results.append(try combined(first, second, depth: depth + 1))
      }
      return .object(
        try self.object([JSONObject.Member(key: "anyOf", value: .array(results))]))
    }
  }

  /// The alternatives of anyOf, or of a oneOf whose alternatives exclude each other.
  mutating func alternatives(_ object: JSONObject) throws(GrammarError) -> [JSONValue]? {
    guard let found = object["anyOf"] ?? object["oneOf"] else { return nil }
    guard let alternatives = found.array, !alternatives.isEmpty else {
      throw .unsupported("an anyOf or oneOf that is no list")
    }
    guard object["oneOf"] != nil else { return alternatives }
    for (index, alternative) in alternatives.enumerated() {
      for other in alternatives[..<index] {
        guard try excludes(alternative, other) else {
          throw .unsupported("oneOf whose alternatives have a type in common")
        }
      }
    }
    return alternatives
  }

  /// Whether no value satisfies both: by their types, or by a required property that tells them apart.
  private mutating func excludes(
    _ one: JSONValue, _ other: JSONValue
  ) throws(GrammarError) -> Bool {
    let (one, other) = (try followed(one), try followed(other))
    guard let first = try types(one), let second = try types(other) else {
      throw .unsupported("oneOf whose alternatives have no type")
    }
    if first.isDisjoint(with: second) { return true }
    guard first == ["object"], second == ["object"] else { return false }
    for member in one["properties"]?.object?.members ?? [] {
      let key = member.key
      guard try requires(one, key), try requires(other, key),
        let property = other["properties"]?.object?[key],
        let values = try listedTexts(try followed(member.value)),
        let others = try listedTexts(try followed(property))
      else { continue }
      if values.isDisjoint(with: others) { return true }
    }
    return false
  }

  /// The schema behind references alone.
  private mutating func followed(_ schema: JSONValue) throws(GrammarError) -> JSONValue {
    var schema = schema
    for _ in 0..<GrammarLimits.depth {
      guard let reference = schema["$ref"] else { return schema }
      schema = try target(reference)
    }
    return schema
  }

  private mutating func requires(
    _ schema: JSONValue, _ key: JSONString
  ) throws(GrammarError) -> Bool {
    let names = schema["required"]?.array ?? []
    try spend(names.count + 1)
    return names.contains { $0.string == key }
  }

  private mutating func listedTexts(_ schema: JSONValue) throws(GrammarError) -> Set<[UInt8]>? {
    guard let values = schema["const"].map({ [$0] }) ?? schema["enum"]?.array else { return nil }
    var texts: Set<[UInt8]> = []
    for value in values { texts.insert(try text(value)) }
    return texts
  }

  /// Names of a schema's types, integers among the numbers; nil when it says none.
  private mutating func types(_ schema: JSONValue) throws(GrammarError) -> Set<String>? {
    guard let type = schema["type"] else { return nil }
    try spend((type.array?.count ?? 1) + 4, times: 8)
    return Set(Self.typeNames(type).map { $0 == "integer" ? "number" : $0 })
  }

  // MARK: Keywords

  /// Keyword by keyword what both say.
  private mutating func merged(
    _ one: JSONObject, _ other: JSONObject, depth: Int
  ) throws(GrammarError) -> JSONValue {
    try spend(one.members.count + other.members.count + 4, times: 4)
    var members: [JSONObject.Member] = []
    let (left, right) = (try closed(one, by: other), try closed(other, by: one))
    for member in left.members {
      guard let second = right[member.key] else {
        members.append(member)
        continue
      }
      let value = try merged(member.key.text, member.value, second, depth: depth)
      members.append(JSONObject.Member(key: member.key, value: value))
    }
    members += right.members.filter { left[$0.key] == nil }
    return .object(try self.object(members))
  }

  /// `object` with what the other's additionalProperties say about properties that only it names.
  private mutating func closed(
    _ object: JSONObject, by other: JSONObject
  ) throws(GrammarError) -> JSONObject {
    guard let additional = other["additionalProperties"],
      let properties = object["properties"]?.object
    else { return object }
    let named = other["properties"]?.object
    var members: [JSONObject.Member] = []
    for member in properties.members {
      let isNamed = named?[member.key] != nil
      members.append(
        isNamed
          ? member
          : JSONObject.Member(
            key: member.key, value: try combined(member.value, additional, depth: 0)))
    }
    let closed = JSONValue.object(try self.object(members))
    return try self.object(
      object.members.map {
        $0.key == JSONString("properties") ? JSONObject.Member(key: $0.key, value: closed) : $0
      })
  }

  private mutating func merged(
    _ keyword: String, _ one: JSONValue, _ other: JSONValue, depth: Int
  ) throws(GrammarError) -> JSONValue {
    switch keyword {
    case "type": return try commonTypes(one, other)
    case "properties": return try mergedProperties(one, other, depth: depth)
    case "items", "additionalProperties": return try combined(one, other, depth: depth + 1)
    case "required":
      let names = (one.array ?? []) + (other.array ?? [])
      try spend(names.count)
      try program.reserve(names.count, of: 16)
      return .array(names)
    case "enum": return try commonValues(one, other)
    case "minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties":
      return try bound(one, other) { $0 >= $1 }
    case "maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties":
      return try bound(one, other) { $0 <= $1 }
    default:
      if Self.isRemark(keyword) { return one }
      let (first, second) = (try text(one), try text(other))
      guard first == second else {
        throw .unsupported("allOf of two different values of one keyword")
      }
      return one
    }
  }

  private mutating func commonValues(
    _ one: JSONValue, _ other: JSONValue
  ) throws(GrammarError) -> JSONValue {
    var texts: Set<[UInt8]> = []
    for value in other.array ?? [] { texts.insert(try text(value)) }
    var values: [JSONValue] = []
    for value in one.array ?? [] where texts.contains(try text(value)) { values.append(value) }
    return .array(values)
  }

  private func bound(
    _ one: JSONValue, _ other: JSONValue, _ isTighter: (Double, Double) -> Bool
  ) throws(GrammarError) -> JSONValue {
    guard let first = one.number, let second = other.number else {
      throw .unsupported("a bound that is no number")
    }
    return isTighter(first, second) ? one : other
  }

  private mutating func commonTypes(
    _ one: JSONValue, _ other: JSONValue
  ) throws(GrammarError) -> JSONValue {
    let (first, second) = (Self.typeNames(one), Self.typeNames(other))
    try spend(first.count + 8, times: second.count + 8)
    let common = first.compactMap { type -> String? in
      if second.contains(type) { return type }
      let isNumber = type == "integer" && second.contains("number")
      return isNumber || type == "number" && second.contains("integer") ? "integer" : nil
    }
    guard !common.isEmpty else { throw .contradictory("allOf of types that exclude each other") }
    return .array(common.map { .string(JSONString($0)) })
  }

  private mutating func mergedProperties(
    _ one: JSONValue, _ other: JSONValue, depth: Int
  ) throws(GrammarError) -> JSONValue {
    guard let first = one.object, let second = other.object else {
      throw .unsupported("properties that are no object")
    }
    var members: [JSONObject.Member] = []
    for member in first.members {
      guard let value = second[member.key] else {
        members.append(member)
        continue
      }
      let both = JSONValue.object(
        try self.object([JSONObject.Member(key: "allOf", value: .array([member.value, value]))]))
      members.append(JSONObject.Member(key: member.key, value: both))
    }
    members += second.members.filter { first[$0.key] == nil }
    return .object(try self.object(members))
  }
}
