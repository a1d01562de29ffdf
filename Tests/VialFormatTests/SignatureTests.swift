// Signatures: valid, stale or wrong, several in a file, and what they survive.
import Testing
import VialFormat
import VialSystem

@Suite struct SignatureTests {
  private let sample: [UInt8]
  private let keys: [SigningKey]

  init() throws {
    sample = try SampleFile.make()
    keys = try (0..<3).map { _ in try SigningKey.generate() }
  }

  private func publicKey(_ index: Int) throws -> PublicKey {
    try #require(PublicKey(keys[index].publicKey))
  }

  private func sign(_ bytes: [UInt8], _ index: Int, comment: String = "") throws -> [UInt8] {
    let (file, key) = (try SampleFile.open(bytes), try publicKey(index))
    let section = try Signature.section(
      file.digests, by: key, comment: comment, sign: { keys[index].sign($0) })
    return try AppendTests.append(bytes) {
      try $0.remove(.signature, id: key.sectionID)
      try $0.add(.signature, id: key.sectionID, ByteRegion(copying: section))
    }
  }

  private func states(_ bytes: [UInt8]) throws -> [SignatureState?] {
    let file = try SampleFile.open(bytes)
    return try keys.indices.map { try file.signatureState(by: try publicKey($0)) }
  }

  @Test func severalSigners() throws {
    #expect(try states(sample) == [nil, nil, nil])
    let one = try sign(sample, 0, comment: "größe")
    let two = try sign(one, 1)
    #expect(try states(two) == [.valid, .valid, nil])
    let file = try SampleFile.open(two)
    #expect(file.digests == (try SampleFile.open(sample)).digests)
    let signature = try #require(
      try file.signatures.first { $0.signature?.publicKey == (try? publicKey(0)) })
    #expect(signature.signature?.comment == "größe")
    #expect(signature.state == .valid)
    #expect(try file.signatures.count == 2)
    // Signing again replaces one's own.
    #expect(try SampleFile.open(sign(two, 0)).signatures.count == 2)
  }

  @Test func aChangeMakesSignaturesStale() throws {
    let signed = try sign(sample, 0)
    let changed = try AppendTests.append(signed) { try $0.remove(.provenance) }
    #expect(try states(changed)[0] == .stale(isModelUnchanged: true))
    #expect(try states(sign(changed, 1)) == [.stale(isModelUnchanged: true), .valid, nil])
    // Back to what was signed.
    let provenance = try #require(try SampleFile.open(sample).section(.provenance))
    let restored = try AppendTests.append(changed) { try $0.add(.provenance, provenance) }
    #expect(try states(restored)[0] == .valid)
    // A signature of another model that somebody put into this file.
    let other = try SampleFile.make(tensors: Array(SampleFile.tensors.dropLast()))
    let section = try #require(
      try SampleFile.open(signed).section(.signature, id: publicKey(0).sectionID))
    let moved = try AppendTests.append(other) {
      try $0.add(.signature, id: try publicKey(0).sectionID, section)
    }
    #expect(try states(moved)[0] == .stale(isModelUnchanged: false))
  }

  @Test func compactingKeepsSignatures() throws {
    let signed = try sign(AppendTests.append(sample) { try $0.remove(.provenance) }, 0)
    #expect(try states(AppendTests.compact(signed))[0] == .valid)
    // Signed when written, or afterwards and compacted: the same bytes.
    #expect(try AppendTests.compact(sign(sample, 1)) == sampleSigned(by: 1))
    let removed = try AppendTests.append(signed) {
      try $0.remove(.signature, id: try publicKey(0).sectionID)
    }
    #expect(try states(removed)[0] == nil)
  }

  /// The sample as a writer that signs would have written it.
  private func sampleSigned(by index: Int) throws -> [UInt8] {
    let file = try SampleFile.open(sample)
    var writer = FileWriter(MemorySink())
    for section in file.sections { try writer.copy(section, of: file) }
    let key = try publicKey(index)
    _ = try writer.finish { writer, digests in
      let section = try Signature.section(digests, by: key, sign: { keys[index].sign($0) })
      try writer.add(.signature, id: key.sectionID, section)
    }
    return writer.takeSink().bytes
  }

  @Test func everyFlippedByteIsWrong() throws {
    let signed = try sign(sample, 0, comment: "ab")
    let key = try publicKey(0)
    var surgeon = FileSurgeon(signed)
    surgeon.slot = 8192
    let start = surgeon.start(.signature, id: key.sectionID)
    for offset in 0..<178 {
      var mutant = surgeon
      mutant.bytes[start + offset] ^= 1
      mutant.seal()
      #expect(SampleFile.rules(mutant.bytes) == [651], "byte \(offset)")
      // A flipped key is no longer this key's signature, whatever the id says.
      let state = try SampleFile.open(mutant.bytes).signatureState(by: key)
      #expect(state == .wrong, "byte \(offset)")
    }
    // Under another id a reader would not find it.
    let entry = surgeon.entry(.signature, id: key.sectionID)
    surgeon.set(entry + 8, key.sectionID ^ 1)
    surgeon.seal()
    #expect(SampleFile.rules(surgeon.bytes) == [651])
  }

  @Test func lengthsAndComments() throws {
    let file = try SampleFile.open(sample)
    let key = try publicKey(0)
    for content in [[UInt8](), Array("SIGN".utf8), [UInt8](repeating: 0, count: 175)] {
      let bytes = try AppendTests.plan(sample) {
        try $0.add(.signature, id: 1, ByteRegion(copying: content.isEmpty ? [0] : content))
      }.carriedOut(on: sample)
      #expect(SampleFile.rules(bytes) == [651])
    }
    let longest = String(repeating: "x", count: FormatLimits.commentByteCount)
    let bytes = try sign(sample, 0, comment: longest)
    #expect(try states(bytes)[0] == .valid)
    #expect(throws: FormatError(rule: 651, offset: 0, "")) {
      try Signature.section(
        file.digests, by: key, comment: longest + "x", sign: { keys[0].sign($0) })
    }
    #expect(throws: FormatError(rule: 651, offset: 0, "")) {
      try Signature.section(file.digests, by: key, sign: { keys[1].sign($0) })
    }
    #expect(throws: FormatError(rule: 651, offset: 0, "")) {
      try Signature.section(file.digests, by: key, sign: { _ in [] })
    }
  }
}
