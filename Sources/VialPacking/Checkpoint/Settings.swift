// Owns: typed access to a settings file of a checkpoint (`config.json`, `generation_config.json`,
// `tokenizer_config.json`), and the wording of "this key is wrong".
// Must not: replace a wrong type by a default: a key that is missing or null is nil, a key of
// another type is an error.
// Settings are read as Python reads them, which most of their authors never noticed: NaN is a
// number, the last of two equal keys counts.

import VialText

/// The members of one JSON object, with the name of the file for messages.
struct Settings: Sendable {
  /// File name without folders, as it appears in messages.
  let fileName: String
  private let members: JSONObject
  /// What was read otherwise than it stands there.
  private(set) var notices = PackNotices()

  /// Parses the bytes of `fileName`, which must be one JSON object.
  /// - Parameter isStrict: refuses what RFC 8259 does not allow, as the readers of weights and of
  ///   tokenizer.json do.
  init(parsing bytes: [UInt8], fileName: String, isStrict: Bool = false) throws(PackingError) {
    let value: JSONValue
    var repeated: [JSONString] = []
    do {
      if isStrict {
        value = try JSONReader.parse(bytes)
      } else {
        (value, repeated) = try JSONReader.parseAsPython(bytes)
      }
    } catch {
      throw PackingError(
        "\(fileName): not valid JSON: \(PackingError.printable(error.description))")
    }
    guard let object = value.object else {
      throw PackingError("\(fileName): not a JSON object")
    }
    self.init(object, fileName: fileName)
    for key in repeated {
      notices.differs(
        "\(fileName): \(PackingError.printable(key.bytes)) stands twice in an object; the last one"
          + " counts, as in Python")
    }
  }

  /// Wraps an object that is already parsed.
  init(_ members: JSONObject, fileName: String) {
    self.members = members
    self.fileName = fileName
  }

  /// All members in document order.
  var allMembers: [JSONObject.Member] { members.members }

  /// The object as a value.
  var json: JSONValue { .object(members) }

  /// The same with the members of another object, which come first where both have one.
  func overlaid(by other: Settings) -> Settings {
    let own = members.members.filter { other.members[$0.key] == nil }
    let all = (own + other.members.members).map { ($0.key, $0.value) }
    return Settings(JSONObject(all), fileName: other.fileName)
  }

  /// An error that names the file.
  func error(_ message: String) -> PackingError { PackingError("\(fileName): \(message)") }

  private func wrongType(_ key: String, _ expected: String) -> PackingError {
    error("\(key) is not \(expected)")
  }

  /// The value of `key`; nil when missing or null.
  func value(_ key: String) -> JSONValue? {
    guard let value = members[key], !value.isNull else { return nil }
    return value
  }

  /// Whether `key` is there and not null.
  func has(_ key: String) -> Bool { value(key) != nil }

  /// Whether `key` is there, be it null.
  func states(_ key: String) -> Bool { members[key] != nil }

  /// A truth value.
  func flag(_ key: String) throws(PackingError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard let flag = value.bool else { throw wrongType(key, "true or false") }
    return flag
  }

  /// A finite number.
  func number(_ key: String) throws(PackingError) -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = value.number, number.isFinite else { throw wrongType(key, "a number") }
    return number
  }

  /// A scaling factor: a number of at least 2^-20 and at most 2^40.
  func requiredFactor(_ key: String) throws(PackingError) -> Double {
    guard let number = try number(key) else { throw error("no \(key)") }
    guard number >= 0x1p-20, number <= 0x1p40 else { throw error("\(key) is out of range") }
    return number
  }

  /// A text.
  func string(_ key: String) throws(PackingError) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.text else { throw wrongType(key, "a string") }
    return text
  }

  /// A list of texts; empty when missing.
  func strings(_ key: String) throws(PackingError) -> [String] {
    guard let value = value(key) else { return [] }
    guard let array = value.array else { throw wrongType(key, "a list of strings") }
    var out: [String] = []
    for element in array {
      guard let text = element.text else { throw wrongType(key, "a list of strings") }
      out.append(text)
    }
    return out
  }

  /// A nested object.
  /// - Parameter orNil: whether another type counts as missing.
  func object(_ key: String, orNil: Bool = false) throws(PackingError) -> Settings? {
    guard let value = value(key) else { return nil }
    guard let object = value.object else {
      if orNil { return nil }
      throw wrongType(key, "an object")
    }
    return Settings(object, fileName: "\(fileName): \(key)")
  }

  /// A whole number from 1 to `limit`.
  func size(_ key: String, upTo limit: Int) throws(PackingError) -> Int? {
    guard let value = value(key) else { return nil }
    guard let integer = value.integer, let size = Int(exactly: integer), size >= 1 else {
      throw wrongType(key, "a whole number above 0")
    }
    guard size <= limit else { throw error("\(key) is \(size), above the limit of \(limit)") }
    return size
  }

  /// A whole number from 1 to `limit` that must be there, unless there is a usual one.
  func requiredSize(
    _ key: String, upTo limit: Int, usual: Int? = nil
  ) throws(PackingError) -> Int {
    guard let size = try size(key, upTo: limit) ?? usual else { throw error("no \(key)") }
    return size
  }

  /// Token ids: one number or a list of them; empty when missing.
  func tokens(_ key: String) throws(PackingError) -> [Int] {
    guard let value = value(key) else { return [] }
    var out: [Int] = []
    for element in value.array ?? [value] {
      guard let integer = element.integer, integer >= 0, integer < 1 << 31 else {
        throw wrongType(key, "a token id or a list of them")
      }
      out.append(Int(integer))
    }
    return out
  }
}
