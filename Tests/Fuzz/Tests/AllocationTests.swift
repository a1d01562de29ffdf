// What a hostile file can make a reader allocate stays under the bound that Spec/FORMAT.md names ("Limits").

import AllocationMeter
import FuzzTargets
import Testing
import VialFormat

@Suite struct AllocationTests {
  /// The most that opening allocates at once, in bytes.
  private func peak(_ bytes: [UInt8]) -> (peak: Int, isOpen: Bool) {
    let region = ByteRegion(copying: bytes)
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

  /// Texts: no more than the raw length that the table states and R-210 bounds, and one byte; twice while
  /// the frame is unpacked from a copy.
  @Test(.enabled(if: allocation_meter_works()))
  func compressedTexts() throws {
    for stated: UInt64 in [0, 1, 255 * 40, 255 * 40 + 254] {
      let frame = [0x04, 0x22, 0x4D, 0x18] + [UInt8](repeating: 0x60, count: 36)
      let bytes = TableHeavyFile.withText(frame, rawByteCount: stated)
      let file = try FormatReader.open(ByteRegion(copying: bytes))
      allocation_meter_begin()
      let text = try? file.text(.licence)
      let peak = allocation_meter_end()
      #expect(text == nil)
      // The LZ4 library's own context: 64 KiB of window and two blocks of at most 4 MiB.
      #expect(UInt64(peak) < stated + 40 + FormatLimits.textWorkByteCount)
    }
  }
}
