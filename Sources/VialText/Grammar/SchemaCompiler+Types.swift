// From a JSON schema to a grammar: objects, arrays, strings and the bounds of numbers.

extension SchemaCompiler {
  // MARK: Objects

  /// Properties in the order of the schema, those that are not required perhaps left out; no others.
  mutating func object(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    for keyword in ["minProperties", "maxProperties"] where object[keyword] != nil {
      throw .unsupported("minProperties or maxProperties")
    }
    let properties = object["properties"]?.object?.members ?? []
    var required: [String] = []
    for name in object["required"]?.array ?? [] {
      guard let name = name.text else { throw .unsupported("a required name that is no text") }
      required.append(name)
    }
    if properties.isEmpty, required.isEmpty { return try map(object, next) }
    var members = properties.map { ($0.key, $0.value) }
    for name in required where !members.contains(where: { $0.0 == JSONString(name) }) {
      guard object["additionalProperties"]?.bool != false else {
        throw .contradictory("a required property that is not allowed")
      }
      members.append((JSONString(name), object["additionalProperties"] ?? .bool(true)))
    }
    guard members.count <= GrammarLimits.propertyCount else { throw .tooLarge("an object") }
    return try self.members(members, required: Set(required), next)
  }

  /// From the last property to the first: what may follow with and without a property before it.
  private mutating func members(
    _ members: [(JSONString, JSONValue)], required: Set<String>, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let close = try program.literal("}", next)
    var following = try program.lineBreak(close)
    var first = close
    for (key, schema) in members.reversed() {
      let isRequired = required.contains(key.text)
      // What nothing satisfies can only be left out.
      if !isRequired, schema.bool == false { continue }
      let content = try program.space(try value(schema, following))
      let member = try program.literal(key.jsonText, try program.literal(":", content))
      let start = try program.lineBreak(member)
      let behind = try program.literal(",", start)
      following = isRequired ? behind : try program.either([behind, following])
      first = isRequired ? start : try program.either([start, first])
    }
    return try program.literal("{", first)
  }

  /// An object without named properties: any keys, with the values that are allowed.
  private mutating func map(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    let values = object["additionalProperties"] ?? .bool(true)
    if values.bool == false { return try program.literal("{}", next) }
    return try list("{", "}", next) { compiler, next throws(GrammarError) in
      try compiler.member(
        key: try compiler.placeholder(), value: try compiler.value(values, next))
    }
  }

  // MARK: Arrays

  mutating func array(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    if let unique = object["uniqueItems"], unique.bool != false {
      throw .unsupported("uniqueItems")
    }
    let items = object["items"] ?? .bool(true)
    let least = try count(object, "minItems") ?? 0
    let most = try count(object, "maxItems")
    if let most, least > most { throw .contradictory("minItems is above maxItems") }
    let empty = try program.literal("]", next)
    if most == 0 { return try program.literal("[", empty) }
    let close = try program.lineBreak(empty)
    // What may follow item number `index`, from the last to the first.
    var following = close
    var index = most ?? least
    if most == nil {
      let loop = try program.placeholder()
      let item = try program.lineBreak(try value(items, loop))
      program.set(loop, close, try program.literal(",", item))
      following = loop
      index = max(1, least)
    }
    while index > 1 {
      index -= 1
      let item = try program.lineBreak(try value(items, following))
      let more = try program.literal(",", item)
      following = index >= least ? try program.either([close, more]) : more
    }
    let start = try program.lineBreak(try value(items, following))
    return try program.literal("[", least == 0 ? try program.either([empty, start]) : start)
  }

  private func count(_ object: JSONObject, _ key: String) throws(GrammarError) -> Int? {
    guard let value = object[key] else { return nil }
    guard let count = value.integer, count >= 0 else {
      throw .unsupported("a length or a count that is no whole number")
    }
    return Int(clamping: count)
  }

  // MARK: Strings and numbers

  mutating func string(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    let least = try count(object, "minLength") ?? 0
    let most = min(try count(object, "maxLength") ?? .max, GrammarLimits.stringLength)
    guard least <= most else { throw .contradictory("minLength is above maxLength") }
    var pattern = object["pattern"]?.text
    if object["pattern"] != nil, pattern == nil { throw .unsupported("a pattern that is no text") }
    if pattern == nil, object["format"]?.text == "date" {
      pattern = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"
    }
    guard let pattern else { return try program.jsonString(least: least, most: most, next) }
    guard least == 0 else { throw .unsupported("pattern with minLength") }
    return try program.jsonString(
      matching: try GrammarPatternReader.read(pattern), most: most, next)
  }

  /// The bounds of a number in units of its last place.
  func range(_ object: JSONObject, places: Int) throws(GrammarError) -> GrammarRange {
    if let multiple = object["multipleOf"], places > 0 || multiple.number != 1 {
      throw .unsupported("multipleOf")
    }
    let unit = (0..<places).reduce(1.0) { value, _ in value * 10 }
    func bound(_ key: String, isLow: Bool) throws(GrammarError) -> Int? {
      guard let value = object[key] else { return nil }
      guard let number = value.number else { throw .unsupported("a bound that is no number") }
      let scaled = number * unit
      let nearest = scaled.rounded()
      // 0.1 is not a whole number of millionths only because it is binary.
      let exact = abs(scaled - nearest) <= abs(scaled) * 0x1p-51 ? nearest : nil
      let inside = max(-4e18, min(4e18, exact ?? scaled.rounded(isLow ? .up : .down)))
      let isExclusive = key.hasPrefix("exclusive") && exact != nil
      return Int(inside) + (isExclusive ? (isLow ? 1 : -1) : 0)
    }
    func tighter(_ first: Int?, _ second: Int?, _ choose: (Int, Int) -> Int) -> Int? {
      guard let first, let second else { return first ?? second }
      return choose(first, second)
    }
    return GrammarRange(
      places: places,
      low: tighter(
        try bound("minimum", isLow: true), try bound("exclusiveMinimum", isLow: true), max),
      high: tighter(
        try bound("maximum", isLow: false), try bound("exclusiveMaximum", isLow: false), min))
  }

  mutating func placeholder() throws(GrammarError) -> Int32 { try program.placeholder() }
}
