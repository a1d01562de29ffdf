// vial template, run --template and dump --template as their users see them.

import Foundation
import TestSupport
import Testing

@Suite struct TemplateCommandTests {
  private let folder = TemporaryFolder()

  private static let source = """
    ---
    id: greeting
    version: 3
    task: other
    language: en
    title: A greeting
    variable: who
      required: yes
      limit: 20
    ---
    # user
    Hello {{who}}
    """

  private func write(_ text: String, _ name: String = "a.txt") throws -> String {
    try folder.write(name, Array(text.utf8))
  }

  @Test func listAndShow() throws {
    let list = try CommandRun("template", "list", PackedFile.path)
    #expect(list.status == 0)
    #expect(list.output.split(separator: "\n").count == 13)
    #expect(list.output.contains("triage"))
    let show = try CommandRun("template", "show", "triage", PackedFile.path)
    #expect(show.status == 0)
    for part in ["# red flags", "# when you do not know", "# schema", "heart_rate", "/min"] {
      #expect(show.output.contains(part), "\(part)")
    }
    let json = try CommandRun("template", "show", "triage", PackedFile.path, "--json").json()
    #expect(json["task"] as? String == "triage")
    let variables = try #require(json["variables"] as? [[String: Any]])
    #expect(variables.count == 15)
    #expect(json["format"] as? Int == 2)
    let temperature = try #require(variables.first { $0["name"] as? String == "temperature" })
    #expect(temperature["range"] as? String == "20..46 °C, 68..115 °F")
    #expect((temperature["aliases"] as? [String: String])?["Cel"] == "°C")
    let dump = try CommandRun("dump", PackedFile.path, "--template", "triage")
    #expect(dump.output == show.output)
    #expect(try CommandRun("dump", PackedFile.path).output.contains("discharge-summary"))
  }

  @Test func unknownTemplatesListTheKnownOnes() throws {
    for arguments in [
      ["template", "show", "triag", PackedFile.path],
      ["template", "render", "triag", PackedFile.path],
      ["run", PackedFile.path, "--template", "triag"],
    ] {
      let run = try CommandRun(arguments: arguments)
      #expect(run.status == 1)
      #expect(run.messageLines.last?.contains("calculator-explanation, differential") == true)
    }
    #expect(try CommandRun("dump", PackedFile.path, "--template", "triag").status == 1)
  }

