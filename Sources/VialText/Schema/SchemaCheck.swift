// Owns: whether a value satisfies a schema: for the values of an enum beside other keywords.
// Must not: be used for answers, or run unbounded: it charges the compilation.

extension SchemaCompiler {
  /// Whether a validator would accept the value; formats are held where answers are held to them.
  mutating func satisfies(
    _ value: JSONValue, _ schema: JSONValue
  ) throws(GrammarError) -> Bool {
    try spend(16)
    if let isAllowed = schema.bool { return isAllowed }
    guard let object = schema.object else { throw .unsupported("a schema that is no object") }
    for keyword in SchemaKeywords.refused where object[keyword.key] != nil {
      throw .unsupported(keyword.name)
    }
    try enterCheck()
    defer { leaveCheck() }
    for member in object.members where SchemaKeywords.isConstraint(member.key) {
      guard try satisfies(value, member, object) else { return false }
    }
    return true
  }

  private mutating func satisfies(
    _ value: JSONValue, _ member: JSONObject.Member, _ object: JSONObject
  ) throws(GrammarError) -> Bool {
    let argument = member.value
    switch member.key {
    case "$ref": return try satisfies(value, try target(argument))
    case "type": return SchemaKeywords.typeNames(argument).contains(where: value.isOf)
    case "enum":
      for element in argument.array ?? [] where try isEqual(element, value) { return true }
      return false
    case "const": return try isEqual(argument, value)
    case "allOf":
      for schema in argument.array ?? [] where try !satisfies(value, schema) { return false }
      return true
    case "anyOf":
      for schema in argument.array ?? [] where try satisfies(value, schema) { return true }
      return false
    case "oneOf":
      var count = 0
      for schema in argument.array ?? [] where try selects(value, schema) { count += 1 }
      return count == 1
    case "not": return try !selects(value, argument)
    case SchemaKeywords.noneOf:
      for schema in argument.array ?? [] where try selects(value, schema) { return false }
      return true
    case "if": return try holds(.object(object), value)
    case SchemaKeywords.conditions:
      for condition in argument.array ?? [] where try !holds(condition, value) { return false }
      return true
    case "then", "else": return true
    default: return try satisfiesTyped(value, member.key, object)
    }
  }

  private mutating func holds(
    _ condition: JSONValue, _ value: JSONValue
  ) throws(GrammarError) -> Bool {
    let isMet = try selects(value, condition["if"] ?? .bool(true))
    return try satisfies(value, condition[isMet ? "then" : "else"] ?? .bool(true))
  }

  /// The same for a schema that must not hold, or that says which others must.
  mutating func selects(_ value: JSONValue, _ schema: JSONValue) throws(GrammarError) -> Bool {
    let outer = isSelecting
    isSelecting = true
    defer { isSelecting = outer }
    return try satisfies(value, schema)
  }

  private mutating func isEqual(
    _ one: JSONValue, _ other: JSONValue
  ) throws(GrammarError) -> Bool {
    if let first = one.string, let second = other.string { return first == second }
    let (first, second) = (try normalText(one), try normalText(other))
    return first == second
  }

  /// One text for all values that are equal to validators: 1 and 1.0, and objects in any order.
  mutating func normalText(_ value: JSONValue) throws(GrammarError) -> [UInt8] {
    try spend(4)
    switch value {
    case .integer, .number, .wide:
      guard let number = value.decimal else { throw .tooLarge("a number") }
      try spend(number.whole.count + number.fraction.count)
      return number.text
    case .array(let elements):
      var text: [UInt8] = [0x5B]
      for element in elements { text += try normalText(element) + [0x2C] }
      try spend(text.count)
      return text + [0x5D]
    case .object(let object):
      var members: [[UInt8]] = []
      for member in object.members {
        members.append(try text(.string(member.key)) + [0x3A] + normalText(member.value) + [0x2C])
      }
      let text = members.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
      try spend(text.count, times: 4)
      return [0x7B] + text + [0x7D]
    case .null, .bool, .string: return try text(value)
    }
  }

  /// Keywords that speak of one type; those of other types hold.
  private mutating func satisfiesTyped(
    _ value: JSONValue, _ key: JSONString, _ object: JSONObject
  ) throws(GrammarError) -> Bool {
    switch value {
    case .string(let string): return try satisfies(string, key, object)
    case .integer, .number, .wide: return try satisfiesNumber(value, key, object)
    case .array(let items): return try satisfies(items, key, object)
    case .object(let members): return try satisfies(members, key, object)
    case .null, .bool: return true
    }
  }

