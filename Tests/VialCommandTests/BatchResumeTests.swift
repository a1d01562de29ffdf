// What an answers file says its answers follow from, and lines that are tried again.

import Foundation
import TestSupport
import Testing

@Suite struct BatchResumeTests {
  private let folder = TemporaryFolder()
  private let adapter = Files.fixture("adapters/lora-qkvo-r8").path
  private static let good = #"{"id": "good", "prompt": "fever", "max_tokens": 3}"#
  private static let broken = #"{"id": "broken", "prompt": 5}"#
  private static let mended = #"{"id": "mended", "prompt": "cough", "max_tokens": 3}"#
  private static let template =
    #"{"template": "patient-education", "variables": {"topic": "fever"}, "max_tokens": 3}"#
  private static let adapted = #"{"prompt": "fever", "adapter": "ward", "max_tokens": 3}"#

  private func write(_ lines: String...) throws -> String {
    try folder.write("in.jsonl", Array((lines.joined(separator: "\n") + "\n").utf8))
  }

  private var out: String { folder.path("out.jsonl") }

  private func batch(_ file: String, _ input: String, _ more: String...) throws -> CommandRun {
    try CommandRun(arguments: ["batch", file, "--in", input, "--out", out] + more)
  }

  private func answers() throws -> [[String: Any]] {
    try String(contentsOfFile: out, encoding: .utf8).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  private func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: out)) }

  private func model() throws -> String {
    let path = try folder.write("model.vial", try PackedFile.bytes())
    #expect(try CommandRun("adapter", "add", path, "ward=\(adapter)").status == 0)
    return path
  }

  @Test func answersSayWhatTheyFollowFrom() throws {
    let model = try model()
    let input = try write(Self.good, Self.template, Self.adapted)
    #expect(try batch(model, input, "--ordered", "--kv", "int8").status == 0)
    let dump = try CommandRun("dump", model, "--json").json()
    let sections = try #require(dump["sections"] as? [[String: Any]])
    let adapters = try CommandRun("adapter", "list", model, "--json").json()["adapters"]
    let ward = try #require((adapters as? [[String: Any]])?.first?["digest"] as? String)
    let lines = try answers()
    let origins = try lines.map { try #require($0["origin"] as? [String: Any]) }
    for origin in origins {
      #expect(origin["model_digest"] as? String == dump["model_digest"] as? String)
      #expect(origin["kv"] as? String == "int8" && origin["raw"] as? Bool == false)
      #expect(origin["max_tokens"] as? Int == 2048 && origin["arithmetic"] as? Int == 1)
      let chat = sections.first { $0["kind"] as? Int == 5 }
      #expect(origin["chat_template_digest"] as? String == chat?["digest"] as? String)
    }
    #expect(origins.map { $0["adapter_digest"] as? String } == [nil, nil, ward])
    #expect(origins.map { $0["template_digest"] != nil } == [false, true, false])
    #expect(Set(lines.compactMap { $0["request_digest"] as? String }).count == 3)
  }

  /// Every setting and every part of the file that an answer follows from, and none that it does not.
  @Test func whatDiffersIsNamed() throws {
    let model = try model()
    let input = try write(Self.good, Self.adapted)
    #expect(try batch(model, input).status == 0)
    let before = try bytes()
    func expect(_ run: CommandRun, _ words: String, at location: SourceLocation = #_sourceLocation)
      throws
    {
      #expect(
        run.status == 1 && run.message.contains(words), "\(run.message)", sourceLocation: location)
      #expect(run.message.contains("name another file"), sourceLocation: location)
      #expect(try bytes() == before, sourceLocation: location)
    }
    try expect(batch(model, input, "--kv", "f32"), "with another --kv")
    try expect(batch(model, input, "--raw"), "with another --raw")
    try expect(batch(model, input, "--max-tokens", "9"), "with another --max-tokens")
    try expect(
      batch(model, input, "--kv", "f32", "--max-tokens", "9"), "--kv, with another --max-tokens")
    try expect(batch(model, write(Self.good, Self.mended)), "to another line 2")
    let source = Files.fixture("checkpoints/qwen2-tiny-untied").path
    let other = folder.path("other.vial")
    #expect(
      try CommandRun(
        "pack", source, "-o", other, "--weights", "int8", "--adapter", "ward=\(adapter)"
      ).status == 0)
    try expect(batch(other, write(Self.good, Self.adapted)), "of another model")
    // The chat template is no part of the model digest.
    let folder2 = folder.url("checkpoint")
    try FileManager.default.copyItem(atPath: source, toPath: folder2.path)
    let settings = folder2.appendingPathComponent("tokenizer_config.json")
    let text = try String(contentsOf: settings, encoding: .utf8)
    let range = try #require(text.range(of: #""chat_template": ""#))
    try (text[..<range.upperBound] + "{{ 'now' }}" + text[range.upperBound...]).write(
      to: settings, atomically: true, encoding: .utf8)
    let rephrased = folder.path("rephrased.vial")
    #expect(try CommandRun("pack", folder2.path, "-o", rephrased).status == 0)
    try expect(batch(rephrased, input), "through another chat template")
    // Neither order nor number of threads, nor what other adapters the file has.
    #expect(try CommandRun("adapter", "add", model, "icu=\(adapter)").status == 0)
    #expect(try batch(model, input, "--ordered", "--threads", "1", "--parallel", "2").status == 0)
  }

  /// Files of 0.1 have one digest only.
  @Test func filesOf01GoOn() throws {
    let input = try write(Self.good)
    #expect(try batch(PackedFile.path, input).status == 0)
    let line = try String(contentsOfFile: out, encoding: .utf8)
    let range = try #require(line.range(of: #","request_digest":"#))
    try (line[..<range.lowerBound] + "}\n").write(toFile: out, atomically: true, encoding: .utf8)
    let run = try batch(PackedFile.path, input)
    #expect(run.status == 0 && run.message.contains("1 there before"), "\(run.message)")
    #expect(
      try batch(PackedFile.path, input, "--kv", "f32").message.contains("another model or settings")
    )
  }

  @Test func failedLinesAreTriedAgainWhenAsked() throws {
    let file = PackedFile.path
    #expect(try batch(file, write(Self.good, Self.broken, Self.good), "--ordered").status == 1)
    let before = try bytes()
    // Not by themselves, mended or not.
    #expect(try batch(file, write(Self.good, Self.broken, Self.good)).status == 1)
    let refused = try batch(file, write(Self.good, Self.mended, Self.good))
    #expect(refused.status == 1 && refused.message.contains("--retry-failed"), "\(refused.message)")
    // Nor in a file of another batch: it stays as it is.
    let other = try batch(file, write(Self.mended, Self.mended, Self.good), "--retry-failed")
    #expect(other.status == 1 && other.message.contains("to another line 1"), "\(other.message)")
    #expect(try bytes() == before)
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: out)
    let run = try batch(file, write(Self.good, Self.mended, Self.good), "--retry-failed")
    #expect(run.status == 0, "\(run.message)")
    #expect(run.message.contains("1 answered") && run.message.contains("2 there before"))
    let lines = try answers()
    #expect(lines.map { $0["line"] as? Int } == [1, 3, 2])
    #expect(lines.map { $0["id"] as? String } == ["good", "good", "mended"])
    #expect(lines.allSatisfy { $0["error"] is NSNull })
    let mode = try FileManager.default.attributesOfItem(atPath: out)[.posixPermissions] as? Int
    #expect(mode == 0o640)
    // Nothing failed: nothing is done.
    let after = try bytes()
    #expect(try batch(file, write(Self.good, Self.mended, Self.good), "--retry-failed").status == 0)
    #expect(try bytes() == after)
    // What fails again is there once.
    #expect(try batch(file, write(Self.good, Self.mended, Self.good, Self.broken)).status == 1)
    #expect(
      try batch(file, write(Self.good, Self.mended, Self.good, Self.broken), "--retry-failed")
        .status == 1)
    #expect(try answers().map { $0["line"] as? Int } == [1, 3, 2, 4])
    #expect(folder.contents.filter { $0.hasPrefix("out.jsonl") } == ["out.jsonl"])
  }
}
