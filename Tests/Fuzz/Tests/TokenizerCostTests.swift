// What encoding costs under hostile tables and texts: steps of the budget, and bytes.

import AllocationMeter
import FuzzTargets
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct TokenizerCostTests {
  private typealias Field = TokenizerLayout.Field

  /// A tokenizer section that is changed field by field.
  private struct Section {
    var bytes: [UInt8]

    init(_ json: [UInt8] = TinyTokenizer.byteLevel) throws {
      bytes = try TokenizerTables.build(tokenizerJSON: json).section
    }

    func word(_ place: Int) -> Int {
      (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << ($1 * 8) }
    }

    mutating func put(_ value: Int, _ place: Int, width: Int = 4) {
      for index in 0..<width {
        bytes[place + index] = UInt8(truncatingIfNeeded: value >> (index * 8))
      }
    }

    mutating func append(_ column: [UInt8], _ field: Int) {
      while bytes.count % 8 != 0 { bytes.append(0) }
      put(bytes.count, field, width: 8)
      bytes += column
    }

    /// Every search for a pair that does not merge goes through the whole table.
    mutating func fillMerges() {
      for slot in 0..<1 << word(Field.mergeSlotBits) {
        let value = word(Field.mergeSlots) + slot * 16 + 8
        if (0..<8).allSatisfy({ bytes[value + $0] == 0xFF }) { put(0, value, width: 8) }
      }
      put(Int(TokenizerLayout.maxProbeCount), Field.mergeProbeCount)
    }

    /// Every word is compared with a token of its length in each of 4,096 slots.
    mutating func fillVocabulary(tokenByteCount count: Int) {
      append([UInt8](repeating: 0x61, count: count - 1) + [0x62], Field.tokenBytes)
      put(count, Field.tokenBytesLength, width: 8)
      let offsets = word(Field.tokenOffsets)
      put(0, offsets)
      for id in 1...word(Field.tokenCount) { put(count, offsets + id * 4) }
      for slot in 0..<1 << word(Field.vocabularySlotBits) {
        put(1, word(Field.vocabularySlots) + slot * 4)
      }
      put(Int(TokenizerLayout.maxProbeCount), Field.vocabularyProbeCount)
      put(Int(TokenizerLayout.maxTokenByteCount), Field.longestToken)
      put(word(Field.flags) | Int(TokenizerLayout.Flag.ignoreMerges), Field.flags)
    }

    /// 4,096 added tokens that differ in their last bytes only.
    mutating func fillAdded(_ isRaw: Bool) {
      var text: [UInt8] = []
      var entries: [UInt32] = []
      for index in 0..<4096 {
        entries += [5, 0, UInt32(text.count), 1000]
        text += [UInt8](repeating: 0x61, count: 998)
        text += [UInt8(0x61 + index >> 6), UInt8(0x61 + index & 63)]
      }
      append(
        entries.flatMap { entry in (0..<4).map { UInt8(truncatingIfNeeded: entry >> ($0 * 8)) } },
        Field.addedEntries)
      append(text, Field.addedBytes)
      put(text.count, Field.addedBytesLength, width: 8)
      put(4096, Field.addedCount)
      put(isRaw ? 4096 : 0, Field.rawAddedCount)
    }

    func encode(
      _ text: [UInt8], literals: [TextRange] = []
    ) throws -> (ids: [UInt32], work: Int) {
      let tokenizer = try Tokenizer(ByteRegion(copying: bytes))
      var workspace = TokenizerWorkspace()
      var ids = [UInt32](repeating: 0, count: text.count * 3 + 32)
      var output = ids.mutableSpan
      let count = try tokenizer.encode(
        text.span, literals: literals.span, workspace: &workspace, into: &output)
      let work = TokenizerLimits.work(forByteCount: text.count) - workspace.work.work
      return (Array(ids[..<count]), work)
    }
  }

  private func text(_ part: String, _ byteCount: Int) -> [UInt8] {
    Array(String(repeating: part, count: byteCount / part.utf8.count).utf8)
  }

  @Test(arguments: ["xy", "xy ", "q\u{E9}"])
  func fullMergeTablesEndWithTheBudget(_ part: String) throws {
    let honest = try Section()
    var hostile = honest
    hostile.fillMerges()
    let few = text(part, 60)
    #expect(try hostile.encode(few).ids == honest.encode(few).ids)
    #expect(throws: TextError.tokenizerLimit) { try hostile.encode(text(part, 1 << 20)) }
    #expect(try honest.encode(text(part, 1 << 20)).ids.count >= 1 << 19)
  }

  /// Words of 20 letters and one of 5,000; in a table by characters, one of two bytes each.
  @Test func fullVocabulariesEndWithTheBudget() throws {
    for length in [20, 5000] {
      var section = try Section()
      section.fillVocabulary(tokenByteCount: length)
      #expect(throws: TextError.tokenizerLimit) {
        try section.encode(text(String(repeating: "a", count: length - 1) + " ", 1 << 20))
      }
    }
    var section = try Section(TinyTokenizer.pieces)
    section.fillVocabulary(tokenByteCount: 2)
    section.put(0, Field.flags)
    #expect(throws: TextError.tokenizerLimit) { try section.encode(text("\u{E9}", 1 << 20)) }
  }

  @Test(arguments: [true, false])
  func addedTokensEndWithTheBudget(_ isRaw: Bool) throws {
    var section = try Section()
    section.fillAdded(isRaw)
    // Each place is the start of all of them but for the last bytes.
    let almost = text(String(repeating: "a", count: 997) + "!", 1 << 20)
    #expect(throws: TextError.tokenizerLimit) { try section.encode(almost) }
    #expect(try section.encode(text("<th", 1 << 20)).work < 1 << 25)
  }

  private static let honestParts = [
    "the ", "a", "the", "\u{E9}", "<|user", "<think", " mask", "\u{4E2D}\u{6587}",

  ]

  @Test func honestTablesTakeAThird() throws {
    for json in [TinyTokenizer.byteLevel, TinyTokenizer.pieces] {
      let section = try Section(json)
      for part in Self.honestParts {
        let byteCount = 1 << 20
        let work = try section.encode(text(part, byteCount)).work
        #expect(work * 3 < TokenizerLimits.work(forByteCount: byteCount), "\(part): \(work)")
        #expect(work > byteCount / 2, "\(part): nothing was counted")
      }
    }
  }

  @Test func normalisingMakesALittleMore() throws {
    let section = try Section()
    // Three characters of four bytes each from one.
    #expect(throws: TextError.normalizedTextTooLong) {
      try section.encode(text("\u{1D160}", 1 << 20))
    }
    #expect(try section.encode(text("\u{1D160}", 1 << 19)).ids.isEmpty)
    let long = text("\u{1D160}", 1 << 20) + text("the ", 9 << 20)
    #expect(try section.encode(long).ids.count == (9 << 18) + 1)
    // And a fifth of a text of 64 MiB would be too much.
    #expect(TokenizerLimits.growth(forByteCount: 64 << 20) == 16 << 20)
  }

  /// Nine bytes for each of a word's symbols; up to 17 for each byte that is normalised.
  @Test(.enabled(if: allocation_meter_works()))
  func workSpaceIsBounded() throws {
    for json in [TinyTokenizer.byteLevel, TinyTokenizer.pieces] {
      let section = try Section(json)
      for (part, bytesPerByte) in [
        ("a", 10), ("the", 10), ("\u{E9}", 10), ("\u{1F82}", 18), ("\u{344}", 18),
        ("a\u{301}\u{316}", 18), ("\u{316}\u{301}", 18),
      ] {
        for literals in [[], (0..<1 << 18).map { TextRange(start: $0 * 2, byteCount: 1) }] {
          let text = text(part, 1 << 20)
          let tokenizer = try Tokenizer(ByteRegion(copying: section.bytes))
          var ids = [UInt32](repeating: 0, count: 1)
          allocation_meter_begin()
          var workspace = TokenizerWorkspace()
          var output = ids.mutableSpan
          let count = try? tokenizer.encode(
            text.span, literals: literals.span, workspace: &workspace, into: &output)
          let peak = Int(allocation_meter_end())
          #expect(count != nil || part == "\u{344}")
          let bound = bytesPerByte * text.count + literals.count * 16 + 1 << 20
          #expect(peak < bound, "\(part): \(peak) bytes, \(literals.count) literals")
          #expect(peak > text.count, "\(part): nothing was measured")
        }
      }
    }
  }
}
