// Tokenizer tables that pass every check at open and say absurd things about single tokens.

import FuzzTargets
import Testing
import VialFormat
import VialText

@Suite struct HostileTokenizerTests {
  private typealias Field = TokenizerLayout.Field

  /// The tiny tokenizer with 70,000 more bytes of tokens, token 0 having the first `count` of them.
  private func tokenizer(firstTokenByteCount count: UInt32) throws -> Tokenizer {
    var section = TinyModel.tokenizer
    func read(_ at: Int) -> Int { (0..<4).reduce(0) { $0 | Int(section[at + $1]) << ($1 * 8) } }
    func put(_ value: Int, _ at: Int, _ width: Int) {
      for index in 0..<width {
        section[at + index] = UInt8(truncatingIfNeeded: value >> (index * 8))
      }
    }
    while section.count % 8 != 0 { section.append(0) }
    put(section.count, Field.tokenBytes, 8)
    put(70_000, Field.tokenBytesLength, 8)
    section += [UInt8](repeating: 0x61, count: 70_000)
    put(Int(count), read(Field.tokenOffsets) + 4, 4)
    return try Tokenizer(ByteRegion(copying: section))
  }

  @Test func aTokenLongerThanAnyMayBeIsAbsent() throws {
    let longest = try tokenizer(firstTokenByteCount: 65_536)
    let byteCount = longest.bytes(of: 0).count
    #expect(byteCount == 65_536)
    for count: UInt32 in [65_537, 70_000, 70_001, .max] {
      let tokenizer = try tokenizer(firstTokenByteCount: count)
      let byteCount = tokenizer.bytes(of: 0).count
      #expect(byteCount == 0)
      let decoder = StreamingDecoder(tokenizer)
      let capacity = decoder.capacity(for: 0)
      #expect(capacity == 12)
    }
  }
}
