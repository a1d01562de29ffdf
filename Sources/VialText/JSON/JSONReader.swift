// Owns: a strict JSON reader: bytes in, tree out, with limits and byte offsets.
// Must not: accept what the grammar refuses (comments, trailing commas, NaN, lone surrogates,
// duplicate keys, bytes that are not UTF-8), but for NaN and duplicate keys where Python's reading
// is asked for.
// Source: RFC 8259.

/// Reads a whole JSON text.
public struct JSONReader {
  /// What a text may cost.
  public struct Limits: Sendable {
    /// Deepest nesting of arrays and objects.
    public var depth = 64
    /// Largest text in bytes.
    public var byteCount = 1 << 30
    /// Whether an integer that no double holds is taken, as a `wide` one.
    public var takesAnyInteger = false
    /// Longest number with a fraction or an exponent in bytes; nil: as long as it likes.
    public var fractionByteCount: Int?

    /// The limits as they stand.
    public init() {}

    /// Those of an object whose members' members are what `ChatValueReader` reads: what it takes is
    /// taken here, two levels further in.
    public static var ofConversations: Limits {
      var limits = Limits()
      limits.depth = ChatValueReader.depthLimit + 2
      limits.takesAnyInteger = true
      limits.fractionByteCount = ChatValueReader.numberDigitLimit
      return limits
    }
  }

  let bytes: [UInt8]
  let limits: Limits
  var position = 0
  /// Whether NaN and repeated keys are taken as Python's `json` takes them.
  private let followsPython: Bool
  /// Keys that stand twice in an object; at most `repeatedKeyLimit`.
  private var repeatedKeys: [JSONString] = []
  private static let repeatedKeyLimit = 100

  /// Parses one value with nothing but whitespace around it. Linear in the text's length.
  public static func parse(
    _ bytes: [UInt8], limits: Limits = Limits()
  ) throws(JSONError) -> JSONValue {
    var reader = JSONReader(bytes: bytes, limits: limits, followsPython: false)
    return try reader.whole()
  }

  /// Parses as Python's `json` does: of a key that stands twice in an object the last value counts,
  /// and NaN, Infinity and -Infinity are numbers. Linear in the text's length.
  /// - Returns: the value, and the keys that stand twice, the first hundred of them.
  public static func parseAsPython(
    _ bytes: [UInt8], limits: Limits = Limits()
  ) throws(JSONError) -> (value: JSONValue, repeatedKeys: [JSONString]) {
    var reader = JSONReader(bytes: bytes, limits: limits, followsPython: true)
    return (try reader.whole(), reader.repeatedKeys)
  }

  private mutating func whole() throws(JSONError) -> JSONValue {
    guard bytes.count <= limits.byteCount else {
      throw JSONError(
        offset: limits.byteCount, .size, "the text is longer than \(limits.byteCount) bytes")
    }
    // A byte-order mark is not JSON, but editors leave one.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    skipSpace()
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw error("text after the value") }
    return value
  }

  private init(bytes: [UInt8], limits: Limits, followsPython: Bool) {
    self.bytes = bytes
    self.limits = limits
    self.followsPython = followsPython
  }

  func error(_ message: String) -> JSONError { JSONError(offset: position, message) }

  /// The byte at the cursor; 0, which no token starts with, at the end.
  var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

  mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(JSONString(bytes: try string()))
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N") where followsPython: return try word("NaN", .number(.nan))
    case UInt8(ascii: "I") where followsPython: return try word("Infinity", .number(.infinity))
    case UInt8(ascii: "-")
    where followsPython && position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "I"):
      return try word("-Infinity", .number(-.infinity))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default:
      throw error(position < bytes.count ? "expected a value" : "the text ends too early")
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
    for byte in word.utf8 {
      guard current == byte else { throw error("expected '\(word)'") }
      position += 1
    }
    return value
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= limits.depth else {
      throw JSONError(offset: position, .size, "nested deeper than \(limits.depth) levels")
    }
    position += 1
    var elements: [JSONValue] = []
    skipSpace()
    if current == UInt8(ascii: "]") {
      position += 1
      return .array(elements)
    }
    while true {
      skipSpace()
      elements.append(try value(depth: depth))
      skipSpace()
      let byte = current
      guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") else {
        throw error("expected ',' or ']' in an array")
      }
      position += 1
      if byte == UInt8(ascii: "]") { return .array(elements) }
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= limits.depth else {
      throw JSONError(offset: position, .size, "nested deeper than \(limits.depth) levels")
    }
    position += 1
    var members: [JSONObject.Member] = []
    var index: [JSONString: Int] = [:]
    skipSpace()
    if current == UInt8(ascii: "}") {
      position += 1
      return .object(JSONObject(members: members, index: index))
    }
    while true {
      skipSpace()
      try appendMember(to: &members, &index, depth: depth)
      skipSpace()
      let byte = current
      guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") else {
        throw error("expected ',' or '}' in an object")
      }
      position += 1
      if byte == UInt8(ascii: "}") {
        return .object(JSONObject(members: members, index: index))
      }
    }
  }

  private mutating func appendMember(
    to members: inout [JSONObject.Member], _ index: inout [JSONString: Int], depth: Int
  ) throws(JSONError) {
    let keyOffset = position
    guard current == UInt8(ascii: "\"") else { throw error("expected a key in quotes") }
    let key = JSONString(bytes: try string())
    let known: Int?
    if members.count < JSONObject.smallCount {
      known = members.firstIndex { $0.key == key }
    } else {
      if index.isEmpty {
        for (position, member) in members.enumerated() { index[member.key] = position }
      }
      known = index[key]
      if known == nil { index[key] = members.count }
    }
    guard known == nil || followsPython else {
      throw JSONError(offset: keyOffset, .repeatedKey, "a key that appears twice")
    }
    skipSpace()
    guard current == UInt8(ascii: ":") else { throw error("expected ':' after an object key") }
    position += 1
    skipSpace()
    let member = JSONObject.Member(key: key, value: try value(depth: depth))
    guard let known else {
      members.append(member)
      return
    }
    members[known] = member
    if repeatedKeys.count < Self.repeatedKeyLimit { repeatedKeys.append(key) }
  }
}
