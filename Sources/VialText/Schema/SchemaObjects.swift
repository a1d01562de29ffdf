// Owns: objects of a schema.
// Must not: let a key repeat that the schema names.

extension SchemaCompiler {
  /// Properties in the order of the schema, those that are not required perhaps left out; no
  /// others. An object without named properties has any keys that are allowed.
  mutating func object(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    if let cases = try dependencyCases(object) {
      var starts: [Int32] = []
      for schema in cases { starts.append(try value(schema, next)) }
      return try program.either(starts)
    }
    let shape = try ObjectShape(object, self)
    let names = try properties(shape)
    if names.isEmpty { return try map(shape, next) }
    guard names.count <= GrammarLimits.propertyCount else { throw .tooLarge("an object") }
    guard shape.isPlain else { return try constrained(names, shape, next) }
    return try members(names, next)
  }

  /// A named property.
  struct Property {
    let key: JSONString
    let schema: JSONValue
    let isRequired: Bool
  }

  /// The properties that are named, and what their values must satisfy.
  private mutating func properties(_ shape: ObjectShape) throws(GrammarError) -> [Property] {
    try spend(shape.properties.count + shape.required.count, times: 4)
    let required = Set(shape.required)
    var keys = shape.properties.map(\.key)
    var known = Set(keys)
    for name in shape.required where known.insert(name).inserted { keys.append(name) }
    let declared = Dictionary(shape.properties.map { ($0.key, $0.value) }) { first, _ in first }
    var properties: [Property] = []
    for key in keys {
      var schemas = declared[key].map { [$0] } ?? []
      for pattern in shape.patterns where try matches(key, pattern.key) {
        schemas.append(pattern.value)
      }
      if schemas.isEmpty { schemas = [shape.additional] }
      if let names = shape.names, try !satisfies(.string(key), names) { schemas = [.bool(false)] }
      let schema =
        schemas.count == 1 ? schemas[0] : JSONValue.object(try self.object(allOf: schemas))
      properties.append(
        Property(key: key, schema: schema, isRequired: required.contains(key)))
    }
    return properties
  }

  private mutating func object(allOf schemas: [JSONValue]) throws(GrammarError) -> JSONObject {
    try object([JSONObject.Member(key: "allOf", value: .array(schemas))])
  }

  /// Whether a key matches a pattern of patternProperties.
  mutating func matches(
    _ key: JSONString, _ pattern: JSONString
  ) throws(GrammarError) -> Bool {
    try matches(key.text, pattern.text)
  }

  /// A key, a colon and a value, then `next`.
  private mutating func member(
    _ key: JSONString, _ schema: JSONValue, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let content = try program.space(try value(schema, next))
    return try program.literal(key.jsonText, try program.literal(":", content))
  }

  /// From the last property to the first.
  private mutating func members(
    _ properties: [Property], _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let close = try program.literal("}", next)
    let end = try program.lineBreak(close)
    // The keys that may come next, and whether there need be none.
    var (keys, mayEnd) = (Int32?.none, true)
    for property in properties.reversed() {
      var following: [Int32] = mayEnd ? [end] : []
      if let keys { following.append(try program.literal(",", try program.lineBreak(keys))) }
      let key = try member(property.key, property.schema, try program.either(following))
      if property.isRequired {
        (keys, mayEnd) = (key, false)
      } else {
        keys = try keys.map { rest throws(GrammarError) in try program.either([key, rest]) } ?? key
      }
    }
    var starts: [Int32] = mayEnd ? [close] : []
    if let keys { starts.append(try program.lineBreak(keys)) }
    return try program.literal("{", try program.either(starts))
  }

  // MARK: Objects whose properties depend on each other

