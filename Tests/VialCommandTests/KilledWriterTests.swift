// Commands that write files, killed at every call that makes, locks, writes, renames or removes
// one: each name has the old file or the new one, whole, and the same command clears away what was
// left.

import Foundation
import TestSupport
import Testing

#if os(Linux)
  @Suite struct KilledWriterTests {
    private let folder = TemporaryFolder()
    private let work: TemporaryFolder
    private let library: String
    private static let checkpoint = Files.fixtures
      .appendingPathComponent("checkpoints/qwen2-tiny-tied").path

    init() throws {
      library = try KillTests.faults(folder)
      work = TemporaryFolder()
    }

    private func files() throws -> [String: Data] {
      var files: [String: Data] = [:]
      for name in work.contents { files[name] = try Data(contentsOf: work.url(name)) }
      return files
    }

    private func start(with files: [String: Data]) throws {
      for name in work.contents { try FileManager.default.removeItem(at: work.url(name)) }
      for (name, bytes) in files { try bytes.write(to: work.url(name)) }
    }

    /// Kills `arguments` at every call; what is there before and after is `before` and what a run
    /// without a kill makes.
    private func killEverywhere(
      _ arguments: [String], before: [String: Data], at location: SourceLocation = #_sourceLocation
    ) throws {
      try start(with: before)
      #expect(try CommandRun(arguments: arguments).status == 0, sourceLocation: location)
      let after = try files()
      var (states, killed) = (Set<String>(), 0)
      for call in 1...400 {
        try start(with: before)
        let run = try CommandRun(
          arguments: arguments,
          environment: [
            "LD_PRELOAD": library, "FAULT_KIND": "kill", "FAULT_AT": "\(call)", "FAULT_NAMES": "1",
            "FAULT_BYTES": "100",
          ])
        guard run.status == -1 else { break }
        killed += 1
        for (name, bytes) in try files() where !name.hasSuffix(".partial") {
          let state = bytes == after[name] ? "new" : bytes == before[name] ? "old" : "torn"
          #expect(state != "torn", "\(name), call \(call)", sourceLocation: location)
          states.insert(state)
        }
        #expect(try CommandRun(arguments: arguments).status == 0, sourceLocation: location)
        #expect(try files() == after, "call \(call)", sourceLocation: location)
      }
      #expect(killed > 10 && killed < 400, "\(killed)", sourceLocation: location)
      #expect(states.contains("new"), sourceLocation: location)
    }

    @Test func packing() throws {
      let pack = ["pack", Self.checkpoint, "-o", work.path("out.vial")]
      try killEverywhere(pack, before: [:])
      try killEverywhere(pack, before: ["out.vial": Data("the old file".utf8)])
    }

    @Test func compacting() throws {
      let bytes = Data(try PackedFile.bytes() + [UInt8](repeating: 3, count: 4711))
      try killEverywhere(["compact", work.path("a.vial")], before: ["a.vial": bytes])
      try killEverywhere(
        ["compact", work.path("a.vial"), "-o", work.path("b.vial")],
        before: ["a.vial": bytes, "b.vial": Data([1])])
    }

    @Test func extracting() throws {
      let model = try folder.write("model.vial", try PackedFile.bytes())
      let adapter = Files.fixtures.appendingPathComponent("adapters/lora-qkvo-r8").path
      #expect(try CommandRun("adapter", "add", model, "ward=\(adapter)").status == 0)
      try killEverywhere(
        ["adapter", "extract", model, "ward", "-o", work.path("ward.vial")],
        before: ["ward.vial": Data([1])])
    }

    /// Keys differ from run to run, so they are read; a secret key without its public one is the
    /// only half there may be.
    @Test func makingKeys() throws {
      let key = work.path("key")
      var killed = 0
      for call in 1...400 {
        try start(with: [:])
        let run = try CommandRun(
          arguments: ["keygen", key],
          environment: [
            "LD_PRELOAD": library, "FAULT_KIND": "kill", "FAULT_AT": "\(call)", "FAULT_NAMES": "1",
            "FAULT_BYTES": "40",
          ])
        guard run.status == -1 else { break }
        killed += 1
        let names = work.contents.filter { !$0.hasSuffix(".partial") }
        #expect([[], ["key"], ["key", "key.pub"]].contains(names), "call \(call): \(names)")
        for name in names { #expect(try Data(contentsOf: work.url(name)).count == 83) }
        let again = try CommandRun("keygen", key)
        #expect(again.status == (names.isEmpty ? 0 : 1), "call \(call)")
        #expect(!work.contents.contains { $0.hasSuffix(".partial") }, "call \(call)")
      }
      #expect(killed > 10 && killed < 400, "\(killed)")
    }
  }
#endif
