// Owns: conditions and negations of a schema, and what is left of one schema outside of another.
// Must not: guess: where it cannot tell, the schema is refused.

extension SchemaCompiler {
  /// A schema with a condition, or with others that must not hold, as alternatives without; nil
  /// when it has none.
  mutating func cases(_ object: JSONObject) throws(GrammarError) -> [JSONValue]? {
    let object = try listed(object)
    if let condition = object[SchemaKeywords.conditions]?.array?.first {
      return try cases(of: condition, try without(SchemaKeywords.conditions, object))
    }
    guard let excluded = object[SchemaKeywords.noneOf]?.array, let first = excluded.first else {
      return nil
    }
    let rest = try without(SchemaKeywords.noneOf, object)
    guard let outside = try excluding(.object(rest), first, depth: 0) else {
      throw .unsupported("a 'not' whose opposite cannot be told")
    }
    return outside
  }

  /// The object without the first element of a list.
  private mutating func without(
    _ key: JSONString, _ object: JSONObject
  ) throws(GrammarError) -> JSONObject {
    try self.object(
      object.members.compactMap { member in
        guard member.key == key else { return member }
        let rest = Array((member.value.array ?? []).dropFirst())
        return rest.isEmpty ? nil : JSONObject.Member(key: key, value: .array(rest))
      })
  }

  private mutating func cases(
    of condition: JSONValue, _ rest: JSONObject
  ) throws(GrammarError) -> [JSONValue] {
    let test = condition["if"] ?? .bool(true)
    let whole = JSONValue.object(rest)
    // With "else" first: by itself the rest may speak of fewer types.
    let other = try combined([whole, condition["else"] ?? .bool(true)])
    guard let outside = try excluding(other, test, depth: 0) else {
      throw .unsupported("an 'if' whose opposite cannot be told")
    }
    return [try combined([whole, test, condition["then"] ?? .bool(true)])] + outside
  }

  // MARK: Outside of a schema

  private static let exclusionDepth = 6
  private static let types = ["object", "array", "string", "number", "boolean", "null"]

  /// Schemas of values that satisfy `schema` and not `other`, together all that can be told so;
  /// empty when all values of the one satisfy the other, nil when nothing can be told.
  mutating func excluding(
    _ schema: JSONValue, _ other: JSONValue, depth: Int
  ) throws(GrammarError) -> [JSONValue]? {
    try remainder(of: schema, outside: other, depth: depth).schemas(of: schema)
  }

  /// What is left of a schema outside of another one.
  enum Remainder {
    /// The schema as it was: a reference stays one, and a schema that leads back to itself has an
    /// end.
    case whole
    case parts([JSONValue])
    case unknown

    func schemas(of schema: JSONValue) -> [JSONValue]? {
      switch self {
      case .whole: [schema]
      case .parts(let parts): parts
      case .unknown: nil
      }
    }
  }

  mutating func remainder(
    of schema: JSONValue, outside other: JSONValue, depth: Int
  ) throws(GrammarError) -> Remainder {
    try spend(64)
    guard depth < Self.exclusionDepth else { return .unknown }
    try enterCombination()
    defer { leaveCombination() }
    let (schema, other) = (try resolved(schema), try resolved(other))
    if let isAnything = other.bool { return isAnything ? .parts([]) : .whole }
    if schema.bool == false { return .parts([]) }
    guard let object = schema.bool == true ? try self.object([]) : schema.object,
      let another = other.object
    else { throw .unsupported("a schema that is no object") }
    if let alternatives = another["anyOf"]?.array ?? another["oneOf"]?.array {
      return try remainder(of: .object(object), outsideAll: alternatives, depth: depth)
    }
    if let negated = another["not"],
      another.members.count(where: { SchemaKeywords.isConstraint($0.key) }) == 1
    {
      return .parts([try combined([.object(object), negated])])
    }
    guard try listed(another)[SchemaKeywords.noneOf] == nil, another["if"] == nil,
      another[SchemaKeywords.conditions] == nil
    else { return .unknown }
    if let alternatives = try alternatives(object) {
      return try remainder(ofAny: alternatives, outside: other, depth: depth)
    }
    if let values = try values(of: .object(object)) {
      var outside: [JSONValue] = []
      for value in values where try !selects(value, other) { outside.append(value) }
      if outside.count == values.count { return .whole }
      return .parts(outside.isEmpty ? [] : [.object(try enumeration(outside))])
    }
    return try remainder(ofTypes: object, outside: another, depth: depth)
  }

  /// What is left of a schema outside of several others.
  private mutating func remainder(
    of schema: JSONValue, outsideAll others: [JSONValue], depth: Int
  ) throws(GrammarError) -> Remainder {
    var parts = [schema]
    var isWhole = true
    for other in others {
      var outside: [JSONValue] = []
      for part in parts {
        let rest = try remainder(of: part, outside: other, depth: depth + 1)
        guard let schemas = rest.schemas(of: part) else { return .unknown }
        if case .parts = rest { isWhole = false }
        outside += schemas
      }
      parts = outside
    }
    return isWhole ? .whole : .parts(parts)
  }

  /// What is left of alternatives.
  private mutating func remainder(
    ofAny alternatives: [JSONValue], outside other: JSONValue, depth: Int
  ) throws(GrammarError) -> Remainder {
    var parts: [JSONValue] = []
    var isWhole = true
    for alternative in alternatives {
      let rest = try remainder(of: alternative, outside: other, depth: depth + 1)
      guard let schemas = rest.schemas(of: alternative) else { return .unknown }
      if case .parts = rest { isWhole = false }
      parts += schemas
    }
    return isWhole ? .whole : .parts(parts)
  }

  private mutating func enumeration(_ values: [JSONValue]) throws(GrammarError) -> JSONObject {
    try object([JSONObject.Member(key: "enum", value: .array(values))])
  }

  /// The schema without references and parts.
  private mutating func resolved(_ schema: JSONValue) throws(GrammarError) -> JSONValue {
    let schema = try followed(schema)
    guard let object = schema.object, let parts = try parts(object) else { return schema }
    return try combined(parts)
  }

  /// Type by type.
  private mutating func remainder(
    ofTypes object: JSONObject, outside other: JSONObject, depth: Int
  ) throws(GrammarError) -> Remainder {
    let types = try SchemaKeywords.types(object) ?? Self.types
    let others = other["type"].map(SchemaKeywords.typeNames)
    var parts: [JSONValue] = []
    var isWhole = true
    for type in types {
      let typed = try self.object(
        object.members.filter { $0.key != "type" }
          + [JSONObject.Member(key: "type", value: .string(JSONString(type)))])
      let isShared =
        others?.contains { $0 == type || (Self.isNumber($0) && Self.isNumber(type)) } ?? true
      let rest =
        isShared ? try remainder(of: type, typed, outside: other, depth: depth) : .whole
      guard let schemas = rest.schemas(of: .object(typed)) else { return .unknown }
      if case .parts = rest { isWhole = false }
      parts += schemas
    }
    // Without a type, a schema that is still to be put together with others may get types that were
    // not looked at.
    if object["type"] == nil, SchemaKeywords.joinsOthers(object) { isWhole = false }
    return isWhole ? .whole : .parts(parts)
  }

  static func isNumber(_ type: String) -> Bool { type == "number" || type == "integer" }
}
