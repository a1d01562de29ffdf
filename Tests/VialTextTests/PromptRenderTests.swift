// Rendering prompt templates: how values stand in the text, and which are refused.

import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct PromptRenderTests {
  private static let source = """
    ---
    id: t
    version: 1
    task: other
    language: en
    variable: complaint
      required: yes
      limit: 40
    variable: drugs
      type: list
      items: 2
      limit: 100
      default: not stated
    variable: weight
      type: number
      units: kg, lb
      range: 0.5..700
      default: not stated
    variable: pulse
      type: integer
      units: /min
      range: 0..350
      default: not measured
    variable: sex
      type: choice
      choices: female | male
      default: not stated
    variable: born
      type: date
      default: not stated
    ---
    # system
    S {{sex}}
    # red flags
    R
    # user
    {{complaint}}|{{drugs}}|{{weight}}|{{pulse}}|{{born}}|{{complaint}}|{{{{x}}
    """

  private let template: PromptTemplate

  init() throws {
    template = try PromptTemplateFile(Array(Self.source.utf8), name: "t").template
  }

  /// A template that says its variable thousands of times makes no text without end, from values that are long or that
  /// write nothing.
  @Test func messagesAreBounded() throws {
    for (type, value) in [
      ("text", [UInt8](repeating: 0x78, count: 200_000)),
      ("list", [0x78] + [UInt8](repeating: 0x0A, count: 500_000) + [0x78]),
    ] {
      let source = """
        ---
        id: t
        version: 1
        task: other
        language: en
        variable: a
          type: \(type)
          limit: 1000000
          \(type == "list" ? "items: 9" : "required: yes")
        ---
        # user

        """
      let uses = String(repeating: "{{a}}", count: 13_000)
      let template = try PromptTemplateFile(Array((source + uses).utf8), name: "t").template
      let text = [0x61] + value
      let entries = [
        PromptValue(
          name: TextRange(start: 0, byteCount: 1),
          content: TextRange(start: 1, byteCount: value.count))
      ]
      #expect(throws: PromptError.textTooLong(limit: PromptLimits.renderedByteCount)) {
        var bytes: [UInt8] = [0]
        var output = bytes.mutableSpan
        _ = try template.render(
          PromptValues(text: text.span, entries: entries.span), into: &output)
      }
    }
  }

  private func render(_ values: [(String, [UInt8])]) throws -> (system: [UInt8], user: [UInt8]) {
    try PromptRendering.messages(template, bytes: values)
  }

  private func user(_ values: (String, String)...) throws -> String {
    String(decoding: try render(values.map { ($0.0, Array($0.1.utf8)) }).user, as: UTF8.self)
  }

  private func error(_ values: (String, String)...) -> PromptError? {
    do {
      _ = try render(values.map { ($0.0, Array($0.1.utf8)) })
      return nil
    } catch { return error as? PromptError }
  }

  @Test func valuesStandInTheText() throws {
    let all = try render([
      ("complaint", Array(" It\nhurts ".utf8)), ("drugs", Array(" a \n\n b\r\n".utf8)),
      ("weight", Array("70.5kg ".utf8)), ("pulse", Array("66".utf8)), ("sex", Array(" male".utf8)),
      ("born", Array("2000-02-29".utf8)),
    ])
    #expect(String(decoding: all.system, as: UTF8.self) == "S male\n\nR")
    #expect(
      String(decoding: all.user, as: UTF8.self)
        == " It\nhurts |- a\n- b|70.5 kg|66 /min|2000-02-29| It\nhurts |{{x}}")
  }

  @Test func withoutValuesThereAreDefaults() throws {
    let wanted = "x|not stated|not stated|not measured|not stated|x|{{x}}"
    #expect(try user(("complaint", "x")) == wanted)
    #expect(try user(("complaint", "x"), ("drugs", " \n "), ("weight", "")) == wanted)
  }

  @Test func valuesAreNeverRenderedAgain() throws {
    #expect(
      try user(("complaint", "{{drugs}}{{{{"), ("drugs", "{{complaint}}"))
        == "{{drugs}}{{{{|- {{complaint}}|not stated|not measured|not stated|{{drugs}}{{{{|{{x}}")
  }

  @Test func whatDoesNotFitIsRefused() {
    #expect(error() == .missing(variable: 0))
    #expect(error(("complaint", " \t\n")) == .missing(variable: 0))
    #expect(error(("complaint", "x"), ("who", "y")) == .unknownName(value: 1))
    #expect(error(("complaint", "x"), ("complaint", "x")) == .repeated(value: 1))
    #expect(
      error(("complaint", String(repeating: "é", count: 21))) == .tooLong(variable: 0, limit: 40))
    let x = ("complaint", "x")
    #expect(error(x, ("drugs", "a\nb\nc")) == .tooManyItems(variable: 1, limit: 2))
    #expect(
      error(x, ("drugs", String(repeating: "a", count: 101))) == .tooLong(variable: 1, limit: 100))
    for value in ["heavy", "-", "7.", ".5", "1..2 kg", "1234567890123456", "kg 7"] {
      #expect(error(x, ("weight", value)) == .notANumber(variable: 2), "\(value)")
    }
    for value in ["70", "1e3", "7,5", "0x10"] {
      #expect(error(x, ("weight", value)) == .wrongUnit(variable: 2), "\(value)")
    }
    #expect(error(x, ("weight", "70 stone")) == .wrongUnit(variable: 2))
    #expect(error(x, ("weight", "70 kg kg")) == .wrongUnit(variable: 2))
    #expect(error(x, ("weight", "0.49 kg")) == .outOfRange(variable: 2))
    #expect(error(x, ("weight", "0.5 kg")) == nil)
    #expect(error(x, ("pulse", "66.5")) == .notANumber(variable: 3))
    #expect(error(x, ("pulse", "-1 /min")) == .outOfRange(variable: 3))
    #expect(error(x, ("pulse", "66 bpm")) == .wrongUnit(variable: 3))
    #expect(error(x, ("sex", "Male")) == .notAChoice(variable: 4))
    for value in [
      "2001-02-29", "1900-02-29", "0000-01-01", "2001-13-01", "2001-1-1", "1.2.2001", "2001-01-001",
    ] {
      #expect(error(x, ("born", value)) == .notADate(variable: 5), "\(value)")
    }
    do {
      _ = try render([("complaint", [0x61, 0xFF])])
      Issue.record("invalid UTF-8 was taken")
    } catch { #expect(error as? PromptError == .invalidUTF8(variable: 0, offset: 1)) }
  }

  @Test func rangesOutsideTheTextAreRefused() {
    var output: [UInt8] = []
    var span = output.mutableSpan
    for bad in [
      TextRange(start: 0, byteCount: 5), TextRange(start: -1, byteCount: 1),
      TextRange(start: .max, byteCount: 2),
    ] {
      let text = Array("x".utf8)
      let entries = [PromptValue(name: bad, content: bad)]
      do {
        _ = try template.render(PromptValues(text: text.span, entries: entries.span), into: &span)
        Issue.record("a range outside the text was taken")
      } catch { #expect(error == .unknownName(value: 0)) }
    }
  }

  @Test func errorsNameVariablesToThoseWhoMaySeeThem() {
    #expect(
      template.sentence(.wrongUnit(variable: 2))
        == "weight: the unit is missing or not one of the variable's: kg, lb")
    #expect(
      PromptError.missing(variable: 0).description
        == "variable 1 of the template: a required value is missing")
  }
}
