// Owns: JSON values made in code, for the settings that a GGUF file's tokenizer amounts to.
// Must not: print; nothing here becomes text again.

public import VialText

extension JSONValue: ExpressibleByStringLiteral {
  init(_ text: String) { self = .string(JSONString(text)) }

  /// A string.
  public init(stringLiteral value: String) { self.init(value) }
}

extension JSONObject {
  /// An object of members with unique keys.
  init(_ members: [(JSONString, JSONValue)]) {
    let isLarge = members.count > Self.smallCount
    var index: [JSONString: Int] = [:]
    if isLarge { for (position, member) in members.enumerated() { index[member.0] = position } }
    self.init(members: members.map { Member(key: $0.0, value: $0.1) }, index: index)
  }

  /// The same with keys as text.
  init(_ members: [(String, JSONValue)]) {
    self.init(members.map { (JSONString($0.0), $0.1) })
  }
}
