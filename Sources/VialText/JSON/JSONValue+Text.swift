// Owns: JSON values as JSON again.
// Must not: choose among spellings: one value has one text.

extension JSONValue {
  /// The value as JSON without white space.
  public var compactText: [UInt8] {
    var text: [UInt8] = []
    append(to: &text, limit: .max)
    return text
  }

  /// The value as JSON without white space, if it has at most so many bytes.
  func compactText(limit: Int) -> [UInt8]? {
    var text: [UInt8] = []
    append(to: &text, limit: limit)
    return text.count <= limit ? text : nil
  }

  /// Writes at least until the text is longer than `limit`.
  private func append(to text: inout [UInt8], limit: Int) {
    guard text.count <= limit else { return }
    switch self {
    case .null: text += "null".utf8
    case .bool(let value): text += (value ? "true" : "false").utf8
    case .integer(let value): text += value.description.utf8
    case .number(let value): text += value.description.utf8
    case .wide(let digits): text += digits.bytes
    case .string(let value): value.append(to: &text)
    case .array(let elements):
      text.append(0x5B)
      for (index, element) in elements.enumerated() {
        if index > 0 { text.append(0x2C) }
        element.append(to: &text, limit: limit)
      }
      text.append(0x5D)
    case .object(let object):
      text.append(0x7B)
      for (index, member) in object.members.enumerated() {
        if index > 0 { text.append(0x2C) }
        member.key.append(to: &text)
        text.append(0x3A)
        member.value.append(to: &text, limit: limit)
      }
      text.append(0x7D)
    }
  }
}

extension JSONString {
  /// The string in quotes, escaped where JSON asks for it.
  var jsonText: [UInt8] {
    var text: [UInt8] = []
    append(to: &text)
    return text
  }

  fileprivate func append(to text: inout [UInt8]) {
    text.append(0x22)
    for byte in bytes {
      switch byte {
      case 0x22, 0x5C: text += [0x5C, byte]
      case 0x0A: text += "\\n".utf8
      case 0x0D: text += "\\r".utf8
      case 0x09: text += "\\t".utf8
      case 0..<0x20:
        text += "\\u00".utf8
        for digit in [byte >> 4, byte & 15] { text.append(digit + (digit < 10 ? 0x30 : 0x57)) }
      default: text.append(byte)
      }
    }
    text.append(0x22)
  }
}
