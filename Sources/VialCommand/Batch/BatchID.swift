// Owns: the "id" of a batch's line: given back as it was, or refused.
// Must not: round, or turn one kind of value into another. An id joins an answer to a record: a
// wrong one is worse than none.

import VialText

/// A line's id as JSON.
enum BatchID {
  /// What an answer without an id has.
  static let none = "null"

  /// A string is the same string again, an integer the same digits, of any length; a line without
  /// an id, or with null, has null.
  /// - Parameter line: the text that `value` was read from, for digits that no number type holds.
  /// - Throws: `BatchError` for anything else: fractions and exponents have several spellings, and
  ///   other values are no names.
  static func json(of value: JSONValue, in line: [UInt8]) throws(BatchError) -> String {
    guard let id = BatchRequest.member(value, "id") else { return none }
    switch id {
    case .string(let text):
      var output = JSONOutput()
      output.value(text.text)
      return output.text
    case .integer, .number, .wide:
      let digits = JSONMemberText.find("id", in: line) ?? []
      guard digits.allSatisfy({ $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }),
        !digits.isEmpty
      else { break }
      return String(decoding: digits, as: UTF8.self)
    default: break
    }
    throw BatchError("\"id\" is no string and no integer")
  }
}

/// Where a member's value stands in the text of an object.
enum JSONMemberText {
  /// The bytes of the value of `name`; nil when the object has no such member.
  /// - Parameter text: a JSON text that `JSONReader` accepts; O(n).
  static func find(_ name: String, in text: [UInt8]) -> ArraySlice<UInt8>? {
    guard let brace = text.firstIndex(of: UInt8(ascii: "{")) else { return nil }
    let wanted = JSONString(name)
    var position = brace + 1
    while let quote = text[position...].firstIndex(of: UInt8(ascii: "\"")) {
      let end = stringEnd(text, quote)
      let key = try? JSONReader.parse(Array(text[quote..<end])).string
      guard let colon = text[end...].firstIndex(of: UInt8(ascii: ":")) else { return nil }
      let start = text[(colon + 1)...].firstIndex { !isSpace($0) } ?? text.endIndex
      position = valueEnd(text, start)
      if key == wanted { return text[start..<position] }
    }
    return nil
  }

  /// Behind the closing quote of the string that begins at `start`.
  private static func stringEnd(_ text: [UInt8], _ start: Int) -> Int {
    var index = start + 1
    while index < text.count, text[index] != UInt8(ascii: "\"") {
      index += text[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(index + 1, text.count)
  }

  /// Behind the last byte of the value that begins at `start`.
  private static func valueEnd(_ text: [UInt8], _ start: Int) -> Int {
    var (index, depth) = (start, 0)
    while index < text.count {
      switch text[index] {
      case UInt8(ascii: "\""):
        index = stringEnd(text, index)
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 0 { return index }
        depth -= 1
      case UInt8(ascii: ","):
        if depth == 0 { return index }
      default:
        if depth == 0, isSpace(text[index]) { return index }
      }
      index += 1
    }
    return index
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }
}
