// dump and verify as their users see them: what is shown, and what happens to damaged files.

import Foundation
import TestSupport
import Testing

@Suite struct InspectionTests {
  private let folder = TemporaryFolder()

  /// Runs `vial verify --json` on a changed copy of the packed file.
  private func verify(_ edit: (inout [UInt8]) -> Void) throws -> (run: CommandRun, rules: [String])
  {
    var bytes = try PackedFile.bytes()
    edit(&bytes)
    let run = try CommandRun("verify", try folder.write("changed.vial", bytes), "--json")
    let problems = try run.json()["problems"] as? [[String: Any]] ?? []
    return (run, problems.compactMap { $0["rule"] as? String })
  }

  @Test func dumpAsJSON() throws {
    let run = try CommandRun("dump", PackedFile.path, "--json", "--tensors")
    #expect(run.status == 0)
    #expect(run.message.isEmpty)
    let json = try run.json()
    for key in [
      "file", "byte_count", "format", "features", "roots", "model_digest", "file_digest",
      "sections",
      "configuration", "parameters", "tokenizer", "templates", "provenance", "tensors",
    ] { #expect(json[key] != nil, "\(key)") }
    let parameters = try #require(json["parameters"] as? [String: Any])
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    #expect(parameters["tensor_count"] as? Int == tensors.count)
    let byteCount = tensors.reduce(0) { $0 + ($1["byte_count"] as? Int ?? 0) }
    #expect(parameters["byte_count"] as? Int == byteCount)
    let names = tensors.compactMap { $0["name"] as? String }
    #expect(names == names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
  }

  @Test func dumpAsText() throws {
    let run = try CommandRun("dump", PackedFile.path)
    #expect(run.status == 0)
    for title in [
      "identity", "digests", "sections", "configuration", "parameters", "tokenizer", "templates",
      "provenance",
    ] { #expect(run.output.contains("\n\(title)\n")) }
    #expect(run.output.contains("for tests only"))
    #expect(!run.output.contains("\u{1B}"))
  }

  @Test func oneTensor() throws {
    let name = "model.norm.weight"
    let json = try CommandRun("dump", PackedFile.path, "--tensor", name, "--json").json()
    #expect(json["name"] as? String == name)
    #expect((json["values"] as? [[Double]])?.first?.count == 8)
    #expect(try CommandRun("dump", PackedFile.path, "--tensor", name).output.contains("plain"))
    let missing = try CommandRun("dump", PackedFile.path, "--tensor", "nope")
    #expect(missing.status == 1)
    #expect(missing.messageLines.count == 1)
    #expect(missing.output.isEmpty)
  }

  @Test func templates() throws {
    let missing = try CommandRun("dump", PackedFile.path, "--template", "a\u{1B}[2Jb")
    #expect(missing.status == 1)
    #expect(!missing.message.contains("\u{1B}"))
    #expect(try CommandRun("dump", PackedFile.path, "--tensors", "--tensor", "x").status == 2)
  }

  @Test func aWholeFile() throws {
    let run = try CommandRun("verify", PackedFile.path)
    #expect(run.status == 0)
    #expect(run.output.contains(": whole\n"))
    let (json, rules) = try verify { _ in }
    #expect(json.status == 0)
    #expect(rules == [])
    #expect(try json.json()["whole"] as? Bool == true)
  }

  @Test func damageIsNamedByRule() throws {
    let weights = try offset(of: "weights")
    let tokenizer = try offset(of: "tokenizer")
    for (rule, edit) in [
      ("R-101", { $0 = Array($0[..<100]) }),
      ("R-102", { $0[3] = 0 }),
      ("R-104", { $0[4000] ^= 1 }),
      ("R-111", { $0[4096 + 70] ^= 1 }),
      ("R-111", { $0[8192 + 9] ^= 1 }),
      ("R-114", { $0.removeLast() }),
      ("R-117", { $0.append(0) }),
      ("R-201", { $0[$0.count - 1] ^= 1 }),
      ("R-220", { $0[tokenizer + 50] ^= 1 }),
      ("R-220", { $0[weights + 50] ^= 1 }),
    ] as [(String, (inout [UInt8]) -> Void)] {
      let (run, rules) = try verify(edit)
      #expect(run.status == 1)
      #expect(rules.contains(rule), "\(rule) not in \(rules)")
      #expect(run.messageLines.count == rules.count)
      #expect(run.message.contains(rule))
    }
  }

  @Test func someSections() throws {
    let weights = try offset(of: "weights")
    var bytes = try PackedFile.bytes()
    bytes[weights + 50] ^= 1
    let path = try folder.write("damaged.vial", bytes)
    for (arguments, status, names) in [
      (["tokenizer"], Int32(0), ["tokenizer"]),
      (["weights"], 1, ["weights"]),
      (["tokenizer", "weights:0"], 1, ["weights", "tokenizer"]),
    ] {
      let options = arguments.flatMap { ["--section", $0] }
      let run = try CommandRun(arguments: ["verify", path, "--json"] + options)
      #expect(run.status == status)
      let sections = try #require(try run.json()["sections"] as? [[String: Any]])
      #expect(Set(sections.compactMap { $0["name"] as? String }) == Set(names))
      for section in sections {
        #expect(section["whole"] as? Bool == (section["name"] as? String != "weights"))
      }
    }
    #expect(try CommandRun("verify", path, "--section", "text:999").status == 1)
    for wrong in ["nonsense", "weights:", "weights:x", "text:-1", ""] {
      #expect(try CommandRun("verify", path, "--section", wrong).status == 2)
    }
  }

  private func offset(of name: String) throws -> Int {
    let json = try CommandRun("dump", PackedFile.path, "--json").json()
    let sections = try #require(json["sections"] as? [[String: Any]])
    let section = try #require(sections.first { $0["name"] as? String == name })
    return try #require(section["offset"] as? Int)
  }

  @Test func filesThatCannotBeOpened() throws {
    let empty = try folder.write("empty", [])
    for command in ["dump", "verify"] {
      for path in [folder.path("none"), folder.path, empty] {
        let run = try CommandRun(command, path)
        #expect(run.status == 1)
        #expect(run.messageLines.count == 1)
        #expect(run.output.isEmpty)
      }
      #expect(try CommandRun(command).status == 2)
      #expect(try CommandRun(command, PackedFile.path, "--nonsense").status == 2)
    }
  }
}
