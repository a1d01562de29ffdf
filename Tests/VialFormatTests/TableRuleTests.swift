// Key–values, configuration, tensor table, weights' values: each rule has a file that breaks it.
import Testing
import VialFormat

@Suite struct KeyValueRuleTests {
  /// Two scalars, a text and an array, in this key order: a.bool, b.float, c.text, d.list.
  private func payload() throws -> [UInt8] {
    var builder = KeyValueBuilder()
    builder["a.bool"] = .bool(true)
    builder["b.float"] = .float(1.5)
    builder["c.text"] = .text("héllo")
    builder["d.list"] = .textArray(["ab", "c"])
    builder["e.floats"] = .floatArray([1, 2])
    return try builder.build()
  }

  private func rule(_ edit: (inout FileSurgeon) -> Void) throws -> Int? {
    var surgeon = FileSurgeon(try payload())
    edit(&surgeon)
    do throws(FormatError) {
      _ = try KeyValueTable(ByteRegion(copying: surgeon.bytes), context: "test")
      return nil
    } catch {
      return error.rule
    }
  }

  @Test func rules() throws {
    let entry = { (index: Int) in 32 + index * 32 }
    let heap = 32 + 5 * 32
    #expect(try rule { _ in } == nil)
    #expect(try rule { $0.bytes[0] = 0 } == 301)
    #expect(try rule { $0.bytes = Array($0.bytes[..<31]) } == 301)
    #expect(try rule { $0.set(4, UInt32.max) } == 301)
    #expect(try rule { $0.set(8, UInt32(31)) } == 301)
    #expect(try rule { $0.set(24, UInt64.max) } == 301)
    #expect(try rule { $0.bytes.append(0) } == 301)
    #expect(try rule { $0.set(entry(0), UInt32(1)) } == 302)
    #expect(try rule { $0.set(entry(0) + 4, UInt32(0)) } == 302)
    #expect(try rule { $0.set(entry(4) + 4, UInt32(255)) } == 302)
    #expect(try rule { $0.bytes[heap] = 0x20 } == 302)
    #expect(try rule { $0.bytes[heap] = 0x7A } == 303)
    #expect(try rule { $0.set(entry(0) + 8, UInt32(10)) } == 304)
    #expect(try rule { $0.set(entry(0) + 24, UInt64(1)) } == 305)
    #expect(try rule { $0.set(entry(2) + 16, UInt64.max) } == 305)
    #expect(try rule { $0.set(entry(2) + 24, UInt64(1) << 63) } == 305)
    #expect(try rule { $0.set(entry(3) + 24, UInt64(8)) } == 307)
    #expect(try rule { $0.set(entry(0) + 16, UInt64(2)) } == 306)
    #expect(try rule { $0.set(entry(1) + 16, Double.infinity.bitPattern) } == 306)
    #expect(try rule { $0.set($0.bytes.count - 4, Float.nan.bitPattern) } == 306)
    #expect(
      try rule { $0.bytes[heap + Int($0.u64(entry(2) + 16)) + 1] = 0xFF } == 306)
    #expect(try rule { $0.set(entry(3) + 12, UInt32(3)) } == 307)
    #expect(try rule { $0.set(heap + Int($0.u64(entry(3) + 16)), UInt32.max) } == 307)
    #expect(try rule { $0.set(entry(3) + 12, UInt32(1)) } == 307)
  }

  @Test func paddingInTheHeap() throws {
    var builder = KeyValueBuilder()
    builder["abc"] = .text("x")
    builder["abd"] = .text("y")
    var bytes = try builder.build()
    bytes[32 + 64 + 7] = 1
    #expect(throws: FormatError(rule: 305, offset: 48, "")) {
      try KeyValueTable(ByteRegion(copying: bytes), context: "test")
    }
  }
}

@Suite struct ConfigurationRuleTests {
  private func rule(_ edit: (inout KeyValueBuilder) -> Void) throws -> Int? {
    let table = try KeyValueTable(
      ByteRegion(copying: SampleFile.configuration.encoded()), context: "configuration")
    var builder = KeyValueBuilder()
    for (key, value) in table.entries { builder[key] = value }
    edit(&builder)
    do throws(FormatError) {
      _ = try ModelConfiguration(
        KeyValueTable(ByteRegion(copying: builder.build()), context: "configuration"))
      return nil
    } catch {
      return error.rule
    }
  }

