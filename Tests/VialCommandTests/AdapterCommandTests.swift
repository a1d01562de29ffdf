// `vial adapter`, and `--adapter` of the commands that compute.

import Foundation
import TestSupport
import Testing

@Suite struct AdapterCommandTests {
  private let folder = TemporaryFolder()
  private let model: String
  private let source = Files.fixtures.appendingPathComponent("adapters/lora-qkvo-r8").path

  init() throws {
    model = try folder.write("model.vial", try PackedFile.bytes())
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func names(_ path: String) throws -> [String] {
    let json = try CommandRun("adapter", "list", path, "--json").json()
    let adapters = try #require(json["adapters"] as? [[String: Any]])
    return adapters.compactMap { $0["name"] as? String }
  }

  private func expectFailure(
    _ arguments: String..., says words: String..., code: Int32 = 1,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let run = try CommandRun(arguments: arguments)
    #expect(run.status == code, sourceLocation: location)
    #expect(run.output.isEmpty, sourceLocation: location)
    for word in words {
      #expect(
        run.message.contains(word), "\(run.message) lacks \(word)", sourceLocation: location)
    }
    if code == 1 { #expect(run.messageLines.count == 1, sourceLocation: location) }
  }

  @Test func addListRunExtractRemove() throws {
    let before = try CommandRun("dump", model, "--json").json()
    #expect(try CommandRun("adapter", "add", model, "ward=\(source)", "icu=\(source)").status == 0)
    #expect(try names(model) == ["ward", "icu"])
    #expect(try CommandRun("verify", model).status == 0)
    let after = try CommandRun("dump", model, "--json").json()
    #expect(after["model_digest"] as? String == before["model_digest"] as? String)
    #expect((after["adapters"] as? [[String: Any]])?.count == 2)
    #expect(try CommandRun("dump", model).output.contains("k_proj o_proj q_proj v_proj"))
    // The two are the same numbers: the same answer, and another than without.
    func tokens(_ more: String...) throws -> [Int] {
      let run = try CommandRun(
        arguments: ["run", model, "--ids", "3,17,101", "--max-tokens", "12", "--json"] + more)
      #expect(run.status == 0)
      return try #require(try run.json()["tokens"] as? [Int])
    }
    let ward = try tokens("--adapter", "ward")
    #expect(try tokens("--adapter", "icu:1.0") == ward)
    #expect(try tokens() != ward)
    #expect(try tokens("--adapter", "ward:0") == tokens())

    let file = folder.path("ward.vial")
    #expect(try CommandRun("adapter", "extract", model, "ward", "-o", file).status == 0)
    #expect(try names(file) == ["ward"])
    #expect(try CommandRun("adapter", "remove", model, "ward").status == 0)
    #expect(try names(model) == ["icu"])
    #expect(try CommandRun("adapter", "add", model, file).status == 0)
    #expect(try names(model) == ["icu", "ward"])
    #expect(try tokens("--adapter", "ward") == ward)
    #expect(try CommandRun("compact", model).status == 0)
    #expect(try CommandRun("verify", model).status == 0)
    #expect(try tokens("--adapter", "ward") == ward)
  }

  @Test func scoresAndComparesWithAdapters() throws {
    #expect(try CommandRun("adapter", "add", model, "ward=\(source)").status == 0)
    func perplexity(_ more: String...) throws -> Double {
      let run = try CommandRun(
        arguments: ["score", model, "--text", "heart attack and stroke", "--json"] + more)
      return try #require(try run.json()["perplexity"] as? Double)
    }
    #expect(try perplexity() != perplexity("--adapter", "ward"))
    #expect(try perplexity("--adapter", "ward:1") == perplexity("--adapter", "ward"))
    let text = "the patient has a history of asthma and of heart attack"
    let same = try CommandRun(
      "compare", model, model, "--text", text, "--adapter-a", "ward", "--adapter-b", "ward",
      "--json"
    ).json()
    #expect(same["mean_kl"] as? Double == 0)
    let other = try CommandRun(
      "compare", model, model, "--text", text, "--adapter-b", "ward", "--json"
    ).json()
    #expect(try #require(other["mean_kl"] as? Double) > 0.01)
    let bench = try CommandRun(
      "bench", model, "--prompt", "8", "--generate", "4", "--batch", "3", "--adapters",
      "ward,none", "--json")
    #expect(bench.status == 0)
  }

  @Test func namesThatAreUnknownOrTaken() throws {
    try expectFailure("run", model, "--ids", "1", "--adapter", "ward", says: "ward", "none")
    #expect(try CommandRun("adapter", "add", model, "ward=\(source)", "icu=\(source)").status == 0)
    let whole = try bytes(model)
    for command in [["run", model, "--ids", "1"], ["score", model, "--ids", "1,2"]] {
      let run = try CommandRun(arguments: command + ["--adapter", "surgery"])
      #expect(run.status == 1)
      #expect(run.message.contains("surgery") && run.message.contains("icu, ward"))
    }
    try expectFailure("bench", model, "--adapters", "ward,surgery", says: "surgery", "icu, ward")
    try expectFailure("adapter", "add", model, "ward=\(source)", says: "ward", "already")
    try expectFailure(
      "adapter", "add", model, "a=\(source)", "a=\(source)", says: "called a already")
    try expectFailure("adapter", "remove", model, "surgery", says: "surgery", "icu")
    try expectFailure(
      "adapter", "extract", model, "surgery", "-o", folder.path("x"), says: "surgery")
    try expectFailure("adapter", "add", model, "nothing", says: "NAME=FOLDER", code: 2)
    try expectFailure("adapter", "add", model, "a=\(folder.path("no"))", says: "no such folder")
    for scale in ["x", "nan", "inf", ""] {
      let run = try CommandRun("run", model, "--ids", "1", "--adapter", "ward:\(scale)")
      #expect(run.status == 2)
    }
    try expectFailure(
      "run", model, "--ids", "1", "--adapter", "ward:101", says: "-100 to 100", code: 2)
    #expect(try bytes(model) == whole)
  }

  @Test func anotherBaseIsRefused() throws {
    #expect(try CommandRun("adapter", "add", model, "ward=\(source)").status == 0)
    let file = folder.path("ward.vial")
    #expect(try CommandRun("adapter", "extract", model, "ward", "-o", file).status == 0)
    let other = folder.path("other.vial")
    let checkpoint = Files.fixtures.appendingPathComponent("checkpoints/qwen2-tiny-untied")
    #expect(try CommandRun("pack", checkpoint.path, "-o", other, "--weights", "int8").status == 0)
    let whole = try bytes(other)
    try expectFailure("adapter", "add", other, file, says: "R-643", "another model")
    #expect(try bytes(other) == whole)
    // A folder has no digest: shapes decide.
    let llama = folder.path("llama.vial")
    let second = Files.fixtures.appendingPathComponent("checkpoints/llama3-tiny")
    #expect(try CommandRun("pack", second.path, "-o", llama).status == 0)
    let run = try CommandRun("adapter", "add", llama, "ward=\(source)")
    if run.status != 0 { #expect(run.message.contains("do not fit")) }
    // A model is no file of adapters, and damage is found.
    try expectFailure("adapter", "add", model, other, says: "R-216")
    var damaged = try bytes(file)
    damaged[12288 + 700] ^= 1
    let path = try folder.write("damaged.vial", damaged)
    try expectFailure("adapter", "add", model, path, says: "R-220")
  }

  @Test func packingWithAdapters() throws {
    let checkpoint = Files.fixtures.appendingPathComponent("checkpoints/qwen2-tiny-untied")
      .path
    let output = folder.path("packed.vial")
    #expect(
      try CommandRun("pack", checkpoint, "-o", output, "--adapter", "ward=\(source)").status == 0)
    #expect(try names(output) == ["ward"])
    // What is added later is the same section.
    #expect(try CommandRun("adapter", "add", model, "ward=\(source)").status == 0)
    func digest(_ path: String) throws -> String? {
      let json = try CommandRun("adapter", "list", path, "--json").json()
      return (json["adapters"] as? [[String: Any]])?.first?["digest"] as? String
    }
    #expect(try digest(output) == digest(model))
    let merged = folder.path("merged.vial")
    let pack = ["pack", checkpoint, "-o", merged, "--adapter", "ward=\(source)", "--merge"]
    #expect(try CommandRun(arguments: pack + ["ward"]).status == 0)
    #expect(try names(merged).isEmpty)
    #expect(try CommandRun(arguments: pack + ["icu"]).message.contains("icu"))
    let quantised = Files.fixtures.appendingPathComponent("checkpoints/gptq-g32-sym").path
    let run = try CommandRun(
      "pack", quantised, "-o", merged, "--adapter", "ward=\(source)", "--merge", "ward")
    #expect(run.status == 1 && run.message.contains("--weights"))
    #expect(try CommandRun("pack", checkpoint, "-o", merged, "--adapter", "ward").status == 2)
  }

  #if os(Linux)
    /// Killed at every system call that changes the file: the old adapters or the new ones.
    @Test func killedWhileAdding() throws {
      let library = try KillTests.faults(folder)
      #expect(try CommandRun("adapter", "add", model, "first=\(source)").status == 0)
      let original = try bytes(model)
      var states: Set<[String]> = []
      var killed = 0
      for call in 1...12 {
        for count in [0, 1, 4095, 1 << 20] {
          let path = try folder.write("killed.vial", original)
          let run = try CommandRun(
            arguments: ["adapter", "add", path, "second=\(source)"],
            environment: [
              "LD_PRELOAD": library, "FAULT_KIND": "kill", "FAULT_AT": "\(call)",
              "FAULT_BYTES": "\(count)",
            ])
          guard run.status == -1 else { continue }
          killed += 1
          let found = try names(path)
          states.insert(found)
          #expect([["first"], ["first", "second"]].contains(found))
          #expect(
            try CommandRun("run", path, "--ids", "1,2", "--max-tokens", "2", "--adapter", "first")
              .status == 0)
          if found.count == 1 {
            #expect(try CommandRun("adapter", "add", path, "second=\(source)").status == 0)
          }
          #expect(try CommandRun("verify", path).status == 0)
        }
      }
      #expect(killed >= 4 * 4)
      #expect(states.count == 2)
    }
  #endif
}