  /// From the last property to the first, for each state that the properties before it may leave.
  private mutating func constrained(
    _ properties: [Property], _ shape: ObjectShape, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let rules = try ObjectStates(properties.map(\.key), shape)
    let reachable = try rules.reachable(properties.map(\.isRequired), self)
    let close = try program.literal("}", next)
    let end = try program.lineBreak(close)
    // For each state what may follow, where there is anything.
    var keys: [ObjectStates.State: Int32] = [:]
    for index in properties.indices.reversed() {
      let property = properties[index]
      let value = try rule(property.schema)
      var before: [ObjectStates.State: Int32] = [:]
      for state in reachable[index] {
        try spend(properties.count + 16)
        var starts: [Int32] = []
        if let included = rules.including(index, state) {
          var following: [Int32] = []
          if rules.mayEnd(included, behind: index, properties.map(\.isRequired)) {
            following.append(end)
          }
          if let rest = keys[included] {
            following.append(try program.literal(",", try program.lineBreak(rest)))
          }
          if !following.isEmpty {
            let call = try program.add(
              .call(start: value, next: try program.either(following)))
            let colon = try program.literal(":", try program.space(call))
            starts.append(try program.literal(property.key.jsonText, colon))
          }
        }
        if !property.isRequired, let excluded = rules.excluding(index, state),
          let rest = keys[excluded]
        {
          starts.append(rest)
        }
        if !starts.isEmpty { before[state] = try program.either(starts) }
      }
      keys = before
    }
    var starts: [Int32] = []
    if rules.mayEnd(ObjectStates.State(), behind: -1, properties.map(\.isRequired)) {
      starts.append(close)
    }
    if let first = keys[ObjectStates.State()] { starts.append(try program.lineBreak(first)) }
    guard !starts.isEmpty else {
      let isClosed = shape.additional.bool == false && shape.patterns.isEmpty
      return isClosed
        ? try nothing("an object has no properties that fit together")
        : try unoffered("an object that needs properties beside those that it names")
    }
    return try program.literal("{", try program.either(starts))
  }

  /// An object for each way to satisfy a schema that depends on a property: without the property,
  /// or with it and the schema; nil when there is none.
  private mutating func dependencyCases(
    _ object: JSONObject
  ) throws(GrammarError) -> [JSONValue]? {
    for keyword in ["dependentSchemas", "dependencies"] as [JSONString] {
      guard let members = object[keyword]?.object?.members,
        let found = members.first(where: { $0.value.array == nil })
      else { continue }
      let rest = try self.object(members.filter { $0.key != found.key })
      let others = try self.object(
        object.members.map {
          $0.key == keyword ? JSONObject.Member(key: keyword, value: .object(rest)) : $0
        })
      let without = try self.object([
        JSONObject.Member(
          key: "properties",
          value: .object(
            try self.object([JSONObject.Member(key: found.key, value: .bool(false))])))
      ])
      let with = try self.object([
        JSONObject.Member(key: "required", value: .array([.string(found.key)]))
      ])
      var cases = [try combined([.object(others), .object(without)])]
      cases.append(try combined([.object(others), .object(with), found.value]))
      return cases
    }
    return nil
  }

  // MARK: Objects with any keys

  private mutating func map(_ shape: ObjectShape, _ next: Int32) throws(GrammarError) -> Int32 {
    guard shape.least <= 1 else {
      throw .unsupported("minProperties above 1 of properties that are not named")
    }
    guard shape.dependencies.isEmpty else {
      throw .unsupported("dependencies of properties that are not named")
    }
    let kinds = try entries(shape)
    let most = kinds.isEmpty ? 0 : shape.most
    if let most, shape.least > most { return try nothing("there are too few properties") }
    let entry = GrammarEntry { program, next throws(GrammarError) in
      var starts: [Int32] = []
      for kind in kinds { starts.append(try kind.make(&program, next)) }
      return try program.either(starts)
    }
    return try program.list("{", "}", least: shape.least, most: most, entry, next)
  }

