// `vial pack --method gptq` as its users see it: closer to the original than rounding, safe to kill, strict about flags.

import Foundation
import TestSupport
import Testing

@Suite struct CalibrationCommandTests {
  private static let checkpoint = Files.fixtures
    .appendingPathComponent("checkpoints/qwen2-tiny-untied").path

  /// Two texts of the project: one to calibrate with, one to measure on.
  private func texts(_ folder: TemporaryFolder) throws -> (calibration: String, measure: String) {
    let spec = Files.root
      .appendingPathComponent("Spec")
    let calibration = try Data(contentsOf: spec.appendingPathComponent("FORMAT.md")).prefix(40_000)
    let measure = try Data(contentsOf: spec.appendingPathComponent("TEMPLATES.md")).prefix(6_000)
    return (
      try folder.write(
        "calibration.txt", Array(String(decoding: calibration, as: UTF8.self).utf8)),
      try folder.write("measure.txt", Array(String(decoding: measure, as: UTF8.self).utf8))
    )
  }

  private func divergence(_ a: String, _ b: String, _ file: String) throws -> Double {
    let run = try CommandRun("compare", a, b, "--file", file, "--json")
    #expect(run.status == 0, "\(run.message)")
    return try #require(try run.json()["mean_kl"] as? Double)
  }

  @Test func calibrationIsCloserToTheOriginalThanRounding() throws {
    let folder = TemporaryFolder()
    let (calibration, measure) = try texts(folder)
    let files = ["f16", "rtn", "gptq", "budget"].map { folder.path("\($0).vial") }
    let recipes = [
      ["--weights", "f16"], ["--group", "128", "--embedding", "f16", "--head", "f16"],
      [
        "--group", "128", "--embedding", "f16", "--head", "f16", "--method", "gptq",
        "--calibration", calibration,
      ],
      [
        "--bits", "6.5", "--embedding", "f16", "--head", "f16", "--method", "gptq",
        "--calibration", calibration,
      ],
    ]
    for (file, recipe) in zip(files, recipes) {
      let run = try CommandRun(arguments: ["pack", Self.checkpoint, "-o", file] + recipe)
      #expect(run.status == 0, "\(run.message)")
      #expect(try CommandRun("verify", file).status == 0)
    }
    let divergences = try files[1...].map { try divergence(files[0], $0, measure) }
    #expect(divergences[1] < 0.6 * divergences[0], "\(divergences)")
    #expect(divergences[2] < divergences[1], "\(divergences)")
  }

  @Test func aKilledPackGoesOnWithTheSameBytes() throws {
    let folder = TemporaryFolder()
    let (calibration, _) = try texts(folder)
    let output = folder.path("out.vial")
    let arguments = [
      "pack", Self.checkpoint, "-o", output, "--method", "gptq", "--calibration", calibration,
    ]
    #expect(try CommandRun(arguments: arguments).status == 0)
    let expected = try Data(contentsOf: folder.url("out.vial"))
    #expect(folder.contents == ["calibration.txt", "measure.txt", "out.vial"])
    let layer = output + ".partial-layers/layer-0000"
    for signal in [SIGKILL, SIGINT] {
      try FileManager.default.removeItem(atPath: output)
      let run = try CommandRun(
        arguments: arguments,
        interruptWhen: { FileManager.default.fileExists(atPath: layer) }, signal: signal)
      #expect(run.status == (signal == SIGKILL ? -1 : 130), "\(run.message)")
      #expect(folder.contents.contains("out.vial.partial-layers"))
      #expect(!folder.contents.contains("out.vial"))
      #expect(try CommandRun(arguments: arguments + ["--threads", "1"]).status == 0)
      #expect(try Data(contentsOf: folder.url("out.vial")) == expected)
      #expect(folder.contents == ["calibration.txt", "measure.txt", "out.vial"])
    }
  }

  @Test func flagsThatContradictAreUsageErrors() throws {
    let folder = TemporaryFolder()
    let (calibration, _) = try texts(folder)
    let pack = ["pack", Self.checkpoint, "-o", folder.path("out.vial")]
    let gptq = ["--method", "gptq", "--calibration", calibration]
    for flags in [
      ["--method", "gptq"], ["--calibration", calibration], ["--bits", "4.25"],
      ["--damping", "0.1"], gptq + ["--bits", "4.25", "--weights", "int8"], gptq + ["--bits", "0"],
      gptq + ["--damping", "0"],
    ] {
      #expect(try CommandRun(arguments: pack + flags).status == 2, "\(flags)")
    }
    let few = try CommandRun(arguments: pack + gptq + ["--bits", "2"])
    #expect(few.status == 1 && few.message.contains("too few"), "\(few.message)")
    #expect(folder.contents == ["calibration.txt", "measure.txt"])
  }

  @Test(arguments: ["32", "128"])
  func underABudgetTheGroupIsThatOfEmbeddingAndHead(_ group: String) throws {
    let folder = TemporaryFolder()
    let (calibration, _) = try texts(folder)
    let output = folder.path("out.vial")
    let pack = try CommandRun(
      "pack", Self.checkpoint, "-o", output, "--method", "gptq", "--calibration", calibration,
      "--bits", "6.5", "--group", group)
    #expect(pack.status == 0, "\(pack.message)")
    let dump = try CommandRun("dump", output, "--json", "--tensors").json()
    let tensors = try #require(dump["tensors"] as? [[String: Any]])
    let edges = tensors.filter { ($0["shape"] as? [Int])?.count == 2 }
      .filter { ($0["name"] as? String)?.contains(".layers.") == false }
    #expect(edges.count == 2)
    for edge in edges {
      #expect(edge["encoding"] as? String == "int8" && edge["group"] as? Int == Int(group))
    }
  }

  @Test func badCalibrationTextIsOneLine() throws {
    let folder = TemporaryFolder()
    for (bytes, word) in [
      ([], "no text"), (Array("short".utf8), "too short"), ([0xC3, 0x28], "not UTF-8"),
    ] as [([UInt8], String)] {
      let path = try folder.write("text", bytes)
      let run = try CommandRun(
        "pack", Self.checkpoint, "-o", folder.path("out.vial"), "--method", "gptq",
        "--calibration", path)
      #expect(run.status == 1 && run.message.contains(word), "\(run.message)")
      #expect(run.messageLines.count == 1, "\(run.message)")
      #expect(folder.contents == ["text"])
    }
  }
}
