// Nothing that a file, an argument or a model says drives a terminal.

import Foundation
import TestSupport
import Testing

@Suite struct TerminalSafetyTests {
  /// A title, a colour, an 8-bit control, an override, a mark, a separator, a bell and a line end.
  private static let payload =
    "\u{1B}]0;owned\u{7}\u{1B}[31m\u{9B}2J\u{202E}\u{2066}\u{200F}\u{61C}\u{2028}\u{7F}\rx"
  private let folder = TemporaryFolder()

  /// What of `text` may not be shown.
  private func dangers(_ text: some StringProtocol) -> [String] {
    text.unicodeScalars.filter { scalar in
      switch scalar.value {
      case 0x0A, 0x09: false
      case 0x00...0x1F, 0x7F...0x9F, 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
      default: false
      }
    }.map { String($0.value, radix: 16) }
  }

  /// Whatever is quoted in an error, on any way.
  @Test func argumentsAreSpelledOut() throws {
    let odd = "no" + Self.payload
    let file = try folder.write("a.vial", try PackedFile.bytes())
    let out = folder.path("out")
    for arguments in [
      [odd], ["help", odd], ["template", odd], ["run", odd, "--prompt", "x"],
      ["run", file, "--" + odd], ["run", file, "--prompt", "x", "--isa", odd],
      ["run", file, "--prompt", "x", "--kv", odd],
      ["run", file, "--prompt", "x", "--adapter", odd],
      ["run", file, "--template", odd], ["run", file, "--prompt", "x", "--schema", odd],
      ["run", file, "--template", "triage", "--set", "\(odd)=1"],
      ["run", file, "--template", "triage", "--set", "\(odd)=@1"],
      ["run", file, "--template", "triage", "--set-file", "complaint=\(odd)"],
      ["verify", odd], ["verify", file, "--section", odd], ["verify", file, "--key", odd],
      ["dump", odd], ["dump", file, "--tensor", odd], ["dump", file, "--template", odd],
      ["template", "check", odd], ["template", "add", file, odd],
      ["template", "remove", file, odd],
      ["adapter", "add", file, odd], ["adapter", "add", file, "\(odd)=\(odd)"],
      ["adapter", "remove", file, odd], ["adapter", "extract", file, odd, "-o", out],
      ["batch", file, "--in", odd, "--out", out], ["eval", file, "--data", odd],
      ["pack", odd, "-o", out], ["pack", folder.path, "-o", "\(odd)/x"],
      ["sign", file, "--key", odd], ["sign", odd, "--key", odd], ["keygen", "\(odd)/\(odd)"],
      ["compact", odd], ["compact", file, "-o", "\(odd)/x"], ["compare", odd, file, "--text", "a"],
      ["bench", odd], ["tokenize", file, "--file", odd], ["tokenize", file, "--decode", odd],
      ["score", file, "--file", odd],
    ] {
      let run = try CommandRun(arguments: arguments)
      #expect(run.status == 1 || run.status == 2, "\(arguments)")
      #expect(!run.message.isEmpty, "\(arguments)")
      #expect(dangers(run.message + run.output) == [], "\(arguments)")
    }
  }

