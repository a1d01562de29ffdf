// Two writers of one name, links, permissions, and signals that end a writer, as users see them.

import Foundation
import TestSupport
import Testing

@Suite struct WriterTests {
  private let folder = TemporaryFolder()
  private static let checkpoint = Files.fixtures
    .appendingPathComponent("checkpoints/qwen2-tiny-untied").path

  private func bytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }

  private func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return try #require(attributes[.posixPermissions] as? Int)
  }

  /// A checkpoint whose packed file takes a moment to write.
  private func slow() throws -> [String] {
    let source = folder.url("source")
    try FileManager.default.copyItem(at: URL(fileURLWithPath: Self.checkpoint), to: source)
    let url = source.appendingPathComponent("config.json")
    let config = String(decoding: try Data(contentsOf: url), as: UTF8.self)
      .replacingOccurrences(of: "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 40")
      .replacingOccurrences(of: "\"intermediate_size\": 128", with: "\"intermediate_size\": 16384")
    try Data(config.utf8).write(to: url)
    return ["pack", source.path, "--random-weights", "1", "--weights", "f32", "-o"]
  }

  /// The second of two packers says that it is the second, whatever name it calls the file, and
  /// writes nothing.
  @Test func theSecondWriterSaysSo() throws {
    let output = folder.path("out.vial")
    let slow = try slow()
    try Data([1]).write(to: URL(fileURLWithPath: output))
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("link.vial"), withDestinationPath: "out.vial")
    let model = try folder.write("model.vial", try PackedFile.bytes())
    var others: [CommandRun] = []
    var partialMode = 0
    let run = try CommandRun(
      arguments: slow + [output],
      interruptWhen: {
        guard FileManager.default.fileExists(atPath: output + ".partial") else { return false }
        partialMode = (try? mode(output + ".partial")) ?? 0
        for arguments in [
          ["pack", Self.checkpoint, "-o", output],
          ["pack", Self.checkpoint, "-o", folder.path("link.vial")],
          ["compact", model, "-o", output], ["compact", output],
          ["template", "remove", output, "triage"],
        ] {
          if let other = try? CommandRun(arguments: arguments) { others.append(other) }
        }
        return true
      }, signal: SIGTERM)
    #expect(partialMode == 0o600)
    #expect(others.count == 5)
    for other in others {
      #expect(other.status == 1)
      #expect(other.message.contains("another program is"), "\(other.message)")
      #expect(other.messageLines.count == 1, "\(other.message)")
    }
    // The first one went on meanwhile, and was stopped.
    #expect(run.status == 143, "\(run.message)")
    #expect(try bytes(output) == Data([1]))
    #expect(folder.contents == ["link.vial", "model.vial", "out.vial", "source"])
  }

  /// Whoever of several says that it packed did.
  @Test func whoSucceedsWroteAWholeFile() throws {
    let output = folder.path("out.vial")
    let kinds = ["f16", "int8", "int4"]
    var expected: [Data] = []
    for kind in kinds {
      #expect(
        try CommandRun("pack", Self.checkpoint, "-o", output, "--weights", kind).status == 0)
      expected.append(try bytes(output))
    }
    for round in 0..<15 {
      if round % 2 == 0 { try FileManager.default.removeItem(atPath: output) }
      let script = kinds.map { kind in
        "{ \"$1\" pack '\(Self.checkpoint)' -o '\(output)' --weights \(kind); "
          + "echo \"\(kind) $?\"; } & "
      }.joined(separator: "sleep 0.00\(round % 8); ")
      let run = try CommandRun(arguments: [], shell: script + "wait")
      let codes = run.output.split(separator: "\n").map { $0.split(separator: " ") }
      #expect(codes.count == 3, "\(run.output)")
      let winners = codes.filter { $0[1] == "0" }.map { String($0[0]) }
      #expect(!winners.isEmpty, "\(run.message)")
      #expect(codes.allSatisfy { $0[1] == "0" || $0[1] == "1" }, "\(run.output)")
      let now = try bytes(output)
      #expect(zip(kinds, expected).contains { winners.contains($0) && now == $1 })
      #expect(folder.contents == ["out.vial"])
    }
  }

  @Test(arguments: [SIGHUP, SIGINT, SIGTERM])
  func signalsLeaveNothing(_ signal: Int32) throws {
    let slow = try slow()
    let output = folder.path("out.vial")
    let run = try CommandRun(
      arguments: slow + [output],
      interruptWhen: { FileManager.default.fileExists(atPath: output + ".partial") },
      signal: signal)
    #expect(run.status == 128 + signal, "\(run.message)")
    #expect(folder.contents == ["source"])
  }

  /// nohup starts programs with SIGHUP ignored; it stays so.
  @Test func aHangupThatIsIgnoredStaysIgnored() throws {
    let output = folder.path("out.vial")
    let slow = try slow()
    let run = try CommandRun(
      arguments: slow + [output], shell: "trap '' HUP; exec \"$@\"",
      interruptWhen: { FileManager.default.fileExists(atPath: output + ".partial") },
      signal: SIGHUP)
    #expect(run.status == 0, "\(run.message)")
    #expect(folder.contents == ["out.vial", "source"])
  }

  @Test func linksStayAndLeadToTheNewFile() throws {
    let real = try folder.write("real.vial", try PackedFile.bytes())
    let link = folder.path("link.vial")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "real.vial")
    let key = folder.path("key")
    #expect(try CommandRun("keygen", key).status == 0)
    let adapter = Files.fixtures.appendingPathComponent("adapters/lora-qkvo-r8").path
    let template = try folder.write(
      "t.txt",
      Array("---\nid: x\nversion: 1\ntask: other\nlanguage: en\n---\n# user\nHello\n".utf8))
    var last = try bytes(real)
    for arguments in [
      ["sign", link, "--key", key], ["template", "add", link, template],
      ["template", "remove", link, "x"], ["adapter", "add", link, "ward=\(adapter)"],
      ["adapter", "remove", link, "ward"], ["compact", link],
      ["compact", real, "-o", link], ["pack", Self.checkpoint, "-o", link],
    ] {
      let run = try CommandRun(arguments: arguments)
      #expect(run.status == 0, "\(arguments): \(run.message)")
      let destination = try FileManager.default.destinationOfSymbolicLink(atPath: link)
      #expect(destination == "real.vial", "\(arguments)")
      // Compacting what is compact changes nothing.
      if arguments != ["compact", real, "-o", link] {
        #expect(try bytes(real) != last, "\(arguments)")
      }
      last = try bytes(real)
      #expect(try CommandRun("verify", real).status == 0)
    }
    #expect(try CommandRun("adapter", "add", real, "ward=\(adapter)").status == 0)
    #expect(
      try CommandRun("adapter", "extract", link, "ward", "-o", folder.path("new-link")).status == 0)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("dangling"), withDestinationPath: folder.path("ward.vial"))
    #expect(
      try CommandRun("adapter", "extract", link, "ward", "-o", folder.path("dangling")).status == 0)
    #expect(try bytes(folder.path("ward.vial")) == bytes(folder.path("new-link")))
    #expect(
      folder.contents == [
        "dangling", "key", "key.pub", "link.vial", "new-link", "real.vial", "t.txt", "ward.vial",
      ])
  }

  /// Two hard links are two names: writing one leaves the other its bytes.
  @Test func hardLinksAreTwoNames() throws {
    let tail = Data(try PackedFile.bytes() + [UInt8](repeating: 3, count: 4711))
    let (first, second) = (folder.path("a.vial"), folder.path("b.vial"))
    try tail.write(to: URL(fileURLWithPath: first))
    try FileManager.default.linkItem(atPath: first, toPath: second)
    #expect(try CommandRun("compact", first, "-o", second).status == 0)
    #expect(try bytes(first) == tail)
    #expect(try bytes(second) == Data(PackedFile.bytes()))
  }

  @Test func permissionsAreTheReplacedFilesOrTheUmasks() throws {
    let output = folder.path("out.vial")
    let umask = "umask 027; exec \"$@\""
    let pack = ["pack", Self.checkpoint, "-o", output]
    #expect(try CommandRun(arguments: pack, shell: umask).status == 0)
    #expect(try mode(output) == 0o640)
    for wanted in [0o644, 0o600, 0o604] {
      for arguments in [pack, ["compact", output], ["compact", PackedFile.path, "-o", output]] {
        try FileManager.default.setAttributes([.posixPermissions: wanted], ofItemAtPath: output)
        #expect(try CommandRun(arguments: arguments, shell: umask).status == 0)
        #expect(try mode(output) == wanted, "\(arguments)")
      }
    }
    #expect(folder.contents == ["out.vial"])
  }
}
