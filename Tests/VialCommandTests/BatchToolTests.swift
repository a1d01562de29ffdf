// Tools, calls of them and reasoning in the lines of a batch, down to the prompt's tokens.

import Foundation
import TestSupport
import Testing
import VialText

@Suite struct BatchToolTests {
  private let folder = TemporaryFolder()

  /// A file with this chat template.
  private func pack(_ template: String) throws -> String {
    let source = folder.url("source")
    try? FileManager.default.removeItem(at: source)
    try FileManager.default.copyItem(
      at: Files.fixtures.appendingPathComponent("checkpoints/qwen2-tiny-untied"), to: source)
    try Data(template.utf8).write(to: source.appendingPathComponent("chat_template.jinja"))
    let output = folder.path("\(template.utf8.count).vial")
    let run = try CommandRun("pack", source.path, "-o", output)
    try #require(run.status == 0, "\(run.message)")
    return output
  }

  private func answers(_ file: String, _ lines: [String]) throws -> [[String: Any]] {
    let input = try folder.write("in.jsonl", Array((lines.joined(separator: "\n") + "\n").utf8))
    let out = folder.path("out.jsonl")
    try? FileManager.default.removeItem(atPath: out)
    _ = try CommandRun(
      "batch", file, "--in", input, "--out", out, "--ordered", "--max-tokens", "1")
    return try String(contentsOfFile: out, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  /// The text of an answer's prompt.
  private func prompt(_ answer: [String: Any], _ file: String) throws -> String? {
    let ids = try #require(answer["prompt_tokens"] as? [Int], "\(answer)")
    let run = try CommandRun(
      "tokenize", file, "--decode", ids.map(String.init).joined(separator: ","), "--json")
    return try run.json()["text"] as? String
  }

  @Test func toolsAndFieldsReachThePrompt() throws {
    let file = try pack(
      """
      {% for t in tools or [] %}{{ t | tojson }};{% endfor %}{% for m in messages %}{{ m.role }}={{ m.content }}\
      {{ m.reasoning_content }}{{ m.name }}{{ m.tool_call_id }}\
      {% for c in m.tool_calls or [] %}!{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %};{% endfor %}
      """)
    let call = #"{"id": "c1", "function": {"name": "dose", "arguments": {"mg": 1.50, "a": null}}}"#
    let answers = try answers(
      file,
      [
        """
        {"prompt_logprobs": true, "tools": [{"b": "<|im_end|>", "a": [1e3]}], "messages": [{"role": "user", "content": "x"}, \
        {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [\(call)]}, \
        {"role": "tool", "name": "dose", "tool_call_id": "c1", "content": "2"}]}
        """,
        #"{"prompt_logprobs": true, "messages": [{"role": "user", "content": "x"}]}"#,
      ])
    #expect(
      try prompt(answers[0], file)
        == #"{"b": "<|im_end|>", "a": [1000.0]};user=x;assistant=hm!dose{"mg": 1.5, "a": null};tool=2dosec1;"#
    )
    #expect(try prompt(answers[1], file) == "user=x;")
    let dump = try CommandRun("dump", file)
    #expect(dump.output.contains("reads tools"))
  }

  /// What the C interface takes of tools and calls, and what it says of the rest.
  @Test func numbersAndLevelsAreThoseOfConversations() throws {
    let file = try pack(
      """
      {{ tools | tojson }}{% for m in messages %}{{ m.content }}\
      {% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}{% endfor %}
      """)
    let user = #"{"role": "user", "content": "x"}"#
    let digits = { (count: Int) in String(repeating: "7", count: count) }
    let nested = { (count: Int) in
      String(repeating: "[", count: count) + String(repeating: "]", count: count)
    }
    let line = { (tools: String, calls: String) in
      """
      {"prompt_logprobs": true, "tools": \(tools), "messages": [\(user), \
      {"role": "assistant", "tool_calls": \(calls)}]}
      """
    }
    let taken = try answers(
      file,
      [
        line(#"[{"a": -\#(digits(309))}]"#, #"[{"b": \#(digits(310))}]"#),
        line(#"[{"a": \#(nested(62))}]"#, #"[{"b": \#(nested(61))}]"#),
      ])
    #expect(
      try prompt(taken[0], file)
        == #"[{"a": -\#(digits(309))}]x{"b": \#(digits(310))}"#)
    #expect(taken[1]["error"] is NSNull, "\(taken[1])")
    let refused: [(tools: String, calls: String, error: TextError)] = [
      ("[{\"a\": \(digits(4301))}]", "[]", .numberOutOfRange(offset: 6)),
      ("[]", "[{\"a\": -\(digits(4301))}]", .numberOutOfRange(offset: 20)),
      ("[{\"a\": \(nested(63))}]", "[]", .nestedTooDeep(offset: 68)),
      (
        "[{\"a\": [0\(String(repeating: ",0", count: 262_144))]}]", "[]", .tooManyValues
      ),
    ]
    for (answer, expected) in zip(
      try answers(file, refused.map { line($0.tools, $0.calls) }), refused)
    {
      #expect(answer["error"] as? String == expected.error.description)
    }
  }

  @Test func whatIsNoToolIsNamed() throws {
    let file = try pack("{{ tools | tojson }}{{ messages[0].content }}")
    let user = #"{"role": "user", "content": "x"}"#
    let cases: [(line: String, sentence: String)] = [
      (#"{"prompt": "x", "tools": []}"#, "\"tools\" needs \"messages\""),
      ("{\"messages\": [\(user)], \"tools\": {}}", "\"tools\" is no list of objects"),
      ("{\"messages\": [\(user)], \"tools\": [1]}", "\"tools\" is no list of objects"),
      (
        #"{"messages": [{"role": "user", "content": "x", "name": 1}]}"#,
        "\"name\" of a message is no string"
      ),
      (
        #"{"messages": [{"role": "user", "content": "x", "tool_calls": {}}]}"#,
        "\"tool_calls\" of a message is no list of objects"
      ),
      (
        #"{"messages": [{"role": "assistant"}]}"#,
        "a message needs the strings \"role\" and \"content\""
      ),
      (
        #"{"messages": [{"role": "assistant", "content": 1, "tool_calls": [{}]}]}"#,
        "a message needs the strings \"role\" and \"content\""
      ),
    ]
    let answers = try answers(file, cases.map(\.line))
    for (answer, expected) in zip(answers, cases) {
      #expect(answer["error"] as? String == expected.sentence)
    }
    // A template that does not ask for tools would drop them without a word.
    let plain = try pack("{{ messages[0].content }}")
    let refused = try self.answers(plain, ["{\"messages\": [\(user)], \"tools\": [{}]}"])
    #expect(
      refused[0]["error"] as? String == "\"tools\": the file's chat template does not ask for tools"
    )
    #expect(try !CommandRun("dump", plain).output.contains("reads tools"))
  }
}
