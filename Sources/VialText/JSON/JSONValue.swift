// Owns: a parsed JSON text: values, and objects that keep the order of their members.
// Must not: interpret; readers of config.json, tokenizer.json and safetensors headers do that.

/// A JSON value. Integers that fit stay exact.
public enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number without fraction or exponent that fits 64 bits.
  case integer(Int64)
  /// Any other number.
  case number(Double)
  /// An integer beyond 64 bits: its digits, perhaps behind a minus sign.
  case wide(JSONString)
  case string(JSONString)
  case array([JSONValue])
  case object(JSONObject)

  /// The member of an object, or nil when this is no object or has no such member.
  public subscript(key: String) -> JSONValue? { object?[key] }

  /// The element of an array, or nil.
  public subscript(index: Int) -> JSONValue? {
    guard let array, array.indices.contains(index) else { return nil }
    return array[index]
  }

  /// Whether this is `null`.
  public var isNull: Bool {
    if case .null = self { return true }
    return false
  }

  /// The truth value, or nil when this is something else.
  public var bool: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  /// The integer, also of a number such as `32.0` that is one; nil otherwise.
  public var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int64(exactly: value)
    default: nil
    }
  }

  /// The number, nil when this is something else, or an integer that no double holds.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .wide(let digits): Double(digits.text).flatMap { $0.isFinite ? $0 : nil }
    default: nil
    }
  }

  /// The string's bytes, nil when this is something else.
  public var string: JSONString? {
    if case .string(let value) = self { return value }
    return nil
  }

  /// The string as text, nil when this is something else.
  public var text: String? { string?.text }

  /// The elements, nil when this is no array.
  public var array: [JSONValue]? {
    if case .array(let value) = self { return value }
    return nil
  }

  /// The members, nil when this is no object.
  public var object: JSONObject? {
    if case .object(let value) = self { return value }
    return nil
  }
}

/// An object: members in document order, found by the bytes of their key.
public struct JSONObject: Sendable {
  /// A key and its value.
  public struct Member: Sendable {
    public let key: JSONString
    public let value: JSONValue

    package init(key: JSONString, value: JSONValue) { (self.key, self.value) = (key, value) }
  }

  /// The members in document order; keys are unique.
  public let members: [Member]
  /// Position by key, only for objects too large to search one by one.
  private let index: [JSONString: Int]

  /// Below this many members a search one by one is cheaper than an index.
  package static let smallCount = 12

  /// Takes members with unique keys and, for large objects, their index.
  package init(members: [Member], index: [JSONString: Int]) {
    self.members = members
    self.index = index
  }

  /// The value of `key`, or nil. O(1).
  public subscript(key: JSONString) -> JSONValue? {
    if members.count <= Self.smallCount {
      return members.first { $0.key == key }?.value
    }
    return index[key].map { members[$0].value }
  }

  /// The value of `key`, or nil.
  public subscript(key: String) -> JSONValue? { self[JSONString(key)] }
}
