// Tensors with a codebook: what is written comes back, what breaks a rule is found, and changing a file in place keeps
// the feature that they need.
import Testing
import VialFormat

@Suite struct CodebookTests {
  private static let entries: [Int8] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]
  private let codebook: Codebook
  private let sample: [UInt8]

  init() throws {
    codebook = try #require(Codebook(Self.entries))
    sample = try SampleFile.make(
      tensors: SampleFile.tensors + [
        .init(
          name: "h.levels", format: TensorFormat(.int4, group: 32, codebook: codebook),
          shape: [18, 40]),
        .init(
          name: "i.levels", format: TensorFormat(.int4, group: 128, codebook: codebook),
          shape: [2, 16, 128]),
      ])
  }

  /// The rules that a file breaks after a change of `h.levels`' entry and of the identity page's features.
  private func rules(features: UInt64 = 2, _ edit: (inout FileSurgeon, Int) -> Void) -> [Int] {
    var surgeon = FileSurgeon(sample)
    surgeon.set(24, features)
    edit(&surgeon, surgeon.start(.tensorTable) + 64 + 7 * 128)
    surgeon.seal()
    return SampleFile.rules(surgeon.bytes)
  }

  @Test func entriesAscendFromMinus127() {
    #expect(codebook.entries == Self.entries)
    #expect(codebook[0] == -127 && codebook[7] == -10 && codebook[8] == 1 && codebook[15] == 113)
    #expect(Codebook(Array(Self.entries.dropLast())) == nil)
    #expect(Codebook(Self.entries + [127]) == nil)
    #expect(Codebook([-128] + Self.entries.dropFirst()) == nil)
    #expect(Codebook([-127, -127] + Self.entries.dropFirst(2)) == nil)
    #expect(Codebook(Self.entries.reversed()) == nil)
  }

  @Test func codebooksComeBack() throws {
    #expect(SampleFile.rules(sample) == [])
    let file = try SampleFile.open(sample)
    #expect(file.identity.incompatibleFeatures == 2)
    let tensor = try #require(file.tensors.find("h.levels"))
    #expect(tensor.format == TensorFormat(.int4, group: 32, codebook: codebook))
    #expect(file.tensors.find("e.int4")?.format.codebook == nil)
    // The first byte of the tensor holds columns 0 and 4 of row 0; its scale is 2^-4.
    let byte = tensor.region.copied()[0]
    for (column, q) in [(0, byte & 15), (4, byte >> 4)] {
      #expect(
        tensor.value(slice: 0, row: 0, column: column) == Float(Self.entries[Int(q)]) / 16)
    }
  }

  @Test func rulesOfTheEntry() throws {
    #expect(rules { _, _ in } == [])
    #expect(rules(features: 0) { _, _ in } == [334])
    #expect(rules(features: 3) { _, _ in } == [106])
    #expect(rules { $0.set($1 + 63, UInt8(2)) } == [327])
    #expect(rules { $0.set($1 + 20, UInt32(1)) } == [327])
    #expect(rules { $0.set($1 - 128 + 63, UInt8(1)) } == [327])
    #expect(rules { $0.set($1 + 92, UInt8(0x80)) } == [335])
    #expect(rules { $0.set($1 + 93, UInt8(0x81)) } == [335])
    #expect(rules { $0.set($1 + 107, UInt8(89)) } == [335])
    #expect(rules { $0.set($1 + 108, UInt8(1)) } == [328])
    #expect(rules { $0.set($1 + 127, UInt8(1)) } == [328])
    // Levels without a codebook are reserved bytes that are not zero.
    #expect(rules { $0.set($1 + 63, UInt8(0)) } == [328])
    var table = TensorTableBuilder()
    #expect(throws: FormatError(rule: 327, offset: 0, "")) {
      try table.add(
        "x", TensorFormat(.int4, group: 32, isAsymmetric: true, codebook: codebook), shape: [4, 4])
    }
    #expect(throws: FormatError(rule: 327, offset: 0, "")) {
      try table.add("x", TensorFormat(.int8, group: 32, codebook: codebook), shape: [4, 4])
    }
  }

  @Test func paddingIsThatOfSymmetricTensors() throws {
    let tensor = try #require(try SampleFile.open(sample).tensors.find("h.levels"))
    let at = FileSurgeon(sample).start(.weights) + Int(tensor.offset)
    // 18 × 40: column 40 of row 0 is padding, so is row 18.
    for offset in [288 + 64, 2 * 288 + 8] {
      #expect(rules { surgeon, _ in surgeon.set(at + offset, UInt8(0x89)) } == [605])
    }
    #expect(rules { surgeon, _ in surgeon.set(at + 256, UInt16(0x7C00)) } == [602])
  }

  @Test func changesKeepTheFeature() throws {
    let changed = try AppendTests.append(sample) {
      try $0.addText(.configJSON, Array("{}".utf8))
    }
    let compacted = try Compaction.write(SampleFile.open(changed), to: MemorySink()).bytes
    for bytes in [changed, compacted] {
      let file = try SampleFile.open(bytes)
      #expect(file.identity.incompatibleFeatures == 2)
      #expect(file.tensors.find("i.levels")?.format.codebook == codebook)
      #expect(SampleFile.rules(bytes) == [])
    }
  }
}