  @Test func rules() throws {
    #expect(try rule { $0["future.key"] = .unsigned(1) } == nil)
    #expect(try rule { $0["hidden_size"] = nil } == 310)
    #expect(try rule { $0["hidden_size"] = .signed(40) } == 310)
    #expect(try rule { $0["token.bos"] = .text("3") } == 310)
    #expect(try rule { $0["architecture"] = .text("Qwen 2") } == 311)
    #expect(try rule { $0["architecture"] = .text("") } == 311)
    #expect(try rule { $0["layer_count"] = .unsigned(0) } == 312)
    #expect(try rule { $0["layer_count"] = .unsigned(1025) } == 312)
    #expect(try rule { $0["vocabulary_size"] = .unsigned(.max) } == 312)
    #expect(try rule { $0["attention.head_dim"] = .unsigned(7) } == 312)
    #expect(try rule { $0["norm.epsilon"] = .float(0) } == 312)
    #expect(try rule { $0["attention.kv_head_count"] = .unsigned(3) } == 313)
    #expect(try rule { $0["rope.inverse_frequencies"] = .floatArray([]) } == 314)
    #expect(try rule { $0["rope.inverse_frequencies"] = .floatArray([1, 1, 1, 1, 1]) } == 314)
    #expect(try rule { $0["rope.inverse_frequencies"] = .floatArray([1, -1, 1, 1]) } == 314)
    #expect(try rule { $0["token.eos"] = .unsignedArray([100]) } == 315)
    #expect(try rule { $0["token.bos"] = nil } == 315)
    #expect(try rule { $0["sampling.top_p"] = .float(1.5) } == 316)
    #expect(try rule { $0["sampling.temperature"] = .unsigned(1) } == 316)
    #expect(try rule { $0["sampling.top_k"] = .unsigned(.max) } == 316)
    #expect(try rule { $0["rope.long.above"] = .unsigned(8) } == 318)
    #expect(try rule { $0["rope.long.inverse_frequencies"] = .floatArray([1]) } == 318)
    #expect(try rule { $0["attention.scale"] = .float(0) } == 319)
    #expect(try rule { $0["feed_forward.bias"] = .unsigned(1) } == 319)
    #expect(try rule { $0["rope.layers"] = .unsignedArray([1]) } == 319)
    let windowKinds: [(Int, Int?)] = [(8, nil), (9, 319)]
    for (kinds, wanted) in windowKinds {
      let windows = (0..<9).map { UInt64(min($0, kinds - 1)) }
      let found = try rule {
        $0["layer_count"] = .unsigned(9)
        $0["attention.windows"] = .unsignedArray(windows)
      }
      #expect(found == wanted)
    }
  }
}

@Suite struct TensorRuleTests {
  let sample: [UInt8]

  init() throws { sample = try SampleFile.make() }

  private func rules(_ edit: (inout FileSurgeon, Int) -> Void) -> [Int] {
    var surgeon = FileSurgeon(sample)
    edit(&surgeon, surgeon.start(.tensorTable))
    surgeon.seal()
    return SampleFile.rules(surgeon.bytes)
  }

  /// Offset of a tensor's entry from the table's start; names sort as a … g, model.norm.weight.
  private func entry(_ index: Int) -> Int { 64 + index * 128 }

  @Test func header() {
    #expect(rules { $0.bytes[$1] = 0 } == [320])
    #expect(rules { $0.set($1 + 4, UInt32(2)) } == [320])
    #expect(rules { $0.set($1 + 50, UInt8(2)) } == [320])
    #expect(rules { $0.set($1 + 8, UInt64(0)) } == [321])
    #expect(rules { $0.set($1 + 8, UInt64(1) << 61) } == [321])
    #expect(rules { $0.set($1 + 8, UInt64(7)) } == [320])
    #expect(rules { $0.set($1 + 32, UInt64.max) } == [320])
  }

  @Test func names() {
    let heap = 64 + SampleFile.tensors.count * 128
    #expect(rules { $0.set($1 + 64, UInt32(3)) } == [322])
    #expect(rules { $0.set($1 + 68, UInt32(0)) } == [322])
    #expect(rules { $0.set($1 + 68, UInt32.max) } == [322])
    #expect(rules { $0.bytes[$1 + heap] = 0xFF } == [322])
    #expect(rules { $0.bytes[$1 + heap] = 0x1F } == [322])
    #expect(rules { $0.bytes[$1 + heap] = 0x62 } == [323])
  }

