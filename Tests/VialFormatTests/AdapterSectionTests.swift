// Adapter sections: what the builder writes the reader reads; files of adapters; a kill at any byte of an append.
import Testing
import VialFormat

@Suite struct AdapterSectionTests {
  private let sample: [UInt8]
  private let base: VialFile

  init() throws {
    sample = try SampleFile.make()
    base = try SampleFile.open(sample)
  }

  private static let targets = [
    AdapterBuilder.Target(
      name: "d.int8", encoding: .bf16, rank: 17, alpha: 34, inputCount: 40, outputCount: 20),
    AdapterBuilder.Target(
      name: "a.f32", encoding: .f32, rank: 2, alpha: 1, inputCount: 3, outputCount: 5),
  ]

  /// An adapter whose padding is right and whose values are all 1.
  static func section(
    _ name: String, base: Digest, targets: [AdapterBuilder.Target] = AdapterSectionTests.targets,
    isRankStabilised: Bool = false
  ) throws -> (id: UInt64, bytes: ByteRegion) {
    let builder = try AdapterBuilder(
      name: name, base: base, isRankStabilised: isRankStabilised, targets: targets)
    let bytes = try builder.section { target, part, room in
      let (rows, columns) =
        part == .a ? (target.rank, target.inputCount) : (target.outputCount, target.rank)
      let width = target.encoding == .f32 ? 4 : 2
      for tile in 0..<(rows + 15) / 16 {
        for column in 0..<columns {
          for row in 0..<min(16, rows - tile * 16) {
            // The upper half of 1.0: the whole of a bf16.
            let end = ((tile * columns + column) * 16 + row + 1) * width
            (room[end - 1], room[end - 2]) = (0x3F, 0x80)
          }
        }
      }
    }
    return (builder.sectionID, bytes)
  }

  private static func adapted(
    _ bytes: [UInt8], _ names: [String]
  ) throws -> [UInt8] {
    let digest = try SampleFile.open(bytes).modelDigest
    return try AppendTests.append(bytes) { appender in
      for name in names {
        let (id, bytes) = try section(name, base: digest)
        try appender.add(.adapter, id: id, bytes)
      }
    }
  }

  @Test func whatIsWrittenIsRead() throws {
    let bytes = try Self.adapted(sample, ["ward é", "b"])
    let file = try SampleFile.open(bytes)
    #expect(file.modelDigest == base.modelDigest)
    let id = AdapterDescriptor.sectionID(ofName: "ward é")
    let section = try #require(file.sectionTable.find(.adapter, id: id))
    let adapter = try #require(try file.adapter(in: section))
    try adapter.check(base: file)
    #expect(adapter.name == "ward é")
    #expect(adapter.targets.map(\.name) == ["a.f32", "d.int8"])
    #expect(adapter.rank == 17)
    #expect(adapter.parameterCount == 2 * 8 + 17 * 60)
    #expect(adapter.targets.map(\.scale) == [0.5, 2])
    for matrix in adapter.targets.flatMap(\.tensors) {
      #expect(matrix.value(slice: 0, row: 0, column: 0) == 1)
      let last = (matrix.shape.rowCount - 1, matrix.shape.columnCount - 1)
      #expect(matrix.value(slice: 0, row: last.0, column: last.1) == 1)
    }
  }

