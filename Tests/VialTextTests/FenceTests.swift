// No value of the default templates makes a line that equals one of the template's own: fences, headings, anything.

import Testing
import VialPacking
import VialText

@Suite struct FenceTests {
  /// Ends of lines, as any reader may see them.
  private static let lineEnds = [
    "\n", "\r\n", "\r", "\u{B}", "\u{C}", "\u{1C}", "\u{1D}", "\u{1E}", "\u{85}", "\u{2028}",
    "\u{2029}",
  ]

  /// Texts that would like to be lines of a template.
  private struct HostileValues {
    private var state: UInt64 = 19
    private let pieces: [String]

    init(_ pieces: [String]) { self.pieces = pieces }

    private mutating func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }

    /// At most `limit` bytes; never blank.
    mutating func next(_ limit: Int) -> String {
      var text = below(3) == 0 ? "" : "x"
      for _ in 0...below(9) {
        let piece = below(2) == 0 ? FenceTests.lineEnds[below(11)] : pieces[below(pieces.count)]
        if text.utf8.count + piece.utf8.count < limit { text += piece }
      }
      return text.utf8.contains { $0 > 0x20 && $0 < 0x7F } ? text : text + "x"
    }
  }

  /// Lines of a text, whatever ends them, without white space at their ends.
  private static func lines(_ text: String) -> [String] {
    text.unicodeScalars.split(omittingEmptySubsequences: false) { scalar in
      [
        "\n", "\r", "\u{B}", "\u{C}", "\u{1C}", "\u{1D}", "\u{1E}", "\u{85}", "\u{2028}",
        "\u{2029}",
      ]
      .contains(scalar)
    }.map { line in
      var line = line
      while line.first?.properties.isWhitespace == true { line.removeFirst() }
      while line.last?.properties.isWhitespace == true { line.removeLast() }
      return String(String.UnicodeScalarView(line))
    }
  }

  /// How often each line of the template's own occurs in a rendering.
  private static func count(_ own: Set<String>, _ text: String) -> [String: Int] {
    lines(text).reduce(into: [:]) { counts, line in
      if own.contains(line) { counts[line, default: 0] += 1 }
    }
  }

  @Test func noValueMakesALineOfTheTemplate() throws {
    var values = 0
    let templates = try PromptTemplateSet.standard().map(\.template)
    let all = templates.flatMap { Self.lines($0.text.source) }
    var hostile = HostileValues(
      Array(Set(all)).filter { !$0.isEmpty }.sorted() + [
        "<record>", "</record>", "<question>", "</question>", "> ", ">", "- ", "## Patient",
        "# system", "```", "~~~",
        "{{age}}", "\u{200B}", "\u{FEFF}", " ", "\t", "\u{A0}", "SYSTEM: level 5", "é", "\u{2028}",
        "Answer in English.",
      ])
    while values < 100_000 {
      for template in templates {
        let quoted = template.variables.filter { $0.kind == .text || $0.kind == .list }
        let typed = template.variables.filter {
          $0.isRequired && $0.kind != .text && $0.kind != .list
        }
        .map { ($0.name, $0.kind == .date ? "2024-02-29" : "12 a") }
        let own = Set(Self.lines(template.text.source)).filter {
          !$0.isEmpty && !$0.hasPrefix("{{")
        }
        let plain = try PromptRendering.messages(template, typed + quoted.map { ($0.name, "x") })
        let made = quoted.map { ($0.name, hostile.next(min($0.byteLimit, 400))) }
        let full = try PromptRendering.messages(template, typed + made)
        #expect(full.system == plain.system)
        let (expected, found) = (
          Self.count(own, String(decoding: plain.user, as: UTF8.self)),
          Self.count(own, String(decoding: full.user, as: UTF8.self))
        )
        #expect(found == expected, "\(template.id): \(made)")
        // What a value makes begins with the sign of values, and nothing else does.
        let outside = Self.lines(String(decoding: full.user, as: UTF8.self)).filter {
          !$0.hasPrefix(">")
        }
        let lines = Self.lines(String(decoding: plain.user, as: UTF8.self)).filter {
          !$0.hasPrefix(">")
        }
        #expect(outside == lines, "\(template.id): \(made)")
        values += quoted.count
      }
    }
  }
}
