// eval as its users see it, with likelihoods that `score` confirms.

import Foundation
import TestSupport
import Testing

@Suite struct EvalTests {
  private static let questions = Files.fixtures.appendingPathComponent(
    "questions/questions.jsonl"
  ).path

  private func lines(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  private func eval(_ arguments: String...) throws -> CommandRun {
    try CommandRun(arguments: ["eval", PackedFile.path, "--data"] + arguments)
  }

  @Test func likelihoodsAreThoseOfScore() throws {
    let folder = TemporaryFolder()
    let out = folder.path("out.jsonl")
    let run = try eval(Self.questions, "--raw", "--out", out, "--json")
    #expect(run.status == 0, "\(run.message)")
    let results = try lines(out)
    let first = try #require(results.dropFirst().first)
    let values = try #require(first["log_likelihoods"] as? [Double])
    let source = try lines(Self.questions)[0]
    let options = try #require(source["options"] as? [String])
    #expect(values.count == options.count)
    let prompt = "Question: \(source["question"] ?? "")\nAnswer:"
    let promptCount = try tokens(prompt).count
    for (option, value) in zip(options, values) {
      let scored = try CommandRun(
        "score", PackedFile.path, "--text", prompt + " " + option, "--special", "--literal",
        "--json"
      ).json()
      let all = try #require(scored["logprobs"] as? [Any]).compactMap {
        ($0 as? NSNumber)?.doubleValue
      }
      // The first id has no score, so one fewer than the prompt's ids is dropped.
      let sum = all.dropFirst(promptCount - 1).reduce(0, +)
      #expect(abs(sum - value) < 1e-4, "\(sum), \(value)")
    }
    let best = values.indices.max { values[$0] < values[$1] }
    #expect(first["choice"] as? Int == best)
  }

  /// With a chat template, the reasoning part that it opens is closed before the option.
  @Test func optionsFollowTheChatTemplate() throws {
    let folder = TemporaryFolder()
    let out = folder.path("out.jsonl")
    #expect(try eval(Self.questions, "--limit", "1", "--out", out).status == 0)
    let values = try #require(try lines(out)[1]["log_likelihoods"] as? [Double])
    let source = try lines(Self.questions)[0]
    let question = try #require(source["question"] as? String)
    let options = try #require(source["options"] as? [String])
    let run = try CommandRun(
      "run", PackedFile.path, "--prompt", question, "--max-tokens", "0", "--json")
    let prompt = try #require(try run.json()["prompt_tokens"] as? [Int])
    let closing = try ids("\n</think>\n\n")
    for (option, value) in zip(options, values) {
      let sum = try score(prompt, closing, option)
      #expect(abs(sum - value) < 1e-4, "\(sum), \(value)")
    }
  }

  /// The log-likelihood of an option behind a prompt and the end of its reasoning.
  private func score(_ prompt: [Int], _ closing: [Int], _ option: String) throws -> Double {
    let all = prompt + (try ids("\n</think>\n\n" + option))
    let scored = try CommandRun(
      "score", PackedFile.path, "--ids", all.map(String.init).joined(separator: ","), "--json")
    let logs = try #require(try scored.json()["logprobs"] as? [Any])
    return logs.dropFirst(prompt.count + closing.count)
      .compactMap { ($0 as? NSNumber)?.doubleValue }.reduce(0, +)
  }

  private func ids(_ text: String) throws -> [Int] {
    let run = try CommandRun("tokenize", PackedFile.path, "--text", text, "--json")
    return try #require(try run.json()["tokens"] as? [Int])
  }

  private func tokens(_ text: String) throws -> [Int] {
    let run = try CommandRun(
      "tokenize", PackedFile.path, "--text", text, "--special", "--literal", "--json")
    return try #require(try run.json()["tokens"] as? [Int])
  }

  @Test(arguments: ["text", "letter", "generate"])
  func everyModeGivesTheFigures(_ mode: String) throws {
    for extra in [[], ["--raw"]] {
      let run = try CommandRun(
        arguments: [
          "eval", PackedFile.path, "--data", Self.questions, "--mode", mode, "--max-tokens", "8",
          "--json",
        ] + extra)
      #expect(run.status == 0, "\(run.message)")
      let json = try run.json()
      let count = try lines(Self.questions).count
      #expect(json["questions"] as? Int == count)
      let correct = try #require(json["correct"] as? Int)
      #expect(json["accuracy"] as? Double == Double(correct) / Double(count))
      #expect((json["accuracy_interval"] as? [Double])?.count == 2)
      #expect((json["accuracy_normalized"] != nil) == (mode != "generate"))
      #expect((json["calibration_error"] is NSNull) == (mode == "generate"))
      let categories = try #require(json["categories"] as? [[String: Any]])
      #expect(categories.compactMap { $0["questions"] as? Int }.reduce(0, +) == count)
      for key in ["median_seconds", "p95_seconds", "peak_memory_bytes"] {
        #expect((json[key] as? Double ?? 0) > 0, "\(key)")
      }
    }
    #expect(try eval(Self.questions, "--mode", mode, "--max-tokens", "2").output.contains("all"))
  }

