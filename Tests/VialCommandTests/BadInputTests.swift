// Bad input gets one clear line, exit code 1 (usage: 2) and leaves nothing behind.

import Foundation
import TestSupport
import Testing

@Suite struct BadInputTests {
  /// Commands that read a model.
  private static let readers: [[String]] = [
    ["run", "FILE", "--ids", "1", "--max-tokens", "1"], ["score", "FILE", "--ids", "1,2"],
    ["tokenize", "FILE", "--text", "a"], ["dump", "FILE"], ["verify", "FILE"],
    ["bench", "FILE"],
    ["compare", "FILE", "FILE", "--text", "a b"],
  ]

  private func expectOneLine(_ arguments: [String], status: Int32 = 1) throws {
    let run = try CommandRun(arguments: arguments)
    #expect(run.status == status, "\(arguments): \(run.message)")
    #expect(run.output.isEmpty || arguments.contains("verify"), "\(arguments)")
    let lines = run.messageLines.filter { $0 != "for tests only" }
    if status == 1 { #expect(lines.count == 1, "\(arguments): \(run.message)") }
  }

  private func expectRefusal(_ path: String) throws {
    for reader in Self.readers {
      try expectOneLine(reader.map { $0 == "FILE" ? path : $0 })
    }
  }

  @Test func missingFilesAndFoldersAreRefused() throws {
    let folder = TemporaryFolder()
    try expectRefusal(folder.path("missing.vial"))
    try expectRefusal(folder.path)
    try expectRefusal("/dev/null")
  }

  @Test func emptyAndTruncatedFilesAreRefused() throws {
    let folder = TemporaryFolder()
    try expectRefusal(try folder.write("empty.vial", []))
    let bytes = try PackedFile.bytes()
    for length in [1, 4096, 12287, 12288, 70000, bytes.count / 2, bytes.count - 1] {
      try expectRefusal(try folder.write("short.vial", Array(bytes[..<length])))
    }
  }

  @Test func aFlippedHeaderByteIsRefused() throws {
    let folder = TemporaryFolder()
    let bytes = try PackedFile.bytes()
    for offset in [0, 5, 12, 16, 24, 100, 4095] {
      var damaged = bytes
      damaged[offset] ^= 0x10
      try expectRefusal(try folder.write("damaged.vial", damaged))
    }
  }

  @Test func aFlippedWeightIsFoundByVerify() throws {
    let folder = TemporaryFolder()
    var bytes = try PackedFile.bytes()
    #expect(try CommandRun("verify", PackedFile.path).status == 0)
    bytes[65536 + 4000] ^= 1
    let path = try folder.write("damaged.vial", bytes)
    let run = try CommandRun("verify", path)
    #expect(run.status == 1)
    #expect((run.output + run.message).contains("R-"))
  }

  @Test func badUsageExitsWithTwo() throws {
    let file = PackedFile.path
    for arguments in [
      ["--frobnicate"], ["frobnicate"], ["run", file, "--frobnicate"], ["run", file],
      ["run", file, "--prompt", "a", "--ids", "1"], ["run", file, "--ids", "1,x"],
      ["run", file, "--ids", "1", "--kv", "f64"], ["run", file, "--ids", "1", "--isa", "z80"],
      ["run", file, "--ids", "1", "--temperature", "-1"],
      ["run", file, "--ids", "1", "--threads", "0"], ["run", file, "--ids", "1", "--top-p", "2"],
      ["score", file], ["score", file, "--ids", "1", "--logits"],
      ["tokenize", file], ["tokenize", file, "--text", "a", "--decode", "1"],
      ["pack"], ["pack", "folder"], ["pack", "folder", "-o", "x", "--weights", "int3"],
      ["pack", "folder", "-o", "x", "--group", "48"], ["dump"], ["verify"],
    ] { try expectOneLine(arguments, status: 2) }
    #expect(try CommandRun("--help").status == 0)
    #expect(try CommandRun("run", "--help").output.contains("--temperature"))
    #expect(try CommandRun("--version").output.contains("format 1"))
    for arguments in [["--version", "--json"], ["--json", "--version"]] {
      let output = try CommandRun(arguments: arguments).output
      #expect(output.hasPrefix("{\"vial\":\"0."))
      // The manifest knows it where no script tells it.
      #expect(output.contains("\"swift\":\"6.") || output.contains("\"swift\":\"7."))
      #expect(output.hasSuffix("\"}\n"))
    }
  }

  @Test func textThatIsNotUTF8IsRefusedWithItsOffset() throws {
    let folder = TemporaryFolder()
    let path = try folder.write("note.txt", [0x61, 0x62, 0xFF, 0x63])
    for command in ["tokenize", "score"] {
      let run = try CommandRun(command, PackedFile.path, "--file", path)
      #expect(run.status == 1)
      #expect(run.message.contains("byte 2"))
      #expect(run.messageLines.count == 1)
    }
    try expectOneLine(["tokenize", PackedFile.path, "--file", folder.path("missing.txt")])
    try expectOneLine(["tokenize", PackedFile.path, "--file", folder.path])
  }

  /// Repaired, it would name another file: one that is read, or made.
  @Test func argumentsThatAreNotUTF8AreRefused() throws {
    let folder = TemporaryFolder()
    for arguments in [
      "run '\(PackedFile.path)' --prompt \"$odd\"", "verify \"$odd\"",
      "compact '\(PackedFile.path)' -o '\(folder.path("x"))'\"$odd\"",
    ] {
      let run = try CommandRun(
        arguments: [], shell: "odd=$(printf 'caf\\351'); exec \"$1\" \(arguments)")
      #expect(run.status == 2)
      #expect(run.message.hasPrefix("error: argument "), "\(run.message)")
      #expect(run.message.hasSuffix(" is not UTF-8\n"), "\(run.message)")
      #expect(run.output.isEmpty)
    }
    #expect(folder.contents == [])
  }

  @Test func idsAndPromptsThatDoNotFitAreRefused() throws {
    let long = (0..<5000).map { _ in "1" }.joined(separator: ",")
    let run = try CommandRun("run", PackedFile.path, "--ids", long)
    #expect(run.status == 1)
    #expect(run.message.contains("5000 tokens") && run.message.contains("4096"))
    try expectOneLine(["run", PackedFile.path, "--ids", "512"])
    try expectOneLine(["score", PackedFile.path, "--ids", "4294967295"])
    try expectOneLine(["tokenize", PackedFile.path, "--decode", "99999"])
    try expectOneLine(["score", PackedFile.path, "--text", ""])
  }

  @Test func aPromptNeverAppearsInAnError() throws {
    let secret = String(repeating: "xylophone ", count: 3000)
    let run = try CommandRun("run", PackedFile.path, "--raw", "--prompt", secret)
    #expect(run.status == 1)
    #expect(!run.message.contains("xylo"))
  }
}
