// Lines of a batch: fields that nobody knows, ids that come back, and who may read the answers.

import Foundation
import TestSupport
import Testing

@Suite struct BatchLineTests {
  private let folder = TemporaryFolder()

  /// The answers to `lines`, as text, and the run that made them.
  private func answers(_ lines: [String]) throws -> (run: CommandRun, answers: [String]) {
    let input = try folder.write(
      "in.jsonl", Array((lines.joined(separator: "\n") + "\n").utf8))
    let out = folder.path("out.jsonl")
    try? FileManager.default.removeItem(atPath: out)
    let run = try CommandRun(
      "batch", PackedFile.path, "--in", input, "--out", out, "--ordered", "--max-tokens", "1")
    let text = try String(contentsOfFile: out, encoding: .utf8)
    return (run, text.split(separator: "\n").map(String.init))
  }

  private func object(_ line: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  private func error(of field: String, _ rest: String = "") throws -> String {
    let (run, answers) = try answers(["{\"prompt\": \"fever\", \(field): 1\(rest)}"])
    #expect(run.status == 1)
    // What stands in the answers is what is said.
    let error = try #require(try object(answers[0])["error"] as? String)
    #expect(run.messageLines.contains { $0.contains("line 1: ") })
    #expect(!run.message.contains("\u{1B}") && !answers[0].contains("\u{1B}"))
    return error
  }

  @Test func unknownFieldsAreNamed() throws {
    #expect(
      try error(of: "\"max_token\"").hasPrefix("unknown field \"max_token\"; a line has: id,"))
    for field in ["choice", "max_tokens_", "tenant", "priority", "Prompt", "seed-1"] {
      #expect(try error(of: "\"\(field)\"").contains("\"\(field)\""))
    }
    let several = try error(
      of: "\"a\"", ", \"b\": 2, \"c\": {}, \"d\": [], \"e\": null, \"f\": true")
    #expect(several.hasPrefix("unknown fields \"a\", \"b\", \"c\", \"d\", 2 more; "))
    let (run, answers) = try answers([
      #"{"messages": [{"role": "user", "content": "fever", "tool_call": "x"}]}"#,
      #"{"messages": [{"role": "user", "content": "fever"}], "id": "whole"}"#,
    ])
    #expect(run.status == 1)
    #expect(answers[0].contains("unknown field \\\"tool_call\\\"; a message has: role, content"))
    #expect(try object(answers[1])["error"] is NSNull)
  }

