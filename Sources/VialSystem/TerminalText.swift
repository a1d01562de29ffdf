// Owns: text that somebody else wrote, made safe to show: what could drive a terminal, hide text or
// change its order is spelled out.
// Must not: print, or know where a text comes from. It is the only place that says which characters
// are shown.

/// Text for a terminal.
package enum TerminalText {
  /// Whether a character is spelled out: controls (C0, DEL, C1), marks and overrides of the writing
  /// direction, and separators of lines and paragraphs.
  package static func isSpelledOut(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F, 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// One line: line ends and tabs are spelled out as well (`\n`, `\t`).
  /// - Parameter limit: most characters of `text` that are shown; `...` says that there are more.
  package static func line(_ text: String, limit: Int = .max) -> String {
    spelled(text, keepsLines: false, limit: limit)
  }

  /// Several lines: line ends and tabs stay.
  package static func lines(_ text: String) -> String {
    spelled(text, keepsLines: true, limit: .max)
  }

  private static func spelled(_ text: String, keepsLines: Bool, limit: Int) -> String {
    // Nearly all text is plain; a limit is for names, which are short.
    if limit == .max, text.utf8.allSatisfy({ isPlain($0) || keepsLines && isLine($0) }) {
      return text
    }
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
      guard count < limit else { return result + "..." }
      count += 1
      switch scalar {
      case "\n" where keepsLines, "\t" where keepsLines: result.unicodeScalars.append(scalar)
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      default:
        if isSpelledOut(scalar) {
          result += spelling(scalar)
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }

  /// `\u{1b}`
  static func spelling(_ scalar: Unicode.Scalar) -> String {
    "\\u{" + String(scalar.value, radix: 16) + "}"
  }

  private static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F }
  private static func isLine(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x09 }
}

/// The same for text that comes in pieces, which may end within a character.
///
/// Line ends and tabs stay. Bytes that are no UTF-8 are spelled out, too (`\x9b`): a terminal may
/// take them for controls.
package struct TerminalFilter {
  /// The beginning of a character whose rest has not come.
  private var pending: [UInt8] = []

  /// A filter at the start of a text.
  package init() {}

  /// What of the text up to here, `piece` included, can be shown now.
  package mutating func show(_ piece: Span<UInt8>) -> [UInt8] {
    var bytes = pending
    for index in piece.indices { bytes.append(piece[index]) }
    pending = []
    return filtered(bytes, isEnd: false)
  }

  /// What is left at the end of the text.
  package mutating func finish() -> [UInt8] {
    let bytes = pending
    pending = []
    return filtered(bytes, isEnd: true)
  }

  private mutating func filtered(_ bytes: [UInt8], isEnd: Bool) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      let length = Self.length(bytes[index])
      let end = min(index + max(1, length), bytes.count)
      let character = bytes[index..<end]
      // A character that is cut is one that could still become whole.
      if !isEnd, character.count < length, Self.isBeginning(character) {
        pending = Array(character)
        return result
      }
      if let scalar = Self.scalar(character) {
        result +=
          scalar == "\n" || scalar == "\t" || !TerminalText.isSpelledOut(scalar)
          ? Array(character) : Array(TerminalText.spelling(scalar).utf8)
        index = end
      } else {
        result += Self.spelling(bytes[index])
        index += 1
      }
    }
    return result
  }

  /// Bytes of the character that begins with `lead`; 0 when none does.
  private static func length(_ lead: UInt8) -> Int {
    switch lead {
    case 0x00...0x7F: 1
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 0
    }
  }

  private static func isBeginning(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.dropFirst().allSatisfy { $0 & 0xC0 == 0x80 }
  }

  private static func scalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
    String(validating: bytes, as: UTF8.self)?.unicodeScalars.first
  }

  /// `\x9b`
  private static func spelling(_ byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return Array("\\x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
  }
}
