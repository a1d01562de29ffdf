// What a hostile file can make a reader allocate stays under the bound that Spec/FORMAT.md names ("Limits").

import AllocationMeter
import FuzzTargets
import Testing
import VialFormat
import VialText

@Suite struct AllocationTests {
  /// The most that opening allocates at once, in bytes.
  private func peak(_ bytes: [UInt8]) -> (peak: Int, isOpen: Bool) {
    // Not the reader's own, so that it copies what it checks.
    let region = ForeignBytes(bytes).region
    allocation_meter_begin()
    let file = try? FormatReader.open(region)
    let peak = allocation_meter_end()
    return (Int(peak), file != nil)
  }

  private func expectBound(_ bytes: [UInt8], opens: Bool, _ what: String) {
    let (peak, isOpen) = peak(bytes)
    let bound = FormatLimits.openingByteCount(fileByteCount: UInt64(bytes.count))
    #expect(isOpen == opens, "\(what)")
    #expect(UInt64(peak) <= bound, "\(what): \(peak) bytes for a file of \(bytes.count)")
    #expect(peak > 12288, "\(what): nothing was measured")
  }

  @Test(.enabled(if: allocation_meter_works()))
  func tablesAtTheirLimits() {
    expectBound(TinyModel.bytes, opens: true, "a valid file")
    for shape in TableHeavyFile.allCases {
      expectBound(shape.bytes, opens: shape.isValid, "\(shape)")
    }
  }

  @Test(.enabled(if: allocation_meter_works()))
  func mutants() {
    var worst = 0
    FileMutator.forEach(count: 1500, seed: 9) { mutant in
      let (peak, _) = peak(mutant)
      let bound = FormatLimits.openingByteCount(fileByteCount: UInt64(mutant.count))
      #expect(UInt64(peak) <= bound)
      worst = max(worst, peak)
    }
    #expect(worst > 12288)
  }

  /// Texts: no more than the raw length that the table states and R-210 bounds, a copy of the frame, and what liblz4 needs.
  @Test(.enabled(if: allocation_meter_works()))
  func brokenTexts() throws {
    for stated: UInt64 in [0, 1, 255 * 40, 255 * 40 + 254] {
      let frame = [0x04, 0x22, 0x4D, 0x18] + [UInt8](repeating: 0x60, count: 36)
      let bytes = ForeignBytes(TableHeavyFile.withText(frame, rawByteCount: stated))
      let file = try FormatReader.open(bytes.region)
      allocation_meter_begin()
      let text = try? file.text(.license)
      let peak = allocation_meter_end()
      #expect(text == nil)
      // The LZ4 library's own context: 64 KiB of window and two blocks of at most 4 MiB.
      #expect(UInt64(peak) < stated + 40 + FormatLimits.textWorkByteCount)
    }
  }

  /// A frame of `blockCount` blocks of 4 MiB, each a run of one letter.
  private func frame(blockCount: Int) -> [UInt8] {
    // A literal, a match that repeats it, and the last five letters as literals.
    var rest = (4 << 20) - 1 - 5 - 4 - 15
    var block: [UInt8] = [0x1F, 0x61, 1, 0]
    while rest >= 255 {
      block.append(255)
      rest -= 255
    }
    block += [UInt8(rest), 0x50] + Array("aaaaa".utf8)
    var frame: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x70, 0x73]
    for _ in 0..<blockCount {
      frame += (0..<4).map { UInt8(truncatingIfNeeded: block.count >> ($0 * 8)) } + block
    }
    return frame + [0, 0, 0, 0]
  }

  /// Reading, and verifying, a text: its raw length, a copy of its stored bytes and 9 MiB.
  @Test(.enabled(if: allocation_meter_works()))
  func compressedTexts() throws {
    let frame = frame(blockCount: 12)
    let raw = UInt64(48 << 20)
    let bytes = ForeignBytes(TableHeavyFile.withText(frame, rawByteCount: raw))
    let file = try FormatReader.open(bytes.region)
    let bound = raw + UInt64(frame.count) + FormatLimits.textWorkByteCount
    allocation_meter_begin()
    var text = try file.text(.license)
    var peak = allocation_meter_end()
    #expect(text?.byteCount == 48 << 20)
    #expect(UInt64(peak) <= bound && UInt64(peak) > raw)
    text = nil
    allocation_meter_begin()
    let problems = try Verifier(file).verify().problems
    peak = allocation_meter_end()
    #expect(problems == [])
    #expect(UInt64(peak) <= bound && UInt64(peak) > raw)
  }

  /// What is copied before it is checked is not copied when it is longer than any may be.
  @Test(.enabled(if: allocation_meter_works()))
  func longSectionsAreNotCopied() throws {
    let bytes = try ForeignBytes(untouchedByteCount: 1 << 30)
    func rule(_ body: (ByteRegion) throws(FormatError) -> Void) -> Int? {
      do throws(FormatError) { try body(bytes.region) } catch { return error.rule }
      return nil
    }
    allocation_meter_begin()
    let rules = [
      rule { region throws(FormatError) in _ = try KeyValueTable(region, context: "test") },
      rule { region throws(FormatError) in
        _ = try PromptTemplate(copying: region, section: nil)
      },
      rule { region throws(FormatError) in _ = try ChatTemplate(copying: region) },
    ]
    let peak = allocation_meter_end()
    #expect(rules == [301, 301, 500])
    #expect(peak < 65_536)
  }

  /// An adapter whose names are said to fill all of it.
  @Test(.enabled(if: allocation_meter_works()))
  func namesOfAdaptersAreNotCopiedBeforeTheirLengthIsKnown() throws {
    let length = 16 << 20
    func long(_ value: Int) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    let header: [[UInt8]] = [
      Array("LORA".utf8), [1, 0, 0, 0, 1, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], long(192),
      long(length - 192), long(length), long(0),
    ]
    var section = header.flatMap { $0 }
    section += [UInt8](repeating: 0, count: length - section.count)
    let bytes = ForeignBytes(TableHeavyFile.withAdapter(section))
    let file = try FormatReader.open(bytes.region)
    let adapter = try #require(file.sections.first { $0.kind == .adapter })
    allocation_meter_begin()
    var rule = 0
    do throws(FormatError) { _ = try file.adapter(in: adapter) } catch { rule = error.rule }
    let peak = allocation_meter_end()
    #expect(rule == 641)
    #expect(peak < 65_536)
  }
}
