// From a JSON schema to a grammar: objects, arrays, strings and the bounds of numbers.

extension SchemaCompiler {
  // MARK: Objects

  /// Properties in the order of the schema, those that are not required perhaps left out; no others.
  mutating func object(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    for keyword in ["minProperties", "maxProperties"] where object[keyword] != nil {
      throw .unsupported("minProperties or maxProperties")
    }
    let properties = object["properties"]?.object?.members ?? []
    if object["properties"] != nil, object["properties"]?.object == nil {
      throw .unsupported("properties that are no object")
    }
    let names = try requiredNames(object)
    if properties.isEmpty, names.isEmpty { return try map(object, next) }
    try spend(properties.count + names.count, times: 4)
    var members = properties.map { ($0.key, $0.value) }
    var known = Set(properties.map(\.key))
    for name in names where known.insert(name).inserted {
      guard object["additionalProperties"]?.bool != false else {
        throw .contradictory("a required property that is not allowed")
      }
      members.append((name, object["additionalProperties"] ?? .bool(true)))
    }
    guard members.count <= GrammarLimits.propertyCount else { throw .tooLarge("an object") }
    return try self.members(members, required: Set(names), next)
  }

  private func requiredNames(_ object: JSONObject) throws(GrammarError) -> [JSONString] {
    guard let required = object["required"] else { return [] }
    guard let list = required.array else { throw .unsupported("required that is no list") }
    var names: [JSONString] = []
    for name in list {
      guard let name = name.string else { throw .unsupported("a required name that is no text") }
      names.append(name)
    }
    return names
  }

  /// From the last property to the first: what may follow with and without a property before it.
  private mutating func members(
    _ members: [(JSONString, JSONValue)], required: Set<JSONString>, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let close = try program.literal("}", next)
    var following = try program.lineBreak(close)
    var first = close
    for (key, schema) in members.reversed() {
      let isRequired = required.contains(key)
      let found = try possible { compiler throws(GrammarError) in
        let content = try compiler.program.space(try compiler.value(schema, following))
        let colon = try compiler.program.literal(":", content)
        return try compiler.program.lineBreak(try compiler.program.literal(key.jsonText, colon))
      }
      let start: Int32
      switch found {
      case .success(let node): start = node
      // What nothing satisfies can only be left out.
      case .failure(let error):
        if isRequired { throw error }
        continue
      }
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
    let found = try possible { compiler throws(GrammarError) in
      try compiler.items(items, least, most, empty)
    }
    switch found {
    case .success(let start):
      return try program.literal("[", least == 0 ? try program.either([empty, start]) : start)
    case .failure(let error):
      guard least == 0 else { throw error }
      return try program.literal("[", empty)
    }
  }

  /// One item at least and what follows, to the bracket of `empty`.
  private mutating func items(
    _ items: JSONValue, _ least: Int, _ most: Int?, _ empty: Int32
  ) throws(GrammarError) -> Int32 {
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
    return try program.lineBreak(try value(items, following))
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
    let pattern = object["pattern"]?.text ?? Self.pattern(ofFormat: object["format"]?.text)
    if object["pattern"] != nil, object["pattern"]?.text == nil {
      throw .unsupported("a pattern that is no text")
    }
    guard let pattern else { return try program.jsonString(least: least, most: most, next) }
    try spend(pattern.utf8.count, times: 8)
    let tree = try GrammarPatternReader.read(pattern)
    guard least > tree.least else {
      return try program.jsonString(matching: tree, most: most, next)
    }
    return try program.jsonString(
      matching: tree, least: least, most: object["maxLength"] == nil ? nil : most, next)
  }

  /// What stands for a format; nil for a format that is a remark.
  private static func pattern(ofFormat format: String?) -> String? {
    switch format {
    case "date": "^\(date)$"
    case "time": "^\(time)$"
    case "date-time": "^\(date)T\(time)$"
    default: nil
    }
  }

  /// The days of the Gregorian calendar from year 1.
  private static let date =
    "((\(year))-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    + "|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])"
    + "|(0[48]|[2468][048]|[13579][26])00)-02-29)"
  private static let year = "000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3}"
  private static let time =
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"

  /// The bounds of a number in units of its last place, and what it is a multiple of.
  func range(_ object: JSONObject, isInteger: Bool) throws(GrammarError) -> GrammarRange {
    let (places, multiple) = try multiple(object["multipleOf"], isInteger: isInteger)
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
        try bound("maximum", isLow: false), try bound("exclusiveMaximum", isLow: false), min),
      multiple: multiple)
  }

  /// Decimal places of a number, and what it is a multiple of in units of the last. Fractions must be sums of
  /// halves, quarters and so on, of which every validator knows the multiples.
  private func multiple(
    _ keyword: JSONValue?, isInteger: Bool
  ) throws(GrammarError) -> (places: Int, multiple: Int) {
    guard let keyword else { return (isInteger ? 0 : 6, 1) }
    guard let value = keyword.number, value > 0 else { throw .unsupported("multipleOf") }
    var scaled = value
    for places in 0...6 {
      if let multiple = Int(exactly: scaled) {
        guard multiple <= GrammarRange.greatestMultiple else { throw .unsupported("multipleOf") }
        if places == 0 || !isInteger { return (places, multiple) }
        break
      }
      guard Int(exactly: value * 64) != nil else { break }
      scaled *= 10
    }
    throw .unsupported("multipleOf")
  }

  mutating func placeholder() throws(GrammarError) -> Int32 { try program.placeholder() }
}
