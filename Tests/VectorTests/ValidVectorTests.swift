// Every valid vector opens, is whole, and holds what its truth says, tensors to the last bit.

import Foundation
import Testing
import VialFormat
import VialText

@Suite struct ValidVectorTests {
  @Test func vectorsExist() {
    #expect(Vectors.valid.count { $0.hasPrefix("valid/") } >= 11)
    #expect(Vectors.valid.count { $0.hasPrefix("1.0/") } >= 3)
  }

  @Test(arguments: Vectors.valid)
  func isWhole(_ name: String) throws {
    #expect(try ReaderOutcome(Vectors.bytes(name)).findings.isEmpty)
  }

  @Test(arguments: Vectors.valid)
  func containerIsAsWritten(_ name: String) throws {
    let (truth, file) = try open(name)
    let (identity, root) = (file.identity, file.root)
    #expect(truth.format == "\(identity.majorVersion).\(identity.minorVersion)")
    #expect(
      truth.features == [
        identity.incompatibleFeatures, identity.readOnlyCompatibleFeatures,
        identity.compatibleFeatures,
      ])
    #expect(file.rootSlots[truth.slot == "A" ? 0 : 1].root == root)
    #expect(root.generation == truth.generation)
    #expect(root.fileByteCount == truth.fileLength)
    #expect(file.modelDigest.description == truth.modelDigest)
    #expect(file.fileDigest.description == truth.fileDigest)
    let sections = file.sections.map { section in
      ValidTruth.Section(
        kind: section.kind.rawValue, id: section.id, flags: section.flags.rawValue,
        offset: section.offset, storedLength: section.storedByteCount,
        rawLength: section.rawByteCount, codec: section.codec.rawValue,
        alignment: section.alignment, digest: section.digest.description)
    }
    #expect(sections == truth.sections)
  }

  @Test(arguments: Vectors.valid)
  func keyValuesAreAsWritten(_ name: String) throws {
    let (truth, file) = try open(name)
    compare(file.configurationTable, truth.configuration)
    let provenance = try file.provenance()
    #expect((provenance == nil) == (truth.provenance == nil))
    if let provenance, let values = truth.provenance { compare(provenance, values) }
    if let name = truth.name { #expect(try file.modelName() == name) }
  }

  @Test(arguments: Vectors.valid)
  func tensorsDecodeToTheSameBits(_ name: String) throws {
    let (truth, file) = try open(name)
    #expect(file.tensors.count == truth.tensors.count)
    for (index, expected) in truth.tensors.enumerated() {
      let tensor = file.tensors[index]
      #expect(tensor.name == expected.name)
      #expect(tensor.encoding.name == expected.encoding)
      #expect(tensor.shape.dimensions == expected.shape)
      #expect(tensor.format.group == expected.group)
      #expect(tensor.format.isAsymmetric == expected.asymmetric)
      #expect(tensor.format.codebook?.entries == expected.levels)
      #expect(tensor.weightsSection == expected.section)
      #expect(tensor.offset == expected.offset)
      #expect(tensor.byteCount == expected.length)
      let values = try decoded(tensor)
      #expect(values.prefix(4).map { Double($0) } == expected.first, "\(tensor.name)")
      #expect(digest(values) == expected.f32Sha256, "\(tensor.name)")
    }
  }

  @Test(arguments: Vectors.valid)
  func textsAndTokensAreAsWritten(_ name: String) throws {
    let (truth, file) = try open(name)
    let texts = file.sections.filter { $0.kind == .text }
    #expect(texts.map(\.id) == truth.texts.map(\.id))
    for (section, expected) in zip(texts, truth.texts) {
      let text = try file.contents(of: section)
      #expect(text.byteCount == expected.length)
      #expect(SHA256.hash(text.bytes).description == expected.sha256)
    }
    let tokenizer = try Tokenizer(try #require(file.section(.tokenizer)))
    let expected = truth.tokenizer
    #expect(tokenizer.kind == (expected.kind == "byte level" ? .byteLevel : .characterLevel))
    let normalizer: [String: TokenizerNormalizer] = [
      "none": .none, "NFC": .nfc, "spaces": .spaces,
    ]
    #expect(tokenizer.normalizer == normalizer[expected.normaliser])
    let patterns = [
      "none", "GPT-2", "Qwen2", "Llama 3", "metaspace", "metaspace with cuts", "GPT-2 with digits",
      "Tekken", "o200k", "Qwen3.5", "DeepSeek-V3",
    ]
    #expect(patterns[Int(tokenizer.pattern.rawValue)] == expected.preTokenizer)
    #expect(tokenizer.tokenCount == expected.ids)
    #expect(tokenizer.mergeCount == expected.merges)
    #expect(tokenizer.addedTokenCount == expected.added)
    #expect(tokenizer.bosToken == expected.begin)
    #expect(tokenizer.eosToken == expected.end)
    #expect(tokenizer.padToken == expected.padding)
    for (id, hexadecimal) in expected.firstTokens.enumerated() {
      let token = UInt32(id)
      #expect(tokenizer.isPresent(token) == (hexadecimal != nil))
      let bytes = tokenizer.bytes(of: token)
      let copy = bytes.indices.map { bytes[$0] }
      #expect(Vectors.hexadecimal(copy) == hexadecimal ?? "")
    }
    let templates = file.sections.filter { $0.kind == .chatTemplate }
    #expect(templates.map(\.id) == truth.chatTemplates.map(\.id))
  }

  @Test(arguments: Vectors.valid)
  func adaptersAreAsWritten(_ name: String) throws {
    let (truth, file) = try open(name)
    let sections = file.sections.filter { $0.kind == .adapter }
    #expect(sections.map(\.id) == truth.adapters?.map(\.id) ?? [])
    for (section, expected) in zip(sections, truth.adapters ?? []) {
      let adapter = try #require(try file.adapter(in: section))
      #expect(adapter.name == expected.name)
      #expect(adapter.isRankStabilised == expected.rankStabilised)
      #expect(adapter.baseDigest.description == expected.base)
      #expect(adapter.targets.map(\.name) == expected.targets.map(\.name))
      for (target, expected) in zip(adapter.targets, expected.targets) {
        #expect(target.encoding.name == expected.encoding)
        #expect(target.rank == expected.rank)
        #expect(target.alpha == expected.alpha)
        #expect(Double(target.scale) == expected.scale)
        #expect((target.inputCount, target.outputCount) == (expected.inputs, expected.outputs))
        let digests = try target.tensors.map { digest(try decoded($0)) }
        #expect(digests == [expected.aF32Sha256, expected.bF32Sha256])
      }
    }
  }

  private func open(_ name: String) throws -> (ValidTruth, VialFile) {
    (
      try Vectors.truth(name, ValidTruth.self),
      try FormatReader.open(ByteRegion(copying: Vectors.bytes(name)))
    )
  }

  private func compare(_ table: KeyValueTable, _ values: [String: TruthValue]) {
    #expect(
      table.entries.map(\.key)
        == values.keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
    for (key, value) in table.entries {
      #expect(values[key]?.matches(value) == true, "\(key)")
    }
  }

  /// All elements, as `vial dump --tensor` decodes them.
  private func decoded(_ tensor: TensorDescriptor) throws -> [Float] {
    let shape = tensor.shape
    var values: [Float] = []
    values.reserveCapacity(shape.elementCount)
    for slice in 0..<shape.sliceCount {
      for row in 0..<shape.rowCount {
        for column in 0..<shape.columnCount {
          values.append(try #require(tensor.value(slice: slice, row: row, column: column)))
        }
      }
    }
    return values
  }

  /// SHA-256 of the little-endian bytes.
  private func digest(_ values: [Float]) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 4)
    for value in values {
      let bits = value.bitPattern
      for shift in [0, 8, 16, 24] as [UInt32] {
        bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
    }
    return SHA256.hash(bytes.rawSpan).description
  }
}
