// Penalties, rules for single tokens, prefill and log-probabilities: the same in `run` and `batch`, and refused alike.

import Foundation
import TestSupport
import Testing

@Suite struct SamplingOptionTests {
  private let folder = TemporaryFolder()
  private static let demo = Files.fixtures.deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Sources/VialCommand/Resources/demo.vial")
    .path

  /// What a prompt of the small file is answered, greedily.
  private func run(_ arguments: String...) throws -> [String: Any] {
    let run = try CommandRun(
      arguments: [
        "run", PackedFile.path, "--raw", "--prompt", "fever and", "--max-tokens", "24",
        "--temperature", "0", "--json",
      ] + arguments)
    #expect(run.status == 0, "\(run.message)")
    return try run.json()
  }

  private func tokens(_ answer: [String: Any]) throws -> [Int] {
    try #require(answer["tokens"] as? [Int])
  }

  /// The answers of a batch, in order.
  private func batch(
    _ lines: [String], file: String = PackedFile.path, _ arguments: String...
  ) throws -> [[String: Any]] {
    let input = try folder.write("in.jsonl", Array((lines.joined(separator: "\n") + "\n").utf8))
    let out = folder.path("out-\(UUID().uuidString).jsonl")
    _ = try CommandRun(
      arguments: ["batch", file, "--in", input, "--out", out, "--ordered"] + arguments)
    let text = try String(contentsOfFile: out, encoding: .utf8)
    return try text.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
      return try #require(object as? [String: Any])
    }
  }

  /// Every option has the effect of the field of a line that has its name, and has one where it should: the free
  /// answer says nothing twice within four tokens, and something within eight.
  @Test func optionsAreFields() throws {
    let free = try tokens(run())
    let (early, late) = (free[2], free[9])
    let pairs: [(options: [String], fields: String, changes: Bool)] = [
      (["--repetition-penalty", "1.5"], #""repetition_penalty": 1.5"#, true),
      (
        [
          "--repetition-penalty", "1.5", "--repetition-scope", "answer", "--repetition-window", "4",
        ],
        #""repetition_penalty": 1.5, "repetition_scope": "answer", "repetition_window": 4"#, false
      ),
      (
        ["--repetition-penalty", "1.5", "--repetition-window", "8"],
        #""repetition_penalty": 1.5, "repetition_window": 8"#, true
      ),
      (["--presence-penalty", "1.5"], #""presence_penalty": 1.5"#, true),
      (["--presence-penalty", "-1.5"], #""presence_penalty": -1.5"#, true),
      (["--frequency-penalty", "1"], #""frequency_penalty": 1"#, true),
      (
        ["--frequency-penalty", "2", "--penalty-scope", "prompt"],
        #""frequency_penalty": 2, "penalty_scope": "prompt""#, false
      ),
      (
        ["--frequency-penalty", "2", "--penalty-window", "3"],
        #""frequency_penalty": 2, "penalty_window": 3"#, false
      ),
      (
        ["--logit-bias", "\(early)=-50", "--logit-bias", "40=1.5"],
        #""logit_bias": {"\#(early)": -50, "40": 1.5}"#, true
      ),
      (
        ["--ban", "\(early)", "--ban", "\(late)"], #""banned_token_ids": [\#(early), \#(late)]"#,
        true
      ),
      (
        ["--stop-token", "\(early)", "--min-tokens", "12"],
        #""stop_token_ids": [\#(early)], "min_tokens": 12"#, true
      ),
      (["--prefill", "cough"], #""prefill": "cough""#, true),
      (["--stop-token", "\(late)"], #""stop_token_ids": [\#(late)]"#, true),
      (
        ["--logit-bias", "490=100", "--ignore-end"],
        #""logit_bias": {"490": 100}, "ignore_eos": true"#, true
      ),
    ]
    let answers = try batch(
      pairs.map { "{\"prompt\": \"fever and\", \"temperature\": 0, \($0.fields)}" }, "--raw",
      "--max-tokens", "24")
    for (pair, answer) in zip(pairs, answers) {
      let arguments =
        [
          "run", PackedFile.path, "--raw", "--prompt", "fever and", "--max-tokens", "24",
          "--temperature", "0", "--json",
        ] + pair.options
      let alone = try CommandRun(arguments: arguments).json()
      #expect(try tokens(alone) == tokens(answer), "\(pair.options)")
      #expect(alone["finish_reason"] as? String == answer["finish_reason"] as? String)
      #expect(answer["error"] is NSNull)
      #expect((try tokens(alone) != free) == pair.changes, "\(pair.options)")
    }
    #expect(try tokens(answers[12]) == Array(free[..<#require(free.firstIndex(of: late))]))
    #expect(try tokens(answers[13]) == [Int](repeating: 490, count: 24))
  }

  @Test func runStopsWhereItIsTold() throws {
    let text = try #require(try run()["text"] as? String)
    let stop = String(text.dropFirst(5).prefix(3))
    let start = try #require(text.range(of: stop)).lowerBound
    for stops in [["--stop", stop], ["--stop", "never said", "--stop", stop]] {
      let answer = try CommandRun(
        arguments: [
          "run", PackedFile.path, "--raw", "--prompt", "fever and", "--max-tokens", "24",
          "--temperature", "0", "--json",
        ] + stops
      ).json()
      #expect(answer["finish_reason"] as? String == "stop_string")
      #expect(answer["text"] as? String == String(text[..<start]))
    }
  }

  @Test func choicesAndReasoningBudgetsOfALine() throws {
    let answers = try batch(
      [
        #"{"prompt": "Is it contagious?", "choices": ["yes", "no"], "max_reasoning_tokens": 0}"#,
        #"{"prompt": "Is it contagious?", "choices": ["yes", "not at all"], "prefill": "no"}"#,
        #"{"prompt": "Is it contagious?", "choices": ["yes", "no"], "prefill": "maybe"}"#,
        #"{"prompt": "x", "max_reasoning_tokens": 3, "max_tokens": 40}"#,
        #"{"prompt": "x", "choices": ["a"], "schema": {"type": "integer"}}"#,
        #"{"prompt": "x", "choices": ["a", ""]}"#, #"{"prompt": "x", "choices": "a"}"#,
      ], file: Self.demo)
    #expect(["yes", "no"].contains(answers[0]["text"] as? String))
    #expect(answers[0]["reasoning"] as? String == "")
    #expect(answers[1]["text"] as? String == "t at all")
    #expect(
      answers[2]["error"] as? String
        == "schema or choices allow no answer that begins with the prefill")
    let reasoning = try #require(answers[3]["reasoning"] as? String)
    #expect(!reasoning.isEmpty && reasoning.count < 40 && answers[3]["text"] as? String != "")
    #expect(answers[4]["error"] as? String == "\"schema\" and \"choices\" exclude each other")
    #expect(
      answers[5]["error"] as? String == "\"choices\" has an item that is empty or no string")
    #expect(answers[6]["error"] as? String == "\"choices\" is no list of strings")
    // The command's --choices says the same.
    let run = try CommandRun(
      "run", Self.demo, "--prompt", "Is it contagious?", "--choices", "yes|not at all", "--prefill",
      "no", "--json")
    #expect(try run.json()["text"] as? String == "t at all")
    #expect(try run.json()["options"] == nil)
  }

  /// Those of `vial score`.
  @Test func logProbabilitiesOfALine() throws {
    let answers = try batch(
      [
        #"{"prompt": "fever and cough", "temperature": 0, "logprobs": true, "prompt_logprobs": true, "top_logprobs": 3}"#,
        #"{"prompt": "fever and cough", "temperature": 0, "prompt_logprobs": true, "max_tokens": 0}"#,
        #"{"prompt": "fever and cough", "temperature": 0}"#,
        #"{"prompt": "fever", "top_logprobs": 3}"#,
        #"{"prompt": "fever", "logprobs": true, "top_logprobs": 21}"#,
        #"{"prompt": "fever", "logprobs": 1}"#,
      ], "--raw", "--max-tokens", "6")
    let first = answers[0]
    let prompt = try #require(first["prompt_tokens"] as? [Int])
    let answer = try tokens(first)
    let ids = (prompt + answer).map(String.init).joined(separator: ",")
    let score = try CommandRun("score", PackedFile.path, "--ids", ids, "--json").json()
    let wanted = try #require(score["logprobs"] as? [Any]).dropFirst().map { $0 as? Double }
    let scored = try #require(first["prompt_logprobs"] as? [Any])
    #expect(scored.count == prompt.count && scored[0] is NSNull)
    let all =
      scored.dropFirst().map { $0 as? Double }
      + (try #require(first["logprobs"] as? [Double])).map { Optional($0) }
    #expect(all == wanted)
    for key in ["top_logprobs", "prompt_top_logprobs"] {
      let places = try #require(first[key] as? [Any])
      #expect(places.count == (key == "top_logprobs" ? answer.count : prompt.count))
      for place in places.dropFirst() {
        let likeliest = try #require(place as? [[String: Any]])
        let values = likeliest.compactMap { $0["logprob"] as? Double }
        #expect(likeliest.count == 3 && values.count == 3 && values == values.sorted(by: >))
        #expect(likeliest.allSatisfy { $0["token"] is Int })
      }
    }
    #expect(answers[1]["prompt_logprobs"] as? NSArray == scored as NSArray)
    #expect(try tokens(answers[1]).isEmpty && answers[1]["logprobs"] == nil)
    for key in ["logprobs", "top_logprobs", "prompt_tokens", "prompt_logprobs"] {
      #expect(answers[2][key] == nil)
    }
    #expect(try tokens(answers[2]) == answer)
    for line in answers[3...] { #expect(line["error"] is String) }
  }

  /// What is out of range is refused before anything is computed, by the line that has it.
  @Test func refusals() throws {
    let fields = [
      #""presence_penalty": 3"#, #""frequency_penalty": -2.5"#, #""repetition_penalty": 0"#,
      #""repetition_penalty": "1""#, #""penalty_scope": "text""#, #""penalty_window": -1"#,
      #""repetition_window": 1.5"#, #""logit_bias": [1]"#, #""logit_bias": {"x": 1}"#,
      #""logit_bias": {"-1": 1}"#, #""logit_bias": {"1": "1"}"#, #""logit_bias": {"1": 101}"#,
      #""logit_bias": {"1": 1e300}"#, #""logit_bias": {"512": 1}"#, #""banned_token_ids": 1"#,
      #""banned_token_ids": [-1]"#, #""banned_token_ids": [512]"#, #""stop_token_ids": ["a"]"#,
      #""stop_token_ids": [4294967296]"#, #""min_tokens": 30"#, #""min_tokens": -1"#,
      #""ignore_eos": 1"#, #""prefill": 1"#, #""prompt_logprobs": "yes""#,
      "\"banned_token_ids\": [\(String(repeating: "1,", count: 1024))1]",
      "\"prefill\": \"\(String(repeating: "a", count: 16385))\"",
    ]
    let answers = try batch(
      fields.map { "{\"prompt\": \"fever secret\", \($0)}" } + [#"{"prompt": "fever"}"#],
      "--max-tokens", "24", "--raw")
    for (field, answer) in zip(fields, answers) {
      let error = answer["error"] as? String
      #expect(error != nil && error?.contains("secret") == false, "\(field.prefix(60))")
      #expect(try tokens(answer).isEmpty)
    }
    #expect(answers.last?["error"] is NSNull)
    for arguments in [
      ["--presence-penalty", "3"], ["--frequency-penalty", "nan"], ["--repetition-penalty", "-1"],
      ["--penalty-scope", "text"], ["--logit-bias", "1"], ["--logit-bias", "x=1"],
      ["--logit-bias", "1=nan"], ["--logit-bias", "1=inf"], ["--ban", "-1"], ["--stop", ""],
      ["--min-tokens", "-1"], ["--interactive", "--prefill", "x"],
      ["--stop", String(repeating: "a", count: 257)],
    ] {
      let prompt = arguments.contains("--interactive") ? [] : ["--prompt", "x"]
      let run = try CommandRun(arguments: ["run", PackedFile.path] + prompt + arguments)
      #expect(run.status == 2, "\(arguments): \(run.message)")
    }
    let beyond = try CommandRun(
      "run", PackedFile.path, "--raw", "--prompt", "x", "--ban", "512")
    #expect(beyond.status == 1 && beyond.message.contains("not in the vocabulary"))
  }
}
