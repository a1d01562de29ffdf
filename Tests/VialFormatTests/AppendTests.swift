// What a file holds after sections were added, replaced and removed in place, and after compacting.
import TestSupport
import Testing
import VialFormat

@Suite struct AppendTests {
  let sample: [UInt8]

  init() throws { sample = try SampleFile.make() }

  static let unknown = SectionKind(rawValue: 4000)

  /// The changed file; it verifies.
  static func append(
    _ bytes: [UInt8], _ change: (inout FileAppender) throws -> Void
  ) throws -> [UInt8] {
    let result = try plan(bytes, change).carriedOut(on: bytes)
    #expect(SampleFile.rules(result) == [])
    return result
  }

  static func plan(
    _ bytes: [UInt8], _ change: (inout FileAppender) throws -> Void
  ) throws -> AppendPlan {
    var appender = try FileAppender(try SampleFile.open(bytes))
    try change(&appender)
    return try appender.plan()
  }

  private func rule(_ bytes: [UInt8], _ change: (inout FileAppender) throws -> Void) -> Int? {
    do {
      _ = try Self.plan(bytes, change)
      return nil
    } catch { return (error as? FormatError)?.rule }
  }

  @Test func addedSectionsAreFoundAndNothingElseMoves() throws {
    let note = Array("seven words".utf8)
    let bytes = try Self.append(sample) {
      try $0.add(Self.unknown, id: 9, ByteRegion(copying: note))
      try $0.addText(.configJSON, Array("{}".utf8))
      try $0.add(.promptTemplate, id: 3, alignment: 4096, ByteRegion(copying: [1]))
    }
    let (old, new) = (try SampleFile.open(sample), try SampleFile.open(bytes))
    #expect(new.section(Self.unknown, id: 9)?.copied() == note)
    #expect(try new.text(.configJSON)?.copied() == Array("{}".utf8))
    #expect(new.sectionTable.find(.promptTemplate, id: 3).map { $0.offset % 4096 } == 0)
    #expect(new.modelDigest == old.modelDigest)
    #expect(new.fileDigest != old.fileDigest)
    #expect(new.root.generation == 2)
    for section in old.sections { #expect(new.sections.contains(section)) }
    // All that changed below the old end is the spare slot.
    #expect(bytes[..<8192] == sample[..<8192])
    #expect(bytes[12288..<sample.count] == sample[12288...])
    // A second implementation of all digests agrees.
    var surgeon = FileSurgeon(bytes)
    surgeon.slot = 8192
    surgeon.seal()
    #expect(surgeon.bytes == bytes)
  }

  @Test func replacingAndRemoving() throws {
    let old = try SampleFile.open(sample)
    let replaced = try Self.append(sample) {
      let isThere = try $0.remove(.text, id: TextSection.license.rawValue)
      #expect(isThere)
      try $0.addText(.license, Array("free".utf8))
    }
    #expect(try SampleFile.open(replaced).text(.license)?.copied() == Array("free".utf8))
    let removed = try Self.append(replaced) {
      let found = [
        try $0.remove(.text, id: TextSection.license.rawValue), try $0.remove(.provenance),
        try $0.remove(.adapter, id: 5),
      ]
      #expect(found == [true, true, false])
    }
    let file = try SampleFile.open(removed)
    #expect(try file.text(.license) == nil)
    #expect(file.section(.provenance) == nil)
    #expect(file.modelDigest == old.modelDigest)
    #expect(file.root.generation == 3)
    // Neighbouring dead bytes are one free section: around the model card, and all after the old end.
    let free = file.sectionTable.all(.free)
    #expect(free.count == 3)
    for section in free { #expect(section.id == section.offset) }
  }

  @Test func changingBackAndForthDoesNotGrowTheTable() throws {
    var bytes = sample
    for round in 0..<40 {
      bytes = try Self.append(bytes) {
        let found = try $0.remove(Self.unknown)
        #expect(found == (round > 0))
        try $0.add(Self.unknown, ByteRegion(copying: [UInt8](repeating: 7, count: 1 + round * 37)))
      }
    }
    let file = try SampleFile.open(bytes)
    #expect(file.root.generation == 41)
    #expect(file.sections.count == (try SampleFile.open(sample)).sections.count + 2)
  }

  @Test func longSectionsComeAndGoWithTheirLeaves() throws {
    func long(_ seed: UInt64) -> ByteRegion {
      var numbers = SeededGenerator(seed: seed)
      return ByteRegion(
        copying: (0..<(2 << 20) + 77).map { _ in UInt8(truncatingIfNeeded: numbers.next()) })
    }
    let one = try Self.append(sample) { try $0.add(Self.unknown, id: 1, long(1)) }
    #expect(try SampleFile.open(one).section(.chunkDigests) != nil)
    let two = try Self.append(one) {
      try $0.add(Self.unknown, id: 0, long(2))
      try $0.addText(.configJSON, [0x7B, 0x7D])
    }
    let kept = try Self.append(two) { try $0.remove(Self.unknown, id: 1) }
    #expect(try SampleFile.open(kept).section(Self.unknown)?.copied() == long(2).copied())
    let none = try Self.append(kept) { try $0.remove(Self.unknown) }
    #expect(try SampleFile.open(none).section(.chunkDigests) == nil)
    // Leaves that are still needed but damaged are not passed on.
    var damaged = FileSurgeon(two)
    damaged.bytes[damaged.start(.chunkDigests) + 16 + 64 + 5] ^= 1
    #expect(rule(damaged.bytes) { try $0.remove(Self.unknown, id: 1) } == 223)
    #expect(rule(damaged.bytes) { try $0.remove(.provenance) } == nil)
  }

  @Test func whatCannotBeChanged() throws {
    let one = ByteRegion(copying: [1])
    #expect(rule(sample) { try $0.add(.weights, id: 8, one) } == 119)
    #expect(rule(sample) { try $0.add(.chunkDigests, one) } == 119)
    #expect(rule(sample) { try $0.add(.free, id: 1, one) } == 119)
    #expect(rule(sample) { try $0.add(Self.unknown, flags: .model, one) } == 119)
    #expect(rule(sample) { _ = try $0.remove(.tokenizer) } == 119)
    #expect(rule(sample) { _ = try $0.remove(.weights) } == 119)
    #expect(rule(sample) { try $0.add(.provenance, one) } == 208)
    #expect(rule(sample) { try $0.add(.provenance, ByteRegion(copying: [])) } == 205)
    #expect(rule(sample) { try $0.add(Self.unknown, alignment: 96, one) } == 204)
    #expect(rule(sample) { try $0.add(Self.unknown, alignment: 0, one) } == 204)
    #expect(rule(sample) { try $0.add(Self.unknown, flags: .required, one) } == 212)
    var used = FileSurgeon(sample)
    used.set(4096 + 8, UInt64.max)
    used.sealSlot()
    #expect(rule(used.bytes) { try $0.add(Self.unknown, one) } == 112)
  }

  @Test func filesOfTheFutureAreNotChanged() throws {
    for change: (inout FileSurgeon) -> Void in [
      { $0.set(18, UInt16(9)) }, { $0.set(32, UInt64(1) << 7) },
    ] {
      var surgeon = FileSurgeon(sample)
      change(&surgeon)
      surgeon.seal()
      #expect(SampleFile.rules(surgeon.bytes) == [])
      #expect(rule(surgeon.bytes) { _ = try $0.remove(.provenance) } == 118)
      #expect(throws: FormatError.self) {
        try Compaction.write(SampleFile.open(surgeon.bytes), to: MemorySink())
      }
    }
    // A compatible feature may be ignored, and stays.
    var surgeon = FileSurgeon(sample)
    surgeon.set(40, UInt64(5))
    surgeon.seal()
    let changed = try Self.append(surgeon.bytes) { try $0.remove(.provenance) }
    #expect(try Self.compact(changed)[..<4096] == surgeon.bytes[..<4096])
  }

  static func compact(_ bytes: [UInt8]) throws -> [UInt8] {
    let (before, result) = (
      try SampleFile.open(bytes),
      try Compaction.write(SampleFile.open(bytes), to: MemorySink()).bytes
    )
    let after = try SampleFile.open(result)
    #expect(SampleFile.rules(result) == [])
    #expect(after.modelDigest == before.modelDigest)
    #expect(after.fileDigest == before.fileDigest)
    #expect(after.sectionTable.all(.free) == [])
    return result
  }

  @Test func compactingGivesWhatAWriterWouldHaveWritten() throws {
    #expect(try Self.compact(sample) == sample)
    #expect(try Self.compact(sample + [1, 2, 3]) == sample)
    let added = try Self.append(sample) { try $0.add(Self.unknown, ByteRegion(copying: [5])) }
    let removed = try Self.append(added) { try $0.remove(Self.unknown) }
    #expect(try Self.compact(removed) == sample)
    #expect(try Self.compact(added).count < added.count)
    var tensors = SampleFile.tensors
    tensors.append(.init(name: "long", format: TensorFormat(.f16), shape: [400, 2000], section: 3))
    let long = try SampleFile.make(tensors: tensors)
    #expect(try Self.compact(long) == long)
    // Removing what lies before the weights leaves a free section up to them.
    let shorter = try Self.append(long) { try $0.remove(.provenance) }
    #expect(try SampleFile.open(shorter).sectionTable.all(.free).count == 2)
    #expect(try Self.compact(shorter).count <= long.count)
  }

  @Test func compactingRefusesDamage() throws {
    var damaged = sample
    let start = FileSurgeon(sample).start(.tokenizer)
    damaged[start] ^= 1
    #expect(throws: FormatError(rule: 220, offset: UInt64(start), "")) {
      try Compaction.write(SampleFile.open(damaged), to: MemorySink())
    }
  }

