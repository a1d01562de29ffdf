// Template files: what their grammar takes and what it refuses, and the default set.

import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct PromptTemplateFileTests {
  private static let good = """
    ---
    id: a.b-1
    version: 1
    task: triage
    language: en
    temperature: 0.25
    top_k: 7
    max_tokens: 10
    stop: END
    stop: ###
    # a remark
    variable: who
      required: yes
      limit: 20
      note: whom
    variable: pulse
      type: integer
      units: /min, bpm
      range: 0..350
      default: not measured
    variable: level
      type: choice
      choices: low | very high
      default: unknown
    ---
    # system
    For {{who}}.

    # red flags
    Call.
    # when you do not know
    Say so.
    # user

    ## A heading
    {{pulse}} {{level}} {{{{who}}

    # schema
    {"type": "object"}

    """

  private func parse(_ text: String) throws -> PromptTemplate {
    try PromptTemplateFile(Array(text.utf8), name: "a.txt").template
  }

  private func problem(_ from: String, _ to: String) -> String? {
    let text = Self.good.replacingFirst(from, to)
    #expect(text != Self.good, "\(from) does not occur")
    do {
      _ = try parse(text)
      return nil
    } catch { return "\(error)" }
  }

  @Test func everyPartIsRead() throws {
    let template = try parse(Self.good)
    #expect(template.id == "a.b-1")
    #expect(template.task == "triage")
    #expect(template.sampling.temperature == 0.25)
    #expect(template.sampling.topK == 7)
    #expect(template.maximumTokens == 10)
    #expect(template.stops == ["END", "###"])
    #expect(template.system?.source == "For {{who}}.")
    #expect(template.redFlags?.source == "Call.")
    #expect(template.unknown?.source == "Say so.")
    #expect(template.text.source == "## A heading\n{{pulse}} {{level}} {{{{who}}")
    #expect(template.schema == "{\"type\": \"object\"}")
    #expect(template.variables.map(\.name) == ["who", "pulse", "level"])
    #expect(template.variables[0].byteLimit == 20)
    #expect(template.variables[0].isRequired)
    #expect(template.variables[1].units == ["/min", "bpm"])
    #expect(template.variables[1].ranges.map(\.source) == ["0..350"])
    #expect(template.formatVersion == .plain)
    #expect(template.variables[2].choices == ["low", "very high"])
    #expect(template.variables[2].fallback == "unknown")
  }

  @Test func lineEndsOfOtherSystemsAreTaken() throws {
    let text = Self.good.split(separator: "\n", omittingEmptySubsequences: false)
      .joined(separator: "\r\n")
    #expect(try parse(text).text.source == "## A heading\n{{pulse}} {{level}} {{{{who}}")
  }

  @Test(arguments: [
    ("---\nid", "id", "line 1"), ("id: a.b-1", "id: A", "R-521"), ("id: a.b-1\n", "", "R-520"),
    ("task: triage", "task: cooking", "R-521"), ("top_k: 7", "top_k: many", "line 7"),
    ("top_k: 7", "top_q: 7", "unknown key 'top_q'"), ("top_k: 7", "top_k 7", "no 'key: value'"),
    ("max_tokens: 10", "max_tokens: 10\nmax_tokens: 11", "stands twice"),
    ("temperature: 0.25", "temperature: 200", "R-526"),
    ("required: yes", "required: maybe", "yes or no"),
    ("  note: whom", "  colour: red", "has no 'colour'"), ("0..350", "350..0", "R-524"),
    ("variable: who", "variable: who is", "a variable's name"),
    ("For {{who}}.", "For {{whom}}.", "R-525"), ("For {{who}}.", "For you.", "who stands nowhere"),
    ("# user\n", "", "R-525"), ("{\"type\": \"object\"}", "{\"type\": }", "not JSON"),
    ("# red flags", "# system", "stands twice"), ("# system\n", "text\n# system\n", "text before"),
  ])
  func mistakesAreNamed(_ from: String, _ to: String, _ message: String) throws {
    let found = problem(from, to)
    let said = try #require(found, "\(from) -> \(to) was taken")
    #expect(said.hasPrefix("a.txt"))
    #expect(said.contains(message) || message == "R-525" && said.contains("user"), "\(said)")
  }

  /// A template of version 2.
  private static let quoted = """
    ---
    format: 2
    id: q
    version: 1
    task: triage
    language: en
    variable: note
    variable: fever
      type: number
      units: °C = Cel = C, °F = [degF]
      range: 20..46 °C, 68..115 °F
    variable: tongue
      type: choice
      choices: English = en | German = de
    variable: from
      type: date
    variable: to
      type: date
      not_before: from
    ---
    # user
    <record>
    {{note}}
    {{fever}} {{from}} {{to}}
    </record>
    Answer in {{tongue}}.
    """

  @Test func version2HasFencesAliasesAndRangesForEachUnit() throws {
    let file = try PromptTemplateFile(Array(Self.quoted.utf8), name: "a.txt")
    let template = file.template
    #expect(template.formatVersion == .quoted)
    #expect(template.variables[1].units == ["°C", "°F"])
    #expect(
      template.variables[1].aliases.map { $0.alias + "=" + $0.name } == [
        "Cel=°C", "C=°C", "[degF]=°F",
      ])
    #expect(template.variables[1].ranges.map(\.source) == ["20..46 °C", "68..115 °F"])
    #expect(template.variables[2].choices == ["English", "German"])
    #expect(template.variables[4].earlierDate == 3)
    #expect(file.findings.isEmpty)
    // A reader that knows version 1 only finds no message.
    let table = try KeyValueTable(ByteRegion(copying: file.section), context: "t")
    #expect(table["text"] == nil && table["user"] != nil)
  }

  @Test(arguments: [
    ("format: 2", "format: 3", "must be 1 or 2"), ("format: 2\n", "", "needs 'format: 2'"),
    ("20..46 °C, 68..115 °F", "20..115", "R-524"), ("20..46 °C, 68..115 °F", "20..46 K", "R-524"),
    ("°F = [degF]", "°F = Cel", "R-524"), ("English = en", "English = German", "R-524"),
    ("not_before: from", "not_before: note", "R-524"),
    ("not_before: from", "not_before: to", "R-524"),
    ("</record>\n", "", "R-528"), ("<record>\n", "", "R-528"),
    ("{{note}}\n", "N: {{note}}\n", "R-528"),
    ("Answer in", "> Answer in", "R-528"),
    ("Answer in {{tongue}}.", "{{tongue}}\n{{note}}", "R-528"),
    ("# user\n", "# system\n{{note}}\n# user\n", "R-528"),
  ])
  func mistakesOfVersion2AreNamed(_ from: String, _ to: String, _ message: String) throws {
    let text = Self.quoted.replacingFirst(from, to)
    #expect(text != Self.quoted)
    do {
      _ = try parse(text)
      Issue.record("\(from) -> \(to) was taken")
    } catch { #expect("\(error)".contains(message), "\(error)") }
  }

  @Test func whatReadersTakeAndAnswersSufferFromIsFound() throws {
    func findings(_ text: String) throws -> [PromptTemplateFinding] {
      try PromptTemplateFile(Array(text.utf8), name: "a.txt").findings
    }
    #expect(
      try findings(Self.good) == [
        .rangeWithoutUnit(variable: "pulse"), .outsideAFence(variable: "who"), .neverSaysJSON,
      ])
    let schema =
      "\n# schema\n{\"type\": \"object\", \"properties\": {\"level\": {\"type\": \"integer\"}, \"why\": {\"type\": \"string\"}}}"
    #expect(try findings(Self.quoted + schema) == [.neverSaysJSON])
    #expect(
      try findings(Self.quoted + " Answer JSON with level." + schema) == [.fieldIsNotNamed("why")])
    let bare = Self.quoted.replacingFirst("units: °C = Cel = C, °F = [degF]\n", "")
      .replacingFirst("range: 20..46 °C, 68..115 °F", "range: 20..115")
    #expect(try findings(bare) == [.rangeWithoutUnit(variable: "fever")])
  }

  @Test func theDefaultSetHasNoFindings() throws {
    for file in try PromptTemplateSet.standard() {
      #expect(file.findings.isEmpty, "\(file.template.id): \(file.findings)")
      #expect(file.template.formatVersion == .quoted && file.template.version == "2.0.0")
      #expect(file.template.variables.contains { $0.name == "answer_language" })
      guard let schema = file.template.schema else { continue }
      #expect(schema.contains("\"emergency\""), "\(file.template.id)")
      // Every free text has a least length and ends with a whole word.
      try check(JSONReader.parse(Array(schema.utf8)), file.template.id)
    }
  }

  private func check(_ value: JSONValue, _ id: String) {
    for item in value.array ?? [] { check(item, id) }
    if value["type"]?.text == "string" {
      let isFree = value["enum"] == nil && value["const"] == nil
      #expect(!isFree || value["pattern"] != nil, "\(id)")
      #expect(
        !isFree || value["minLength"] != nil || value["pattern"]?.text?.hasPrefix("^[0-9]") == true,
        "\(id)")
    }
    for member in value.object?.members ?? [] { check(member.value, id) }
  }

  @Test func bytesThatAreNoTextAreRefused() {
    #expect(throws: PackingError.self) { try PromptTemplateFile([0xFF], name: "a") }
    #expect(throws: PackingError.self) {
      try PromptTemplateFile([UInt8](repeating: 0x20, count: 1 << 20), name: "a")
    }
  }

  @Test func theDefaultSetCoversTheTasks() throws {
    let set = try PromptTemplateSet.standard()
    #expect(set.count == 12)
    #expect(Set(set.map(\.template.id)).count == 12)
    #expect(
      Set(set.map(\.template.task)) == Set(PromptTemplate.tasks).subtracting(["other"]))
    for file in set {
      let template = file.template
      #expect(template.redFlags != nil && template.unknown != nil, "\(template.id)")
      #expect(template.system != nil && template.title != nil && template.note != nil)
      #expect(template.variables.contains { $0.isRequired }, "\(template.id)")
      #expect(template.sampling.temperature != nil && template.maximumReasoningTokens != nil)
      #expect(file.sectionID == PromptTemplate.sectionID(of: template.id))
    }
  }
}

extension String {
  fileprivate func replacingFirst(_ old: String, _ new: String) -> String {
    guard let range = firstRange(of: old) else { return self }
    return replacingCharacters(in: range, with: new)
  }

  private func firstRange(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }

  private func replacingCharacters(in range: Range<Index>, with new: String) -> String {
    String(self[..<range.lowerBound]) + new + String(self[range.upperBound...])
  }
}
