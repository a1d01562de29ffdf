// Owns: spellings of SentencePiece-style vocabularies: U+2581 for spaces, <0x41> for bytes.
// Must not: know ids.

/// Conversions between a vocabulary's spelling and text.
enum MarkedSpaces {
  /// U+2581 in UTF-8.
  static let marker: [UInt8] = [0xE2, 0x96, 0x81]

  /// The token with markers as spaces.
  static func spaces(for token: [UInt8]) -> [UInt8] {
    guard token.contains(0xE2) else { return token }
    var result: [UInt8] = []
    var rest = token[...]
    while let first = rest.first {
      if rest.starts(with: marker) {
        result.append(0x20)
        rest = rest.dropFirst(3)
      } else {
        result.append(first)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  /// The text with spaces as markers.
  static func markers(for text: [UInt8]) -> [UInt8] {
    text.flatMap { $0 == 0x20 ? marker : [$0] }
  }

  /// The byte that a token such as `<0x41>` stands for.
  static func byte(of token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else {
      return nil
    }
    return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
  }

  /// The token that stands for a byte.
  static func name(of byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: ">")]
  }
}
