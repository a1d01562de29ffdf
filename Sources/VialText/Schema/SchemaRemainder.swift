// Owns: what is left of the values of one type outside of another schema.
// Must not: guess: where it cannot tell, the schema is refused.

extension SchemaCompiler {
  /// For values of one type, which the other schema may have, too.
  mutating func remainder(
    of type: String, _ object: JSONObject, outside other: JSONObject, depth: Int
  ) throws(GrammarError) -> Remainder {
    if let listed = other["enum"]?.array ?? other["const"].map({ [$0] }) {
      for value in listed where value.isOf(type) {
        if try selects(value, .object(object)) { return .unknown }
      }
      return .whole
    }
    let isWhole = other["type"].map(SchemaKeywords.typeNames)?.contains("integer") ?? false
    if type == "number", isWhole,
      !(other["type"].map(SchemaKeywords.typeNames)?.contains("number") ?? false),
      !SchemaKeywords.constrains(other, type)
    {
      return .unknown
    }
    guard SchemaKeywords.constrains(other, type) else { return .parts([]) }
    switch type {
    case "object": return try remainder(ofObjects: object, outside: other, depth: depth)
    case "array": return try remainder(ofArrays: object, outside: other, depth: depth)
    case "string": return try remainder(ofStrings: object, outside: other)
    case "number", "integer": return try remainder(ofNumbers: object, outside: other)
    default: return .unknown
    }
  }

  /// A schema with more keywords.
  private mutating func restricted(
    _ object: JSONObject, _ members: [JSONObject.Member]
  ) throws(GrammarError) -> JSONValue {
    try combined([.object(object), .object(try self.object(members))])
  }

  private mutating func property(
    _ key: JSONString, _ schema: JSONValue
  ) throws(GrammarError) -> JSONObject.Member {
    JSONObject.Member(
      key: "properties",
      value: .object(try object([JSONObject.Member(key: key, value: schema)])))
  }

  /// A property that the other needs and that is left out, or one whose value the other does not
  /// allow.
  private mutating func remainder(
    ofObjects object: JSONObject, outside other: JSONObject, depth: Int
  ) throws(GrammarError) -> Remainder {
    let (one, another) = (try ObjectShape(object, self), try ObjectShape(other, self))
    let properties = Dictionary(one.properties.map { ($0.key, $0.value) }) { first, _ in first }
    let required = Set(one.required)
    try spend(one.properties.count + another.properties.count + another.required.count, times: 8)
    for key in another.required {
      let isClosed = one.additional.bool == false && one.patterns.isEmpty
      if properties[key]?.bool == false || (properties[key] == nil && isClosed) {
        return .whole
      }
    }
    if another.additional.bool == false, another.patterns.isEmpty {
      let named = Set(another.properties.map(\.key))
      if one.required.contains(where: { !named.contains($0) }) { return .whole }
    }
    // What a property may be at most that is not named.
    let unnamed = one.patterns.isEmpty ? one.additional : .bool(true)
    for member in another.properties where required.contains(member.key) {
      let own = properties[member.key] ?? unnamed
      if case .whole = try remainder(of: own, outside: member.value, depth: depth + 1) {
        return .whole
      }
    }
    var ways: [JSONValue] = []
    for key in another.required where !required.contains(key) && ways.count < 4 {
      ways.append(try restricted(object, [try property(key, .bool(false))]))
    }
    for member in another.properties where ways.count < 4 {
      let isThere = required.contains(member.key)
      guard isThere || (ways.isEmpty && properties[member.key] != nil) else { continue }
      let own = properties[member.key] ?? unnamed
      guard let outside = try excluding(own, member.value, depth: depth + 1), !outside.isEmpty
      else { continue }
      let value =
        outside.count == 1
        ? outside[0]
        : .object(try self.object([JSONObject.Member(key: "anyOf", value: .array(outside))]))
      let needed = JSONObject.Member(
        key: "required", value: .array([.string(member.key)]))
      ways.append(try restricted(object, [try property(member.key, value), needed]))
    }
    return ways.isEmpty ? .unknown : .parts(ways)
  }

