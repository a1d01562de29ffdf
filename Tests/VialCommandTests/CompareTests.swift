// compare against figures that are computed here from `score --logits` of both files.

import Foundation
import TestSupport
import Testing

@Suite struct CompareTests {
  /// The fixture in another encoding.
  private static let folder = TemporaryFolder()
  private static let original: String = packed("qwen2-tiny-untied", "f16")
  private static let other: String = packed("qwen2-tiny-untied", "int4")

  private static func packed(_ checkpoint: String, _ weights: String) -> String {
    let output = folder.path("\(checkpoint)-\(weights).vial")
    let source = Files.fixtures.appendingPathComponent("checkpoints/\(checkpoint)").path
    _ = try? CommandRun("pack", source, "-o", output, "--weights", weights)
    return output
  }

  private static let text = String(
    repeating:
      "Fever and a stiff neck: the patient, 38.5 °C, was given antibiotics. Naïve questions "
      + "about iron deficiency are answered with a table of ferritin values, and 你好 is a greeting. ",
    count: 3)

  private func text(_ folder: TemporaryFolder) throws -> String {
    try folder.write("text.txt", Array(Self.text.utf8))
  }

  @Test func figuresEqualThoseOfTheLogits() throws {
    let folder = TemporaryFolder()
    let file = try text(folder)
    let run = try CommandRun("compare", Self.original, Self.other, "--file", file, "--json")
    #expect(run.status == 0, "\(run.message)")
    let json = try run.json()
    let a = try Scored(Self.original, file)
    let b = try Scored(Self.other, file)
    let divergences = zip(a.logits, b.logits).map(Self.divergence)
    let top = zip(a.logits, b.logits).filter { Self.best($0) == Self.best($1) }.count
    let sorted = divergences.sorted()
    let rank = 0.99 * Double(sorted.count - 1)
    let (low, high) = (sorted[Int(rank)], sorted[min(sorted.count - 1, Int(rank) + 1)])
    let wanted = [
      "mean_kl": divergences.reduce(0, +) / Double(divergences.count),
      "p99_kl": low + (high - low) * (rank - rank.rounded(.down)),
      "same_top": Double(top) / Double(divergences.count),
      "perplexity_a": a.perplexity, "perplexity_b": b.perplexity,
      "perplexity_ratio": b.perplexity / a.perplexity,
    ]
    for (key, value) in wanted {
      let measured = try #require(json[key] as? Double, "\(key)")
      #expect(abs(measured - value) <= 1e-6 * max(1, abs(value)), "\(key): \(measured), \(value)")
      let interval = try #require(json[key + "_interval"] as? [Double], "\(key)")
      #expect(interval.count == 2 && interval[0] <= measured && measured <= interval[1], "\(key)")
      #expect(interval[0] < interval[1], "\(key)")
    }
    #expect((json["mean_kl"] as? Double ?? 0) > 1e-4)
    #expect(json["positions"] as? Int == a.logits.count)
  }

  @Test func aFileDoesNotDifferFromItself() throws {
    let folder = TemporaryFolder()
    let file = try text(folder)
    let json = try CommandRun("compare", Self.other, Self.other, "--file", file, "--json").json()
    #expect(json["mean_kl"] as? Double == 0 && json["p99_kl"] as? Double == 0)
    #expect(json["same_top"] as? Double == 1 && json["perplexity_ratio"] as? Double == 1)
    #expect(json["same_top_interval"] as? [Double] == [1, 1])
  }

  @Test func figuresDoNotDependOnThreadsOrFamily() throws {
    let folder = TemporaryFolder()
    let file = try text(folder)
    let arguments = ["compare", Self.original, Self.other, "--file", file, "--json"]
    let first = try CommandRun(arguments: arguments)
    let second = try CommandRun(
      arguments: arguments + ["--threads", "1", "--isa", "reference"])
    #expect(first.status == 0 && first.output == second.output)
  }

