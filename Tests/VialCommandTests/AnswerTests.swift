// run, tokenize and score as their users see them: JSON keys, streams, exit codes.

import Foundation
import TestSupport
import Testing

@Suite struct AnswerTests {
  @Test func runGivesTheKeysThatWerePromised() throws {
    let run = try CommandRun(
      "run", PackedFile.path, "--ids", "3,17,101", "--max-tokens", "7", "--temperature", "0",
      "--json")
    #expect(run.status == 0)
    let json = try run.json()
    #expect(json["prompt_tokens"] as? [Int] == [3, 17, 101])
    #expect((json["tokens"] as? [Int])?.count == 7)
    #expect(json["finish_reason"] as? String == "length")
    for key in ["text", "reasoning"] { #expect(json[key] is String) }
    #expect(json["timings"] is [String: Any])
    #expect(run.message.contains("for tests only"))
  }

  @Test func runStreamsTheAnswerToStandardOutputOnly() throws {
    let arguments = [
      "run", PackedFile.path, "--raw", "--prompt", "fever", "--max-tokens", "20", "--temperature",
      "0",
    ]
    let text = try CommandRun(arguments: arguments)
    let json = try CommandRun(arguments: arguments + ["--json"]).json()
    #expect(text.status == 0)
    let answer = try #require(json["text"] as? String)
    let shown = answer.drop { $0 == "\n" }
    #expect(text.output == (shown.hasSuffix("\n") || shown.isEmpty ? shown : shown + "\n"))
    #expect(text.message.contains("generated"))
  }

  @Test func seedsAndFamiliesReproduceAnAnswer() throws {
    func tokens(_ extra: String...) throws -> [Int]? {
      let arguments = [
        "run", PackedFile.path, "--ids", "9,8,7", "--max-tokens", "30", "--temperature", "1",
        "--json",
      ]
      return try CommandRun(arguments: arguments + extra).json()["tokens"] as? [Int]
    }
    let first = try tokens("--seed", "5")
    #expect(first?.isEmpty == false)
    #expect(try tokens("--seed", "5", "--isa", "reference", "--threads", "1") == first)
    #expect(try tokens("--seed", "5", "--lock-memory") == first)
    #expect(try tokens("--seed", "6") != first)
  }

  #if os(Linux)
    /// Patients' text passes through memory of the command that is not the library's.
    @Test func lockedMemoryIsInNoCoreFile() throws {
      let script = """
        ulimit -c 1000 || exit 3
        mkfifo "$FIFO" && exec 3<>"$FIFO" || exit 3
        "$@" <"$FIFO" & pid=$!
        tries=0
        until grep -q "core file size *$WANTED " /proc/$pid/limits; do
          tries=$((tries + 1)); [ $tries -gt 200 ] && kill $pid && exit 4
          sleep 0.05
        done
        [ "$WANTED" = 0 ] || sleep 0.5
        grep -q "core file size *$WANTED " /proc/$pid/limits || exit 5
        kill $pid
        """
      let folder = TemporaryFolder()
      for (number, (flags, limit)) in [(["--lock-memory"], "0"), ([], "[1-9][0-9]*")].enumerated() {
        let run = try CommandRun(
          arguments: ["run", PackedFile.path, "--interactive"] + flags, shell: script,
          environment: ["WANTED": limit, "FIFO": folder.path("\(number)")])
        #expect(run.status == 0, "\(flags): \(run.status) \(run.message)")
      }
    }
  #endif

  @Test func tokenizeGoesThereAndBack() throws {
    let text = "Fever, 38.5 °C — naïve <think> 你好"
    let run = try CommandRun("tokenize", PackedFile.path, "--text", text, "--json")
    let ids = try #require(try run.json()["tokens"] as? [Int])
    let list = ids.map(String.init).joined(separator: ",")
    let back = try CommandRun("tokenize", PackedFile.path, "--decode", list, "--json")
    #expect(try back.json()["text"] as? String == text)
    let literal = try CommandRun(
      "tokenize", PackedFile.path, "--text", text, "--literal", "--json")
    #expect((try literal.json()["tokens"] as? [Int] ?? []).count > ids.count)
    let special = try CommandRun(
      "tokenize", PackedFile.path, "--text", text, "--special", "--json")
    #expect((try special.json()["tokens"] as? [Int])?.count == ids.count + 1)
    let folder = TemporaryFolder()
    let file = try folder.write("note.txt", Array(text.utf8))
    let fromFile = try CommandRun("tokenize", PackedFile.path, "--file", file, "--json")
    #expect(try fromFile.json()["tokens"] as? [Int] == ids)
  }

  @Test func scoreGivesLogProbabilitiesAndPerplexity() throws {
    let run = try CommandRun(
      "score", PackedFile.path, "--ids", "3,17,101,5", "--json", "--logits", "--kv", "f32")
    #expect(run.status == 0)
    let json = try run.json()
    let values = try #require(json["logprobs"] as? [Any])
    #expect(values.count == 4 && values[0] is NSNull)
    let scored = values.dropFirst().compactMap { ($0 as? NSNumber)?.doubleValue }
    let perplexity = try #require(json["perplexity"] as? Double)
    #expect(abs(exp(-scored.reduce(0, +) / 3) - perplexity) < 1e-6 * perplexity)
    let logits = try #require(json["logits"] as? [[Double]])
    #expect(logits.count == 4 && logits.allSatisfy { $0.count == 512 })
    // log-softmax of the logits is what was reported.
    let sum = logits[0].map(exp).reduce(0, +)
    #expect(abs(logits[0][17] - log(sum) - scored[0]) < 1e-4)
    #expect(json["window"] as? Int == 2048)
    #expect(try CommandRun("score", PackedFile.path, "--ids", "3,17").output.contains("perplexity"))
  }

  @Test func longTextsAreScoredInWindows() throws {
    let ids = (0..<2100).map { String($0 % 400) }.joined(separator: ",")
    let run = try CommandRun("score", PackedFile.path, "--ids", ids, "--json")
    let values = try #require(try run.json()["logprobs"] as? [Any])
    #expect(values.indices.filter { values[$0] is NSNull } == [0, 2048])
  }
}
