// Damage of every kind: refused by open or reported by verify, never a crash.
import TestSupport
import Testing
import VialFormat

@Suite struct DamageTests {
  let sample: [UInt8]

  init() throws { sample = try SampleFile.make() }

  @Test func everyHeaderByteFlipped() {
    var bytes = sample
    for position in 0..<12288 {
      bytes[position] ^= 0x10
      #expect(SampleFile.rules(bytes) != [], "byte \(position)")
      bytes[position] ^= 0x10
    }
  }

  @Test func everyTableByteFlipped() {
    var bytes = sample
    for position in FileSurgeon(sample).tableOffset..<sample.count {
      bytes[position] ^= 1
      #expect(SampleFile.openRule(bytes) == 201)
      bytes[position] ^= 1
    }
  }

  @Test func bytesOfSectionsAndPaddingFlipped() {
    var bytes = sample
    for position in stride(from: 12288, to: sample.count, by: 97) {
      bytes[position] ^= 0x80
      #expect(SampleFile.rules(bytes) != [], "byte \(position)")
      bytes[position] ^= 0x80
    }
  }

  @Test func truncatedAnywhere() throws {
    let file = try SampleFile.open(sample)
    var lengths = file.sections.flatMap { [Int($0.offset), Int($0.end), Int($0.end) - 1] }
    lengths += [0, 1, 11, 12, 4095, 4096, 8192, 12287, 12288, sample.count - 1]
    var numbers = SeededGenerator(seed: 1)
    for _ in 0..<200 { lengths.append(numbers.below(sample.count)) }
    for length in lengths {
      let rule = SampleFile.openRule(Array(sample[..<length]))
      #expect(rule == (length < 12288 ? 101 : 114), "length \(length)")
    }
  }

  @Test func randomMutantsAreDetected() {
    var numbers = SeededGenerator(seed: 2)
    let surgeon = FileSurgeon(sample)
    let hot = [0..<200, 4096..<4300, 8192..<8300, surgeon.tableOffset..<sample.count]
    for _ in 0..<6000 {
      var bytes = sample
      for _ in 0...numbers.below(4) {
        let range = numbers.below(2) == 0 ? hot[numbers.below(4)] : 12288..<sample.count
        bytes[range.lowerBound + numbers.below(range.count)] = UInt8(numbers.below(256))
      }
      #expect(bytes == sample || SampleFile.rules(bytes) != [])
    }
  }

  /// Mutants that are sealed again reach the rules behind the digests. They may be valid; whatever
  /// opens is used in every way.
  @Test func sealedMutantsNeverCrash() {
    var numbers = SeededGenerator(seed: 3)
    let surgeon = FileSurgeon(sample)
    let hot = [
      0..<64, 4096..<4160, surgeon.tableOffset..<sample.count,
      section(.configuration), section(.tensorTable), section(.provenance),
      section(.text, id: 5), section(.weights),
    ]
    let values: [UInt64] = [0, 1, 63, 64, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 63, .max, .max - 63]
    var openedCount = 0
    for _ in 0..<20_000 {
      var mutant = surgeon
      for _ in 0...numbers.below(3) {
        let range = hot[numbers.below(hot.count)]
        let position = range.lowerBound + numbers.below(range.count - 8)
        switch numbers.below(4) {
        case 0: mutant.bytes[position] = UInt8(numbers.below(256))
        case 1: mutant.set(position / 4 * 4, UInt32(truncatingIfNeeded: numbers.next() % 70))
        case 2: mutant.set(position / 8 * 8, values[numbers.below(values.count)])
        default: mutant.bytes[position] ^= 1 << UInt8(numbers.below(8))
        }
      }
      guard mutant.tableOffset == surgeon.tableOffset, mutant.sectionCount <= surgeon.sectionCount
      else { continue }
      mutant.seal()
      if exercise(mutant.bytes) { openedCount += 1 }
    }
    #expect(openedCount > 100)
  }

  private func section(_ kind: SectionKind, id: UInt64 = 0) -> Range<Int> {
    let surgeon = FileSurgeon(sample)
    let start = surgeon.start(kind, id: id)
    return start..<start + Int(surgeon.u64(surgeon.entry(kind, id: id) + 24))
  }

  /// Opens and, when that works, reads everything.
  private func exercise(_ bytes: [UInt8]) -> Bool {
    guard let file = try? SampleFile.open(bytes) else { return false }
    for index in 0..<file.tensors.count {
      let tensor = file.tensors[index]
      #expect(file.tensors.find(tensor.name)?.index == index)
      #expect(tensor.slice(tensor.shape.sliceCount - 1)?.byteCount == tensor.sliceByteCount)
    }
    #expect(file.configurationTable.entries.count == file.configurationTable.count)
    _ = (try? file.provenance())?.entries
    for text in TextSection.allCases { _ = try? file.text(text) }
    #expect((try? Verifier(file).verify()) != nil)
    return true
  }
}