  @Test func wrongValuesAreNamed() throws {
    func message(_ settings: String...) throws -> String {
      let run = try CommandRun(
        arguments: ["template", "render", "triage", PackedFile.path]
          + settings.flatMap { ["--set", $0] })
      #expect(run.status == 1)
      #expect(run.messageLines.count == 1)
      return run.message
    }
    #expect(try message().contains("complaint: a required value is missing"))
    #expect(try message("complaint=x", "age=7").contains("age: the unit is missing"))
    #expect(
      try message("complaint=x", "age=7 years", "agee=7").contains("agee: the template has no"))
    let secret = "not a number, but private"
    let said = try message("complaint=x", "age=7 years", "heart_rate=\(secret)")
    #expect(said.contains("heart_rate: the value is not a number"))
    #expect(!said.contains("private"))
    #expect(try CommandRun("template", "render", "triage", "--set", "complaint").status == 2)
    #expect(
      try message("complaint=x", "age=7 years", "temperature=98.6 °C").contains(
        "temperature: the number is out of the variable's range: 20..46 °C, 68..115 °F"))
    let stay = try CommandRun(
      "template", "render", "discharge-summary", PackedFile.path, "--set", "notes=x", "--set",
      "age=7 a",
      "--set", "admitted=2024-03-02", "--set", "discharged=2024-03-01", "--set",
      "medications_at_discharge=none")
    #expect(stay.status == 1)
    #expect(stay.message.contains("discharged: the date lies before admitted"))
  }

  @Test func renderShowsBothMessages() throws {
    let run = try CommandRun(
      "template", "render", "triage", PackedFile.path, "--set", "complaint=It\u{1B} hurts", "--set",
      "age=7 years", "--set", "temperature=38.5 °C")
    #expect(run.status == 0)
    #expect(run.output.contains("# system\n"))
    #expect(run.output.contains("<record>\nAge: 7 years\nSex: not stated\n"))
    #expect(run.output.contains("Complaint, as somebody typed it:\n> It\\u{1b} hurts\n"))
    #expect(run.output.contains("Temperature: 38.5 °C\n"))
  }

  /// A value is what stands behind the sign; files have a flag of their own.
  @Test func valuesStandAsTheyAreAndFilesAreNamedByTheirFlag() throws {
    let file = try folder.write("m.vial", try PackedFile.bytes())
    #expect(try CommandRun("template", "add", file, try write(Self.source)).status == 0)
    let note = try write("you=@all", "note.txt")
    func render(_ arguments: String...) throws -> CommandRun {
      try CommandRun(arguments: ["template", "render", "greeting", file] + arguments)
    }
    let read = try render("--set-file", "who=\(note)")
    #expect(read.output == "# user\nHello you=@all\n")
    #expect(read.message.isEmpty)
    for text in ["@note.txt", "@/dev/null", "@", "@@"] {
      let literal = try render("--set", "who=\(text)")
      #expect(literal.output == "# user\nHello \(text)\n")
      #expect(literal.messageLines.count == 1)
      #expect(literal.message.hasPrefix("warning: --set who: "))
      #expect(literal.message.contains("--set-file who=PATH"))
      // The value may be a patient's text.
      #expect(!literal.message.contains("note.txt") && !literal.message.contains("null"))
    }
    #expect(try render("--set", "who=a@b").message.isEmpty)
    // Errors count the values of both flags.
    let both = try render("--set-file", "who=\(note)", "--set", "who=x")
    #expect(both.status == 1)
    #expect(both.message.contains("who: a variable has two values"))
    #expect(try render("--set-file", "whom=\(note)").message.contains("whom: the template has no"))
    #expect(try render("--set-file", "who=\(folder.path("none"))").message.contains("No such file"))
    #expect(try render("--set-file", "who=").status == 2)
    #expect(try render("--set-file", "who").status == 2)
    #expect(try CommandRun("run", file, "--prompt", "x", "--set-file", "who=\(note)").status == 2)
    let ask = ["run", file, "--template", "greeting", "--max-tokens", "1", "--json"]
    let asked = try CommandRun(arguments: ask + ["--set-file", "who=\(note)"]).json()
    let typed = try CommandRun(arguments: ask + ["--set", "who=you=@all"]).json()
    #expect(asked["prompt_tokens"] as? [Int] == typed["prompt_tokens"] as? [Int])
    let questions = Files.fixtures.appendingPathComponent("questions/questions.jsonl").path
    let eval = try CommandRun(
      "eval", PackedFile.path, "--data", questions, "--limit", "1", "--template",
      "guideline-question", "--set-file", "setting=\(note)", "--json")
    #expect(eval.status == 0, "\(eval.message)")
  }

  @Test func addReplaceRemove() throws {
    let file = try folder.write("m.vial", try PackedFile.bytes())
    let digest = try CommandRun("dump", file, "--json").json()["model_digest"] as? String
    let added = try CommandRun("template", "add", file, try write(Self.source))
    #expect(added.status == 0 && added.message.contains("warning: greeting: variable who stands"))
    let render = ["template", "render", "greeting", file, "--set", "who=you"]
    #expect(try CommandRun(arguments: render).output == "# user\nHello you\n")
    let changed = Self.source.replacingOccurrences(of: "Hello", with: "Goodbye")
    #expect(try CommandRun("template", "add", file, try write(changed)).status == 0)
    #expect(try CommandRun(arguments: render).output == "# user\nGoodbye you\n")
    #expect(try CommandRun("verify", file).status == 0)
    #expect(try CommandRun("dump", file, "--json").json()["model_digest"] as? String == digest)
    #expect(try CommandRun("template", "remove", file, "greeting").status == 0)
    #expect(try CommandRun(arguments: render).status == 1)
    #expect(try CommandRun("template", "remove", file, "greeting").status == 1)
    #expect(try CommandRun("verify", file).status == 0)
  }

  @Test func check() throws {
    let fenced = Self.source.replacingOccurrences(
      of: "id: greeting", with: "format: 2\nid: greeting"
    )
    .replacingOccurrences(of: "Hello {{who}}", with: "Say hello to\n<name>\n{{who}}\n</name>")
    let good = try CommandRun("template", "check", try write(fenced))
    #expect(good.status == 0, "\(good.message)")
    #expect(good.message.contains("no '# red flags'"))
    let bad = try CommandRun(
      "template", "check",
      try write(Self.source.replacingOccurrences(of: "{{who}}", with: "{{whom}}"), "b.txt"))
    #expect(bad.status == 1)
    #expect(bad.message.contains("R-525"))
    #expect(try CommandRun("template", "check", folder.path("none.txt")).status == 1)
  }

  /// Mistakes that a reader takes: each is found, and nothing is said to be in order.
  @Test func checkFindsWhatAnswersSufferFrom() throws {
    let schema =
      "\n# schema\n{\"type\": \"object\", \"properties\": {\"level\": {\"type\": \"integer\"}}}"
    let number = "variable: fever\n  type: number\n  units: °C, °F\n  range: 20..115\nvariable: who"
    for (text, message) in [
      (Self.source, "variable who stands outside of a fence"), (Self.source + schema, "says JSON"),
      (
        Self.source.replacingOccurrences(of: "variable: who", with: number) + " {{fever}}",
        "the range of fever has no unit"
      ),
    ] {
      let run = try CommandRun("template", "check", try write(text, "c.txt"))
      #expect(run.status == 1 && run.output.isEmpty)
      #expect(run.message.contains(message), "\(run.message)")
      // They stay templates: what is in files goes on working.
      let file = try folder.write("n.vial", try PackedFile.bytes())
      #expect(try CommandRun("template", "add", file, try write(text, "c.txt")).status == 0)
    }
    let shipped = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources/VialPacking/Resources/templates")
    let names = try FileManager.default.contentsOfDirectory(atPath: shipped.path).filter {
      $0.hasSuffix(".txt")
    }
    let run = try CommandRun(
      arguments: ["template", "check"] + names.map { shipped.appendingPathComponent($0).path })
    #expect(names.count == 12 && run.status == 0 && run.message.isEmpty, "\(run.message)")
  }

  @Test func packTakesAFolder() throws {
    let set = folder.url("set")
    try FileManager.default.createDirectory(at: set, withIntermediateDirectories: true)
    try Data(Self.source.utf8).write(to: set.appendingPathComponent("x.txt"))
    try Data("not a template".utf8).write(to: set.appendingPathComponent("README"))
    let source = Files.fixtures.appendingPathComponent("checkpoints/qwen2-tiny-untied").path
    let output = folder.path("own.vial")
    let packed = try CommandRun("pack", source, "-o", output, "--templates", set.path)
    #expect(packed.status == 0 && packed.message.contains("template greeting: variable who stands"))
    let list = try CommandRun("template", "list", output)
    #expect(list.output.split(separator: "\n").count == 2)
    try Data(Self.source.utf8).write(to: set.appendingPathComponent("y.txt"))
    let twice = try CommandRun("pack", source, "-o", output, "--templates", set.path)
    #expect(twice.status == 1)
    #expect(twice.message.contains("y.txt: a second template"))
  }

  /// A day that may be left out is not part of a heading; the demonstration model's templates are those of the packer.
  @Test(arguments: [nil, PackedFile.path])
  func aDayThatIsNotStatedReadsWell(_ file: String?) throws {
    func user(_ id: String, _ settings: String...) throws -> String? {
      let values = settings.flatMap { ["--set", $0] }
      let arguments = ["template", "render", id] + (file.map { [$0] } ?? []) + values + ["--json"]
      return try CommandRun(arguments: arguments).json()["user"] as? String
    }
    let values = ["calculator=BMI", "inputs=weight: 80 kg", "result=24.7"]
    let result = try user("calculator-explanation", values[0], values[1], values[2])
    #expect(result?.contains("\nDay: not stated\nResult:\n> 24.7\n") == true)
    let dated = try user(
      "calculator-explanation", values[0], values[1], values[2], "computed=2026-03-01")
    #expect(dated?.contains("\nDay: 2026-03-01\nResult:\n> 24.7\n") == true)
    #expect(
      try user("problem-list", "text=x")?.hasPrefix("<record>\nWritten: not stated\nNote:\n> x\n")
        == true)
  }

  @Test func runAsksByATemplate() throws {
    let arguments = [
      "run", "--template", "calculator-explanation", "--set", "calculator=BMI", "--set",
      "inputs=weight: 80 kg\nheight: 1.80 m", "--set", "result=24.7", "--max-tokens", "5", "--json",
    ]
    let json = try CommandRun(arguments: arguments).json()
    #expect((json["tokens"] as? [Int])?.count == 5)
    // The template's own sampling parameters hold.
    #expect(json["temperature"] as? Double == 0.6)
    let render = try CommandRun(
      arguments: ["template", "render", "calculator-explanation"] + arguments[3..<9] + ["--json"])
    #expect(try render.json()["tokens"] as? [Int] == json["prompt_tokens"] as? [Int])
    #expect(try CommandRun("run", "--template", "triage", "--prompt", "x").status == 2)
    #expect(try CommandRun("run", "--prompt", "x", "--set", "a=b").status == 2)
  }
}
