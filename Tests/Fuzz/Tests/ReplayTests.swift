// The fuzzers' corpora and all that they ever found, through the same doors, without a fuzzer.
// A failure here is a crash of the test program, or an input that takes too long.

import Foundation
import FuzzTargets
import Testing
import VialFormat

@Suite struct ReplayTests {
  private static let corpora = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("corpora")

  @Test(arguments: FuzzTarget.allCases)
  func corpus(_ target: FuzzTarget) throws {
    let folder = Self.corpora.appendingPathComponent(target.rawValue)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names.count >= Seeds.inputs(target).count)
    for name in names {
      let input = Array(try Data(contentsOf: folder.appendingPathComponent(name)))
      let start = ContinuousClock.now
      target.run(input)
      #expect(
        ContinuousClock.now - start < .seconds(5), "\(target.rawValue)/\(name) takes too long")
    }
  }

  @Test(arguments: FuzzTarget.allCases)
  func seedsAreCommitted(_ target: FuzzTarget) throws {
    let folder = Self.corpora.appendingPathComponent(target.rawValue)
    for (index, input) in Seeds.inputs(target).enumerated() {
      let file = folder.appendingPathComponent("seed-\(index)")
      #expect(try Array(Data(contentsOf: file)) == input, "\(target.rawValue)/seed-\(index)")
    }
  }

  /// Seeds must get through, or the fuzzers would only ever see the first check.
  @Test func seedsAreValid() throws {
    #expect(ModelUse.everything(TinyModel.bytes) == .opened(problems: []))
    #expect(ModelUse.everything(TinyModel.twoRoots) == .opened(problems: []))
    #expect(ModelUse.everything(TinyModel.adapted) == .opened(problems: []))
    for input in Seeds.inputs(.open).dropLast() {
      #expect(ModelUse.everything(SparseFile.unfold(input)) == .opened(problems: []))
    }
    // The last one is a file of an adapter: no model.
    #expect(ModelUse.everything(TinyModel.adapterFile) == .refused(rule: 216))
    #expect(ModelUse.answers(TinyModel.bytes))
    #expect(ModelUse.answers(TinyModel.withCodebook))
    let file = try FormatReader.open(ByteRegion(copying: TinyModel.withCodebook))
    #expect((0..<file.tensors.count).contains { file.tensors[$0].format.codebook != nil })
  }
}
