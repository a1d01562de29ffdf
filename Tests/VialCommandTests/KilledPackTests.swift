// What is left of a pack that is killed, or whose disk is full: never half a file under the name that was asked for,
// and nothing that the next pack stumbles over.

import Foundation
import TestSupport
import Testing

@Suite struct KilledPackTests {
  private static let checkpoint = Files.fixtures
    .appendingPathComponent("checkpoints/llama3-tiny")

  /// A checkpoint of random weights whose packed file has 51 MB: several slices of weights.
  private func wide(_ folder: TemporaryFolder) throws -> URL {
    let source = folder.url("source")
    try FileManager.default.copyItem(at: Self.checkpoint, to: source)
    let url = source.appendingPathComponent("config.json")
    let config = String(decoding: try Data(contentsOf: url), as: UTF8.self)
      .replacingOccurrences(of: "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 8")
      .replacingOccurrences(of: "\"intermediate_size\": 128", with: "\"intermediate_size\": 8192")
    try Data(config.utf8).write(to: url)
    return source
  }

  private func arguments(_ source: URL, _ output: String, threads: Int = 2) -> [String] {
    [
      "pack", source.path, "-o", output, "--random-weights", "1", "--weights", "f32", "--threads",
      "\(threads)",
    ]
  }

  private func length(_ path: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes?[.size] as? Int ?? 0
  }

  @Test func aKillLeavesTheOldFileAndTheNextPackTheNewOne() throws {
    let folder = TemporaryFolder()
    let source = try wide(folder)
    let (whole, output) = (folder.path("whole.vial"), folder.path("out.vial"))
    #expect(try CommandRun(arguments: arguments(source, whole)).status == 0)
    let expected = try Data(contentsOf: URL(fileURLWithPath: whole))
    #expect(expected.count > 48 << 20)
    let old = Array("the old file".utf8)
    _ = try folder.write("out.vial", old)
    var killCount = 0
    // 0: as soon as it exists.
    for share in [0, 1, 20 << 20, 40 << 20] {
      let partial = output + ".partial"
      try? FileManager.default.removeItem(atPath: partial)
      let run = try CommandRun(
        arguments: arguments(source, output),
        interruptWhen: {
          FileManager.default.fileExists(atPath: partial) && length(partial) >= share
        }, signal: SIGKILL)
      if run.status == 0 {
        // On a busy machine the signal may come when all is done: then the new file must be there, whole.
        #expect(folder.contents == ["out.vial", "source", "whole.vial"])
        #expect(try Data(contentsOf: folder.url("out.vial")) == expected)
        _ = try folder.write("out.vial", old)
        continue
      }
      killCount += 1
      #expect(run.status == -1, "\(run.message)")
      #expect(folder.contents == ["out.vial", "out.vial.partial", "source", "whole.vial"])
      #expect(try Data(contentsOf: folder.url("out.vial")) == Data(old))
    }
    #expect(killCount > 0)
    // A leftover stands in nobody's way, and neither do other threads.
    #expect(try CommandRun(arguments: arguments(source, output, threads: 3)).status == 0)
    #expect(folder.contents == ["out.vial", "source", "whole.vial"])
    #expect(try Data(contentsOf: folder.url("out.vial")) == expected)
    #expect(try CommandRun("verify", output).status == 0)
  }

  @Test func killsAtAnyMomentLeaveOneNameAtMost() throws {
    let folder = TemporaryFolder()
    let output = folder.path("out.vial")
    let pack = ["pack", Self.checkpoint.path, "-o", output]
    #expect(try CommandRun(arguments: pack).status == 0)
    let expected = try Data(contentsOf: folder.url("out.vial"))
    for milliseconds in [0, 2, 5, 10, 15, 20, 30, 40, 60, 90] {
      try FileManager.default.removeItem(atPath: output)
      let start = Date()
      _ = try CommandRun(
        arguments: pack,
        interruptWhen: { Date().timeIntervalSince(start) * 1000 >= Double(milliseconds) },
        signal: SIGKILL)
      #expect(Set(folder.contents).isSubset(of: ["out.vial", "out.vial.partial"]))
      if folder.contents.contains("out.vial") {
        #expect(try Data(contentsOf: folder.url("out.vial")) == expected)
      }
      #expect(try CommandRun(arguments: pack).status == 0)
      #expect(folder.contents == ["out.vial"])
      #expect(try Data(contentsOf: folder.url("out.vial")) == expected)
    }
  }

  /// A limit on the length of files fails like a full disk does: some writes succeed, then one does not. A block has
  /// 512 bytes; one is for the message, which goes to a file, too.
  @Test func aDiskThatFillsUpLeavesNothing() throws {
    let folder = TemporaryFolder()
    let source = try wide(folder)
    for blocks in [1, 300, 60_000] {
      let run = try CommandRun(
        arguments: arguments(source, folder.path("out.vial")),
        shell: "trap '' XFSZ; ulimit -f \(blocks); exec \"$@\"")
      #expect(run.status == 1)
      #expect(run.messageLines.count == 1, "\(run.message)")
      #expect(run.message.contains("out.vial"), "\(run.message)")
      #expect(folder.contents == ["source"])
    }
  }
}
