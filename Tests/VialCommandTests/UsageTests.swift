// Bad usage names what is wrong with it, and exits with 2.

import Foundation
import TestSupport
import Testing

@Suite struct UsageTests {
  private func expectUsage(
    _ arguments: [String], says words: String, at location: SourceLocation = #_sourceLocation
  ) throws {
    let run = try CommandRun(arguments: arguments)
    #expect(run.status == 2, "\(arguments): \(run.message)", sourceLocation: location)
    #expect(run.message.contains(words), "\(arguments): \(run.message)", sourceLocation: location)
    #expect(run.output.isEmpty, sourceLocation: location)
  }

  /// Whatever else is wrong: who misspelled an option is told so, and of which command it is.
  @Test(arguments: [
    ["run"], ["run", "--temperature", "200"], ["run", "FILE", "--threads", "0"],
    ["batch", "FILE", "--in", "a", "--out", "b", "--parallel", "0"],
    ["pack", "a", "-o", "b", "--threads", "0"], ["eval", "FILE", "--data", "a", "--limit", "0"],
    ["score", "FILE"], ["tokenize", "FILE"], ["compare", "FILE", "FILE"],
    ["bench", "FILE", "--batch", "0"], ["dump", "FILE", "--tensors", "--tensor", "a"],
    ["sign", "FILE"], ["keygen", ""], ["compact", "FILE", "-o", ""],
  ])
  func unknownOptionsAreNamedFirst(_ arguments: [String]) throws {
    try expectUsage(arguments + ["--bogus"], says: "Unknown option '--bogus'")
    let run = try CommandRun(arguments: arguments)
    #expect(run.status == 2 && run.output.isEmpty, "\(run.message)")
    #expect(run.message.contains("Usage: vial \(arguments[0])"), "\(run.message)")
  }

  @Test func negativeNumbersAreValues() throws {
    let file = PackedFile.path
    for (option, words) in [
      ("--max-tokens", "must not be negative"), ("--seed", "invalid"), ("--top-k", "invalid"),
      ("--temperature", "temperature"), ("--samples", "from 1 to 64"), ("--threads", "1 to 1024"),
      ("--max-reasoning-tokens", "negative"), ("--ban", "invalid"), ("--min-tokens", "negative"),
    ] {
      try expectUsage(["run", file, "--prompt", "a", option, "-1"], says: words)
    }
    try expectUsage(["run", file, "--ids", "-1"], says: "invalid")
    try expectUsage(["eval", file, "--data", "a", "--limit", "-1"], says: "at least 1")
    try expectUsage(["pack", "a", "-o", "b", "--random-weights", "-1"], says: "invalid")
    try expectUsage(["bench", file, "--depth", "-1"], says: "invalid")
    for option in ["run", "score"] {
      try expectUsage(
        [option, file, "--ids", "1", "--adapter", "a:101"], says: "from -100 to 100")
    }
  }

  @Test func helpOfWhatIsNoCommandIsBadUsage() throws {
    for arguments in [
      ["nosuch", "--help"], ["help", "nosuch"], ["nosuch"], ["adapter", "nosuch", "--help"],
      ["template", "nosuch", "-h"], ["help", "template", "nosuch"],
    ] { try expectUsage(arguments, says: "nosuch") }
    for arguments in [
      ["--help"], ["help"], ["run", "--help"], ["help", "run"], ["adapter", "add", "--help"],
      ["run", "FILE", "--prompt", "a", "--help"], ["template", "-h"],
    ] {
      let run = try CommandRun(arguments: arguments)
      #expect(run.status == 0 && run.output.contains("USAGE"), "\(arguments): \(run.message)")
    }
  }

  /// Damage that is found while answering: the file, and no figures of nothing.
  @Test func damageNamesItsFile() throws {
    let folder = TemporaryFolder()
    // Its weights have several chunks, which are looked at when they are used.
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: Files.demo)))
    bytes[bytes.count / 2] ^= 1
    let path = try folder.write("damaged.vial", bytes)
    let run = try CommandRun(
      "run", path, "--ids", "1,2", "--max-tokens", "2", "--verify", "lazy")
    #expect(run.status == 1 && run.output.isEmpty)
    #expect(run.message.contains("error: \(path): R-220 at byte "), "\(run.message)")
    #expect(run.message.contains(" after 0 tokens"))
    #expect(!run.message.contains("/s"))
    bytes = try PackedFile.bytes()
    let none = try CommandRun("run", PackedFile.path, "--ids", "1,2", "--max-tokens", "0")
    #expect(none.status == 0 && !none.message.contains(" 0/s"), "\(none.message)")
    // Opening, too.
    bytes[20] ^= 1
    let broken = try folder.write("broken.vial", bytes)
    for command in [
      ["run", "FILE", "--ids", "1"], ["score", "FILE", "--ids", "1,2"], ["bench", "FILE"],
      ["tokenize", "FILE", "--text", "a"], ["eval", "FILE", "--data", "a"],
      ["batch", "FILE", "--in", "a", "--out", folder.path("b")], ["template", "list", "FILE"],
    ] {
      let run = try CommandRun(arguments: command.map { $0 == "FILE" ? broken : $0 })
      #expect(run.status == 1)
      #expect(run.message.hasPrefix("error: \(broken): R-"), "\(command): \(run.message)")
    }
  }
}