  @Test func aTailIsOverwritten() throws {
    let tail = [UInt8](repeating: 0xEE, count: 100_000)
    #expect(SampleFile.rules(sample + tail) == [117])
    let change: (inout FileAppender) throws -> Void = {
      try $0.add(Self.unknown, alignment: 4096, ByteRegion(copying: [1, 2, 3]))
    }
    #expect(try Self.append(sample + tail, change) == Self.append(sample, change))
  }

  /// A file that was cut shorter than its newest root opens at the older one. When it grows again, that newest
  /// root must not come to life over other bytes.
  @Test func aRootThatWasCutOffStaysDead() throws {
    let second = try Self.append(sample) { try $0.add(Self.unknown, ByteRegion(copying: [1])) }
    let cut = Array(second[..<sample.count])
    #expect(SampleFile.rules(cut) == [114])
    let change: (inout FileAppender) throws -> Void = {
      try $0.add(Self.unknown, ByteRegion(copying: [UInt8](repeating: 9, count: 5000)))
    }
    let plan = try Self.plan(cut, change)
    var bytes = cut
    for step in plan.steps[..<plan.rootStep] { step.carryOut(on: &bytes) }
    #expect(try SampleFile.open(bytes).root.generation == 1)
    #expect(try SampleFile.open(Self.append(cut, change)).root.generation == 2)
  }
}

extension AppendPlan {
  /// The file after all steps.
  func carriedOut(on bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for step in steps { step.carryOut(on: &bytes) }
    return bytes
  }
}

extension AppendPlan.Step {
  func carryOut(on bytes: inout [UInt8]) {
    switch self {
    case .write(let region, let offset):
      SampleBytes.store(region.copied()[...], at: Int(offset), in: &bytes)
    case .truncate(let byteCount): bytes.removeLast(bytes.count - Int(byteCount))
    case .sync: break
    }
  }
}
