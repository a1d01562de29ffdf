// Every invalid vector breaks exactly the rule that it is named for, in the part that its truth names.

import Foundation
import Testing
import VialFormat

@Suite struct InvalidVectorTests {
  @Test(arguments: Vectors.invalid)
  func breaksItsRule(_ name: String) throws {
    let truth = try Vectors.truth("invalid/\(name)", InvalidVector.self)
    #expect(name.hasPrefix("R-\(truth.rule)-"))
    try expect(truth, in: try Vectors.bytes("invalid/\(name)"), name)
  }

  @Test func everyVariantBreaksItsRule() throws {
    let more = try Vectors.truth("invalid/variants", Variants.self)
    let base = try Vectors.bytes(String(more.base.dropLast(5)))
    #expect(try ReaderOutcome(base).findings.isEmpty)
    #expect(more.variants.count > 100)
    for variant in more.variants {
      #expect(variant.name.hasPrefix("R-\(variant.rule)-"))
      try expect(variant.vector, in: variant.bytes(from: base), variant.name)
    }
  }

  private func expect(_ truth: InvalidVector, in bytes: [UInt8], _ name: String) throws {
    let part = PartLayout(bytes).part(truth.offset)
    let wanted = Finding(stage: truth.stage, rule: truth.rule, part: part)
    #expect(try ReaderOutcome(bytes).findings == [wanted], "\(name): \(truth.about)")
  }
}
