// Owns: the cutting of a chat template into text and tags, and of tags into tokens, with Jinja's
// white space control as transformers sets it.
// Must not: parse a tag's tokens; the parsers do.
// trim_blocks and lstrip_blocks are on, the last line end is dropped. White space is Python's:
// no-break spaces and the like are, too. Works on bytes; template text is UTF-8.

import VialText

/// A token inside a tag.
struct JinjaToken {
  enum Kind: Equatable {
    case name(String)
    case string([UInt8])
    case integer(Int)
    case symbol(String)
  }

  let kind: Kind
  let line: Int
}

/// A piece of a template.
enum JinjaPiece {
  case text([UInt8])
  case output([JinjaToken], line: Int)
  case block([JinjaToken], line: Int)
}

/// Cuts a template into pieces.
struct JinjaLexer {
  private let source: [UInt8]
  private var position = 0
  private var line = 1
  private var pieces: [JinjaPiece] = []
  /// The next text starts at the start of a line, for the first line of a text.
  private var isLineStart = true

  /// Most tokens of a tag: a chain of operators is a tree as deep as it is long.
  static let maximumTokenCount = 2048
  /// Longest template in bytes.
  static let maximumByteCount = 1 << 20

  private init(_ source: [UInt8]) { self.source = source }

  static func pieces(of template: String) throws(TemplateError) -> [JinjaPiece] {
    guard template.utf8.count <= maximumByteCount else {
      throw TemplateError(line: 1, "it is longer than \(maximumByteCount) bytes")
    }
    var bytes: [UInt8] = []
    var previous: UInt8 = 0
    for byte in template.utf8 {
      // Line ends of every kind become one.
      if byte == 0x0A, previous == 0x0D {
        previous = byte
        continue
      }
      bytes.append(byte == 0x0D ? 0x0A : byte)
      previous = byte
    }
    if bytes.last == 0x0A { bytes.removeLast() }
    var lexer = JinjaLexer(bytes)
    try lexer.run()
    return lexer.pieces
  }

  private func starts(_ text: String, at position: Int) -> Bool {
    let bytes = Array(text.utf8)
    guard position + bytes.count <= source.count else { return false }
    return source[position..<position + bytes.count].elementsEqual(bytes)
  }

  private mutating func run() throws(TemplateError) {
    while position < source.count {
      let start = position
      var tag = position
      while tag < source.count, !isTag(tag) { tag += 1 }
      var text = Array(source[start..<tag])
      line += text.count { $0 == 0x0A }
      position = tag
      guard tag < source.count else {
        if !text.isEmpty { pieces.append(.text(text)) }
        return
      }
      let kind = source[tag + 1]
      stripBefore(tag, kind, &text)
      if !text.isEmpty { pieces.append(.text(text)) }
      try readTag(kind)
    }
  }

  private func isTag(_ position: Int) -> Bool {
    guard source[position] == UInt8(ascii: "{"), position + 1 < source.count else { return false }
    let next = source[position + 1]
    return next == UInt8(ascii: "{") || next == UInt8(ascii: "%") || next == UInt8(ascii: "#")
  }

  private func stripBefore(_ tag: Int, _ kind: UInt8, _ text: inout [UInt8]) {
    let sign = tag + 2 < source.count ? source[tag + 2] : 0
    if sign == UInt8(ascii: "-") {
      while true {
        let count = Self.spaceByteCount(before: text.endIndex, in: text)
        guard count > 0 else { return }
        text.removeLast(count)
      }
    }
    guard sign != UInt8(ascii: "+"), kind != UInt8(ascii: "{") else { return }
    let lineStart = (text.lastIndex(of: 0x0A).map { $0 + 1 }) ?? 0
    guard lineStart > 0 || isLineStart else { return }
    var offset = lineStart
    while offset < text.count {
      let count = Self.spaceByteCount(at: offset, in: text)
      guard count > 0 else { return }
      offset += count
    }
    text.removeSubrange(lineStart...)
  }

  /// Bytes of the white space character at `offset`; 0 when there is none.
  private static func spaceByteCount(at offset: Int, in bytes: [UInt8]) -> Int {
    guard offset < bytes.count else { return 0 }
    let first = bytes[offset]
    if first < 0x80 { return PythonSpace.contains(UInt32(first)) ? 1 : 0 }
    // All white space beyond ASCII takes two or three bytes.
    let count = first < 0xE0 ? 2 : 3
    guard first < 0xF0, offset + count <= bytes.count else { return 0 }
    var scalar = UInt32(first) & (count == 2 ? 0x1F : 0x0F)
    for byte in bytes[offset + 1..<offset + count] { scalar = scalar << 6 | UInt32(byte & 0x3F) }
    return PythonSpace.contains(scalar) ? count : 0
  }

  /// Bytes of the white space character that ends before `end`; 0 when there is none.
  private static func spaceByteCount(before end: Int, in bytes: [UInt8]) -> Int {
    var start = end - 1
    while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
    guard start >= 0 else { return 0 }
    return spaceByteCount(at: start, in: bytes) == end - start ? end - start : 0
  }