  /// Keys with the values that they may have.
  private mutating func entries(_ shape: ObjectShape) throws(GrammarError) -> [GrammarEntry] {
    var entries: [GrammarEntry] = []
    let names = try shape.names.map { names throws(GrammarError) in try keyForms(names) }
    if shape.patterns.isEmpty {
      guard shape.additional.bool != false else { return [] }
      entries.append(try entry(names ?? KeyForms(), shape.additional))
      return entries
    }
    // A key that several patterns match must satisfy all their schemas: such keys are not offered,
    // but where one pattern is all that there is, or their schemas are put together.
    for (index, pattern) in shape.patterns.enumerated() {
      var forms = names ?? KeyForms()
      forms.patterns.append(try self.pattern(pattern.key.text))
      if let listed = forms.listed {
        var matching: [JSONValue] = []
        for name in listed where try matches(name.string ?? "", pattern.key) {
          matching.append(name)
        }
        forms.listed = matching
      }
      var schemas = [pattern.value]
      for (other, another) in shape.patterns.enumerated() where other != index {
        let both = forms.patterns + [try self.pattern(another.key.text, .either)]
        if let common = try positions(of: both), common.hasText { schemas.append(another.value) }
      }
      let schema =
        schemas.count == 1 ? schemas[0] : JSONValue.object(try object(allOf: schemas))
      entries.append(try entry(forms, schema))
    }
    return entries
  }

  /// What keys that are not named look like.
  private struct KeyForms {
    var patterns: [GrammarPattern] = []
    var least = 0
    var most = GrammarLimits.keyLength
    /// The only keys there are; nil: any.
    var listed: [JSONValue]?
  }

  private mutating func keyForms(_ names: JSONValue) throws(GrammarError) -> KeyForms {
    var forms = KeyForms()
    if let isAllowed = names.bool {
      if !isAllowed { forms.listed = [] }
      return forms
    }
    guard let object = try followed(names).object else {
      throw .unsupported("propertyNames that are no schema")
    }
    let known: Set<JSONString> = [
      "type", "pattern", "minLength", "maxLength", "enum", "const", "format",
    ]
    for member in object.members
    where SchemaKeywords.isConstraint(member.key) && !known.contains(member.key) {
      throw .unsupported("propertyNames with other keywords than those of strings")
    }
    forms.patterns = try patterns(object)
    forms.least = try count(object, "minLength") ?? 0
    forms.most = min(try count(object, "maxLength") ?? .max, GrammarLimits.keyLength)
    if let listed = object["enum"]?.array ?? object["const"].map({ [$0] }) {
      forms.listed = try allowed(listed, object).filter { $0.string != nil }
    }
    return forms
  }

  private mutating func entry(
    _ forms: KeyForms, _ schema: JSONValue
  ) throws(GrammarError) -> GrammarEntry {
    let value = try rule(schema)
    let key: Int32
    if let listed = forms.listed {
      let texts = try listed.map { value throws(GrammarError) in try text(value) }
      key = try rule { compiler, end throws(GrammarError) in
        guard !texts.isEmpty else {
          return try compiler.nothing("no key is what a schema asks of keys")
        }
        return try compiler.program.literals(texts, end)
      }
    } else {
      key = try rule { compiler, end throws(GrammarError) in
        guard forms.least <= forms.most else {
          return try compiler.nothing("keys have more characters than are offered")
        }
        guard let first = forms.patterns.first else {
          return try compiler.program.jsonString(
            least: max(1, forms.least), most: forms.most, end)
        }
        guard forms.patterns.count > 1 || forms.least > first.least,
          let positions = try compiler.positions(of: forms.patterns)
        else { return try compiler.program.jsonString(matching: first, most: forms.most, end) }
        let node = try compiler.program.jsonString(
          matching: positions, least: forms.least, most: forms.most, end)
        if let node { return node }
        return try compiler.nothing("no key is what a schema asks of keys")
      }
    }
    return GrammarEntry { program, next throws(GrammarError) in
      let content = try program.add(.call(start: value, next: next))
      let colon = try program.literal(":", try program.space(content))
      return try program.add(.call(start: key, next: colon))
    }
  }
}