  @Test func rankStabilisedScales() throws {
    let (id, bytes) = try Self.section("r", base: base.modelDigest, isRankStabilised: true)
    let file = try SampleFile.open(
      try AppendTests.append(sample) { try $0.add(.adapter, id: id, bytes) })
    let section = try #require(file.sectionTable.find(.adapter, id: id))
    let adapter = try #require(try file.adapter(in: section))
    #expect(
      adapter.targets.map(\.scale) == [
        Float(1 / 2.0.squareRoot()), Float(34 / 17.0.squareRoot()),
      ])
  }

  @Test func theSameNameTwiceIsRefused() throws {
    let bytes = try Self.adapted(sample, ["one"])
    #expect(throws: FormatError.self) { try Self.adapted(bytes, ["one"]) }
    #expect(throws: FormatError.self) { try Self.adapted(sample, ["two", "two"]) }
  }

  @Test func theBuilderRefusesWhatAReaderWould() throws {
    var target = Self.targets[1]
    func rule(_ targets: [AdapterBuilder.Target], _ name: String = "x") -> Int? {
      do {
        _ = try Self.section(name, base: base.modelDigest, targets: targets)
        return nil
      } catch { return (error as? FormatError)?.rule }
    }
    #expect(rule([]) == 641)
    #expect(rule([target], "") == 641)
    #expect(rule([target], String(repeating: "n", count: 256)) == 641)
    #expect(rule([target], "a\nb") == 641)
    #expect(rule([target, target]) == 641)
    target.rank = 1025
    #expect(rule([target]) == 641)
    target.rank = 0
    #expect(rule([target]) == 641)
    target.rank = 1
    target.alpha = .infinity
    #expect(rule([target]) == 644)
  }

  @Test func aFileOfAdaptersMeetsItsBase() throws {
    let (id, bytes) = try Self.section("one", base: base.modelDigest)
    let file = try AdapterFile.write(bytes, id: id, to: MemorySink()).bytes
    let region = ByteRegion(copying: file)
    #expect(AdapterFile.isOne(region))
    #expect(!AdapterFile.isOne(ByteRegion(copying: sample)))
    let opened = try AdapterFile(region)
    let adapter = try #require(opened.adapters.first)
    #expect(opened.storedBytes(of: adapter)?.copied() == bytes.copied())
    try adapter.check(base: base)
    // It is no model, and a model without adapters is no file of adapters.
    #expect(SampleFile.openRule(file) == 216)
    #expect(throws: FormatError(rule: 216, offset: 0, "")) {
      do throws(FormatError) { _ = try AdapterFile(ByteRegion(copying: sample)) } catch {
        throw FormatError(rule: error.rule, offset: 0, "")
      }
    }
    // Another base.
    let other = try SampleFile.open(
      try SampleFile.make(tensors: Array(SampleFile.tensors.dropLast())))
    #expect(throws: FormatError.self) { try adapter.check(base: other) }
  }

  @Test func aDamagedFileOfAdaptersIsRefused() throws {
    let (id, bytes) = try Self.section("one", base: base.modelDigest)
    let file = try AdapterFile.write(bytes, id: id, to: MemorySink()).bytes
    var refused = 0
    for offset in stride(from: 0, to: file.count, by: 13) {
      var damaged = file
      damaged[offset] ^= 0x40
      // What is left whole is slot B, which is empty, and zeros between sections.
      if (try? AdapterFile(ByteRegion(copying: damaged))) == nil { refused += 1 }
    }
    #expect(refused > (file.count - 4096 - 128) / 13)
  }

  /// The first of the two, and removing it while another is added.
  @Test func aKillAtAnyByteLeavesTheOldFileOrTheNewOne() throws {
    let first = try Self.adapted(sample, ["first"])
    let (id, bytes) = try Self.section("second", base: base.modelDigest)
    let old = AdapterDescriptor.sectionID(ofName: "first")
    let scenes: [(before: [UInt8], plan: AppendPlan)] = [
      (sample, try AppendTests.plan(sample) { try $0.add(.adapter, id: id, bytes) }),
      (
        first,
        try AppendTests.plan(first) {
          try $0.remove(.adapter, id: old)
          try $0.add(.adapter, id: id, bytes)
        }
      ),
    ]
    for (before, plan) in scenes {
      let wanted = [names(before), ["second"]]
      var state = before
      for (index, step) in plan.steps.enumerated() {
        if case .write(let region, let offset) = step {
          let content = region.copied()
          for count in 0..<content.count {
            var torn = state
            SampleBytes.store(content[..<count], at: Int(offset), in: &torn)
            let found = names(torn)
            let isNew = index == plan.rootStep && count == 4095 && found == wanted[1]
            #expect(found == wanted[0] || isNew, "step \(index), byte \(count)")
            guard count % 64 == 0 else { continue }
            #expect(Set(SampleFile.rules(torn)).isSubset(of: [111, 117]))
          }
        }
        step.carryOut(on: &state)
        #expect(names(state) == wanted[index >= plan.rootStep ? 1 : 0])
      }
      #expect(SampleFile.rules(state) == [])
    }
  }

  /// Names of the adapters that a file shows, each held against its digest.
  private func names(_ bytes: [UInt8]) -> [String] {
    do {
      let file = try SampleFile.open(bytes)
      return try file.sections.filter { $0.kind == .adapter }.compactMap { section in
        try file.checkDigest(of: section)
        return try file.adapter(in: section)?.name
      }
    } catch {
      Issue.record("\(error)")
      return []
    }
  }
}
