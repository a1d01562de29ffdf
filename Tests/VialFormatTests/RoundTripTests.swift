// What is written is what is read.
import TestSupport
import Testing
import VialFormat

@Suite struct RoundTripTests {
  @Test func sampleOpensAndVerifies() throws {
    let bytes = try SampleFile.make()
    let file = try SampleFile.open(bytes)
    #expect(file.configuration == SampleFile.configuration)
    #expect(file.tensors.count == SampleFile.tensors.count)
    #expect(file.root.generation == 1)
    #expect(file.root.fileByteCount == UInt64(bytes.count))
    #expect(file.tailByteCount == 0)
    #expect(try Verifier(file).verify().problems == [])
  }

  @Test func writingIsDeterministic() throws {
    #expect(try SampleFile.make() == SampleFile.make())
  }

  @Test func secondImplementationOfDigestsAgrees() throws {
    let bytes = try SampleFile.make()
    var surgeon = FileSurgeon(bytes)
    surgeon.seal()
    #expect(surgeon.bytes == bytes)
  }

  @Test func tensorsHaveTheirBytes() throws {
    let file = try SampleFile.open(SampleFile.make())
    var numbers = SeededGenerator(seed: 7)
    for tensor in SampleFile.tensors {
      let found = try #require(file.tensors.find(tensor.name))
      #expect(found.format == tensor.format)
      #expect(found.shape.dimensions == tensor.shape)
      #expect(found.region.copied() == SampleFile.bytes(tensor, &numbers))
      #expect(file.tensors[found.index].name == tensor.name)
      #expect(found.offset % 64 == 0)
    }
    #expect(file.tensors.find("") == nil)
    #expect(file.tensors.find("model.norm.weigh") == nil)
    #expect(file.tensors.find("model.norm.weightx") == nil)
    #expect(file.tensors.find("zzz") == nil)
  }

  @Test func slicesOfStackedTensors() throws {
    let file = try SampleFile.open(SampleFile.make())
    let experts = try #require(file.tensors.find("g.experts"))
    #expect(experts.shape.sliceCount == 2)
    #expect(experts.sliceByteCount == 8 * 128 + 32 + 16)
    #expect(experts.slice(1)?.byteCount == experts.sliceByteCount)
    #expect(experts.slice(2) == nil)
  }

  @Test func textsAndProvenance() throws {
    let file = try SampleFile.open(SampleFile.make())
    #expect(try file.text(.license)?.copied() == SampleFile.license)
    #expect(try file.text(.modelCard)?.copied() == Array("# card\n".utf8))
    #expect(try file.text(.configJSON) == nil)
    let provenance = try #require(try file.provenance())
    #expect(provenance["recipe"] == .textArray(["rtn", "", "größe"]))
    #expect(provenance["seed"] == .signed(-5))
    #expect(provenance["empty"] == .unsignedArray([]))
    #expect(provenance["nothing"] == nil)
    #expect(provenance.entries.map(\.key) == ["base.name", "digest", "empty", "recipe", "seed"])
  }

  @Test func unknownOptionalSectionsAreSkipped() throws {
    let bytes = try SampleFile.make { writer in
      try writer.begin(SectionKind(rawValue: 4000), id: 77)
      try writer.append(Array("future".utf8).rawSpan)
      try writer.end()
    }
    let file = try SampleFile.open(bytes)
    #expect(file.section(SectionKind(rawValue: 4000), id: 77)?.byteCount == 6)
    #expect(try Verifier(file).verify().problems == [])
  }

  @Test func severalWeightsSectionsAndChunks() throws {
    var tensors = SampleFile.tensors
    tensors.append(.init(name: "long", format: TensorFormat(.f16), shape: [400, 2000], section: 3))
    let bytes = try SampleFile.make(tensors: tensors)
    let file = try SampleFile.open(bytes)
    #expect(file.sectionTable.all(.weights).count == 2)
    #expect(file.section(.chunkDigests) != nil)
    #expect(try Verifier(file).verify().problems == [])
    var surgeon = FileSurgeon(bytes)
    surgeon.seal()
    #expect(surgeon.bytes == bytes)
    // A chunk in the middle, and the leaves themselves.
    var damaged = bytes
    damaged[FileSurgeon(bytes).start(.weights, id: 3) + (1 << 20) + 5] ^= 1
    #expect(SampleFile.rules(damaged) == [220, 223])
    surgeon.bytes[surgeon.start(.chunkDigests) + 60] ^= 1
    surgeon.seal()
    #expect(SampleFile.rules(surgeon.bytes) == [223])
    surgeon = FileSurgeon(bytes)
    surgeon.bytes[surgeon.start(.chunkDigests) + 4] ^= 1
    surgeon.seal()
    #expect(SampleFile.rules(surgeon.bytes) == [222])
  }

  @Test func modelDigestIgnoresWhatIsNotTheModel() throws {
    let plain = try SampleFile.open(SampleFile.make())
    let extended = try SampleFile.open(
      SampleFile.make { try $0.add(.promptTemplate, id: 1, [1, 2, 3]) })
    #expect(plain.modelDigest == extended.modelDigest)
    #expect(plain.fileDigest != extended.fileDigest)
  }

  @Test func digestText() throws {
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let digest = SHA256.hash(Array("abc".utf8).rawSpan)
    #expect(digest.description == text)
    #expect(Digest(hexadecimal: text) == digest)
    #expect(Digest(hexadecimal: String(text.dropLast())) == nil)
    #expect(Digest(hexadecimal: text + "0") == nil)
    #expect(Digest(hexadecimal: String(repeating: "x", count: 64)) == nil)
  }

  @Test func writerRefusesWhatTheReaderWould() throws {
    var writer = FileWriter(MemorySink())
    #expect(throws: FormatError.self) { try writer.add(.tokenizer, []) }
    var table = TensorTableBuilder()
    #expect(throws: FormatError(rule: 322, offset: 0, "")) {
      try table.add("", TensorFormat(.f32), shape: [1])
    }
    #expect(throws: FormatError(rule: 326, offset: 0, "")) {
      try table.add("x", TensorFormat(.f32), shape: [0])
    }
    #expect(throws: FormatError(rule: 327, offset: 0, "")) {
      try table.add("x", TensorFormat(.int4, group: 48), shape: [4, 4])
    }
    #expect(throws: FormatError(rule: 331, offset: 0, "")) {
      try table.add("x", TensorFormat(.f16), shape: [4])
    }
    #expect(throws: FormatError(rule: 321, offset: 8, "")) { try table.build() }
    var configuration = SampleFile.configuration
    configuration.keyValueHeadCount = 3
    #expect(throws: FormatError.self) { try configuration.encoded() }
  }
}
