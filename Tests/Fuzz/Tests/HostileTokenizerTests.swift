// Tokenizer tables that pass every check at open and say absurd things about single tokens.

import FuzzTargets
import Testing
import VialFormat
import VialPacking
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

  /// Tokens that overlap in the table are far more bytes together than the table has: their trie is refused.
  @Test func aTrieIsNoLargerThanAFewTables() throws {
    let count = 1 << 20
    var state: UInt64 = 3
    var bytes: [UInt8] = []
    var offsets: [UInt32] = []
    for place in 0..<count / 2 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes.append(UInt8(truncatingIfNeeded: state >> 40))
      // 32 bytes from here, and then a token that would end before it begins.
      offsets += [UInt32(place), UInt32(place + 32)]
    }
    var section = TinyModel.tokenizer
    func put(_ column: [UInt8], _ field: Int) {
      while section.count % 8 != 0 { section.append(0) }
      let offset = (0..<8).map { UInt8(truncatingIfNeeded: section.count >> ($0 * 8)) }
      section.replaceSubrange(field..<field + 8, with: offset)
      section += column
    }
    func put(_ value: Int, _ field: Int) {
      section.replaceSubrange(
        field..<field + 4, with: (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) })
    }
    put(bytes + [UInt8](repeating: 0, count: 32), Field.tokenBytes)
    put(bytes.count + 32, Field.tokenBytesLength)
    put(
      (offsets + [0]).flatMap { offset in
        (0..<4).map { UInt8(truncatingIfNeeded: offset >> ($0 * 8)) }
      },
      Field.tokenOffsets)
    put([UInt8](repeating: TokenizerLayout.TokenFlag.present, count: count), Field.tokenFlags)
    put(count, Field.tokenCount)
    let tokenizer = try Tokenizer(ByteRegion(copying: section))
    #expect(throws: GrammarError.tooLarge("the file's vocabulary")) {
      _ = try GrammarVocabulary(tokenizer)
    }
  }

  /// A tokenizer with these added tokens, which match before normalisation.
  private func tokenizer(added: [String]) throws -> TokenizerTables {
    let list = added.map {
      #"{"content":"\#($0)","normalized":false,"lstrip":true,"rstrip":true}"#
    }.joined(separator: ",")
    return try TokenizerTables.build(
      tokenizerJSON: Array(
        #"{"model":{"type":"BPE","vocab":{"a":0,"b":1,"\#u{120}":2},"merges":[]},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},"added_tokens":[\#(list)]}"#
          .utf8))
  }

  private func count(_ section: [UInt8], _ text: [UInt8]) throws -> Int {
    var workspace = TokenizerWorkspace()
    var ids = [UInt32](repeating: 0, count: text.count + 20)
    var output = ids.mutableSpan
    return try Tokenizer(ByteRegion(copying: section)).encode(
      text.span, workspace: &workspace, into: &output)
  }

  /// Every space is a token that would take all spaces before and behind it.
  @Test func strippingIsLinear() throws {
    let start = ContinuousClock.now
    let spaces = [UInt8](repeating: 0x20, count: 500_000)
    #expect(try count(tokenizer(added: [" "]).section, spaces) == spaces.count)
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test func longAddedTokensAreNeverMet() throws {
    let long = String(repeating: "a", count: 1024)
    #expect(throws: TokenizerError.self) { try tokenizer(added: [long + "a"]) }
    var section = try tokenizer(added: [long, "bb"]).section
    #expect(try count(section, Array(long.utf8)) == 1)
    // One byte more, which is the next token's first.
    let entries = (0..<4).reduce(0) { $0 | Int(section[Field.addedEntries + $1]) << ($1 * 8) }
    section[entries + 12] = 1
    #expect(try count(section, Array((long + "b").utf8)) == 1025)
  }
}
