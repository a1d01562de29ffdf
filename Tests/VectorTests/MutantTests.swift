// Damaged files by the thousand: this project's reader and the one in Spec/reader come to the same.
// Owns: what "the same" is where a file breaks several rules. The files come from Tests/VectorTests/vectors/mutants.py.

import Foundation
import Testing

/// What `mutants.py` writes.
private struct Mutants: Decodable {
  struct Mutant: Decodable {
    let name: String
    let stage: String
    let rules: [Int]
    let length: Int
    let changes: [Variants.Change]
  }
  struct Set: Decodable {
    let base: String
    let mutants: [Mutant]
  }
  let sets: [Set]
}

@Suite struct MutantTests {
  private static let path = ProcessInfo.processInfo.environment["VIAL_MUTANTS"]

  @Test(
    .enabled(
      if: path != nil, "VIAL_MUTANTS names no file: Tests/VectorTests/vectors/check makes one"))
  func bothReadersComeToTheSame() throws {
    let url = URL(fileURLWithPath: try #require(Self.path))
    let all = try JSONDecoder().decode(Mutants.self, from: Data(contentsOf: url))
    var count = 0
    for set in all.sets {
      let base = try Vectors.bytes(String(set.base.dropLast(5)))
      for mutant in set.mutants {
        count += 1
        let bytes = Variants.apply(mutant.changes, to: base, length: mutant.length)
        let findings = try ReaderOutcome(bytes).findings
        let stage = findings.first?.stage ?? "whole"
        #expect(stage == mutant.stage, "\(mutant.name): \(findings), not \(mutant.rules)")
        let found = Swift.Set(findings.map { Self.family($0.rule) })
        #expect(
          found == Swift.Set(mutant.rules.map { Self.family($0) }), "\(mutant.name): \(findings)")
      }
    }
    #expect(count > 0)
  }

  /// One number for rules that a single field may break together, of which the Spec lets a reader report either:
  /// those of key–values and configuration, and the values of one tensor.
  private static func family(_ rule: Int) -> Int {
    switch rule {
    case 301...316: 301
    case 400...411: 400
    case 500...508: 500
    case 520...527: 520
    case 601...605: 601
    default: rule
    }
  }
}
