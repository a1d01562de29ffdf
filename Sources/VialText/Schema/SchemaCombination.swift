// Owns: schemas that several others make together: allOf, and keywords beside $ref, anyOf and
// oneOf; their alternatives.
// Must not: lose a constraint: what it cannot put together, it refuses by name.

extension SchemaCompiler {
  /// What a schema consists of when that is more than one schema; nil when it is one.
  mutating func parts(_ object: JSONObject) throws(GrammarError) -> [JSONValue]? {
    try spend(object.members.count, times: 4)
    let keyword = ["$ref", "allOf", "anyOf", "oneOf"].first { object[$0] != nil }
    guard let keyword,
      keyword == "allOf"
        || object.members.count(where: { SchemaKeywords.isConstraint($0.key) }) > 1
    else { return nil }
    let others = object.members.filter { $0.key != JSONString(keyword) }
    let this = JSONValue.object(
      try self.object([
        JSONObject.Member(key: JSONString(keyword), value: object[keyword] ?? .null)
      ]))
    guard keyword == "allOf" else { return [.object(try self.object(others)), this] }
    guard let all = object["allOf"]?.array, !all.isEmpty else {
      throw .unsupported("an allOf that is no list")
    }
    return others.contains { SchemaKeywords.isConstraint($0.key) }
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
    try enterCombination()
    defer { leaveCombination() }
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
    /// Those of anyOf or oneOf.
    case alternatives(JSONString, [JSONValue])
  }

