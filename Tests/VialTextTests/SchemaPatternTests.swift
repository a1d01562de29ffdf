// Patterns and formats of a schema.

import Testing
import VialText

@Suite struct SchemaPatternTests {
  @Test func patterns() throws {
    try expectSchema(
      #"{"type": "string", "pattern": "^[A-Z]{2}-\\d+(\\.\\d)?$"}"#,
      takes: [#""AB-1""#, #""XY-123.4""#], refuses: [#""A-1""#, #""AB-""#, #""AB-1.""#, #""ab-1""#])
    try expectSchema(
      #"{"type": "string", "pattern": "ab|^c.$"}"#,
      takes: [#""xaby""#, #""ab""#, #""c\"""#, #""cé""#],
      refuses: [#""ba""#, #""cde""#])
    try expectSchema(
      #"{"type": "string", "pattern": "^(foo|ba[^r-z\"])*$", "maxLength": 6}"#,
      takes: [#""""#, #""foobaa""#], refuses: [#""foofoofoo""#, #""bar""#, #""ba\"""#])
    try expectSchema(
      #"{"type": "string", "pattern": "^\\S\\s\\W[\\u00e0-\\u00ff]$"}"#, takes: [#""a -é""#],
      refuses: [#""a aé""#, #"" a-é""#])
    // What ECMA-262 and Python read differently is not offered.
    try expectSchema(
      #"{"pattern": "^\\W+$"}"#, takes: [#""-–""#], refuses: [#""é""#, #""½""#, #""_""#])
    try expectSchema(
      #"{"pattern": "^\\s$"}"#, takes: [#"" ""#, "\"\u{A0}\""],
      refuses: ["\"\u{FEFF}\"", "\"\u{85}\""])
    try expectSchema(
      #"{"pattern": "^\\d[^\\d]$"}"#, takes: [#""1a""#], refuses: [#""١a""#, #""1١""#])
    try expectSchema(#"{"pattern": "^.$"}"#, takes: [#""a""#], refuses: ["\"\u{2028}\"", #""\r""#])
    try expectSchema(
      #"{"pattern": "^\\x41\\f$"}"#, takes: [#""A\f""#], refuses: [#""A""#, #""B\f""#])
  }

  @Test func formats() throws {
    try expectSchema(
      #"{"type": "string", "format": "date"}"#,
      takes: [
        "2024-02-28", "2024-02-29", "2023-01-31", "2000-02-29", "2023-04-30", "0004-02-29",
        "0001-12-31",
      ].map { "\"\($0)\"" },
      refuses: [
        "2024-13-01", "24-01-01", "2023-02-29", "1900-02-29", "2023-04-31", "0000-01-01",
        "2024-00-10", "2024-01-00", "2024-01-32",
      ].map { "\"\($0)\"" })
    try expectSchema(
      #"{"format": "date-time"}"#,
      takes: [#""2024-02-29T23:59:59Z""#, #""2024-02-29T00:00:00.25+05:30""#],
      refuses: [#""2024-02-30T00:00:00Z""#, #""2024-02-29T24:00:00Z""#, #""2024-02-29T00:00:00""#])
  }

  @Test func patternsWithALeastLength() throws {
    try expectSchema(
      #"{"type": "string", "pattern": "^(ab|c)*$", "minLength": 3}"#,
      takes: [#""abc""#, #""ccc""#, #""ababababab""#],
      refuses: [#""ab""#, #""cc""#, #""""#, #""aba""#])
    try expectSchema(
      #"{"type": "string", "pattern": "^(aa)*b?$", "minLength": 3, "maxLength": 4}"#,
      takes: [#""aab""#, #""aaaa""#], refuses: [#""aa""#, #""aaaab""#, #""aaa""#])
    try expectSchema(
      #"{"type": "string", "pattern": "a.b", "minLength": 5}"#,
      takes: [#""xa\"by""#, #""éaébé""#], refuses: [#""axb""#, #""xaxb""#])
    // A choice early on that cannot be made longer later must not be offered.
    let grammar = try Grammar(
      schema: Array(#"{"type": "string", "pattern": "^(x|y+)$", "minLength": 2}"#.utf8))
    #expect(!grammar.matches(Array(#""x""#.utf8)))
    #expect(grammar.matches(Array(#""yy""#.utf8)))
  }

  /// A group that is a whole alternative may have anchors of its own.
  @Test func anchorsOfWholeGroups() throws {
    try expectSchema(
      #"{"type": "string", "pattern": "^$|(^[a-c]+$)|(?:^x)"}"#,
      takes: [#""""#, #""abc""#, #""xyz""#], refuses: [#""abcd""#, #""yx""#])
    try expectSchema(
      #"{"type": "string", "pattern": "((^a$)|^b)"}"#, takes: [#""a""#, #""bc""#],
      refuses: [#""ab""#, #""c""#])
    try expectSchema(
      #"{"type": "string", "pattern": "(a)(b)$"}"#, takes: [#""xab""#], refuses: [#""abx""#])
    for pattern in ["(^a)b", "a(b$)", "(a$)+", "^^a", "a$b", "(^a$|b)c"] {
      let schema = Array(#"{"type": "string", "pattern": "\#(pattern)"}"#.utf8)
      #expect(
        throws: GrammarError.unsupported("a pattern with an anchor inside of it"), "\(pattern)"
      ) { try Grammar(schema: schema) }
    }
  }
}