  /// Names and texts of a file, and the path that it was found under.
  @Test func filesAreSpelledOut() throws {
    let source = Files.fixtures.appendingPathComponent("checkpoints/qwen2-tiny-untied").path
    let file = folder.path("odd\u{1B}[31m\u{202E}.vial")
    let run = try CommandRun(
      "pack", source, "-o", file, "--notice", "notice" + Self.payload, "--credit",
      "credit" + Self.payload, "--name", "name" + Self.payload, "--licence",
      "licence" + Self.payload)
    #expect(run.status == 0, "\(run.message)")
    let key = folder.path("key")
    #expect(try CommandRun("keygen", key).status == 0)
    #expect(
      try CommandRun("sign", file, "--key", key, "--comment", "c" + Self.payload).status == 0)
    let template = try folder.write(
      "t.txt",
      Array(
        """
        ---
        id: odd
        version: 1
        task: other
        language: en
        title: title\u{202E}\u{9B}
        note: note\u{202E}
        variable: who
          type: choice
          required: yes
          choices: a\u{202E}, b\u{9B}31m
        ---
        # user
        Hello\u{202E} \u{9B} {{who}}
        """.utf8))
    let added = try CommandRun("template", "add", file, template)
    #expect(dangers(added.message) == [])
    let input = try folder.write(
      "in.jsonl",
      Array("{\"template\": \"odd\", \"variables\": {\"who\": \"z\"}}\n{\"prompt\": \"x\"}\n".utf8))
    var spelled = 0
    for arguments in [
      ["dump", file], ["dump", file, "--json"], ["dump", file, "--tensors"], ["verify", file],
      ["verify", file, "--json"], ["template", "list", file], ["template", "list", file, "--json"],
      ["template", "show", "odd", file], ["template", "show", "odd", file, "--json"],
      ["dump", file, "--template", "odd"], ["dump", file, "--template", "chat"],
      ["template", "render", "odd", file, "--set", "who=a\u{202E}"],
      ["template", "render", "odd", file, "--set", "who=a\u{202E}", "--json"],
      ["template", "render", "odd", file, "--set", "who=z"],
      ["run", file, "--template", "odd", "--set", "who=z"],
      ["run", file, "--prompt", "x", "--max-tokens", "1", "--temperature", "0", "--json"],
      ["batch", file, "--in", input, "--out", folder.path("out.jsonl"), "--max-tokens", "1"],
      ["adapter", "list", file],
    ] {
      let run = try CommandRun(arguments: arguments)
      #expect(dangers(run.message + run.output) == [], "\(arguments)")
      if (run.message + run.output).contains("\\u") { spelled += 1 }
    }
    #expect(spelled >= 10, "\(spelled)")
    let answers = try String(contentsOfFile: folder.path("out.jsonl"), encoding: .utf8)
    #expect(dangers(answers) == [])
    // JSON says the same text to whoever reads it.
    let dump = try CommandRun("dump", file, "--json").json()
    let provenance = try #require(dump["provenance"] as? [String: Any])
    #expect(provenance["notice"] as? String == "notice" + Self.payload)
  }

  #if os(Linux)
    /// An answer is what was asked for: a pipe gets its bytes, a terminal what it can show of them.
    @Test func answersReachTerminalsSpelledOutAndPipesAsTheyAre() throws {
      let answer = "\u{1B}[31mred\u{9B}\u{202E}\n\tend"
      let choices = [
        "--choices", answer, "--temperature", "0", "--max-tokens", "60", "--max-reasoning-tokens",
        "0",
      ]
      let ways = [["--prompt", "x"], ["--prompt", "x", "--samples", "2"]]
      let decoded = try CommandRun("tokenize", PackedFile.path, "--text", answer, "--json").json()
      let ids = try #require(decoded["tokens"] as? [Int]).map(String.init).joined(separator: ",")
      for arguments in ways.map({ ["run", PackedFile.path] + $0 + choices })
        + [["tokenize", PackedFile.path, "--decode", ids]]
      {
        let run = try CommandRun(arguments: arguments)
        #expect(run.status == 0, "\(run.message)")
        #expect(run.output == answer + "\n", "\(arguments)")
        let terminal = try #require(TerminalRun(arguments))
        // Until the terminal is closed.
        _ = terminal.wait { _ in false }
        #expect(terminal.wait() == 0)
        let screen = terminal.screen.replacingOccurrences(of: "\r\n", with: "\n")
        #expect(screen.contains("\\u{1b}[31mred\\u{9b}\\u{202e}\n"), "\(arguments): \(screen)")
        // What is left is the command's own: reasoning is dimmed.
        let own = screen.replacingOccurrences(of: "\u{1B}[2m", with: "")
          .replacingOccurrences(of: "\u{1B}[0m", with: "")
        #expect(dangers(own) == [], "\(arguments)")
      }
    }
  #endif
}