  private mutating func expanded(_ object: JSONObject) throws(GrammarError) -> Expanded? {
    if let parts = try parts(object) { return .parts(parts) }
    if let reference = object["$ref"] { return .parts([try target(reference)]) }
    // What excludes what is told of the whole: an alternative by itself may speak of fewer types.
    for keyword in ["anyOf", "oneOf"] as [JSONString] where object[keyword] != nil {
      return .alternatives(keyword, try list(object[keyword]))
    }
    return nil
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
    case .alternatives(let keyword, let alternatives):
      var results: [JSONValue] = []
      for alternative in alternatives {
        let (first, second) = pair(alternative)
        results.append(try combined(first, second, depth: depth + 1))
      }
      return .object(
        try self.object([JSONObject.Member(key: keyword, value: .array(results))]))
    }
  }

  private func list(_ value: JSONValue?) throws(GrammarError) -> [JSONValue] {
    guard let list = value?.array, !list.isEmpty else {
      throw .unsupported("an anyOf or oneOf that is no list")
    }
    return list
  }

  /// The alternatives of anyOf, or those of oneOf, each as far as it lies outside of all others.
  /// Nil for a schema that has none.
  mutating func alternatives(_ object: JSONObject) throws(GrammarError) -> [JSONValue]? {
    guard let found = object["anyOf"] ?? object["oneOf"] else { return nil }
    let alternatives = try list(found)
    guard object["oneOf"] != nil else { return alternatives }
    var result: [JSONValue] = []
    for (index, alternative) in alternatives.enumerated() {
      var parts = [alternative]
      for (other, another) in alternatives.enumerated() where other != index {
        var outside: [JSONValue] = []
        for part in parts {
          guard let rest = try excluding(part, another, depth: 0) else {
            throw .unsupported("oneOf whose alternatives may hold together")
          }
          outside += rest
        }
        parts = outside
      }
      result += parts
    }
    return result
  }

  /// The schema behind references alone.
  mutating func followed(_ schema: JSONValue) throws(GrammarError) -> JSONValue {
    var schema = schema
    for _ in 0..<GrammarLimits.depth {
      guard let reference = schema["$ref"] else { return schema }
      if let object = schema.object, try parts(object) != nil { return schema }
      schema = try target(reference)
    }
    return schema
  }

  // MARK: Keywords

  /// Keyword by keyword what both say.
  private mutating func merged(
    _ one: JSONObject, _ other: JSONObject, depth: Int
  ) throws(GrammarError) -> JSONValue {
    try spend(one.members.count + other.members.count + 4, times: 4)
    var members: [JSONObject.Member] = []
    let (one, other) = try withCommonItems(try listed(one), try listed(other))
    let (left, right) = (try closed(one, by: other), try closed(other, by: one))
    for member in left.members {
      guard let second = right[member.key] else {
        members.append(member)
        continue
      }
      let value = try merged(member.key, member.value, second, depth: depth)
      // Two constants, or types, that exclude each other: nothing satisfies both.
      if value.array?.isEmpty == true, ["const", "type"].contains(member.key) {
        return .bool(false)
      }
      members.append(JSONObject.Member(key: member.key, value: value))
    }
    members += right.members.filter { left[$0.key] == nil }
    return .object(try self.object(members))
  }

  /// Both with the same items, where one has items of its own at some places: each place has those
  /// of both.
  private mutating func withCommonItems(
    _ one: JSONObject, _ other: JSONObject
  ) throws(GrammarError) -> (JSONObject, JSONObject) {
    let keys: [JSONString] = ["items", "prefixItems", "additionalItems"]
    let (first, second) = (try ArrayShape(one, self), try ArrayShape(other, self))
    let count = max(first.prefix.count, second.prefix.count)
    guard count > 0, keys.contains(where: { one[$0] != nil }),
      keys.contains(where: { other[$0] != nil })
    else { return (one, other) }
    var prefix: [JSONValue] = []
    for index in 0..<count {
      prefix.append(try combined(first.item(index), second.item(index), depth: 0))
    }
    let rest = try combined(first.rest, second.rest, depth: 0)
    let left = one.members.filter { !keys.contains($0.key) }
    let right = other.members.filter { !keys.contains($0.key) }
    return (
      try object(
        left + [
          JSONObject.Member(key: "prefixItems", value: .array(prefix)),
          JSONObject.Member(key: "items", value: rest),
        ]), try object(right)
    )
  }

  /// `object` with those keywords as lists that can stand in it several times over.
  mutating func listed(_ object: JSONObject) throws(GrammarError) -> JSONObject {
    guard object["not"] != nil || object["if"] != nil || object["pattern"] != nil else {
      return object
    }
    var members: [JSONObject.Member] = []
    var lists: [JSONString: [JSONValue]] = [:]
    var condition: [JSONObject.Member] = []
    for member in object.members {
      switch member.key {
      case "not": lists[SchemaKeywords.noneOf, default: []].append(member.value)
      case "pattern": lists[SchemaKeywords.allPatterns, default: []].append(member.value)
      case "if", "then", "else": condition.append(member)
      case SchemaKeywords.noneOf, SchemaKeywords.allPatterns, SchemaKeywords.conditions:
        lists[member.key, default: []] += member.value.array ?? []
      default: members.append(member)
      }
    }
    if object["if"] != nil {
      lists[SchemaKeywords.conditions, default: []].append(.object(try self.object(condition)))
    }
    for key in [SchemaKeywords.noneOf, SchemaKeywords.allPatterns, SchemaKeywords.conditions] {
      if let list = lists[key] {
        members.append(JSONObject.Member(key: key, value: .array(list)))
      }
    }
    return try self.object(members)
  }

  /// `object` with what the other's additionalProperties say about properties that only it names.
  private mutating func closed(
    _ object: JSONObject, by other: JSONObject
  ) throws(GrammarError) -> JSONObject {
    guard let additional = other["additionalProperties"], additional.bool != true else {
      return object
    }
    guard object["patternProperties"] == nil, other["patternProperties"] == nil else {
      throw .unsupported("allOf of patternProperties and additionalProperties")
    }
    guard let properties = object["properties"]?.object else { return object }
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
    _ key: JSONString, _ one: JSONValue, _ other: JSONValue, depth: Int
  ) throws(GrammarError) -> JSONValue {
    switch key {
    case "type": return try commonTypes(one, other)
    case "properties", "patternProperties", "dependentSchemas":
      return try mergedProperties(one, other)
    case "dependencies", "dependentRequired": return try mergedDependencies(one, other)
    case "items" where one.array == nil && other.array == nil,
      "additionalProperties", "additionalItems", "propertyNames":
      return try combined(one, other, depth: depth + 1)
    case "required", SchemaKeywords.allPatterns, SchemaKeywords.noneOf, SchemaKeywords.conditions:
      let values = (one.array ?? []) + (other.array ?? [])
      try spend(values.count)
      try program.reserve(values.count, of: 32)
      return .array(values)
    case "enum": return try commonValues(one, other)
    case "minimum", "minLength", "minItems", "minProperties":
      return try bound(one, other) { $0 > 0 }
    case "maximum", "maxLength", "maxItems", "maxProperties":
      return try bound(one, other) { $0 < 0 }
    case "exclusiveMinimum" where one.decimal != nil && other.decimal != nil:
      return try bound(one, other) { $0 > 0 }
    case "exclusiveMaximum" where one.decimal != nil && other.decimal != nil:
      return try bound(one, other) { $0 < 0 }
    case "uniqueItems": return .bool(one.bool ?? true || other.bool ?? true)
    default:
      if !SchemaKeywords.isConstraint(key) { return one }
      let (first, second) = (try normalText(one), try normalText(other))
      guard first == second else {
        // No value is two values.
        if key == "const" { return .array([]) }
        throw .unsupported("allOf of two different values of one keyword")
      }
      return one
    }
  }

  private mutating func commonValues(
    _ one: JSONValue, _ other: JSONValue
  ) throws(GrammarError) -> JSONValue {
    var texts: Set<[UInt8]> = []
    for value in other.array ?? [] { texts.insert(try normalText(value)) }
    var values: [JSONValue] = []
    for value in one.array ?? [] where texts.contains(try normalText(value)) {
      values.append(value)
    }
    return .array(values)
  }

  private func bound(
    _ one: JSONValue, _ other: JSONValue, _ isTighter: (Int) -> Bool
  ) throws(GrammarError) -> JSONValue {
    guard let first = one.decimal, let second = other.decimal else {
      throw .unsupported("a bound that is no number")
    }
    return isTighter(first.compared(with: second)) ? one : other
  }

  private mutating func commonTypes(
    _ one: JSONValue, _ other: JSONValue
  ) throws(GrammarError) -> JSONValue {
    let (first, second) = (SchemaKeywords.typeNames(one), SchemaKeywords.typeNames(other))
    try spend(first.count + 8, times: second.count + 8)
    let common = first.compactMap { type -> String? in
      if second.contains(type) { return type }
      let isNumber = type == "integer" && second.contains("number")
      return isNumber || type == "number" && second.contains("integer") ? "integer" : nil
    }
    return .array(common.map { .string(JSONString($0)) })
  }

  private mutating func mergedProperties(
    _ one: JSONValue, _ other: JSONValue
  ) throws(GrammarError) -> JSONValue {
    try mergedMembers(one, other) { compiler, first, second throws(GrammarError) in
      if first.bool == false || second.bool == false { return .bool(false) }
      return .object(
        try compiler.object([JSONObject.Member(key: "allOf", value: .array([first, second]))]))
    }
  }

  private mutating func mergedDependencies(
    _ one: JSONValue, _ other: JSONValue
  ) throws(GrammarError) -> JSONValue {
    try mergedMembers(one, other) { compiler, first, second throws(GrammarError) in
      if let names = first.array, let others = second.array { return .array(names + others) }
      guard first.array == nil, second.array == nil else {
        throw .unsupported("allOf of dependencies of two kinds")
      }
      return .object(
        try compiler.object([JSONObject.Member(key: "allOf", value: .array([first, second]))]))
    }
  }

  private mutating func mergedMembers(
    _ one: JSONValue, _ other: JSONValue,
    _ both: (inout SchemaCompiler, JSONValue, JSONValue) throws(GrammarError) -> JSONValue
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
      members.append(
        JSONObject.Member(key: member.key, value: try both(&self, member.value, value)))
    }
    members += second.members.filter { first[$0.key] == nil }
    return .object(try object(members))
  }
}
