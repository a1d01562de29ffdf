// Owns: the printable characters that stand for bytes in byte-level vocabularies.
// Must not: know vocabularies.
// Source: GPT-2, `bytes_to_unicode`.

/// The mapping between bytes and the characters that byte-level tokenizers write for them.
struct ByteLevelAlphabet {
  private let byteByScalar: [UInt32: UInt8]
  /// The UTF-8 bytes of each byte's character.
  let characters: [[UInt8]]

  init() {
    var byteByScalar: [UInt32: UInt8] = [:]
    var characters: [[UInt8]] = []
    var extra: UInt32 = 0
    for byte in UInt8.min...UInt8.max {
      let isPrintable =
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
      let value = isPrintable ? UInt32(byte) : 0x100 + extra
      if !isPrintable { extra += 1 }
      byteByScalar[value] = byte
      characters.append(Unicode.Scalar(value).map { Array(Character($0).utf8) } ?? [])
    }
    self.byteByScalar = byteByScalar
    self.characters = characters
  }

  /// The bytes that a token's characters stand for; nil when one of them stands for none.
  func bytes(of token: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.count)
    for scalar in String(decoding: token, as: UTF8.self).unicodeScalars {
      guard let byte = byteByScalar[scalar.value] else { return nil }
      result.append(byte)
    }
    return result
  }
}
