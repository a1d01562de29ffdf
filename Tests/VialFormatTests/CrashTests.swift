// A kill, a power cut or a torn write at any byte of an append leaves the old file or the new one.
// Owns: the model of a crash: barriers hold; between two of them any writes may be missing or torn, in any order.
import TestSupport
import Testing
import VialFormat

@Suite struct CrashTests {
  /// A file before the append and what the append does to it.
  private struct Scene {
    let name: String
    let before: [UInt8]
    let plan: AppendPlan
    let after: [UInt8]
    /// What the damage was before: reported as long as the append did not succeed.
    let excused: Set<Int>

    init(_ name: String, _ before: [UInt8], excused: Set<Int> = []) throws {
      self.name = name
      self.before = before
      self.excused = excused
      plan = try AppendTests.plan(before) {
        try $0.remove(.text, id: TextSection.modelCard.rawValue)
        try $0.add(.text, id: TextSection.modelCard.rawValue, ByteRegion(copying: Scene.card))
        try $0.add(
          SectionKind(rawValue: 4000), alignment: 1024,
          ByteRegion(copying: [UInt8](repeating: 0xA5, count: 700)))
      }
      after = plan.carriedOut(on: before)
    }

    static let card = Array("# another card\n".utf8)
    static let oldCard = Array("# card\n".utf8)

    /// The steps between barriers.
    var epochs: [ArraySlice<AppendPlan.Step>] {
      plan.steps.split(omittingEmptySubsequences: true) {
        if case .sync = $0 { return true }
        return false
      }
    }
  }

  private let scenes: [Scene]

  init() throws {
    let fresh = try SampleFile.make()
    let second = try AppendTests.append(fresh) { try $0.remove(.provenance) }
    let tail = (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    var torn = second + tail
    torn[4096 + 100] ^= 4
    let cut = Array(
      try AppendTests.append(fresh) {
        try $0.add(SectionKind(rawValue: 5000), ByteRegion(copying: [1]))
      }[
        ..<fresh.count])
    scenes = [
      try Scene("fresh", fresh), try Scene("changed before", second),
      try Scene("tail", fresh + tail), try Scene("tail and torn slot", torn, excused: [111]),
      try Scene("cut off", cut, excused: [114]),
    ]
  }

  /// Opens a state of the disk and checks that it is the old file or the new one, whole.
  /// - Returns: whether it is the new one.
  private func check(
    _ state: [UInt8], _ scene: Scene, _ place: String, readsAll: Bool = true
  ) throws -> Bool {
    let file: VialFile
    do throws(FormatError) { file = try SampleFile.open(state) } catch {
      Issue.record("\(scene.name), \(place): \(error)")
      return false
    }
    let old = try SampleFile.open(scene.before)
    let isNew = file.root.generation == old.root.generation + 1
    #expect(isNew || file.root == old.root, "\(scene.name), \(place)")
    let card = try file.text(.modelCard)?.copied()
    #expect(card == (isNew ? Scene.card : Scene.oldCard), "\(scene.name), \(place)")
    guard readsAll || isNew else { return isNew }
    let rules = Set(try Verifier(file).verify().problems.map(\.rule))
    let excused = isNew ? [] : scene.excused.union([111, 117])
    #expect(rules.isSubset(of: excused), "\(scene.name), \(place): \(rules)")
    return isNew
  }

  /// The file after every whole epoch before `index`.
  private func base(_ scene: Scene, _ index: Int) -> [UInt8] {
    var bytes = scene.before
    for step in scene.epochs[..<index].joined() { step.carryOut(on: &bytes) }
    return bytes
  }

  @Test func aKillAfterAnyByte() throws {
    for scene in scenes {
      var bytes = scene.before
      var newStates = 0
      for (index, step) in scene.plan.steps.enumerated() {
        if case .write(let region, let offset) = step {
          let content = region.copied()
          for count in 0..<content.count {
            var state = bytes
            SampleBytes.store(content[..<count], at: Int(offset), in: &state)
            let isNew = try check(
              state, scene, "step \(index), byte \(count)", readsAll: count % 16 == 0)
            // The last bytes of a slot are its digest: without all of them there is no new root, unless what
            // was there before is equal.
            if isNew { newStates += 1 }
            #expect(!isNew || index == scene.plan.rootStep && count == 4095)
          }
        }
        step.carryOut(on: &bytes)
        #expect(try check(bytes, scene, "after step \(index)") == (index >= scene.plan.rootStep))
      }
      #expect(bytes == scene.after)
      #expect(newStates <= 1)
    }
  }

  /// Writes tear in sectors, too, and the disk may do them in any order.
  @Test func tornAndReorderedWrites() throws {
    var numbers = SeededGenerator(seed: 11)
    for scene in scenes {
      for index in scene.epochs.indices {
        let base = base(scene, index)
        let steps = Array(scene.epochs[index])
        for round in 0..<400 {
          var state = base
          for step in shuffled(steps, &numbers) { tear(step, &state, &numbers) }
          let isNew = try check(state, scene, "epoch \(index), round \(round)")
          #expect(!isNew || index == scene.epochs.count - 1)
        }
      }
    }
  }

  /// Whatever a crash left, the next append works and drops what it left.
  @Test func theNextAppendRepairs() throws {
    var numbers = SeededGenerator(seed: 12)
    for scene in scenes {
      for index in scene.epochs.indices {
        let base = base(scene, index)
        for _ in 0..<40 {
          var state = base
          for step in scene.epochs[index] { tear(step, &state, &numbers) }
          let isNew =
            try SampleFile.open(state).root.generation > (try SampleFile.open(base).root.generation)
          let repaired = try AppendTests.append(state) {
            try $0.add(SectionKind(rawValue: 4001), ByteRegion(copying: [1, 2, 3]))
          }
          #expect(try check(isNew ? scene.after : scene.before, scene, "itself") == isNew)
          #expect(SampleFile.rules(repaired) == [])
        }
      }
    }
  }

  private func shuffled(
    _ steps: [AppendPlan.Step], _ numbers: inout SeededGenerator
  ) -> [AppendPlan.Step] {
    // A cut is done when the file system says so; writes behind it may come in any order.
    var writes = steps.filter { if case .write = $0 { true } else { false } }
    for index in writes.indices.reversed() { writes.swapAt(index, numbers.below(index + 1)) }
    return steps.filter { if case .truncate = $0 { true } else { false } } + writes
  }

  /// Does a step, a part of it, or nothing.
  private func tear(
    _ step: AppendPlan.Step, _ state: inout [UInt8], _ numbers: inout SeededGenerator
  ) {
    switch numbers.below(5) {
    case 0: return
    case 1, 2: return step.carryOut(on: &state)
    default: break
    }
    guard case .write(let region, let offset) = step else { return step.carryOut(on: &state) }
    let content = region.copied()
    let sector = [1, 16, 512][numbers.below(3)]
    for start in stride(from: 0, to: content.count, by: sector) where numbers.below(2) == 0 {
      let end = min(start + sector, content.count)
      SampleBytes.store(content[start..<end], at: Int(offset) + start, in: &state)
    }
  }
}