  /// A name may be a patient's, or drive a terminal: only what looks like a field's name is said,
  /// and little of that.
  @Test func whatIsNoFieldsNameIsNotShown() throws {
    let long = String(repeating: "secret", count: 20)
    for name in [
      "secret name", "\\u001b[31msecret", "secret\\u009b", "s\u{202E}ecret", "secret\\nsecret",
      long, "sécret", "", "secret.secret", "\\u0000secret",
    ] {
      let said = try error(of: "\"\(name)\"")
      #expect(
        said.hasPrefix("unknown field number 2 (its name is not shown); a line has: "), "\(said)")
      #expect(!said.contains("secret"))
    }
  }

  /// The guide's table, the help and the code agree on the fields.
  @Test func fieldsAreThoseOfTheDocuments() throws {
    let said = try error(of: "\"nonsense\"")
    let fields = try #require(said.components(separatedBy: "a line has: ").last)
      .components(separatedBy: ", ")
    let root = Files.root
    let guide = try String(
      contentsOf: root.appendingPathComponent("Sources/Vial/Vial.docc/Guides/Batch.md"),
      encoding: .utf8)
    let table = try #require(guide.components(separatedBy: "| field | value |\n").last)
      .components(separatedBy: "\n\n")[0]
    var documented: [String] = []
    for row in table.split(separator: "\n").dropFirst() {
      let cell = row.split(separator: "|")[0]
      // `role` and `content` are a message's.
      let names = cell.replacingOccurrences(of: "{`role`, `content`}", with: "")
        .split(separator: "`", omittingEmptySubsequences: false)
      documented += names.indices.filter { $0 % 2 == 1 }.map { String(names[$0]) }
    }
    #expect(Set(documented) == Set(fields))
    let help = try CommandRun("batch", "--help").output
    for field in fields { #expect(help.contains("\"\(field)\""), "\(field)") }
    // Each is one that a line may have: whatever is wrong with its value, the name is not.
    for field in fields {
      let (_, answers) = try answers(["{\"\(field)\": {\"x\": {}}}"])
      #expect(!answers[0].contains("unknown"), "\(answers[0])")
    }
  }

  @Test func idsComeBackAsTheyWere() throws {
    let kept = [
      #""""#, #""a""#,
      #""é \u00e9 \u001b[31m \u009b \u202e \u2028 \u0000 \" \\ \/ \ud83e\ude7a 🩺""#,
      "0", "-0", "7", "-7", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
      "123456789012345678901234567890123456789012345678901234567890", "null",
    ]
    let (run, answers) = try answers(kept.map { "{ \"prompt\" : \"x\" , \"id\" : \($0) }" })
    #expect(run.status == 0, "\(run.message)")
    for (id, answer) in zip(kept, answers) {
      if id.hasPrefix("\"") {
        // The same string, in whatever spelling; nothing in it can drive a terminal.
        let wanted = try JSONSerialization.jsonObject(
          with: Data(id.utf8), options: .fragmentsAllowed)
        #expect(try object(answer)["id"] as? String == wanted as? String)
        #expect(
          answer.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && $0.value != 0x7F && !(0x80...0x9F).contains($0.value)
              && $0.value != 0x202E && $0.value != 0x2028
          })
      } else {
        #expect(answer.hasPrefix("{\"id\":\(id),"), "\(answer)")
      }
    }
    // The key may be spelled with an escape, and other members may look like it.
    let (_, more) = try self.answers([
      #"{"prompt": "\"id\": 5", "variables": null, "\u0069d": 12345678901234567890}"#,
      #"{"id":-0,"prompt":"x"}"#, #"{"prompt":"x","id":"twice"}"#, #"{"id":"twice","prompt":"x"}"#,
    ])
    let beginnings = ["12345678901234567890", "-0", "\"twice\"", "\"twice\""]
    for (beginning, answer) in zip(beginnings, more) {
      #expect(answer.hasPrefix("{\"id\":\(beginning),"), "\(answer)")
    }
  }

  @Test func otherIdsAreErrors() throws {
    let refused = [
      "1.0", "1e3", "1E3", "-0.0", "1.5", "true", "false", "[1]", "[]", "{}", #"{"id": 1}"#,
    ]
    let (run, answers) = try answers(refused.map { "{\"id\": \($0), \"prompt\": \"x\"}" })
    #expect(run.status == 1)
    #expect(answers.count == refused.count)
    for (id, answer) in zip(refused, answers) {
      let object = try object(answer)
      #expect(object["id"] is NSNull, "\(id): \(answer)")
      #expect(
        object["error"] as? String == "\"id\" is no string and no integer", "\(id): \(answer)")
    }
    // Half of a surrogate pair is no JSON, and a key that comes twice says two things.
    let (broken, lines) = try self.answers([
      #"{"id": "\ud800", "prompt": "x"}"#, #"{"id": 1, "id": 2, "prompt": "x"}"#,
    ])
    #expect(broken.status == 1)
    for (line, reason) in zip(lines, ["not JSON", "a key that appears twice"]) {
      #expect(line.contains(reason) && line.hasPrefix("{\"id\":null,"))
    }
  }

  private func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return try #require(attributes[.posixPermissions] as? Int)
  }

  @Test func answersAreTheOwnersAlone() throws {
    _ = try answers([#"{"prompt": "fever"}"#])
    #expect(try mode(folder.path("out.jsonl")) == 0o600)
    let questions = Files.fixtures.appendingPathComponent("questions/questions.jsonl").path
    let log = folder.path("results.jsonl")
    let eval = [
      "eval", PackedFile.path, "--data", questions, "--limit", "1", "--generate", "--max-tokens",
      "2", "--out", log,
    ]
    #expect(try CommandRun(arguments: eval).status == 0)
    #expect(try mode(log) == 0o600)
    // Who shared it meant it.
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: log)
    #expect(try CommandRun(arguments: eval).status == 0)
    #expect(try mode(log) == 0o640)
  }

  /// A log that another run of the command holds is not written to by a second one.
  @Test func oneWriterOfALogAtATime() throws {
    let questions = Files.fixtures.appendingPathComponent("questions/questions.jsonl").path
    let input = try folder.write(
      "in.jsonl",
      Array((0..<4000).map { "{\"prompt\": \"fever \($0)\", \"max_tokens\": 9}\n" }.joined().utf8))
    let out = folder.path("out.jsonl")
    var other: CommandRun?
    let run = try CommandRun(
      arguments: ["batch", PackedFile.path, "--in", input, "--out", out],
      interruptWhen: {
        guard ((try? Data(contentsOf: URL(fileURLWithPath: out)).count) ?? 0) > 0 else {
          return false
        }
        other = try? CommandRun(
          "eval", PackedFile.path, "--data", questions, "--out", out)
        return true
      })
    #expect(run.status == 130, "\(run.message)")
    #expect(other?.status == 1)
    #expect(other?.message.contains("another program is writing it") == true)
  }
}
