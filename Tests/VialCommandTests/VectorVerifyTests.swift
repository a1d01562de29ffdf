// `vial verify` on the vectors: exit codes, and the rule in the JSON.

import Foundation
import TestSupport
import Testing

@Suite struct VectorVerifyTests {
  private static let vectors = Files.fixtures.deletingLastPathComponent()
    .appendingPathComponent("VectorTests/vectors")

  private static func files(_ folder: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(
      at: vectors.appendingPathComponent(folder), includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "vial" }.sorted { $0.path < $1.path }
  }

  @Test func invalidVectorsAreReportedByTheirRule() throws {
    let files = try Self.files("invalid")
    #expect(files.count >= 99)
    for file in files {
      let rule = String(file.lastPathComponent.prefix(5))
      let run = try CommandRun("verify", file.path, "--json")
      let problems = try run.json()["problems"] as? [[String: Any]] ?? []
      // What only running needs does not make a file damaged.
      let truth = try JSONSerialization.jsonObject(
        with: Data(contentsOf: file.deletingPathExtension().appendingPathExtension("json")))
      let isWhole = (truth as? [String: Any])?["stage"] as? String == "run"
      #expect(problems.map { $0["rule"] as? String } == (isWhole ? [] : [rule]), "\(rule)")
      #expect(run.status == (isWhole ? 0 : 1), "\(rule)")
    }
  }

  @Test func validVectorsAreWhole() throws {
    for file in try Self.files("valid") + Self.files("1.0") {
      #expect(try CommandRun("verify", file.path).status == 0, "\(file.lastPathComponent)")
    }
  }
}
