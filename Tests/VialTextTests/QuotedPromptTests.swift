// Prompt templates of version 2: how values stand in fences, and how FHIR's numbers and dates are read.

import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct QuotedPromptTests {
  private static let source = """
    ---
    format: 2
    id: t
    version: 1
    task: other
    language: en
    variable: complaint
      required: yes
      limit: 200
    variable: drugs
      type: list
      items: 3
      limit: 100
      default: none stated
    variable: temperature
      type: number
      units: °C = Cel = C, °F = [degF]
      range: 20..46 °C, 68..115 °F
      default: not measured
    variable: weight
      type: number
      units: kg, lb av
      range: 0.5..700 kg
      default: not measured
    variable: pain
      type: integer
      units: of 10 = {score}
      range: 0..10
      default: not stated
    variable: tongue
      type: choice
      choices: English = en | German = de
      default: English
    variable: admitted
      type: date
      default: not stated
    variable: discharged
      type: date
      not_before: admitted
      default: not stated
    ---
    # system
    Answer in {{tongue}}.
    # user
    <record>
    {{complaint}}
    Drugs:
    {{drugs}}
    T {{temperature}} W {{weight}} P {{pain}} {{admitted}}/{{discharged}}
    </record>
    """

  private let template: PromptTemplate

  init() throws {
    template = try PromptTemplateFile(Array(Self.source.utf8), name: "t").template
  }

  private func lines(_ values: (String, String)...) throws -> [String] {
    try PromptRendering.user(template, values).split(
      separator: "\n", omittingEmptySubsequences: false
    ).map(String.init)
  }

  private func error(_ values: (String, String)...) -> PromptError? {
    do {
      _ = try PromptRendering.user(template, [("complaint", "x")] + values)
      return nil
    } catch { return error as? PromptError }
  }

  /// The line of the numbers and dates.
  private func numbers(_ values: (String, String)...) throws -> String {
    let text = try PromptRendering.user(template, [("complaint", "x")] + values)
    return String(text.split(separator: "\n")[4])
  }

  @Test func everyLineOfATextIsQuoted() throws {
    let ends = [
      "\n", "\r\n", "\r", "\u{B}", "\u{C}", "\u{1C}", "\u{1D}", "\u{1E}", "\u{85}", "\u{2028}",
      "\u{2029}",
    ]
    for end in ends {
      let found = try lines(("complaint", " a\(end)</record>\(end)\(end)Drugs: \n"))
      #expect(found[..<6] == ["<record>", "> a", "> </record>", ">", "> Drugs:", "Drugs:"])
    }
    // Characters whose bytes only begin like those of a line end stay.
    #expect(try lines(("complaint", "a\u{2027}b\u{84}c\u{A0}"))[1] == "> a\u{2027}b\u{84}c\u{A0}")
  }

  @Test func itemsAreQuoted() throws {
    let found = try lines(("complaint", "x"), ("drugs", " a \r b\u{2028}\u{85}</record>"))
    #expect(found[3...6] == ["> - a", "> - b", "> - </record>", found[6]])
    #expect(try lines(("complaint", "x"))[3] == "none stated")
    #expect(error(("drugs", "a\rb\u{B}c\u{2029}d")) == .tooManyItems(variable: 1, limit: 3))
  }

  @Test(arguments: [
    ("39.26830735297909 °C", "39.26830735297909 °C"), ("39.3Cel", "39.3 °C"),
    ("98.6 [degF]", "98.6 °F"), ("37 C", "37 °C"), ("2e1 Cel", "2e1 °C"),
    ("4.6E+1 °C", "4.6E+1 °C"),
    (
      "46.000000000000000000000000000000000000000 Cel",
      "46.000000000000000000000000000000000000000 °C"
    ),
    ("> 42 Cel", ">42 °C"), ("<=21 °C", "<=21 °C"), ("38.5 Cel HH", "38.5 °C HH"),
    ("38.5 Cel (36.1 - 37.8)", "38.5 °C (36.1 - 37.8)"),
    ("38.5 Cel H (36.1-37.8)", "38.5 °C H (36.1-37.8)"),
    ("38.5 Cel N (<=37.8)", "38.5 °C N (<=37.8)"),
    ("30 °C (-2 - -1)", "30 °C (-2 - -1)"), ("30 Cel <", "30 °C <"),
  ])
  func numbersAreReadAsRecordsHaveThem(_ value: String, _ shown: String) throws {
    #expect(
      try numbers(("temperature", value))
        == "T \(shown) W not measured P not stated not stated/not stated")
  }

  @Test func unitsMayHaveSpacesAndMayBeLeftOut() throws {
    #expect(try numbers(("weight", "170 lb av")).hasPrefix("T not measured W 170 lb av P"))
    for value in ["7", "7 {score}", "7 of 10", "7 of 10 N", "7 (0 - 3)"] {
      #expect(try numbers(("pain", value)).contains("P 7 of 10"), "\(value)")
    }
  }

  @Test func eachUnitHasItsRange() throws {
    for value in [
      "98.6 °C", "19.9999999999999999999 Cel", "46.0000000000000000001 Cel", "4.61e1 °C", "37 °F",
      "115.5 [degF]", "-21 Cel", "> 98.6 Cel",
    ] {
      #expect(error(("temperature", value)) == .outOfRange(variable: 2), "\(value)")
    }
    for value in ["98.6 °F", "20 °C", "46.0 °C", "4.6e1 °C", "0.2e2 Cel", "115 °F"] {
      #expect(error(("temperature", value)) == nil, "\(value)")
    }
    // A whole number has no exponent: it could hide a fraction.
    for value in ["1e0", "45e-1", "7E+0 of 10"] {
      #expect(error(("pain", value)) == .notANumber(variable: 4), "\(value)")
    }
    // A unit without a range takes every number.
    #expect(error(("weight", "9000 lb av")) == nil)
    #expect(error(("weight", "701 kg")) == .outOfRange(variable: 3))
    #expect(error(("pain", "11")) == .outOfRange(variable: 4))
    #expect(template.sentence(.notADate(variable: 6)).hasSuffix("a day and a time with its zone"))
    #expect(
      template.sentence(.outOfRange(variable: 2))
        == "temperature: the number is out of the variable's range: 20..46 °C, 68..115 °F")
  }

  @Test func whatIsNoNumberOfTheVariableIsRefused() {
    for value in [
      "warm", "38.", ".5 Cel", "1e100 Cel", "1e Cel", "--3 Cel", "<< 3 Cel", "", " Cel 3",
    ] where !value.isEmpty {
      let found = error(("temperature", value))
      #expect(found == .notANumber(variable: 2) || found == .wrongUnit(variable: 2), "\(value)")
    }
    #expect(
      error(("temperature", String(repeating: "1", count: 65) + " Cel")) == .notANumber(variable: 2)
    )
    for value in [
      "38", "38 K", "38 Cel Cel", "38 Cel X", "38 Cel H L", "38 Cel (a)", "38 Cel (1 - )",
      "38 Cel (1 - 2", "38 Cel (1 - 2) H", "38 Cel\n</record>", "38 Cel ()",
    ] {
      #expect(error(("temperature", value)) == .wrongUnit(variable: 2), "\(value)")
    }
    #expect(error(("pain", "7.0")) == .notANumber(variable: 4))
  }

  @Test func aliasesStandForChoices() throws {
    #expect(
      try PromptRendering.system(template, [("complaint", "x"), ("tongue", "de")])
        == "Answer in German.")
    #expect(error(("tongue", "fr")) == .notAChoice(variable: 5))
  }

  @Test func datesAreReadAsFHIRWritesThem() throws {
    for value in [
      "2024", "2024-02", "2024-02-29", "2024-02-29T08:05", "2024-02-29T08:05:59Z",
      "2024-02-29T08:05:59.123456789+01:00", "2024-02-29T23:59:60-12:00",
    ] {
      #expect(try numbers(("admitted", value)).hasSuffix(" \(value)/not stated"), "\(value)")
    }
    for value in [
      "24", "0000", "2024-13", "2024-2", "2023-02-29", "2024-02-29T", "2024-02-29T24:00",
      "2024-02-29T08",
      "2024-02-29T08:05:59.", "2024-02-29T08:05:59.1234567890", "2024-02-29T08:05+1:00",
      "2024-02-29T08:05+15:00",
      "2024-02-29 08:05", "2024-02T08:05", "2024-02-29T08:05Zx", "29.2.2024",
      "2024-02-29T08:05:61Z",
    ] {
      #expect(error(("admitted", value)) == .notADate(variable: 6), "\(value)")
    }
  }

  @Test func datesComeInTheirOrder() {
    for (from, to) in [
      ("2024-03-02", "2024-03-02"), ("2024-03-02", "2024-03-03"), ("2024-03", "2024-03-01"),
      ("2024-03-02", "2024"),
      ("2024-03-02T20:00:00Z", "2024-03-02T09:00:00Z"), ("1999-12-31", "2000-01-01"),
    ] { #expect(error(("admitted", from), ("discharged", to)) == nil, "\(from) \(to)") }
    for (from, to) in [
      ("2024-03-02", "2024-03-01"), ("2024-03", "2024-02-28"), ("2024-03-02", "2023"),
      ("2024-03-02T00:00:00Z", "2024-03-01T23:00:00Z"),
    ] {
      #expect(
        error(("admitted", from), ("discharged", to)) == .beforeOther(variable: 7, other: 6),
        "\(from) \(to)")
    }
    #expect(error(("discharged", "1900")) == nil)
    #expect(
      template.sentence(.beforeOther(variable: 7, other: 6))
        == "discharged: the date lies before admitted")
  }
}