  @Test func windowsAndSkippedPositionsAreCounted() throws {
    let folder = TemporaryFolder()
    let file = try text(folder)
    let arguments = ["compare", Self.original, Self.other, "--file", file, "--json"]
    let all = try CommandRun(arguments: arguments).json()
    let tokens = try #require(all["tokens"] as? Int)
    // More tokens than one portion of the lockstep, so that a token after a portion is scored, too.
    #expect(tokens > 130 && all["scored"] as? Int == tokens - 1)
    let cut = try CommandRun(arguments: arguments + ["--window", "50", "--skip", "10"]).json()
    let windows = stride(from: 0, to: tokens, by: 50).map { min(50, tokens - $0) }
    let kept = windows.map { max(0, $0 - 10) }
    #expect(cut["positions"] as? Int == kept.reduce(0, +))
    #expect(cut["scored"] as? Int == kept.map { max(0, $0 - 1) }.reduce(0, +))
  }

  @Test func whatCannotBeComparedIsRefused() throws {
    let folder = TemporaryFolder()
    let file = try text(folder)
    func expectRefusal(_ arguments: [String], _ status: Int32, _ word: String) throws {
      let run = try CommandRun(arguments: ["compare"] + arguments)
      #expect(run.status == status && run.output.isEmpty, "\(arguments): \(run.message)")
      #expect(run.message.contains(word), "\(arguments): \(run.message)")
      if status == 1 { #expect(run.messageLines.count == 1) }
    }
    let (a, b) = (Self.original, Self.other)
    let llama = try Self.otherTokenizer(folder)
    try expectRefusal([a, llama, "--file", file], 1, "tokenizers differ")
    try expectRefusal([a, folder.path("none.vial"), "--file", file], 1, "none.vial")
    let broken = try folder.write("broken.vial", [1, 2, 3])
    try expectRefusal([a, broken, "--file", file], 1, "broken.vial")
    try expectRefusal([a, b, "--file", try folder.write("empty.txt", [])], 1, "nothing")
    try expectRefusal([a, b, "--file", try folder.write("one.txt", [0x61])], 1, "nothing")
    try expectRefusal([a, b, "--file", try folder.write("bad.txt", [0x61, 0xFF])], 1, "byte 1")
    try expectRefusal([a, b, "--file", file, "--window", "5000"], 1, "window")
    try expectRefusal([a, b], 2, "--file")
    try expectRefusal([a, b, "--file", file, "--window", "1"], 2, "--window")
    try expectRefusal([a, b, "--file", file, "--window", "8", "--skip", "7"], 2, "--skip")
  }

  /// The fixture with one merge less.
  private static func otherTokenizer(_ folder: TemporaryFolder) throws -> String {
    let source = Files.fixtures.appendingPathComponent("checkpoints/qwen2-tiny-untied")
    let copy = folder.url("checkpoint")
    try FileManager.default.copyItem(at: source, to: copy)
    let path = copy.appendingPathComponent("tokenizer.json")
    var tree = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
    var model = try #require(tree["model"] as? [String: Any])
    var merges = try #require(model["merges"] as? [Any])
    merges.removeLast()
    model["merges"] = merges
    tree["model"] = model
    try FileManager.default.removeItem(at: path)
    try JSONSerialization.data(withJSONObject: tree).write(to: path)
    let output = folder.path("other.vial")
    let run = try CommandRun("pack", copy.path, "-o", output)
    #expect(run.status == 0, "\(run.message)")
    return output
  }

  /// KL(a ‖ b) in doubles.
  private static func divergence(_ a: [Double], _ b: [Double]) -> Double {
    let (p, q) = (logSoftmax(a), logSoftmax(b))
    return zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
  }

  private static func logSoftmax(_ row: [Double]) -> [Double] {
    let top = row.max() ?? 0
    let sum = row.reduce(0) { $0 + exp($1 - top) }
    return row.map { $0 - top - log(sum) }
  }

  private static func best(_ row: [Double]) -> Int? { row.firstIndex(of: row.max() ?? 0) }
}

/// What `score --logits` says.
private struct Scored {
  let logits: [[Double]]
  let perplexity: Double

  init(_ model: String, _ file: String) throws {
    let json = try CommandRun("score", model, "--file", file, "--logits", "--json").json()
    logits = try #require(json["logits"] as? [[Double]])
    perplexity = try #require(json["perplexity"] as? Double)
  }
}
