// JSON values as JSON again.
// Must not: choose among spellings: one value has one text.

extension JSONValue {
  /// The value as JSON without white space.
  public var compactText: [UInt8] {
    switch self {
    case .null: return Array("null".utf8)
    case .bool(let value): return Array((value ? "true" : "false").utf8)
    case .integer(let value): return Array(value.description.utf8)
    case .number(let value): return Array(value.description.utf8)
    case .string(let value): return value.jsonText
    case .array(let elements):
      return [0x5B] + elements.map(\.compactText).joined(separator: [0x2C]) + [0x5D]
    case .object(let object):
      let members = object.members.map { $0.key.jsonText + [0x3A] + $0.value.compactText }
      return [0x7B] + members.joined(separator: [0x2C]) + [0x7D]
    }
  }
}

extension JSONString {
  /// The string in quotes, escaped where JSON asks for it.
  var jsonText: [UInt8] {
    var text: [UInt8] = [0x22]
    for byte in bytes {
      switch byte {
      case 0x22, 0x5C: text += [0x5C, byte]
      case 0x0A: text += Array("\\n".utf8)
      case 0x0D: text += Array("\\r".utf8)
      case 0x09: text += Array("\\t".utf8)
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        text += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: text.append(byte)
      }
    }
    return text + [0x22]
  }
}
