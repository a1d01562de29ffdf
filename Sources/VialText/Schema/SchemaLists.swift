// Owns: arrays of a schema.
// Must not: let an item repeat where items must differ.

extension SchemaCompiler {
  mutating func array(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    let shape = try ArrayShape(object, self)
    if let most = shape.most, shape.least > most {
      return try nothing("minItems is above maxItems")
    }
    guard shape.least <= GrammarLimits.entryCount else {
      throw .tooLarge("a minItems")
    }
    if shape.isUnique, shape.most.map({ $0 > 1 }) ?? true {
      return try uniqueItems(object, shape, next)
    }
    guard !shape.prefix.isEmpty else {
      return try program.list(
        "[", "]", least: shape.least, most: shape.most, try entry(shape.rest), next)
    }
    return try items(behind: shape, next)
  }

  /// A value as an entry of a list: its rule, where it may be needed in several places.
  private mutating func entry(_ schema: JSONValue) throws(GrammarError) -> GrammarEntry {
    let rule = try rule(schema)
    return GrammarEntry { program, next throws(GrammarError) in
      try program.add(.call(start: rule, next: next))
    }
  }

  /// Items of schemas of their own, from the last to the first, and others behind them.
  private mutating func items(
    behind shape: ArrayShape, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let empty = try program.literal("]", next)
    let close = try program.lineBreak(empty)
    let count = min(shape.prefix.count, shape.most ?? .max)
    let restMost = shape.most.map { $0 - count }
    // What may follow the item before `index`.
    var following = close
    if shape.rest.bool != false, restMost != 0 {
      let entry = try entry(shape.rest)
      let least = max(0, shape.least - count)
      let more: Int32
      if least <= 1, restMost == nil {
        let loop = try program.placeholder()
        let item = try entry.make(&program, loop)
        more = try program.literal(",", try program.lineBreak(item))
        program.set(loop, close, more)
      } else {
        let counted = try program.counted(least: least, most: restMost, entry, close)
        more = try program.literal(",", try program.lineBreak(counted))
      }
      following = least == 0 ? try program.either([close, more]) : more
    } else if shape.least > count {
      return try nothing("an array has fewer items than minItems")
    }
    for index in (1..<max(1, count)).reversed() {
      let item = try program.lineBreak(try value(shape.prefix[index], following))
      let more = try program.literal(",", item)
      following = index >= shape.least ? try program.either([close, more]) : more
    }
    guard count > 0 else { return try program.literal("[", empty) }
    let first = try program.lineBreak(try value(shape.prefix[0], following))
    return try program.literal("[", shape.least == 0 ? try program.either([empty, first]) : first)
  }

  // MARK: Items that differ

  /// Most values of which every order is offered; of more, each comes in the order of the schema.
  private static let permutedCount = 6

  private mutating func uniqueItems(
    _ object: JSONObject, _ shape: ArrayShape, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    guard shape.prefix.isEmpty, let values = try values(of: shape.rest) else {
      throw .unsupported("uniqueItems of items that are not listed")
    }
    var seen: Set<[UInt8]> = []
    var texts: [[UInt8]] = []
    for value in values where seen.insert(try normalText(value)).inserted {
      texts.append(try text(value))
    }
    let most = min(shape.most ?? texts.count, texts.count)
    guard shape.least <= most else { return try nothing("there are too few different items") }
    let empty = try program.literal("]", next)
    let close = try program.lineBreak(empty)
    var known: [UInt64: Int32] = [:]
    let isPermuted = texts.count <= Self.permutedCount
    guard texts.count <= 64 else { throw .tooLarge("an array of different items") }
    // Subsets from the largest: what may follow when these are there already.
    func count(_ subset: UInt64) -> Int { subset.nonzeroBitCount }
    func following(
      _ used: UInt64, _ last: Int, _ compiler: inout SchemaCompiler
    ) throws(GrammarError) -> Int32? {
      // In the order of the schema the last item says all.
      let key = isPermuted ? used : UInt64(last + 1) << 8 | UInt64(count(used))
      if let node = known[key] { return node }
      try compiler.spend(8)
      var starts: [Int32] = []
      if count(used) >= shape.least { starts.append(count(used) == 0 ? empty : close) }
      if count(used) < most {
        var items: [Int32] = []
        for index in texts.indices where used >> UInt64(index) & 1 == 0 {
          guard isPermuted || index > last,
            let rest = try following(used | 1 << UInt64(index), index, &compiler)
          else { continue }
          items.append(try compiler.program.literal(texts[index], rest))
        }
        if !items.isEmpty {
          let item = try compiler.program.lineBreak(try compiler.program.either(items))
          starts.append(count(used) == 0 ? item : try compiler.program.literal(",", item))
        }
      }
      guard !starts.isEmpty else { return nil }
      let node = try compiler.program.either(starts)
      known[key] = node
      return node
    }
    guard let start = try following(0, -1, &self) else {
      return try nothing("there are too few different items")
    }
    return try program.literal("[", start)
  }

  /// All values of a schema that has few; nil when it has others.
  mutating func values(of schema: JSONValue) throws(GrammarError) -> [JSONValue]? {
    guard var object = try followed(schema).object else { return nil }
    if let parts = try parts(object) {
      guard let whole = try combined(parts).object else { return nil }
      object = whole
    }
    if let listed = object["enum"]?.array ?? object["const"].map({ [$0] }) {
      return try allowed(listed, object)
    }
    let types = object["type"].map(SchemaKeywords.typeNames) ?? []
    var values: [JSONValue] = []
    for type in types {
      switch type {
      case "boolean": values += [.bool(true), .bool(false)]
      case "null": values.append(.null)
      default: return nil
      }
    }
    return types.isEmpty ? nil : values
  }
}

/// Items of an array.
struct ArrayShape {
  /// Schemas of the first items.
  var prefix: [JSONValue] = []
  /// Of all others.
  var rest = JSONValue.bool(true)
  var least = 0
  var most: Int?
  var isUnique = false

  /// The schema of the item at an index.
  func item(_ index: Int) -> JSONValue { index < prefix.count ? prefix[index] : rest }

  init(_ object: JSONObject, _ compiler: SchemaCompiler) throws(GrammarError) {
    least = try compiler.count(object, "minItems") ?? 0
    most = try compiler.count(object, "maxItems")
    if let unique = object["uniqueItems"] {
      guard let flag = unique.bool else { throw .unsupported("uniqueItems that is no truth value") }
      isUnique = flag
    }
    if let list = object["prefixItems"] {
      guard !compiler.isOldDraft else {
        throw .unsupported("prefixItems in a schema of a draft that does not have them")
      }
      guard let schemas = list.array else { throw .unsupported("prefixItems that are no list") }
      prefix = schemas
      rest = object["items"] ?? .bool(true)
    } else if let schemas = object["items"]?.array {
      // Drafts before 2020-12.
      prefix = schemas
      rest = object["additionalItems"] ?? .bool(true)
    } else {
      rest = object["items"] ?? .bool(true)
    }
  }
}

extension SchemaCompiler {
  /// A length or a count that a keyword states; nil without the keyword. Beyond 64 bits it is the
  /// greatest.
  func count(_ object: JSONObject, _ key: JSONString) throws(GrammarError) -> Int? {
    guard let value = object[key] else { return nil }
    if case .wide(let digits) = value, digits.bytes.first != 0x2D { return Int.max }
    guard let count = value.integer, count >= 0 else {
      throw .unsupported("a length or a count that is no whole number")
    }
    return Int(clamping: count)
  }
}
