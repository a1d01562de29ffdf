// Owns: strings and numbers of the strict JSON reader: escapes, UTF-8 validation and the number
// grammar.
// Must not: let through half a surrogate pair, a bare control character, or bytes that are not
// UTF-8.
// Source: RFC 8259, sections 6 and 7.

extension JSONReader {
  /// The unescaped bytes of the string at the cursor, which stands on its opening quote.
  mutating func string() throws(JSONError) -> [UInt8] {
    position += 1
    let start = position
    // Most strings have no escape: find the end first, copy once.
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let result = Array(bytes[start..<position])
        position += 1
        return result
      }
      if byte == UInt8(ascii: "\\") { break }
      try plainCharacter(byte)
    }
    var result = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        return result
      }
      if byte == UInt8(ascii: "\\") {
        try escape(into: &result)
      } else {
        let from = position
        try plainCharacter(byte)
        result.append(contentsOf: bytes[from..<position])
      }
    }
    throw error("a string without a closing quote")
  }

  /// Steps over one unescaped character, checking that it is allowed and whole.
  private mutating func plainCharacter(_ byte: UInt8) throws(JSONError) {
    guard byte >= 0x20 else { throw error("a control character inside a string") }
    if byte < 0x80 {
      position += 1
      return
    }
    let (length, least): (Int, UInt32) =
      switch byte {
      case 0xC2...0xDF: (2, 0x80)
      case 0xE0...0xEF: (3, 0x800)
      case 0xF0...0xF4: (4, 0x10000)
      default: (0, 0)
      }
    guard length > 0, position + length <= bytes.count else { throw error("invalid UTF-8") }
    var scalar = UInt32(byte) & (0x7F >> UInt32(length))
    for index in 1..<length {
      let next = bytes[position + index]
      guard next & 0xC0 == 0x80 else { throw error("invalid UTF-8") }
      scalar = scalar << 6 | UInt32(next & 0x3F)
    }
    guard scalar >= least, Unicode.Scalar(scalar) != nil else { throw error("invalid UTF-8") }
    position += length
  }

  /// Appends what the escape at the cursor spells.
  private mutating func escape(into result: inout [UInt8]) throws(JSONError) {
    let start = position
    position += 1
    let byte = current
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "u"):
      guard let scalar = try unicodeEscape() else {
        throw JSONError(offset: start, "half of a surrogate pair")
      }
      result.append(contentsOf: Array(Character(scalar).utf8))
    default: throw JSONError(offset: start, "an unknown escape")
    }
  }

  /// The scalar of `XXXX` or `XXXX\uXXXX` after a `\u`; nil for a lone surrogate.
  private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar? {
    let first = try hexadecimal()
    guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
    guard current == UInt8(ascii: "\\"), position + 1 < bytes.count,
      bytes[position + 1] == UInt8(ascii: "u")
    else { return nil }
    position += 2
    let second = try hexadecimal()
    guard (0xDC00..<0xE000).contains(second) else { return nil }
    return Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      let byte = current
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte & 0x0F)
      case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
        value = value << 4 | (UInt32(byte & 0x0F) + 9)
      default: throw error("expected four hexadecimal digits")
      }
      position += 1
    }
    return value
  }

  /// The number at the cursor.
  mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    if current == UInt8(ascii: "-") { position += 1 }
    if current == UInt8(ascii: "0") {
      position += 1
    } else {
      try digits()
    }
    var isInteger = true
    if current == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try digits()
    }
    if current | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int64(text) { return .integer(value) }
    let wide = JSONValue.wide(JSONString(bytes: Array(bytes[start..<position])))
    if isInteger, limits.takesAnyInteger { return wide }
    let byteLimit = isInteger ? nil : limits.fractionByteCount
    guard position - start <= byteLimit ?? .max, let value = Double(text), value.isFinite else {
      throw JSONError(offset: start, .number, "a number out of range")
    }
    return isInteger ? wide : .number(value)
  }

  private mutating func digits() throws(JSONError) {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(current) else {
      throw error("expected a digit")
    }
    while (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(current) { position += 1 }
  }
}