  private mutating func satisfies(
    _ string: JSONString, _ key: JSONString, _ object: JSONObject
  ) throws(GrammarError) -> Bool {
    switch key {
    case "minLength":
      return try string.text.unicodeScalars.count >= count(object, key) ?? 0
    case "maxLength":
      return try string.text.unicodeScalars.count <= count(object, key) ?? .max
    case "pattern", SchemaKeywords.allPatterns:
      let member = JSONObject.Member(key: key, value: object[key] ?? .null)
      for pattern in try patternTexts(try self.object([member])) {
        guard try matches(string.text, pattern) else { return false }
      }
      return true
    case "format":
      let member = JSONObject.Member(key: key, value: object[key] ?? .null)
      for pattern in try patterns(try self.object([member])) {
        guard try PatternPositions(pattern, &program).matches(string.text, &program) else {
          guard !isSelecting else {
            throw .unsupported("a format that says which schema holds, and that may be a remark")
          }
          return false
        }
      }
      return true
    default: return true
    }
  }

  private mutating func satisfiesNumber(
    _ value: JSONValue, _ key: JSONString, _ object: JSONObject
  ) throws(GrammarError) -> Bool {
    switch key {
    case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
      guard let number = value.decimal else { throw .tooLarge("a number") }
      return try range(object).contains(number)
    case "multipleOf":
      guard let divisor = object[key]?.integer, divisor > 0, let number = value.integer else {
        throw .unsupported("multipleOf beside an enum of other numbers")
      }
      return number % divisor == 0
    default: return true
    }
  }

  private mutating func satisfies(
    _ items: [JSONValue], _ key: JSONString, _ object: JSONObject
  ) throws(GrammarError) -> Bool {
    switch key {
    case "minItems": return try items.count >= count(object, key) ?? 0
    case "maxItems": return try items.count <= count(object, key) ?? .max
    case "uniqueItems":
      guard object[key]?.bool == true else { return true }
      let texts = try items.map { item throws(GrammarError) in try normalText(item) }
      return Set(texts).count == texts.count
    case "items", "prefixItems", "additionalItems":
      let shape = try ArrayShape(object, self)
      for (index, item) in items.enumerated() {
        let schema = index < shape.prefix.count ? shape.prefix[index] : shape.rest
        guard try satisfies(item, schema) else { return false }
      }
      return true
    default: return true
    }
  }

  private mutating func satisfies(
    _ members: JSONObject, _ key: JSONString, _ object: JSONObject
  ) throws(GrammarError) -> Bool {
    let shape = try ObjectShape(object, self)
    switch key {
    case "required":
      return shape.required.allSatisfy { members[$0] != nil }
    case "minProperties": return try members.members.count >= count(object, key) ?? 0
    case "maxProperties": return try members.members.count <= count(object, key) ?? .max
    case "dependencies", "dependentRequired", "dependentSchemas":
      for dependency in object[key]?.object?.members ?? [] where members[dependency.key] != nil {
        if let names = dependency.value.array {
          guard names.allSatisfy({ $0.string.map { members[$0] != nil } ?? false }) else {
            return false
          }
        } else if try !satisfies(.object(members), dependency.value) {
          return false
        }
      }
      return true
    case "propertyNames":
      for member in members.members {
        guard try satisfies(.string(member.key), shape.names ?? .bool(true)) else { return false }
      }
      return true
    case "properties", "patternProperties", "additionalProperties":
      return try hasAllowedProperties(members, shape)
    default: return true
    }
  }

  private mutating func hasAllowedProperties(
    _ members: JSONObject, _ shape: ObjectShape
  ) throws(GrammarError) -> Bool {
    let declared = Dictionary(shape.properties.map { ($0.key, $0.value) }) { first, _ in first }
    for member in members.members {
      var schemas = declared[member.key].map { [$0] } ?? []
      for pattern in shape.patterns where try matches(member.key, pattern.key) {
        schemas.append(pattern.value)
      }
      if schemas.isEmpty { schemas = [shape.additional] }
      for schema in schemas where try !satisfies(member.value, schema) { return false }
    }
    return true
  }
}