  @Test func questionsGoThroughATemplate() throws {
    let folder = TemporaryFolder()
    let out = folder.path("out.jsonl")
    let template = ["--template", "guideline-question", "--set", "setting=a clinic"]
    let run = try CommandRun(
      arguments: [
        "eval", PackedFile.path, "--data", Self.questions, "--limit", "1", "--out", out, "--json",
      ] + template)
    #expect(run.status == 0, "\(run.message)")
    #expect(try run.json()["template"] as? String == "guideline-question 2.0.0")
    let values = try #require(try lines(out)[1]["log_likelihoods"] as? [Double])
    // The same prompt and option, scored by themselves.
    let source = try lines(Self.questions)[0]
    let question = try #require(source["question"] as? String)
    let option = try #require((source["options"] as? [String])?.first)
    let asked = try CommandRun(
      arguments: [
        "run", PackedFile.path, "--max-tokens", "0", "--json", "--set", "question=\(question)",
      ]
        + template)
    let prompt = try #require(try asked.json()["prompt_tokens"] as? [Int])
    let closing = try ids("\n</think>\n\n")
    let sum = try score(prompt, closing, option)
    #expect(abs(sum - values[0]) < 1e-4, "\(sum), \(values[0])")
    // Other values are other settings; ids that are not there and templates that take no question are refused.
    #expect(try eval(Self.questions, "--out", out).status == 1)
    #expect(try eval(Self.questions, "--template", "nothing").status == 1)
    #expect(try eval(Self.questions, "--template", "prescription-guidance").status == 1)
    #expect(try eval(Self.questions, "--set", "a=b").status == 2)
    let written = try CommandRun(
      arguments: [
        "eval", PackedFile.path, "--data", Self.questions, "--limit", "1", "--generate",
        "--max-tokens", "3",
      ] + template)
    #expect(written.status == 0, "\(written.message)")
  }

  @Test func aRepeatedRunGoesOnWhereItStopped() throws {
    let folder = TemporaryFolder()
    let (whole, cut) = (folder.path("whole.jsonl"), folder.path("cut.jsonl"))
    let first = try eval(Self.questions, "--out", whole, "--json").json()
    let text = try String(contentsOfFile: whole, encoding: .utf8)
    let kept = text.split(separator: "\n").prefix(3).joined(separator: "\n")
    // A kill left half a line.
    try Data((kept + "\n{\"id\": \"ha").utf8).write(to: folder.url("cut.jsonl"))
    let second = try eval(Self.questions, "--out", cut, "--json").json()
    #expect(first["accuracy"] as? Double == second["accuracy"] as? Double)
    #expect(first["calibration_error"] as? Double == second["calibration_error"] as? Double)
    let resumed = try lines(cut)
    #expect(resumed.count == (try lines(whole)).count)
    // What was there was not asked again.
    let after = try String(contentsOfFile: cut, encoding: .utf8)
    #expect(after.hasPrefix(kept + "\n"))
    #expect(try eval(Self.questions, "--out", cut).status == 0)
    #expect(try String(contentsOfFile: cut, encoding: .utf8) == after)
  }

  @Test func resultsOfOtherSettingsAreNotMixed() throws {
    let folder = TemporaryFolder()
    let out = folder.path("out.jsonl")
    #expect(try eval(Self.questions, "--out", out).status == 0)
    let before = try Data(contentsOf: folder.url("out.jsonl"))
    for extra in ["--raw", "--generate"] {
      let run = try eval(Self.questions, "--out", out, extra)
      #expect(run.status == 1 && run.messageLines.count == 1, "\(run.message)")
    }
    // Nor is any other file taken for results.
    let note = try folder.write("note.txt", Array("a note\n".utf8))
    #expect(try eval(Self.questions, "--out", note).status == 1)
    #expect(try String(contentsOfFile: note, encoding: .utf8) == "a note\n")
    #expect(try eval(Self.questions, "--out", folder.path).status == 1)
    #expect(try Data(contentsOf: folder.url("out.jsonl")) == before)
  }

  @Test func brokenLinesAreNamedAndTheRestRuns() throws {
    let folder = TemporaryFolder()
    let good = #"{"question":"Q?","options":["x","y"],"answer":0}"#
    let text = "\(good)\n{\"question\":\"xylophone\"}\n\(good)\nxylophone\n"
    let path = try folder.write("data.jsonl", Array(text.utf8) + [0xFF, 0x0A])
    let run = try eval(path, "--json")
    #expect(run.status == 1)
    for line in ["line 2:", "line 4:", "line 5:"] { #expect(run.message.contains(line)) }
    #expect(!run.message.contains("xylo"))
    let json = try run.json()
    #expect(json["questions"] as? Int == 2 && json["broken_lines"] as? Int == 3)
  }

  @Test func longAndMissingQuestionsAreClear() throws {
    let folder = TemporaryFolder()
    let word = String(repeating: "fever ", count: 5000)
    let good = #"{"question":"Q?","options":["x","y"],"answer":0}"#
    let long = #"{"question":"\#(word)","options":["x","y"],"answer":0}"#
    let path = try folder.write("long.jsonl", Array("\(long)\n\(good)".utf8))
    for mode in ["text", "generate"] {
      let run = try eval(path, "--mode", mode, "--max-tokens", "2", "--json")
      #expect(run.status == 0, "\(run.message)")
      let json = try run.json()
      #expect(json["failed"] as? Int == 1 && json["questions"] as? Int == 2)
    }
    for (name, bytes) in [("empty.jsonl", []), ("blank.jsonl", Array("\n \n".utf8))] {
      let run = try eval(try folder.write(name, bytes))
      #expect(run.status == 1 && run.messageLines.count == 1 && run.output.isEmpty)
    }
    #expect(try eval(folder.path("missing.jsonl")).status == 1)
    #expect(try eval(Self.questions, "--mode", "guess").status == 2)
    #expect(try eval(Self.questions, "--limit", "0").status == 2)
    #expect(try eval(Self.questions, "--limit", "2", "--json").json()["questions"] as? Int == 2)
  }
}