  /// Steps over white space.
  private mutating func skipSpace() {
    while true {
      let count = Self.spaceByteCount(at: position, in: source)
      guard count > 0 else { return }
      for _ in 0..<count { advance() }
    }
  }

  private mutating func readTag(_ kind: UInt8) throws(TemplateError) {
    let startLine = line
    position += 2
    if position < source.count,
      source[position] == UInt8(ascii: "-") || source[position] == UInt8(ascii: "+")
    {
      position += 1
    }
    if kind == UInt8(ascii: "#") {
      while position < source.count, !starts("#}", at: position) { advance() }
      let sign = source[position - 1]
      try endTag(
        "#}", strips: sign == UInt8(ascii: "-"), trims: sign != UInt8(ascii: "+"))
      return
    }
    let tokens = try tagTokens(kind, startLine)
    pieces.append(
      kind == UInt8(ascii: "{")
        ? .output(tokens, line: startLine) : .block(tokens, line: startLine))
  }

  /// The tokens up to the tag's end, and over it. Brackets shield what looks like an end.
  private mutating func tagTokens(
    _ kind: UInt8, _ startLine: Int
  ) throws(TemplateError) -> [JinjaToken] {
    let end = kind == UInt8(ascii: "{") ? "}}" : "%}"
    var tokens: [JinjaToken] = []
    var depth = 0
    while true {
      skipSpace()
      guard position < source.count else {
        throw TemplateError(line: startLine, "a tag without its end")
      }
      let sign = source[position]
      if depth == 0, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+"),
        starts(end, at: position + 1)
      {
        position += 1
        try endTag(end, strips: sign == UInt8(ascii: "-"), trims: false)
        return tokens
      }
      if depth == 0, starts(end, at: position) {
        try endTag(end, strips: false, trims: kind == UInt8(ascii: "%"))
        return tokens
      }
      guard tokens.count < Self.maximumTokenCount else {
        throw TemplateError(line: startLine, "a tag of more than \(Self.maximumTokenCount) tokens")
      }
      let token = try nextToken()
      if case .symbol(let symbol) = token.kind {
        if "([{".contains(symbol) { depth += 1 }
        if ")]}".contains(symbol) { depth -= 1 }
      }
      tokens.append(token)
    }
  }

  private mutating func advance() {
    if source[position] == 0x0A { line += 1 }
    position += 1
  }

  /// Steps over a tag's end and the white space that goes with it.
  private mutating func endTag(
    _ end: String, strips: Bool, trims: Bool
  ) throws(TemplateError) {
    guard starts(end, at: position) else {
      throw TemplateError(line: line, "a tag without its end")
    }
    position += 2
    isLineStart = false
    if strips {
      let start = position
      skipSpace()
      isLineStart = position > start && source[position - 1] == 0x0A
    } else if trims, position < source.count, source[position] == 0x0A {
      isLineStart = true
      advance()
    }
  }

  // MARK: Tokens

  private mutating func nextToken() throws(TemplateError) -> JinjaToken {
    let line = line
    let byte = source[position]
    if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
      return JinjaToken(kind: .string(try string(byte)), line: line)
    }
    if Self.isWord(byte) {
      let start = position
      while position < source.count, Self.isWord(source[position]),
        Self.spaceByteCount(at: position, in: source) == 0
      {
        position += 1
      }
      let word = String(decoding: source[start..<position], as: UTF8.self)
      if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
        guard let value = Int(word) else {
          throw TemplateError(line: line, "the number '\(word)' is not supported")
        }
        return JinjaToken(kind: .integer(value), line: line)
      }
      return JinjaToken(kind: .name(word), line: line)
    }
    let symbols = ["==", "!=", "<=", ">=", "//", "**"]
    if let symbol = symbols.first(where: { starts($0, at: position) }) {
      position += 2
      return JinjaToken(kind: .symbol(symbol), line: line)
    }
    position += 1
    return JinjaToken(kind: .symbol(String(decoding: [byte], as: UTF8.self)), line: line)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  /// A string literal with Python's escapes.
  private mutating func string(_ quote: UInt8) throws(TemplateError) -> [UInt8] {
    let startLine = line
    var result: [UInt8] = []
    position += 1
    while position < source.count {
      let byte = source[position]
      advance()
      if byte == quote { return result }
      guard byte == UInt8(ascii: "\\"), position < source.count else {
        result.append(byte)
        continue
      }
      let escaped = source[position]
      advance()
      switch escaped {
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(escaped)
      case UInt8(ascii: "x"), UInt8(ascii: "u"):
        result += try hexadecimal(digits: escaped == UInt8(ascii: "x") ? 2 : 4)
      case 0x0A: break
      default: result += [byte, escaped]
      }
    }
    throw TemplateError(line: startLine, "a string without its end")
  }

  private mutating func hexadecimal(digits: Int) throws(TemplateError) -> [UInt8] {
    guard position + digits <= source.count,
      let value = UInt32(
        String(decoding: source[position..<position + digits], as: UTF8.self), radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw TemplateError(line: line, "an escape that is no character") }
    position += digits
    return Array(Character(scalar).utf8)
  }
}
