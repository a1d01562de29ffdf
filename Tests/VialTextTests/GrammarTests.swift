// Grammars by themselves: which texts a schema lets through, and which schemas are refused.

import TestSupport
import Testing
import VialText

@Suite struct GrammarTests {
  @Test func scalars() throws {
    try expectSchema(
      #"{"type": "boolean"}"#, takes: ["true", "false", "\n\ntrue"],
      refuses: ["", "True", "1", "true ", "\n\n\ntrue", "\ntrue", " true"])
    try expectSchema(#"{"type": ["null", "boolean"]}"#, takes: ["null", "true"], refuses: ["0"])
    try expectSchema(
      #"{"type": "integer"}"#,
      takes: ["0", "-1", "120", "999000051000000101", "18446744073709551615", long(300)],
      refuses: ["01", "-", "1.0", "1e3", "+1"])
    try expectSchema(
      #"{"type": "number"}"#,
      takes: [
        "0", "-0.5", "12.25", "0.000000014", "1.4e-8", "1.4E-08", "6.02e+23", "-1e307", "12.5e99",
        "0.1234567890123456789",
      ],
      refuses: [".5", "1.", "00.1", "--1", "1e", "1e+", "e5", "1e0.5"])
  }

  private func long(_ count: Int) -> String { String(repeating: "9", count: count) }

  /// More digits than a double has may be written, but then there is no end: nothing is cut.
  @Test func numbersThatAreTooLongHaveNoEnd() throws {
    try expectSchema(#"{"type": "integer"}"#, takes: [], refuses: [long(301)])
    try expectSchema(
      #"{"type": "number"}"#, takes: [],
      refuses: [long(301), "1e308", "1e999", "12e100", "-1e1000"])
    let grammar = try Grammar(schema: Array(#"{"items": {"type": "number"}}"#.utf8))
    let vocabulary = try GrammarVocabulary(
      TestTokenizer(folder: Files.fixture("tokenizers/byte-nfc")).tokenizer)
    let automaton = GrammarAutomaton(grammar, vocabulary: vocabulary, endTokens: [])
    for start in ["[" + long(301), "[1e308", "[12e100"] {
      var matcher = GrammarMatcher(automaton)
      let isTaken = matcher.advance(Array(start.utf8).span)
      #expect(isTaken)
      var more = matcher
      let goesOn = more.advance(Array("0123456789".utf8).span)
      #expect(goesOn)
      for end in [",", "]", " "] {
        var other = matcher
        let ends = other.advance(Array(end.utf8).span)
        #expect(!ends, "\(start.suffix(8))\(end)")
      }
    }
  }

  @Test func bounds() throws {
    try expectSchema(
      #"{"type": "integer", "minimum": 1, "maximum": 5}"#, takes: ["1", "3", "5"],
      refuses: ["0", "6", "-1", "01", "15"])
    try expectSchema(
      #"{"type": "integer", "minimum": -12, "maximum": 205}"#,
      takes: ["-12", "-9", "-1", "0", "7", "99", "100", "199", "205"],
      refuses: ["-13", "-20", "-0", "206", "210", "1000"])
    try expectSchema(
      #"{"type": "integer", "exclusiveMinimum": 9, "exclusiveMaximum": 100}"#,
      takes: ["10", "99"], refuses: ["9", "100"])
    try expectSchema(
      #"{"type": "integer", "minimum": 0.5, "maximum": 2.5}"#, takes: ["1", "2"],
      refuses: ["0", "3"])
    try expectSchema(
      #"{"type": "number", "minimum": 0.1, "maximum": 7.25}"#,
      takes: ["0.1", "0.10", "1", "7", "7.2", "7.25", "7.249999", "0.100001"],
      refuses: [
        "0", "0.0", "0.09", "7.250001", "7.3", "8", "10", "-1", "0.", "7.", "7.2500000000001",
      ])
    try expectSchema(
      #"{"type": "number", "minimum": -1.5, "maximum": -0.25}"#,
      takes: ["-1.5", "-1", "-0.25", "-0.3", "-1.25"],
      refuses: ["0", "-0", "-0.2", "-1.6", "-2", "1"])
    try expectSchema(
      #"{"type": "number", "exclusiveMinimum": 0}"#, takes: ["0.000001", "1", "55555.5"],
      refuses: ["0", "0.0", "-1"])
    try expectSchema(
      #"{"type": "number", "minimum": 123456.654321, "maximum": 123456.65432199999}"#,
      takes: ["123456.654321", "123456.6543219"], refuses: ["123456.654322", "123456.654320999"])
    try expectSchema(
      #"{"type": "number", "minimum": 1e-9, "maximum": 0.5}"#,
      takes: ["1e-9", "1.5e-08", "0.000000001", "5e-1", "0.5"],
      refuses: ["9.9e-10", "5.01e-1", "1e0", "1e-10", "0"])
    try expectSchema(
      #"{"type": "integer", "minimum": 999000051000000101, "maximum": 999000051000000109}"#,
      takes: ["999000051000000101", "999000051000000109"],
      refuses: ["999000051000000100", "999000051000000110", "99900005100000010"])
    try expectSchema(
      #"{"type": "integer", "maximum": 18446744073709551615, "minimum": 18446744073709551614}"#,
      takes: ["18446744073709551614", "18446744073709551615"], refuses: ["18446744073709551616"])
    // Draft 4.
    try expectSchema(
      #"{"type": "integer", "minimum": 3, "exclusiveMinimum": true, "maximum": 5, "exclusiveMaximum": false}"#,
      takes: ["4", "5"], refuses: ["3", "6"])
    try expectSchema(
      #"{"type": "integer", "minimum": 98}"#, takes: ["98", "101", "98765"],
      refuses: ["97", "9", "0"])
  }

  @Test func strings() throws {
    try expectSchema(
      #"{"type": "string"}"#,
      takes: [#""""#, #""a é 𝛼""#, #""\n\"\\""#, #""\u00e9""#.replacing00, #""\u1234""#],
      refuses: [#"""#, #""a"#, "\"\n\"", #""\x""#, #""\ud800""#, #""a"b"#])
    try expectSchema(
      #"{"type": "string", "minLength": 2, "maxLength": 3}"#,
      takes: [#""ab""#, #""éé𝛼""#, #""a\n\"""#],
      refuses: [#""""#, #""a""#, #""abcd""#, #""\n\n\n\n""#])
    let long = String(repeating: "x", count: 500)
    try expectSchema(
      #"{"type": "string", "maxLength": 500}"#, takes: ["\"\(long)\""], refuses: ["\"\(long)x\""])
  }

  @Test func bytesOfBrokenCharactersAreRefused() throws {
    let grammar = try Grammar(schema: Array(#"{"type": "string"}"#.utf8))
    for bytes in [
      [0xFF], [0xC3], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
      [0xF4, 0x90, 0x80, 0x80],
    ] as [[UInt8]] {
      #expect(!grammar.matches([0x22] + bytes + [0x22]))
    }
    for scalar in [
      "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}",
    ] {
      #expect(grammar.matches([0x22] + Array(scalar.utf8) + [0x22]), "\(scalar.debugDescription)")
    }
  }

  @Test func multiples() throws {
    try expectSchema(
      #"{"type": "integer", "multipleOf": 5}"#, takes: ["0", "5", "-15", "1000", "999999999995"],
      refuses: ["1", "-3", "12", "05"])
    try expectSchema(
      #"{"type": "integer", "multipleOf": 7, "minimum": -20, "maximum": 30}"#,
      takes: ["-14", "-7", "0", "7", "14", "21", "28"], refuses: ["-21", "35", "1", "15"])
    try expectSchema(
      #"{"type": "number", "multipleOf": 0.25, "minimum": 0.5, "maximum": 12}"#,
      takes: ["0.5", "0.75", "1", "1.0", "1.5", "11.25", "12", "12.00"],
      refuses: ["0.25", "0.6", "0.3", "1.1", "12.25", "1.255"])
    // Few states: only the last digits matter.
    try expectSchema(
      #"{"type": "number", "multipleOf": 0.125, "exclusiveMinimum": -7.2}"#,
      takes: ["-7.125", "0.375", "123456.875", "8"], refuses: ["-7.25", "0.3", "1.1", "0.1250001"])
    try expectSchema(
      #"{"type": "integer", "multipleOf": 100000, "maximum": 999999999}"#,
      takes: ["0", "100000", "-2500000"], refuses: ["1", "150000", "1000000000"])
    try expectSchema(
      #"{"type": "number", "multipleOf": 3}"#, takes: ["3", "-6", "0", "999999999999999999999"],
      refuses: ["1", "1.5", "3.0", "1000000000000000000000"])
    try expectSchema(
      #"{"type": "integer", "multipleOf": 0.5, "maximum": 3}"#, takes: ["3", "-1"],
      refuses: ["4", "0.5"])
    try expectSchema(
      #"{"type": "integer", "multipleOf": 1.5}"#, takes: ["3", "-6", "0"], refuses: ["1", "2"])
  }

  @Test(
    arguments: [
      ("{", GrammarError.notJSON(offset: 1, "it is not JSON")),
      (#"{"a": 1, "a": 2}"#, .notJSON(offset: 9, "a key stands twice in an object")),
      (#"{"minimum": 1e999}"#, .notJSON(offset: 12, "a number is too large")),
      (
        String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
        .tooLarge("levels of its JSON")
      ),
      ("false", .contradictory("a schema is false")),
      ("[]", .unsupported("a schema that is no object")),
      (#"{"not": {}}"#, .contradictory("there are no alternatives")),
      (#"{"not": {"pattern": "a"}}"#, .unsupported("a 'not' whose opposite cannot be told")),
      (#"{"contains": {}}"#, .unsupported("contains")),
      (
        ##"{"$ref": "#"}"##,
        .unsupported("a $ref that leads back to itself without an end, or through 255 others")
      ),
      (
        ##"{"$ref": "#/$defs/a", "$defs": {"a": {"required": ["a"], "properties": {"a": {"$ref": "#/$defs/a"}}}}}"##,
        .unsupported("a $ref that leads back to itself without an end, or through 255 others")
      ),
      (##"{"allOf": [{"$ref": "#"}, {"$ref": "#"}]}"##, .tooLarge("combinations of schemas")),
      (#"{"$ref": "http://x"}"#, .unsupported("$ref to another document")),
      (##"{"$ref": "#type"}"##, .unsupported("a $ref to nothing")),
      (##"{"$ref": "#/a/b"}"##, .unsupported("a $ref to nothing")),
      (
        #"{"type": "string", "minLength": 3, "maxLength": 2}"#,
        .contradictory("minLength is above maxLength")
      ),
      (
        #"{"type": "string", "pattern": "^aaa$", "maxLength": 2}"#,
        .contradictory("a pattern has no text that is short enough")
      ),
      (
        #"{"type": "string", "pattern": "(?=a)"}"#,
        .unsupported("a pattern with a look-around, a flag or a name of a group")
      ),
      (
        #"{"type": "string", "pattern": "\\ud83d"}"#,
        .unsupported("a pattern with half of a surrogate pair")
      ),
      (#"{"type": "string", "pattern": "a{1000}"}"#, .tooLarge("a repetition of a pattern")),
      (
        #"{"type": "integer", "minimum": 3, "maximum": 2}"#,
        .contradictory("a number has no value between its bounds")
      ),
      (
        #"{"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 4}"#,
        .contradictory("a number has no value between its bounds")
      ),
      (
        #"{"type": "number", "multipleOf": 0.1}"#,
        .unsupported("a multipleOf whose multiples validators do not agree on")
      ),
      (
        #"{"type": "number", "exclusiveMinimum": -99999999999, "maximum": -99999999998, "multipleOf": 0.015625}"#,
        .unsupported("multiples of a fraction that have more digits than a double")
      ),
      (#"{"type": "integer", "multipleOf": 0}"#, .unsupported("a multipleOf that is not positive")),
      (
        #"{"type": "integer", "multipleOf": 999983}"#,
        .unsupported("a multipleOf with too many remainders")
      ),
      (
        #"{"type": "integer", "multipleOf": 7, "minimum": 8, "maximum": 13}"#,
        .contradictory("a number has no multiple between its bounds")
      ),
      (
        #"{"type": "string", "minLength": 5, "pattern": "^(ab)*$", "maxLength": 5}"#,
        .contradictory("a pattern has no text of the length that is asked for")
      ),
      (
        #"{"type": "string", "minLength": 100000, "pattern": "^a*$"}"#,
        .tooLarge("a pattern with minLength")
      ),
      (#"{"properties": 1}"#, .unsupported("properties that are no object")),
      (
        #"{"allOf": [{"type": "string"}, {"type": "null"}]}"#, .contradictory("a schema is false")
      ),
      (
        #"{"allOf": [{"pattern": "^a$"}, {"pattern": "^b$"}]}"#,
        .contradictory("two patterns have no text in common")
      ),
      (
        #"{"anyOf": [{"minLength": 3, "maxLength": 2}]}"#,
        .contradictory("minLength is above maxLength")
      ),
      (
        #"{"type": "integer", "enum": ["a"]}"#,
        .contradictory("an enum has no value that is allowed")
      ),
      (#"{"enum": []}"#, .contradictory("an enum has no value that is allowed")),
      (
        #"{"required": ["a"], "additionalProperties": false}"#, .contradictory("a schema is false")
      ),
      (
        #"{"type": "array", "minItems": 3, "maxItems": 2}"#,
        .contradictory("minItems is above maxItems")
      ),
      (
        #"{"type": "array", "uniqueItems": true}"#,
        .unsupported("uniqueItems of items that are not listed")
      ),
      (
        #"{"oneOf": [{"type": "string", "pattern": "a"}, {"type": "string", "pattern": "b"}]}"#,
        .unsupported("oneOf whose alternatives may hold together")
      ),
      (#"{"type": "uuid"}"#, .unsupported("a type that JSON does not have")),
    ] as [(String, GrammarError)])
  func refusals(_ schema: String, _ error: GrammarError) {
    #expect(throws: error) { try Grammar(schema: Array(schema.utf8)) }
  }

  @Test func hostileSchemasAreBounded() {
    let deep =
      String(repeating: #"{"items":"#, count: 60) + "{}" + String(repeating: "}", count: 60)
    #expect(throws: GrammarError.self) { try Grammar(schema: Array(deep.utf8)) }
    let big = #"{"enum": [""# + String(repeating: "x", count: 10 << 20) + #""]}"#
    #expect(throws: GrammarError.tooLarge("its text")) { try Grammar(schema: Array(big.utf8)) }
    // Each level doubles what it refers to.
    var defs = (0..<30).map {
      "\"d\($0)\": {\"properties\": {\"a\": {\"$ref\": \"#/$defs/d\($0 + 1)\"}, \"b\": {\"$ref\": \"#/$defs/d\($0 + 1)\"}}}"
    }
    defs.append(#""d30": {"type": "null"}"#)
    let bomb = ##"{"$ref": "#/$defs/d0", "$defs": {"## + defs.joined(separator: ",") + "}}"
    let small = try? Grammar(schema: Array(bomb.utf8))
    #expect(small?.matches(Array(#"{"b":{"a":{}}}"#.utf8)) == true)
  }

  /// Many nodes between two bytes cost time in proportion, not its square.
  @Test func manyAlternativesAreStillFast() throws {
    let schema = #"{"type": "string", "pattern": "^(a?b?c?d?e?f?g?h?){200}$"}"#
    let start = ContinuousClock.now
    let grammar = try Grammar(schema: Array(schema.utf8))
    #expect(grammar.matches(Array(#""abcabcabch""#.utf8)))
    #expect(ContinuousClock.now - start < .seconds(2))
  }

  @Test func choices() throws {
    let texts = ["yes", "no", "yesterday", "É"].map { Array($0.utf8) }
    let grammar = try Grammar(choices: texts)
    for text in texts { #expect(grammar.matches(text)) }
    for text in ["", "y", "yest", "nope"] { #expect(!grammar.matches(Array(text.utf8))) }
    #expect(throws: GrammarError.choices("there are none")) { try Grammar(choices: []) }
    #expect(throws: GrammarError.choices("one is empty")) { try Grammar(choices: [[1], []]) }
    #expect(throws: GrammarError.choices("there are more than 1024")) {
      try Grammar(choices: [[UInt8]](repeating: [1], count: 1025))
    }
    #expect(throws: GrammarError.choices("one has more than 1024 bytes")) {
      try Grammar(choices: [[UInt8](repeating: 1, count: 1025)])
    }
    let many = (0..<1024).map { Array("choice number \($0)".utf8) }
    let large = try Grammar(choices: many)
    #expect(many.allSatisfy { large.matches($0) })
  }
}

extension String {
  /// An escape of a character below U+0100 is not offered: the character itself is.
  fileprivate var replacing00: String { "\"é\"" }
}