  @Test func fields() {
    #expect(rules { $0.set($1 + entry(0) + 8, UInt32(6)) } == [324])
    #expect(rules { $0.set($1 + entry(0) + 12, UInt32(1)) } == [325])
    #expect(rules { $0.set($1 + entry(7) + 8, UInt32(2)) } == [325])
    #expect(rules { $0.set($1 + entry(0) + 16, UInt32(0)) } == [326])
    #expect(rules { $0.set($1 + entry(0) + 16, UInt32(5)) } == [326])
    #expect(rules { $0.set($1 + entry(0) + 24, UInt64(1) << 63) } == [326])
    #expect(rules { $0.set($1 + entry(0) + 40, UInt64(2)) } == [326])
    #expect(rules { $0.set($1 + entry(0) + 20, UInt32(1)) } == [327])
    #expect(rules { $0.set($1 + entry(4) + 56, UInt32(33)) } == [327])
    #expect(rules { $0.set($1 + entry(4) + 60, UInt8(5)) } == [327])
    #expect(rules { $0.set($1 + entry(4) + 61, UInt8(0)) } == [327])
    #expect(rules { $0.set($1 + entry(4) + 62, UInt8(1)) } == [327])
    #expect(rules { $0.set($1 + entry(3) + 63, UInt8(1)) } == [327])
    #expect(rules { $0.set($1 + entry(4) + 63, UInt8(2)) } == [327])
    #expect(rules { $0.set($1 + entry(4) + 63, UInt8(1)) } == [334])
    #expect(rules { $0.set($1 + entry(0) + 100, UInt8(1)) } == [328])
    #expect(rules { $0.set($1 + entry(0) + 64, UInt64(9)) } == [329])
    #expect(rules { $0.set($1 + entry(0) + 88, UInt32(0)) } == [333])
  }

  @Test func places() {
    #expect(rules { $0.set($1 + entry(0) + 72, UInt64(32)) } == [330])
    #expect(rules { $0.set($1 + entry(0) + 72, UInt64.max - 63) } == [330])
    #expect(rules { $0.set($1 + entry(0) + 72, UInt64(1) << 20) } == [330])
    #expect(rules { $0.set($1 + entry(0) + 80, UInt64(191)) } == [331])
    #expect(rules { $0.set($1 + entry(0) + 24, UInt64(17)) } == [331])
    // Onto another tensor, and a hole where it was.
    #expect(rules { $0.set($1 + entry(0) + 72, UInt64(0)) } == [332])
    #expect(rules { $0.set($1 + entry(0) + 72, UInt64(320)) } == [332])
  }

  @Test func values() throws {
    let file = try SampleFile.open(sample)
    let weights = FileSurgeon(sample).start(.weights)
    let at = { (name: String) in
      weights + Int(file.tensors.find(name)?.offset ?? 0)
    }
    let norm = at("model.norm.weight")
    #expect(rules { surgeon, _ in surgeon.set(norm + 8, Float.nan.bitPattern) } == [601])
    #expect(rules { surgeon, _ in surgeon.set(at("b.f16"), UInt16(0xFC00)) } == [601])
    #expect(rules { surgeon, _ in surgeon.set(at("c.bf16"), UInt16(0x7F80)) } == [601])
    #expect(rules { surgeon, _ in surgeon.set(at("a.f32") + 60, UInt8(1)) } == [605])
    #expect(rules { surgeon, _ in surgeon.set(at("d.int8") + 512, UInt16(0x7C01)) } == [602])
    #expect(rules { surgeon, _ in surgeon.set(at("d.int8") + 3, UInt8(0x80)) } == [604])
    #expect(rules { surgeon, _ in surgeon.set(at("e.int4") + 256, UInt16(0xFFFF)) } == [602])
    #expect(rules { surgeon, _ in surgeon.set(at("f.int4") + 512 + 32, UInt8(16)) } == [603])
    #expect(rules { surgeon, _ in surgeon.set(at("f.int4") + 512 + 32 + 15, UInt8(7)) } == [605])
    #expect(rules { surgeon, _ in surgeon.set(at("f.int4") + 512 + 30, UInt8(7)) } == [605])
    // e.int4 has 18 × 40: column 40 of row 0 is padding, so is row 18.
    #expect(rules { surgeon, _ in surgeon.set(at("e.int4") + 288 + 64, UInt8(0x89)) } == [605])
    #expect(rules { surgeon, _ in surgeon.set(at("e.int4") + 2 * 288 + 8, UInt8(0x89)) } == [605])
    #expect(rules { surgeon, _ in surgeon.set(at("d.int8") + 544 + 128, UInt8(1)) } == [605])
    #expect(rules { surgeon, _ in surgeon.set(norm + 160, UInt8(1)) } == [606])
  }
}
