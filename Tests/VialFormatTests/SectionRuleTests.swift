// Identity, roots and section table: each rule has a file that breaks it and nothing before it.
import Testing
import VialFormat

@Suite struct SectionRuleTests {
  let sample: [UInt8]

  init() throws { sample = try SampleFile.make() }

  /// The rule that opening breaks after an edit and a new seal.
  private func rule(_ edit: (inout FileSurgeon) -> Void) -> Int? {
    var surgeon = FileSurgeon(sample)
    edit(&surgeon)
    surgeon.seal()
    return SampleFile.openRule(surgeon.bytes)
  }

  @Test func identity() {
    #expect(rule { $0.bytes[1] = 0x41 } == 102)
    #expect(rule { $0.set(12, UInt32(0x0403_0201)) } == 103)
    #expect(rule { $0.set(16, UInt16(2)) } == 105)
    #expect(rule { $0.set(24, UInt64(1) << 40) } == 106)
    #expect(rule { $0.bytes[20] = 1 } == 107)
    #expect(rule { $0.bytes[4000] = 1 } == 107)
    var bytes = sample
    bytes[4070] ^= 1
    #expect(SampleFile.openRule(bytes) == 104)
  }

  @Test func newerMinorVersionAndOptionalFeatures() {
    #expect(rule { $0.set(18, UInt16(9)) } == nil)
    #expect(rule { $0.set(32, UInt64(5)) } == nil)
    #expect(rule { $0.set(40, UInt64(5)) } == nil)
    #expect(
      rule {
        $0.set(18, UInt16(9))
        $0.bytes[60] = 1
      } == nil)
  }

  @Test func rootFields() {
    #expect(rule { $0.set(4096 + 8, UInt64(0)) } == 112)
    #expect(rule { $0.set(4096 + 36, UInt32(64)) } == 113)
    #expect(rule { $0.set(4096 + 24, UInt64(128)) } == 113)
    #expect(rule { $0.set(4096 + 50, UInt8(1)) } == 115)
    #expect(rule { $0.set(4096 + 200, UInt8(1)) } == 115)
    for value: UInt64 in [.max, 1 << 63, .max - 127, 64] as [UInt64] {
      var surgeon = FileSurgeon(sample)
      surgeon.set(4096 + 16, value)
      surgeon.sealSlot()
      #expect(SampleFile.openRule(surgeon.bytes) == 113)
    }
    var surgeon = FileSurgeon(sample)
    surgeon.put([UInt8](repeating: 0, count: 4096), at: 4096)
    #expect(SampleFile.openRule(surgeon.bytes) == 110)
    surgeon = FileSurgeon(sample)
    surgeon.bytes[4096 + 70] ^= 1
    #expect(SampleFile.openRule(surgeon.bytes) == 111)
  }

  @Test func twoSlots() {
    var both = FileSurgeon(sample)
    both.put(Array(sample[4096..<8192]), at: 8192)
    #expect(SampleFile.openRule(both.bytes) == 116)
    both.slot = 8192
    both.set(8192 + 8, UInt64(2))
    both.sealSlot()
    #expect(SampleFile.rules(both.bytes) == [])
    #expect((try? SampleFile.open(both.bytes))?.root.generation == 2)
    // The newer slot is damaged: the older one serves, verify says so.
    both.bytes[8192 + 300] ^= 1
    #expect((try? SampleFile.open(both.bytes))?.root.generation == 1)
    #expect(SampleFile.rules(both.bytes) == [111])
  }

  @Test func tail() {
    #expect(SampleFile.openRule(sample + [1, 2, 3]) == nil)
    #expect(SampleFile.rules(sample + [1, 2, 3]) == [117])
  }

  @Test func digests() {
    var surgeon = FileSurgeon(sample)
    surgeon.bytes[4096 + 64] ^= 1
    surgeon.sealSlot()
    #expect(SampleFile.openRule(surgeon.bytes) == 217)
    surgeon = FileSurgeon(sample)
    surgeon.bytes[4096 + 96] ^= 1
    surgeon.sealSlot()
    #expect(SampleFile.openRule(surgeon.bytes) == 218)
    for kind in [SectionKind.configuration, .tensorTable] {
      surgeon = FileSurgeon(sample)
      surgeon.bytes[surgeon.start(kind) + 40] ^= 1
      #expect(SampleFile.openRule(surgeon.bytes) == 220)
    }
    surgeon = FileSurgeon(sample)
    surgeon.bytes[surgeon.start(.tokenizer) + 3] ^= 1
    #expect(SampleFile.rules(surgeon.bytes) == [220])
    surgeon = FileSurgeon(sample)
    surgeon.bytes[surgeon.tableOffset - 1] = 1
    #expect(SampleFile.rules(surgeon.bytes) == [221])
  }

  @Test func entries() {
    let card = FileSurgeon(sample).entry(.text, id: 4)
    #expect(rule { $0.set(card, UInt32(0)) } == 202)
    #expect(rule { $0.set(card + 52, UInt32(1)) } == 203)
    #expect(rule { $0.set(card + 127, UInt8(1)) } == 203)
    #expect(rule { $0.set(card + 4, UInt32(4)) } == 203)
    #expect(rule { $0.set(card + 44, UInt32(32)) } == 204)
    #expect(rule { $0.set(card + 44, UInt32(96)) } == 204)
    #expect(rule { $0.set(card + 44, UInt32(1 << 21)) } == 204)
    #expect(rule { $0.set(card + 16, $0.u64(card + 16) + 1) } == 204)
    #expect(rule { $0.set(card + 24, UInt64(0)) } == 205)
    #expect(rule { $0.set(card + 24, UInt64(1) << 63) } == 205)
    #expect(rule { $0.set(card + 24, UInt64.max) } == 205)
    #expect(rule { $0.set(card + 16, UInt64(64)) } == 205)
    #expect(rule { $0.set(card + 16, UInt64(12288)) } == 206)
    #expect(rule { $0.set(card + 16, $0.u64(card + 16) + 64) } == 207)
    #expect(rule { $0.set(card + 8, UInt64(5)) } == 208)
    #expect(rule { $0.set(card + 40, UInt32(9)) } == 209)
    #expect(rule { $0.set(card + 32, UInt64(8)) } == 210)
    #expect(rule { $0.set(card + 48, UInt32(21)) } == 211)
    #expect(rule { $0.set(card, UInt32(77)) } == nil)
  }

  @Test func kinds() {
    let card = FileSurgeon(sample).entry(.text, id: 4)
    #expect(
      rule {
        $0.set(card, UInt32(77))
        $0.set(card + 4, UInt32(1))
      } == 212)
    #expect(rule { $0.set(card + 4, UInt32(1)) } == 213)
    #expect(rule { $0.set($0.entry(.tokenizer) + 4, UInt32(1)) } == 213)
    #expect(rule { $0.set($0.entry(.weights) + 44, UInt32(4096)) } == 214)
    #expect(rule { $0.set($0.entry(.provenance) + 8, UInt64(1)) } == 215)
    #expect(
      rule {
        let entry = $0.entry(.tokenizer)
        $0.set(entry, UInt32(77))
        $0.set(entry + 4, UInt32(0))
      } == 216)
    #expect(
      rule {
        $0.set(card, UInt32(12))
        $0.bytes[card + 64] |= 1
      } == 219)
    #expect(rule { $0.set($0.entry(.tokenizer) + 40, UInt32(1)) } == 209)
  }

  @Test func compressionBombs() {
    let license = FileSurgeon(sample).entry(.text, id: 5)
    #expect(rule { $0.set(license + 32, UInt64(1) << 40) } == 210)
    #expect(rule { $0.set(license + 32, UInt64(256) << 20) } == 210)
    // More or less than promised.
    for difference in [-1, 1] {
      var surgeon = FileSurgeon(sample)
      surgeon.set(license + 32, UInt64(SampleFile.license.count + difference))
      surgeon.seal()
      #expect(SampleFile.rules(surgeon.bytes) == [607])
    }
    var surgeon = FileSurgeon(sample)
    surgeon.bytes[surgeon.start(.text, id: 5)] ^= 1
    surgeon.seal()
    #expect(SampleFile.rules(surgeon.bytes) == [607])
    surgeon = FileSurgeon(sample)
    surgeon.bytes[surgeon.start(.text, id: 4)] = 0xFF
    surgeon.seal()
    #expect(SampleFile.rules(surgeon.bytes) == [608])
  }
}
