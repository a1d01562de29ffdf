// vial batch and the interactive run as their users see them: every line answered once, whatever is broken or killed.

import Foundation
import TestSupport
import Testing

@Suite struct BatchTests {
  private let folder = TemporaryFolder()

  private func write(_ name: String, _ lines: [String]) throws -> String {
    try folder.write(name, Array((lines.joined(separator: "\n") + "\n").utf8))
  }

  private func answers(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  private static func request(_ index: Int) -> String {
    "{\"id\": \"r\(index)\", \"prompt\": \"heart attack number \(index)\", \"max_tokens\": \(index % 9), "
      + "\"temperature\": 0.8, \"seed\": \(index)}"
  }

  private func batch(_ input: String, _ out: String, _ more: String...) throws -> CommandRun {
    try CommandRun(
      arguments: ["batch", PackedFile.path, "--in", input, "--out", out] + more)
  }

  /// Each line says what `run` says.
  @Test func answersAreThoseOfRun() throws {
    let input = try write(
      "in.jsonl",
      [
        #"{"id": "a", "prompt": "fever", "max_tokens": 12, "temperature": 0.9, "top_k": 40, "seed": 5}"#,
        "", #"{"id": 7, "messages": [{"role": "user", "content": "fever"}], "max_tokens": 12}"#,
        #"{"prompt": "fever", "temperature": 0, "adapter": null}"#,
      ])
    let out = folder.path("out.jsonl")
    let run = try batch(input, out, "--ordered", "--max-tokens", "5")
    #expect(run.status == 0, "\(run.message)")
    #expect(run.output.isEmpty)
    let lines = try answers(out)
    #expect(lines.map { $0["line"] as? Int } == [1, 3, 4])
    #expect(lines[0]["id"] as? String == "a")
    #expect(lines[1]["id"] as? Int == 7)
    #expect(lines[2]["id"] is NSNull)
    for (line, flags) in [
      (lines[0], ["--max-tokens", "12", "--temperature", "0.9", "--top-k", "40", "--seed", "5"]),
      (lines[1], ["--max-tokens", "12"]), (lines[2], ["--max-tokens", "5", "--temperature", "0"]),
    ] {
      let truth = try CommandRun(
        arguments: ["run", PackedFile.path, "--prompt", "fever", "--json"] + flags
      ).json()
      for key in ["text", "reasoning", "finish_reason"] {
        #expect(line[key] as? String == truth[key] as? String)
      }
      #expect(line["tokens"] as? [Int] == truth["tokens"] as? [Int])
      #expect(line["error"] is NSNull)
    }
  }

  /// A template's line says what `run --template` says, with the template's own limits.
  @Test func linesMayAskByTemplate() throws {
    let input = try write(
      "in.jsonl",
      [
        #"{"template": "patient-education", "variables": {"topic": "fever"}, "max_tokens": 9}"#,
        #"{"template": "patient-education", "max_tokens": 9}"#,
        #"{"template": "patient-education", "variables": ["fever"], "max_tokens": 9}"#,
        #"{"prompt": "fever", "variables": {"topic": "fever"}, "max_tokens": 9}"#,
        #"{"prompt": "fever", "schema": {"enum": ["yes", "no"]}, "max_tokens": 40}"#,
        #"{"prompt": "fever", "schema": {"contains": {}}, "max_tokens": 9}"#,
        #"{"prompt": "fever", "schema": {"const": "a", "format": "odd\u001B"}, "max_tokens": 9}"#,
        #"{"prompt": "fever", "schema": {"const": "b", "format": "odd\u001B"}, "max_tokens": 9}"#,
      ])
    let out = folder.path("out.jsonl")
    let run = try batch(input, out, "--ordered")
    #expect(run.status == 1)
    let lines = try answers(out)
    let truth = try CommandRun(
      arguments: [
        "run", PackedFile.path, "--template", "patient-education", "--set", "topic=fever",
        "--max-tokens", "9", "--json",
      ]
    ).json()
    #expect(lines[0]["error"] is NSNull)
    #expect(lines[0]["tokens"] as? [Int] == truth["tokens"] as? [Int])
    for (line, words) in zip(lines[1...], ["topic", "no object", "needs \"template\""]) {
      #expect((line["error"] as? String)?.contains(words) == true, "\(line)")
    }
    let schema = try folder.write("schema.json", Array(#"{"enum": ["yes", "no"]}"#.utf8))
    let held = try CommandRun(
      arguments: [
        "run", PackedFile.path, "--prompt", "fever", "--schema", schema, "--max-tokens", "40",
        "--json",
      ]
    ).json()
    #expect(lines[4]["tokens"] as? [Int] == held["tokens"] as? [Int])
    #expect(lines[4]["finish_reason"] as? String == held["finish_reason"] as? String)
    #expect(["stop", "budget"].contains(lines[4]["finish_reason"] as? String ?? ""))
    #expect((lines[5]["error"] as? String)?.contains("not supported: contains") == true)
    // Once for all lines, and nothing that drives a terminal.
    #expect(run.message.components(separatedBy: #"format "odd\u{1b}" of the schema"#).count == 2)
  }

  @Test func brokenLinesAreNamedAndTheRestRuns() throws {
    let broken = [
      "{\"prompt\": \"secret\"", "[1]", #"{"prompt": 5}"#, #"{"prompt": "a", "messages": []}"#,
      #"{}"#,
      #"{"prompt": "a", "temperature": -3}"#, #"{"prompt": "a", "max_tokens": 1.5}"#,
      #"{"template": "secret"}"#, #"{"prompt": "a", "template": "triage"}"#,
      #"{"prompt": "a", "adapter": "secret"}"#, #"{"prompt": "a", "stop": [""]}"#,
      #"{"messages": [{"role": "user"}]}"#,
      "{\"prompt\": \"\(String(repeating: "secret ", count: 9000))\"}", "{\"prompt\": \"\u{1}\"}",
    ]
    let good = Self.request(5)
    let input = try write("in.jsonl", [good] + broken + [good])
    let out = folder.path("out.jsonl")
    let run = try batch(input, out)
    #expect(run.status == 1)
    let lines = try answers(out)
    #expect(Set(lines.compactMap { $0["line"] as? Int }) == Set(1...16))
    let failed = lines.filter { !($0["error"] is NSNull) }
    #expect(Set(failed.compactMap { $0["line"] as? Int }) == Set(2...15))
    for number in 2...15 { #expect(run.message.contains("line \(number): "), "\(number)") }
    #expect(!run.message.contains("secret"))
    // Again: nothing is done, and it is said again.
    let bytes = try Data(contentsOf: URL(fileURLWithPath: out))
    let again = try batch(input, out)
    #expect(again.status == 1)
    #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == bytes)
  }

  /// Killed at many moments, also within a line, and repeated: every request once, the same answers.
  @Test func killedAndRepeatedNothingIsLostOrDoneTwice() throws {
    let count = 120
    let input = try write("in.jsonl", (0..<count).map(Self.request))
    let whole = folder.path("whole.jsonl")
    #expect(try batch(input, whole, "--ordered").status == 0)
    let truth = try answers(whole).map { $0["text"] as? String }
    var kills = 0
    // On a busy machine a round may end before it is killed; then there are more.
    for pass in 0..<8 where kills <= 6 || pass < 2 {
      let flag = pass % 2 == 0 ? "--ordered" : "--no-ordered"
      let out = folder.path("out\(pass).jsonl")
      var (size, round) = (0, 0)
      while true {
        // Each round gets a little further than the one before.
        round += 1
        let run = try CommandRun(
          arguments: ["batch", PackedFile.path, "--in", input, "--out", out, flag],
          interruptWhen: {
            let now = (try? Data(contentsOf: URL(fileURLWithPath: out)).count) ?? 0
            return now > size + 600
          }, signal: SIGKILL)
        size = (try? Data(contentsOf: URL(fileURLWithPath: out)).count) ?? 0
        if run.status == 0 { break }
        #expect(run.status == -1)
        kills += 1
        try #require(round < 400)
        // A crash of the machine may tear the last line anywhere.
        if round % 2 == 0, size > 40 {
          let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: out))
          try handle.truncate(atOffset: UInt64(size - 1 - round % 37))
          try handle.close()
          size -= 1 + round % 37
        }
      }
      let lines = try answers(out)
      #expect(lines.count == count)
      let sorted = lines.sorted { ($0["line"] as? Int ?? 0) < ($1["line"] as? Int ?? 0) }
      #expect(sorted.map { $0["line"] as? Int } == (1...count).map { $0 })
      #expect(sorted.map { $0["text"] as? String } == truth)
      if flag == "--ordered" {
        #expect(
          try Data(contentsOf: URL(fileURLWithPath: out))
            == Data(contentsOf: URL(fileURLWithPath: whole)))
      }
    }
    #expect(kills > 6, "\(kills)")
  }

  @Test func anInterruptedBatchKeepsWhatItWrote() throws {
    let input = try write("in.jsonl", (0..<4000).map(Self.request))
    let out = folder.path("out.jsonl")
    let run = try CommandRun(
      arguments: ["batch", PackedFile.path, "--in", input, "--out", out],
      interruptWhen: { ((try? Data(contentsOf: URL(fileURLWithPath: out)).count) ?? 0) > 2000 })
    #expect(run.status == 130)
    let lines = try answers(out)
    #expect(lines.count > 5 && lines.count < 4000)
    #expect(lines.allSatisfy { $0["finish_reason"] as? String != "cancelled" })
  }

  @Test func otherFilesAreRefused() throws {
    let input = try write("in.jsonl", [Self.request(1), Self.request(2)])
    let out = folder.path("out.jsonl")
    #expect(try batch(input, out).status == 0)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: out))
    let other = try write("other.jsonl", [Self.request(3), Self.request(2)])
    for run in [
      try batch(other, out), try batch(input, out, "--kv", "f32"), try batch(input, out, "--raw"),
    ] {
      #expect(run.status == 1)
      #expect(run.message.contains("name another file"))
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == bytes)
    let foreign = try write("foreign.jsonl", ["hello"])
    #expect(try batch(input, foreign).status == 1)
    #expect(try batch(folder.path("missing"), folder.path("new")).status == 1)
    #expect(!folder.contents.contains("new"))
    #expect(try batch(input, out, "--parallel", "0").status == 2)
    // More requests are no other requests.
    let longer = try write("in.jsonl", [Self.request(1), Self.request(2), Self.request(3)])
    #expect(try batch(longer, out).status == 0)
    #expect(try answers(out).count == 3)
  }

  /// Conversations have a history, until they begin anew.
  @Test func interactiveRunsRememberWhatWasSaid() throws {
    func converse(_ lines: String) throws -> CommandRun {
      try CommandRun(
        arguments: ["run", "--interactive", "--max-tokens", "300", "--temperature", "0"],
        shell: "printf '\(lines)' | \"$@\"")
    }
    let ask = "What is gout?\\n"
    let run = try converse(ask + "\\n" + ask + "/reset\\n" + ask + "/exit\\nnever\\n")
    #expect(run.status == 0, "\(run.message)")
    let alone = try converse("What is gout?")
    #expect(alone.status == 0)
    #expect(!alone.output.isEmpty)
    #expect(run.output.hasPrefix(alone.output))
    #expect(run.output.hasSuffix(alone.output))
    // The second answer follows another prompt than the first.
    let middle = run.output.dropFirst(alone.output.count).dropLast(alone.output.count)
    #expect(!middle.isEmpty && String(middle) != alone.output)
    #expect(try CommandRun("run", PackedFile.path, "--interactive", "--json").status == 2)
    #expect(try CommandRun("run", PackedFile.path, "--interactive", "--prompt", "a").status == 2)
  }
}
