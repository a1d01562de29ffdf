// Owns: texts that running templates write besides their own and the messages': numbers, Python's
// words, JSON.
// Must not: hold what a template or a patient wrote.

import VialFormat

/// Where each text lies among the bytes that all templates share.
enum TemplateBuiltins {
  /// Digits, then words, then an escape of six bytes for each control character, then the short
  /// escapes.
  static let bytes: [UInt8] = {
    let hex = Array("0123456789abcdef".utf8)
    var bytes = Array(words.utf8)
    for control in 0..<32 {
      bytes += Array("\\u00".utf8) + [hex[control / 16], hex[control % 16]]
    }
    for (_, escape) in shortEscapes { bytes += [0x5C, escape] }
    return bytes
  }()

  private static let words =
    "0123456789-TrueFalseNonetruefalsenull\"[, ]{\"role\": , \"content\": }\n                "
  private static let shortEscapes: [(byte: UInt8, escape: UInt8)] = [
    (0x22, 0x22), (0x5C, 0x5C), (0x0A, 0x6E), (0x0D, 0x72), (0x09, 0x74), (0x08, 0x62),
    (0x0C, 0x66),
  ]

  /// The bytes as templates hold them.
  static let column: ByteColumn<UInt8>? = ByteRegion(copying: bytes)
    .column(UInt8.self, at: 0, count: UInt64(bytes.count))

  private static func slice(_ start: Int, _ count: Int) -> TemplateSlice {
    TemplateSlice(origin: .builtin, start: start, count: count)
  }

  static let minus = slice(10, 1)
  static let pythonTrue = slice(11, 4)
  static let pythonFalse = slice(15, 5)
  static let pythonNone = slice(20, 4)
  static let jsonTrue = slice(24, 4)
  static let jsonFalse = slice(28, 5)
  static let jsonNull = slice(33, 4)
  static let quote = slice(37, 1)
  static let open = slice(38, 1)
  static let comma = slice(39, 2)
  static let close = slice(41, 1)
  /// `{"role": `
  static let role = slice(42, 9)
  /// `, "content": `
  static let content = slice(51, 13)
  static let closeObject = slice(64, 1)
  static let openObject = slice(42, 1)
  static let bareComma = slice(39, 1)
  static let colon = slice(49, 2)
  static let roleKey = slice(44, 4)
  static let contentKey = slice(54, 7)
  static let lineEnd = slice(65, 1)
  static let mostSpaces = 16

  /// At most `mostSpaces` spaces.
  static func spaces(_ count: Int) -> TemplateSlice { slice(66, count) }

  static func digit(_ value: Int) -> TemplateSlice { slice(value, 1) }

  /// How a byte stands in a JSON string; nil: as it is.
  static func escape(_ byte: UInt8) -> TemplateSlice? {
    let start = words.utf8.count
    if let index = shortEscapes.firstIndex(where: { $0.byte == byte }) {
      return slice(start + 32 * 6 + index * 2, 2)
    }
    return byte < 0x20 ? slice(start + Int(byte) * 6, 6) : nil
  }
}
