// Grammars by themselves: which texts a schema lets through, and which schemas are refused.

import Testing
import VialText

@Suite struct GrammarTests {
  private func expect(
    _ schema: String, takes good: [String], refuses bad: [String],
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let grammar = try Grammar(schema: Array(schema.utf8))
    for text in good {
      #expect(grammar.matches(Array(text.utf8)), "\(text)", sourceLocation: location)
    }
    for text in bad {
      #expect(!grammar.matches(Array(text.utf8)), "\(text)", sourceLocation: location)
    }
  }

  @Test func scalars() throws {
    try expect(
      #"{"type": "boolean"}"#, takes: ["true", "false", "\n\ntrue", " true"],
      refuses: ["", "True", "1", "true ", "\n\n\ntrue"])
    try expect(#"{"type": ["null", "boolean"]}"#, takes: ["null", "true"], refuses: ["0"])
    try expect(
      #"{"type": "integer"}"#, takes: ["0", "-1", "120", "999999999999"],
      refuses: ["01", "-", "1.0", "1e3", "+1", "1234567890123"])
    try expect(
      #"{"type": "number"}"#, takes: ["0", "-0.5", "12.25", "0.000001"],
      refuses: [".5", "1.", "00.1", "1.1234567", "--1"])
  }

  @Test func bounds() throws {
    try expect(
      #"{"type": "integer", "minimum": 1, "maximum": 5}"#, takes: ["1", "3", "5"],
      refuses: ["0", "6", "-1", "01", "15"])
    try expect(
      #"{"type": "integer", "minimum": -12, "maximum": 205}"#,
      takes: ["-12", "-9", "-1", "0", "7", "99", "100", "199", "205"],
      refuses: ["-13", "-20", "-0", "206", "210", "1000"])
    try expect(
      #"{"type": "integer", "exclusiveMinimum": 9, "exclusiveMaximum": 100}"#,
      takes: ["10", "99"], refuses: ["9", "100"])
    try expect(
      #"{"type": "integer", "minimum": 0.5, "maximum": 2.5}"#, takes: ["1", "2"],
      refuses: ["0", "3"])
    try expect(
      #"{"type": "number", "minimum": 0.1, "maximum": 7.25}"#,
      takes: ["0.1", "0.10", "1", "7", "7.2", "7.25", "7.249999", "0.100001"],
      refuses: ["0", "0.0", "0.09", "7.250001", "7.3", "8", "10", "-1", "0.", "7."])
    try expect(
      #"{"type": "number", "minimum": -1.5, "maximum": -0.25}"#,
      takes: ["-1.5", "-1", "-0.25", "-0.3", "-1.25"],
      refuses: ["0", "-0", "-0.2", "-1.6", "-2", "1"])
    try expect(
      #"{"type": "number", "exclusiveMinimum": 0}"#, takes: ["0.000001", "1", "55555.5"],
      refuses: ["0", "0.0", "-1"])
    try expect(
      #"{"type": "integer", "minimum": 98}"#, takes: ["98", "101", "98765"],
      refuses: ["97", "9", "0"])
  }

  @Test func strings() throws {
    try expect(
      #"{"type": "string"}"#,
      takes: [#""""#, #""a é 𝛼""#, #""\n\"\\""#, #""\u00e9""#.replacing00, #""\u1234""#],
      refuses: [#"""#, #""a"#, "\"\n\"", #""\x""#, #""\ud800""#, #""a"b"#])
    try expect(
      #"{"type": "string", "minLength": 2, "maxLength": 3}"#,
      takes: [#""ab""#, #""éé𝛼""#, #""a\n\"""#],
      refuses: [#""""#, #""a""#, #""abcd""#, #""\n\n\n\n""#])
    let long = String(repeating: "x", count: 500)
    try expect(
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

  @Test func patterns() throws {
    try expect(
      #"{"type": "string", "pattern": "^[A-Z]{2}-\\d+(\\.\\d)?$"}"#,
      takes: [#""AB-1""#, #""XY-123.4""#], refuses: [#""A-1""#, #""AB-""#, #""AB-1.""#, #""ab-1""#])
    try expect(
      #"{"type": "string", "pattern": "ab|^c.$"}"#,
      takes: [#""xaby""#, #""ab""#, #""c\"""#, #""cé""#],
      refuses: [#""ba""#, #""cde""#])
    try expect(
      #"{"type": "string", "pattern": "^(foo|ba[^r-z\"])*$", "maxLength": 6}"#,
      takes: [#""""#, #""foobaa""#], refuses: [#""foofoofoo""#, #""bar""#, #""ba\"""#])
    try expect(
      #"{"type": "string", "pattern": "^\\S\\s\\W[\\u00e0-\\u00ff]$"}"#, takes: [#""a -é""#],
      refuses: [#""a aé""#, #"" a-é""#])
  }

  @Test func formats() throws {
    try expect(
      #"{"type": "string", "format": "date"}"#,
      takes: [
        "2024-02-28", "2024-02-29", "2023-01-31", "2000-02-29", "2023-04-30", "0004-02-29",
        "0001-12-31",
      ].map { "\"\($0)\"" },
      refuses: [
        "2024-13-01", "24-01-01", "2023-02-29", "1900-02-29", "2023-04-31", "0000-01-01",
        "2024-00-10", "2024-01-00", "2024-01-32",
      ].map { "\"\($0)\"" })
    try expect(
      #"{"format": "date-time"}"#,
      takes: [#""2024-02-29T23:59:59Z""#, #""2024-02-29T00:00:00.25+05:30""#],
      refuses: [#""2024-02-30T00:00:00Z""#, #""2024-02-29T24:00:00Z""#, #""2024-02-29T00:00:00""#])
  }

  @Test func patternsWithALeastLength() throws {
    try expect(
      #"{"type": "string", "pattern": "^(ab|c)*$", "minLength": 3}"#,
      takes: [#""abc""#, #""ccc""#, #""ababababab""#],
      refuses: [#""ab""#, #""cc""#, #""""#, #""aba""#])
    try expect(
      #"{"type": "string", "pattern": "^(aa)*b?$", "minLength": 3, "maxLength": 4}"#,
      takes: [#""aab""#, #""aaaa""#], refuses: [#""aa""#, #""aaaab""#, #""aaa""#])
    try expect(
      #"{"type": "string", "pattern": "a.b", "minLength": 5}"#,
      takes: [#""xa\"by""#, #""éaébé""#], refuses: [#""axb""#, #""xaxb""#])
    // A choice early on that cannot be made longer later must not be offered.
    let grammar = try Grammar(
      schema: Array(#"{"type": "string", "pattern": "^(x|y+)$", "minLength": 2}"#.utf8))
    #expect(!grammar.matches(Array(#""x""#.utf8)))
    #expect(grammar.matches(Array(#""yy""#.utf8)))
  }

  @Test func multiples() throws {
    try expect(
      #"{"type": "integer", "multipleOf": 5}"#, takes: ["0", "5", "-15", "1000", "999999999995"],
      refuses: ["1", "-3", "12", "05"])
    try expect(
      #"{"type": "integer", "multipleOf": 7, "minimum": -20, "maximum": 30}"#,
      takes: ["-14", "-7", "0", "7", "14", "21", "28"], refuses: ["-21", "35", "1", "15"])
    try expect(
      #"{"type": "number", "multipleOf": 0.25, "minimum": 0.5, "maximum": 12}"#,
      takes: ["0.5", "0.75", "1", "1.0", "1.5", "11.25", "12", "12.00"],
      refuses: ["0.25", "0.6", "0.3", "1.1", "12.25", "1.255"])
    // Few states: only the last digits matter.
    try expect(
      #"{"type": "number", "multipleOf": 0.125, "exclusiveMinimum": -7.2}"#,
      takes: ["-7.125", "0.375", "123456.875", "8"], refuses: ["-7.25", "0.3", "1.1", "0.1250001"])
    try expect(
      #"{"type": "integer", "multipleOf": 100000, "maximum": 999999999}"#,
      takes: ["0", "100000", "-2500000"], refuses: ["1", "150000", "1000000000"])
    try expect(
      #"{"type": "number", "multipleOf": 3}"#, takes: ["3", "-6", "0"],
      refuses: ["1", "1.5", "3.0"])
  }

  @Test func combinations() throws {
    try expect(
      #"""
      {"allOf": [{"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 2}}},
        {"properties": {"a": {"maximum": 4}, "b": {"type": "null"}}, "required": ["b"]}]}
      """#, takes: [#"{"a":3,"b":null}"#],
      refuses: [#"{"a":1,"b":null}"#, #"{"a":5,"b":null}"#, #"{"a":3}"#])
    // What one of them closes, the other cannot open.
    try expect(
      #"""
      {"allOf": [{"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": false},
        {"properties": {"b": {"const": 2}}}]}
      """#, takes: ["{}", #"{"a":1}"#], refuses: [#"{"a":1,"b":2}"#, #"{"b":2}"#])
    try expect(
      ##"""
      {"$defs": {"p": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}},
        "$ref": "#/$defs/p", "properties": {"y": {"const": true}}}
      """##, takes: [#"{"y":true,"x":1}"#, #"{"x":1}"#], refuses: ["{}", #"{"y":true}"#])
    try expect(
      #"{"type": "string", "anyOf": [{"maxLength": 1}, {"minLength": 3, "maxLength": 4}]}"#,
      takes: [#""""#, #""a""#, #""abc""#, #""abcd""#], refuses: [#""ab""#, #""abcde""#, "1"])
    try expect(
      #"{"oneOf": [{"type": "object", "required": ["k"], "properties": {"k": {"const": "a"}, "v": {"type": "null"}}}, {"type": "object", "required": ["k"], "properties": {"k": {"enum": ["b", "c"]}}}]}"#,
      takes: [#"{"k":"a","v":null}"#, #"{"k":"c"}"#],
      refuses: [#"{"k":"b","v":null}"#, #"{"k":"d"}"#])
    try expect(
      #"{"enum": [1, 2, "x"], "const": 2}"#, takes: ["2"], refuses: ["1", #""x""#])
    // An alternative and a property that nothing satisfies are left out.
    try expect(
      #"{"anyOf": [{"type": "integer", "minimum": 2, "maximum": 1}, {"type": "null"}]}"#,
      takes: ["null"], refuses: ["1"])
    try expect(
      #"{"properties": {"a": {"type": "string", "minLength": 2, "maxLength": 1}, "b": {"const": 1}}}"#,
      takes: ["{}", #"{"b":1}"#], refuses: [#"{"a":""}"#])
  }

  /// One keyword says enough about the type; it was ignored where it was not among a few.
  @Test func aKeywordAloneIsKept() throws {
    try expect(#"{"minLength": 2}"#, takes: [#""ab""#], refuses: [#""a""#, #""""#])
    try expect(#"{"minItems": 1}"#, takes: ["[1]"], refuses: ["[]"])
    try expect(#"{"exclusiveMinimum": 5}"#, takes: ["6", "5.5"], refuses: ["5", "4"])
    try expect(#"{"multipleOf": 2}"#, takes: ["4"], refuses: ["3"])
    try expect(
      #"{"additionalProperties": {"type": "null"}}"#, takes: [#"{"a":null}"#],
      refuses: [#"{"a":1}"#])
  }

  @Test func recursion() throws {
    let tree = ##"""
      {"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "required": ["v"], "properties":
        {"v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}}
      """##
    try expect(
      tree,
      takes: [
        #"{"v":1}"#, #"{"v":1,"kids":[]}"#, #"{"v":1,"kids":[{"v":2},{"v":3,"kids":[{"v":4}]}]}"#,
      ], refuses: [#"{"kids":[]}"#, #"{"v":1,"kids":[{}]}"#])
    // Not deeper than the limit.
    var deep = #"{"v":0}"#
    for _ in 0..<4 { deep = #"{"v":0,"kids":[\#(deep)]}"# }
    try expect(tree, takes: [deep], refuses: [#"{"v":0,"kids":[\#(deep)]}"#])
    try expect(
      ##"{"anyOf": [{"type": "null"}, {"type": "array", "minItems": 1, "maxItems": 1, "items": {"$ref": "#"}}]}"##,
      takes: ["null", "[null]", "[[[null]]]"], refuses: ["[]", "[[]]"])
    // Two children each: fewer levels rather than too many states.
    let wide = ##"""
      {"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"l": {"$ref": "#/$defs/n"}, "r": {"$ref": "#/$defs/n"},
        "m": {"$ref": "#/$defs/n"}, "t": {"type": "string", "maxLength": 20}}}}}
      """##
    try expect(wide, takes: [#"{"l":{"r":{"t":"x"}}}"#], refuses: [#"{"l":1}"#])
  }

  @Test func objects() throws {
    let schema = #"""
      {"type": "object", "required": ["b"], "properties":
        {"a": {"type": "integer"}, "b": {"enum": ["x", "y\"", 3]}, "c": {"type": "null"}}}
      """#
    try expect(
      schema,
      takes: [
        #"{"b":"x"}"#, #"{"a": 1, "b": "y\""}"#, #"{"a":1,"b":3,"c":null}"#, "{ \"b\": 3 }",
        "{\n  \"b\": 3,\n  \"c\": null\n}",
      ],
      refuses: [
        "{}", #"{"a":1}"#, #"{"b":"x","a":1}"#, #"{"b":"x",}"#, #"{"b":"x","d":1}"#, #"{"b":"z"}"#,
        #"{"b":"x" "c":null}"#, "{  \"b\":3}",
      ])
    try expect(
      #"{"properties": {"a": {"const": 1}, "b": {"const": 2}}}"#,
      takes: ["{}", #"{"a":1}"#, #"{"b":2}"#, #"{"a":1,"b":2}"#],
      refuses: [#"{"b":2,"a":1}"#, "{,}"])
    try expect(
      #"{"type": "object", "additionalProperties": {"type": "boolean"}}"#,
      takes: ["{}", #"{"any key":true,"é":false}"#], refuses: [#"{"a":1}"#, #"{"a":true,}"#])
    try expect(
      #"{"type": "object", "required": ["z"]}"#, takes: [#"{"z":[1,{"a":"b"}]}"#], refuses: ["{}"])
    try expect(
      #"{"type": "object", "additionalProperties": false}"#, takes: ["{}"], refuses: [#"{"a":1}"#])
  }

  @Test func arrays() throws {
    try expect(
      #"{"type": "array", "items": {"type": "boolean"}}"#,
      takes: ["[]", "[true]", "[true, false,true]", "[\n true,\n false\n]"],
      refuses: ["[,]", "[true,]", "[1]"])
    try expect(
      #"{"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 3}"#,
      takes: ["[null,null]", "[null,null,null]"],
      refuses: ["[]", "[null]", "[null,null,null,null]"])
    try expect(
      #"{"type": "array", "minItems": 2, "items": {"enum": [0]}}"#, takes: ["[0,0]", "[0,0,0,0]"],
      refuses: ["[]", "[0]"])
    try expect(#"{"type": "array", "maxItems": 0}"#, takes: ["[]"], refuses: ["[1]"])
  }

  @Test func alternativesAndReferences() throws {
    try expect(
      #"""
      {"$ref": "#/$defs/pair", "$defs": {"pair": {"type": "array", "minItems": 2, "maxItems": 2,
        "items": {"$ref": "#/$defs/a~1b"}}, "a/b": {"oneOf": [{"type": "integer"}, {"type": "string"}]}}}
      """#, takes: [#"[1,"x"]"#, #"["",""]"#], refuses: ["[1]", "[1,true]"])
    try expect(
      #"{"anyOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"ab": {"const": 2}}, "required": ["ab"]}]}"#,
      takes: [#"{"a":1}"#, #"{"ab":2}"#], refuses: [#"{"ab":1}"#, "{}"])
    try expect("true", takes: ["1", "[{}]", #"{"a":[null]}"#], refuses: ["", "[[[[[]]]]]"])
  }

  @Test(
    arguments: [
      ("{", GrammarError.notJSON(offset: 1)),
      ("false", .contradictory("a schema is false")),
      ("[]", .unsupported("a schema that is no object")),
      (#"{"not": {}}"#, .unsupported("not")),
      (##"{"$ref": "#"}"##, .unsupported("a $ref that leads back to itself")),
      (
        ##"{"$ref": "#/$defs/a", "$defs": {"a": {"required": ["a"], "properties": {"a": {"$ref": "#/$defs/a"}}}}}"##,
        .unsupported("a $ref that leads back to itself")
      ),
      (##"{"allOf": [{"$ref": "#"}, {"$ref": "#"}]}"##, .tooLarge("combinations of schemas")),
      (#"{"$ref": "http://x"}"#, .unsupported("$ref to another document")),
      (##"{"$ref": "#type", "type": "null"}"##, .unsupported("$ref to another document")),
      (
        #"{"type": "string", "minLength": 3, "maxLength": 2}"#,
        .contradictory("minLength is above maxLength")
      ),
      (
        #"{"type": "string", "pattern": "^aaa$", "maxLength": 2}"#,
        .contradictory("a pattern needs more characters than maxLength allows")
      ),
      (#"{"type": "string", "pattern": "(?=a)"}"#, .unsupported("a form of 'pattern'")),
      (#"{"type": "string", "pattern": "a{1000}"}"#, .tooLarge("a repetition of a pattern")),
      (
        #"{"type": "integer", "minimum": 3, "maximum": 2}"#,
        .contradictory("a number has no value between its bounds")
      ),
      (
        #"{"type": "integer", "minimum": 1e30}"#,
        .contradictory("a number has no value between its bounds")
      ),
      (#"{"type": "number", "multipleOf": 0.1}"#, .unsupported("multipleOf")),
      (#"{"type": "integer", "multipleOf": 0.5}"#, .unsupported("multipleOf")),
      (#"{"type": "integer", "multipleOf": 0}"#, .unsupported("multipleOf")),
      (
        #"{"type": "integer", "multipleOf": 7, "minimum": 8, "maximum": 13}"#,
        .contradictory("a number has no value between its bounds")
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
        #"{"allOf": [{"type": "string"}, {"type": "null"}]}"#,
        .contradictory("allOf of types that exclude each other")
      ),
      (
        #"{"allOf": [{"pattern": "a"}, {"pattern": "b"}]}"#,
        .unsupported("allOf of two different values of one keyword")
      ),
      (
        #"{"anyOf": [{"minLength": 3, "maxLength": 2}]}"#,
        .contradictory("minLength is above maxLength")
      ),
      (#"{"type": "integer", "enum": ["a"]}"#, .contradictory("an enum has no value of its type")),
      (#"{"enum": []}"#, .contradictory("an enum has no value of its type")),
      (
        #"{"required": ["a"], "additionalProperties": false}"#,
        .contradictory("a required property that is not allowed")
      ),
      (
        #"{"type": "array", "minItems": 3, "maxItems": 2}"#,
        .contradictory("minItems is above maxItems")
      ),
      (
        #"{"type": "array", "items": {}, "maxItems": 100000}"#,
        .tooLarge("more states than an automaton may have")
      ),
      (
        #"{"oneOf": [{"type": "integer"}, {"type": "number"}]}"#,
        .unsupported("oneOf whose alternatives have a type in common")
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
    #expect(throws: GrammarError.self) { try Grammar(schema: Array(bomb.utf8)) }
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
    #expect(throws: GrammarError.self) { try Grammar(choices: []) }
    #expect(throws: GrammarError.self) { try Grammar(choices: [[]]) }
    #expect(throws: GrammarError.self) {
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
