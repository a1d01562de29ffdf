// Checkpoints that were made to break the packer, and a system that fails it half-way: one line, exit 1,
// nothing left behind.

import Foundation
import TestSupport
import Testing

@Suite struct HostileCheckpointTests {
  /// A copy of the checkpoint in a folder of the test's own.
  private func copy(_ folder: TemporaryFolder, _ name: String = "llama3-tiny") throws -> URL {
    let source = folder.url("source")
    try FileManager.default.copyItem(
      at: Files.fixtures.appendingPathComponent("checkpoints/\(name)"), to: source)
    return source
  }

  private func expectOneLine(
    _ run: CommandRun, _ folder: TemporaryFolder, _ word: String,
    at location: SourceLocation = #_sourceLocation
  ) {
    #expect(run.status == 1, "\(run.message)", sourceLocation: location)
    #expect(run.output.isEmpty, sourceLocation: location)
    #expect(run.messageLines.count == 1, "\(run.message)", sourceLocation: location)
    #expect(run.message.contains(word), "\(run.message)", sourceLocation: location)
    #expect(run.message.utf8.count < 600, sourceLocation: location)
    #expect(
      !run.message.utf8.contains { $0 < 0x20 && $0 != 0x0A }, "a control reaches the terminal",
      sourceLocation: location)
    #expect(folder.contents == ["source"], sourceLocation: location)
  }

  /// Replaces one file of the checkpoint and expects a refusal that says `word`.
  private func expectRefusal(_ file: String, _ bytes: [UInt8], _ word: String) throws {
    let folder = TemporaryFolder()
    let source = try copy(folder)
    try Data(bytes).write(to: source.appendingPathComponent(file))
    expectOneLine(
      try CommandRun("pack", source.path, "-o", folder.path("out.vial")), folder, word)
  }

  private static let jsonFiles = [
    "config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json",
  ]

  @Test(arguments: jsonFiles)
  func jsonThatIsNoJSON(_ file: String) throws {
    let deep = String(repeating: "[", count: 200_000)
    let nested = String(repeating: #"{"a":"#, count: 100_000)
    for text in [
      deep, nested, "{\"a\": 1\(String(repeating: "0", count: 400))}", "{\"a\": 1e999}",
      #"{"a": "\ud800"}"#, "", "{", "null", "{\"a\": Nan}", "{\"a\": -Infinite}",
      "{\"\u{1B}[2J\": x}",
    ] {
      try expectRefusal(file, Array(text.utf8), file)
    }
    // Python reads these in settings; readers of tokenizers and weights do not.
    for text in [#"{"a": 1, "a": 2}"#, "{\"a\": NaN}"] where file == "tokenizer.json" {
      try expectRefusal(file, Array(text.utf8), "not valid JSON")
    }
    try expectRefusal(file, Array("{\"a\": \"".utf8) + [0xC3, 0x28] + Array("\"}".utf8), file)
    try expectRefusal(file, [0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00], file)
  }

  @Test func shapesAndOffsetsBeyondSixtyFourBits() throws {
    for (tensor, word) in [
      (#"{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,16]}"#, "overflows"),
      (#"{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,16]}"#, "whole numbers"),
      (#"{"dtype":"F32","shape":[4],"data_offsets":[0,9223372036854775808]}"#, "data_offsets"),
      (
        #"{"dtype":"F32","shape":[4],"data_offsets":[9223372036854775807,9223372036854775807]}"#,
        "ends"
      ),
      (#"{"dtype":"F32","shape":[1e18,1e18],"data_offsets":[0,16]}"#, "overflows"),
      (#"{"dtype":"F32","shape":[0.5],"data_offsets":[0,16]}"#, "whole numbers"),
      (#"{"dtype":"\u001b[31m","shape":[4],"data_offsets":[0,16]}"#, "dtype"),
    ] {
      let header = "{\"a\":\(tensor)}"
      let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> ($0 * 8)) }
      try expectRefusal(
        "model.safetensors", length + Array(header.utf8) + [UInt8](repeating: 0, count: 16), word)
    }
    for length: UInt64 in [1 << 63, .max, 1 << 40, 100_000_001] {
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
      try expectRefusal("model.safetensors", bytes + Array("{}".utf8), "header")
    }
  }

  @Test func idsWithoutTokensAreRefused() throws {
    try expectRefusal(
      "tokenizer.json",
      Array(
        #"{"model":{"type":"BPE","vocab":{"a":16777215},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"},"decoder":{"type":"ByteLevel"}}"#
          .utf8), "16777215")
  }

  @Test func truncatedAndMissingShards() throws {
    let shard = "model-00002-of-000002.safetensors"
    for count in [0, 7, 100, 50_000] {
      let folder = TemporaryFolder()
      let source = try copy(folder, "qwen2-tiny-untied")
      let url = source.appendingPathComponent(shard)
      try Data(contentsOf: url).prefix(count).write(to: url)
      expectOneLine(
        try CommandRun("pack", source.path, "-o", folder.path("out.vial")), folder, shard)
    }
  }

  /// Templates whose parsing or folding would outgrow stack or memory: the model packs without one.
  @Test func hostileChatTemplatesAreLeftOut() throws {
    let doubling = "{% set x = 'aaaaaaaa' %}" + String(repeating: "{% set x = x + x %}", count: 60)
    for template in [
      "{{ \(String(repeating: "not ", count: 300_000))x }}",
      "{{ \(String(repeating: "-", count: 300_000))1 }}",
      "{{ 1\(String(repeating: "+1", count: 300_000)) }}",
      "{{ a\(String(repeating: ".a", count: 300_000)) }}",
      "{{ \(String(repeating: "(", count: 300_000)) }}",
      String(repeating: "{% if a %}", count: 100_000),
      doubling + "{{ x }}",
    ] {
      let folder = TemporaryFolder()
      let source = try copy(folder)
      try Data(template.utf8).write(to: source.appendingPathComponent("chat_template.jinja"))
      let run = try CommandRun("pack", source.path, "-o", folder.path("out.vial"))
      #expect(run.status == 0, "\(run.message)")
      #expect(run.message.contains("chat template"), "\(run.message)")
      #expect(folder.contents == ["out.vial", "source"])
    }
  }

  /// As root no file is forbidden, so the command runs as somebody else then.
  @Test func filesWithoutPermission() throws {
    let folder = TemporaryFolder()
    let source = try copy(folder)
    for name in ["config.json", "model.safetensors"] {
      let url = source.appendingPathComponent(name)
      try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: url.path)
      defer {
        try? FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: url.path)
      }
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o777], ofItemAtPath: folder.path)
      let pack = [CommandRun.executable.path, "pack", source.path, "-o", folder.path("out.vial")]
      let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
      let shell = geteuid() == 0 ? nobody + pack : pack
      let run = try CommandRun(program: "/usr/bin/env", arguments: shell)
      if run.message.contains("setpriv") || run.status == 126 || run.status == 127 {
        print("files without permission: not run, the command cannot run as nobody here")
        return
      }
      expectOneLine(run, folder, name)
    }
  }

  /// A disk that is full, played by a limit on the length of a file.
  @Test func aDiskThatIsFull() throws {
    for kilobytes in [0, 8, 64, 100] {
      let folder = TemporaryFolder()
      let source = try copy(folder)
      let run = try CommandRun(
        program: "/bin/bash",
        arguments: [
          "-c", "trap '' XFSZ; ulimit -f \(kilobytes); exec \"$0\" \"$@\"",
          CommandRun.executable.path, "pack", source.path, "-o", folder.path("out.vial"),
        ])
      // With a limit of nothing even the message may not be written.
      #expect(run.status == 1)
      if kilobytes > 0 { expectOneLine(run, folder, "out.vial") }
      #expect(folder.contents == ["source"])
    }
  }

  /// A disk that is full, where this process may make one.
  @Test func aSmallDiskThatIsFull() throws {
    let folder = TemporaryFolder()
    let source = try copy(folder)
    let disk = folder.url("disk")
    try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
    let mount = try CommandRun(
      program: "/usr/bin/env",
      arguments: ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk.path])
    guard mount.status == 0 else {
      print("a small disk that is full: not run, no permission to mount one")
      return
    }
    defer { _ = try? CommandRun(program: "/usr/bin/env", arguments: ["umount", disk.path]) }
    let run = try CommandRun("pack", source.path, "-o", disk.appendingPathComponent("x").path)
    #expect(run.status == 1)
    #expect(run.messageLines.count == 1, "\(run.message)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path) == [])
  }

  @Test func aKillLeavesOnlyThePartialFile() throws {
    let folder = TemporaryFolder()
    let source = try copy(folder)
    let url = source.appendingPathComponent("config.json")
    let small = try Data(contentsOf: url)
    // A shape that takes many seconds to fill.
    let large = String(decoding: small, as: UTF8.self)
      .replacingOccurrences(of: "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 200")
      .replacingOccurrences(of: "\"intermediate_size\": 128", with: "\"intermediate_size\": 65536")
    try Data(large.utf8).write(to: url)
    let run = try CommandRun(
      arguments: [
        "pack", source.path, "-o", folder.path("out.vial"), "--random-weights", "1", "--weights",
        "f32",
      ], interruptWhen: { folder.contents.contains("out.vial.partial") }, signal: SIGKILL)
    #expect(run.status == -1)
    #expect(folder.contents == ["out.vial.partial", "source"])
    #expect(try CommandRun("verify", folder.path("out.vial.partial")).status == 1)
    try small.write(to: url)
    #expect(try CommandRun("pack", source.path, "-o", folder.path("out.vial")).status == 0)
    #expect(folder.contents == ["out.vial", "source"])
    #expect(try CommandRun("verify", folder.path("out.vial")).status == 0)
  }
}
