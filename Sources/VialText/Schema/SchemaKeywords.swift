// Owns: the keywords of JSON Schema: which are refused, which only say something to people, which
// types they speak of.
// Must not: compile.

enum SchemaKeywords {
  static let refused: [(key: JSONString, name: StaticString)] =
    ([
      "contains", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef",
    ] as [StaticString]).map { (JSONString($0.description), $0) }

  /// Keywords that constrain a value, all others being remarks.
  private static let constraints: Set<JSONString> = [
    "$ref", "type", "enum", "const", "allOf", "anyOf", "oneOf", "not", "if", "then", "else",
    "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
    "minProperties", "maxProperties", "dependencies", "dependentRequired", "dependentSchemas",
    "items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "pattern",
    "minLength", "maxLength", "format", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", allPatterns, noneOf, conditions,
  ]

  // What schemas have that were put together from several; no text of a schema spells these.

  /// A list of patterns, all of which match.
  static let allPatterns = JSONString(bytes: [0] + Array("patterns".utf8))
  /// A list of schemas, none of which holds.
  static let noneOf = JSONString(bytes: [0] + Array("none".utf8))
  /// A list of objects with `if`, `then` and `else`.
  static let conditions = JSONString(bytes: [0] + Array("conditions".utf8))

  static func isConstraint(_ key: JSONString) -> Bool { constraints.contains(key) }

  /// Keywords that make one schema of several.
  private static let composing: [JSONString] = [
    "allOf", "anyOf", "oneOf", "not", "if", noneOf, conditions,
  ]

  /// Whether a schema is made of several.
  static func isComposite(_ object: JSONObject) -> Bool {
    composing.contains { object[$0] != nil } || object["$ref"] != nil && object.members.count > 1
  }

  /// Keywords whose schemas hold together with the one that has them, under a condition.
  private static let joining: [JSONString] = [
    "if", conditions, "dependentSchemas", "dependencies",
  ]

  /// Whether other schemas are put together with a schema when it is compiled.
  static func joinsOthers(_ object: JSONObject) -> Bool {
    joining.contains { object[$0] != nil }
  }

  /// Keywords that say something about values of one type only.
  static let ofType: [(type: String, keywords: [JSONString])] = [
    (
      "object",
      [
        "properties", "required", "additionalProperties", "minProperties", "maxProperties",
        "patternProperties", "propertyNames", "dependencies", "dependentRequired",
        "dependentSchemas",
      ]
    ),
    (
      "array",
      ["items", "minItems", "maxItems", "uniqueItems", "prefixItems", "additionalItems"]
    ),
    ("string", ["pattern", "minLength", "maxLength", "format", allPatterns]),
    ("number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
  ]

  /// Whether a schema says something about values of a type beyond that they are of it.
  static func constrains(_ object: JSONObject, _ type: String) -> Bool {
    let type = type == "integer" ? "number" : type
    return ofType.contains { entry in
      entry.type == type && entry.keywords.contains { object[$0] != nil }
    }
  }

  static func typeNames(_ value: JSONValue) -> [String] {
    if let name = value.text { return [name] }
    return (value.array ?? []).compactMap(\.text)
  }

  /// The types of a schema's values; nil: any. Without `type`, the first that a keyword speaks of:
  /// values of the others would be allowed, but nobody means them.
  static func types(_ object: JSONObject) throws(GrammarError) -> [String]? {
    if let type = object["type"] {
      let names = typeNames(type)
      guard !names.isEmpty else { throw .unsupported("a type that is no name") }
      return names
    }
    return ofType.first { entry in entry.keywords.contains { object[$0] != nil } }.map { [$0.type] }
  }

  /// A part of a JSON pointer in a URI fragment: `~0`, `~1` and `%XX` undone.
  static func unescaped(_ part: ArraySlice<UInt8>) -> JSONString {
    var bytes: [UInt8] = []
    var rest = part
    while let byte = rest.popFirst() {
      if byte == 0x25, let high = rest.first.flatMap(hexadecimal),
        let low = rest.dropFirst().first.flatMap(hexadecimal)
      {
        rest.removeFirst(2)
        bytes.append(high << 4 | low)
      } else {
        bytes.append(byte)
      }
    }
    var result: [UInt8] = []
    var isEscaped = false
    for byte in bytes {
      if isEscaped {
        result.append(byte == 0x31 ? 0x2F : 0x7E)
        isEscaped = false
      } else if byte == 0x7E {
        isEscaped = true
      } else {
        result.append(byte)
      }
    }
    // What is no UTF-8 is no key of a JSON object either.
    return JSONString(bytes: result)
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}

extension JSONValue {
  /// Whether the value is of a schema's type.
  func isOf(_ type: String) -> Bool {
    switch self {
    case .null: type == "null"
    case .bool: type == "boolean"
    case .integer, .wide: type == "integer" || type == "number"
    case .number(let value): type == "number" || (type == "integer" && value.rounded() == value)
    case .string: type == "string"
    case .array: type == "array"
    case .object: type == "object"
    }
  }
}