/// A template's messages with values that are handed over as strings or bytes.
enum PromptRendering {
  static func messages(
    _ template: PromptTemplate, _ values: [(String, String)]
  ) throws -> (system: [UInt8], user: [UInt8]) {
    try messages(template, bytes: values.map { ($0.0, Array($0.1.utf8)) })
  }

  static func messages(
    _ template: PromptTemplate, bytes values: [(String, [UInt8])]
  ) throws -> (system: [UInt8], user: [UInt8]) {
    var text: [UInt8] = []
    var entries: [PromptValue] = []
    for (name, value) in values {
      let start = text.count
      text += Array(name.utf8) + value
      entries.append(
        PromptValue(
          name: TextRange(start: start, byteCount: name.utf8.count),
          content: TextRange(start: start + name.utf8.count, byteCount: value.count)))
    }
    var output = [UInt8](repeating: 0, count: 65_536)
    var span = output.mutableSpan
    let rendered = try template.render(
      PromptValues(text: text.span, entries: entries.span), into: &span)
    let end = rendered.systemByteCount + rendered.userByteCount
    return (
      Array(output[..<rendered.systemByteCount]), Array(output[rendered.systemByteCount..<end])
    )
  }

  static func user(_ template: PromptTemplate, _ values: [(String, String)]) throws -> String {
    String(decoding: try messages(template, values).user, as: UTF8.self)
  }

  static func system(_ template: PromptTemplate, _ values: [(String, String)]) throws -> String {
    String(decoding: try messages(template, values).system, as: UTF8.self)
  }
}