  /// Fewer or more items, or only items that the other does not allow.
  private mutating func remainder(
    ofArrays object: JSONObject, outside other: JSONObject, depth: Int
  ) throws(GrammarError) -> Remainder {
    let (one, another) = (try ArrayShape(object, self), try ArrayShape(other, self))
    guard one.prefix.isEmpty, another.prefix.isEmpty else { return .unknown }
    if let most = one.most, most < another.least { return .whole }
    if let most = another.most, most < one.least { return .whole }
    let items = try remainder(of: one.rest, outside: another.rest, depth: depth + 1)
    if one.least > 0, case .whole = items { return .whole }
    var ways: [JSONValue] = []
    func number(_ key: JSONString, _ value: Int) -> JSONObject.Member {
      JSONObject.Member(key: key, value: .integer(Int64(clamping: value)))
    }
    if another.least > 0 {
      ways.append(try restricted(object, [number("maxItems", another.least - 1)]))
    }
    if let most = another.most, most < Int.max {
      ways.append(try restricted(object, [number("minItems", most + 1)]))
    }
    if let outside = items.schemas(of: one.rest), !outside.isEmpty {
      let items = try self.object([JSONObject.Member(key: "anyOf", value: .array(outside))])
      ways.append(
        try restricted(
          object,
          [
            JSONObject.Member(key: "items", value: .object(items)),
            number("minItems", max(1, one.least)),
          ]))
    }
    return ways.isEmpty ? .unknown : .parts(ways)
  }

  /// Shorter or longer texts, or texts that the other's pattern does not match. Formats exclude
  /// nothing: validators may take them for remarks.
  private mutating func remainder(
    ofStrings object: JSONObject, outside other: JSONObject
  ) throws(GrammarError) -> Remainder {
    let isFormat: (JSONObject.Member) -> Bool = { $0.key == "format" }
    let (one, another) = (
      try self.object(object.members.filter { !isFormat($0) }),
      try self.object(other.members.filter { !isFormat($0) })
    )
    let patterns = try self.patterns(another, .either)
    let (least, most) = (try count(another, "minLength") ?? 0, try count(another, "maxLength"))
    if patterns.isEmpty, least == 0, most == nil { return .parts([]) }
    if !patterns.isEmpty {
      let own = try self.patterns(one)
      guard !own.isEmpty else { return .unknown }
      let common = try positions(of: own + patterns)
      return common?.hasText ?? true ? .unknown : .whole
    }
    var ways: [JSONValue] = []
    if least > 0 {
      let limit = JSONValue.integer(Int64(clamping: least - 1))
      ways.append(try restricted(object, [JSONObject.Member(key: "maxLength", value: limit)]))
    }
    if let most, most < Int.max {
      let limit = JSONValue.integer(Int64(clamping: most + 1))
      ways.append(try restricted(object, [JSONObject.Member(key: "minLength", value: limit)]))
    }
    return .parts(ways)
  }

  /// Numbers below or above the other's.
  private mutating func remainder(
    ofNumbers object: JSONObject, outside other: JSONObject
  ) throws(GrammarError) -> Remainder {
    guard other["multipleOf"] == nil, other["exclusiveMinimum"]?.bool == nil,
      other["exclusiveMaximum"]?.bool == nil
    else { return .unknown }
    var ways: [JSONValue] = []
    for (from, to) in [
      ("minimum", "exclusiveMaximum"), ("exclusiveMinimum", "maximum"),
      ("maximum", "exclusiveMinimum"), ("exclusiveMaximum", "minimum"),
    ] as [(JSONString, JSONString)] {
      guard let bound = other[from] else { continue }
      ways.append(try restricted(object, [JSONObject.Member(key: to, value: bound)]))
    }
    return .parts(ways)
  }
}
