// Objects, arrays and schemas that are made of several.

import Testing
import VialText

@Suite struct SchemaTests {
  @Test func combinations() throws {
    try expectSchema(
      #"""
      {"allOf": [{"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 2}}},
        {"properties": {"a": {"maximum": 4}, "b": {"type": "null"}}, "required": ["b"]}]}
      """#, takes: [#"{"a":3,"b":null}"#],
      refuses: [#"{"a":1,"b":null}"#, #"{"a":5,"b":null}"#, #"{"a":3}"#])
    // What one of them closes, the other cannot open.
    try expectSchema(
      #"""
      {"allOf": [{"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": false},
        {"properties": {"b": {"const": 2}}}]}
      """#, takes: ["{}", #"{"a":1}"#], refuses: [#"{"a":1,"b":2}"#, #"{"b":2}"#])
    try expectSchema(
      ##"""
      {"$defs": {"p": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}},
        "$ref": "#/$defs/p", "properties": {"y": {"const": true}}}
      """##, takes: [#"{"y":true,"x":1}"#, #"{"x":1}"#], refuses: ["{}", #"{"y":true}"#])
    try expectSchema(
      #"{"type": "string", "anyOf": [{"maxLength": 1}, {"minLength": 3, "maxLength": 4}]}"#,
      takes: [#""""#, #""a""#, #""abc""#, #""abcd""#], refuses: [#""ab""#, #""abcde""#, "1"])
    try expectSchema(
      #"{"oneOf": [{"type": "object", "required": ["k"], "properties": {"k": {"const": "a"}, "v": {"type": "null"}}}, {"type": "object", "required": ["k"], "properties": {"k": {"enum": ["b", "c"]}}}]}"#,
      takes: [#"{"k":"a","v":null}"#, #"{"k":"c"}"#],
      refuses: [#"{"k":"b","v":null}"#, #"{"k":"d"}"#])
    try expectSchema(
      #"{"enum": [1, 2, "x"], "const": 2}"#, takes: ["2"], refuses: ["1", #""x""#])
    // An alternative and a property that nothing satisfies are left out.
    try expectSchema(
      #"{"anyOf": [{"type": "integer", "minimum": 2, "maximum": 1}, {"type": "null"}]}"#,
      takes: ["null"], refuses: ["1"])
    try expectSchema(
      #"{"properties": {"a": {"type": "string", "minLength": 2, "maxLength": 1}, "b": {"const": 1}}}"#,
      takes: ["{}", #"{"b":1}"#], refuses: [#"{"a":""}"#])
  }

  /// One keyword says enough about the type; it was ignored where it was not among a few.
  @Test func aKeywordAloneIsKept() throws {
    try expectSchema(#"{"minLength": 2}"#, takes: [#""ab""#], refuses: [#""a""#, #""""#])
    try expectSchema(#"{"minItems": 1}"#, takes: ["[1]"], refuses: ["[]"])
    try expectSchema(#"{"exclusiveMinimum": 5}"#, takes: ["6", "5.5"], refuses: ["5", "4"])
    try expectSchema(#"{"multipleOf": 2}"#, takes: ["4"], refuses: ["3"])
    try expectSchema(
      #"{"additionalProperties": {"type": "null"}}"#, takes: [#"{"a":null}"#],
      refuses: [#"{"a":1}"#])
  }

  @Test func recursion() throws {
    let tree = ##"""
      {"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "required": ["v"], "properties":
        {"v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}}
      """##
    try expectSchema(
      tree,
      takes: [
        #"{"v":1}"#, #"{"v":1,"kids":[]}"#, #"{"v":1,"kids":[{"v":2},{"v":3,"kids":[{"v":4}]}]}"#,
      ], refuses: [#"{"kids":[]}"#, #"{"v":1,"kids":[{}]}"#])
    // Not deeper than the limit, and nowhere in a part that could not be ended then.
    func nested(_ depth: Int) -> String {
      (0..<depth).reduce(#"{"v":0}"#) { inner, _ in #"{"v":0,"kids":[\#(inner)]}"# }
    }
    let grammar = try Grammar(schema: Array(tree.utf8))
    let deepest = (1...60).last { grammar.matches(Array(nested($0).utf8)) } ?? 0
    #expect((8...40).contains(deepest))
    #expect((1...deepest).allSatisfy { grammar.matches(Array(nested($0).utf8)) })
    try expectSchema(
      ##"{"anyOf": [{"type": "null"}, {"type": "array", "minItems": 1, "maxItems": 1, "items": {"$ref": "#"}}]}"##,
      takes: ["null", "[null]", "[[[null]]]"], refuses: ["[]", "[[]]"])
    let wide = ##"""
      {"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"l": {"$ref": "#/$defs/n"}, "r": {"$ref": "#/$defs/n"},
        "m": {"$ref": "#/$defs/n"}, "t": {"type": "string", "maxLength": 20}}}}}
      """##
    try expectSchema(wide, takes: [#"{"l":{"r":{"t":"x"}}}"#], refuses: [#"{"l":1}"#])
    // A property that leads back without an end is left out.
    try expectSchema(
      ##"{"properties": {"a": {"const": 1}, "b": {"$ref": "#/$defs/e"}}, "$defs": {"e": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/e"}}}}"##,
      takes: [#"{"a":1}"#, "{}"], refuses: [#"{"b":[]}"#, #"{"b":[[]]}"#])
    // References by name, from the root's own, and with escapes.
    try expectSchema(
      ##"{"$id": "http://x/y", "items": [{"$ref": "#one"}, {"$ref": "http://x/y#/$defs/a%20b"}], "minItems": 2, "additionalItems": false, "$defs": {"q": {"$anchor": "one", "const": 1}, "a b": {"const": 2}}}"##,
      takes: ["[1,2]"], refuses: ["[2,1]", "[1]", "[1,2,3]"])
  }

  @Test func objects() throws {
    let schema = #"""
      {"type": "object", "required": ["b"], "properties":
        {"a": {"type": "integer"}, "b": {"enum": ["x", "y\"", 3]}, "c": {"type": "null"}}}
      """#
    try expectSchema(
      schema,
      takes: [
        #"{"b":"x"}"#, #"{"a": 1, "b": "y\""}"#, #"{"a":1,"b":3,"c":null}"#, "{ \"b\": 3 }",
        "{\n  \"b\": 3,\n  \"c\": null\n}",
      ],
      refuses: [
        "{}", #"{"a":1}"#, #"{"b":"x","a":1}"#, #"{"b":"x",}"#, #"{"b":"x","d":1}"#, #"{"b":"z"}"#,
        #"{"b":"x" "c":null}"#, "{  \"b\":3}",
      ])
    try expectSchema(
      #"{"properties": {"a": {"const": 1}, "b": {"const": 2}}}"#,
      takes: ["{}", #"{"a":1}"#, #"{"b":2}"#, #"{"a":1,"b":2}"#],
      refuses: [#"{"b":2,"a":1}"#, "{,}"])
    try expectSchema(
      #"{"type": "object", "additionalProperties": {"type": "boolean"}}"#,
      takes: ["{}", #"{"any key":true,"é":false}"#], refuses: [#"{"a":1}"#, #"{"a":true,}"#])
    try expectSchema(
      #"{"type": "object", "required": ["z"]}"#, takes: [#"{"z":[1,{"a":"b"}]}"#], refuses: ["{}"])
    try expectSchema(
      #"{"type": "object", "additionalProperties": false}"#, takes: ["{}"], refuses: [#"{"a":1}"#])
  }

  @Test func arrays() throws {
    try expectSchema(
      #"{"type": "array", "items": {"type": "boolean"}}"#,
      takes: ["[]", "[true]", "[true, false,true]", "[\n true,\n false\n]"],
      refuses: ["[,]", "[true,]", "[1]"])
    try expectSchema(
      #"{"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 3}"#,
      takes: ["[null,null]", "[null,null,null]"],
      refuses: ["[]", "[null]", "[null,null,null,null]"])
    try expectSchema(
      #"{"type": "array", "minItems": 2, "items": {"enum": [0]}}"#, takes: ["[0,0]", "[0,0,0,0]"],
      refuses: ["[]", "[0]"])
    try expectSchema(#"{"type": "array", "maxItems": 0}"#, takes: ["[]"], refuses: ["[1]"])
    let many = (0..<300).map { _ in "0" }.joined(separator: ",")
    try expectSchema(
      #"{"type": "array", "items": {"enum": [0]}, "maxItems": 300, "minItems": 300}"#,
      takes: ["[\(many)]"], refuses: ["[\(many),0]", "[0]"])
    try expectSchema(
      #"{"prefixItems": [{"type": "integer"}, {"type": "null"}], "items": {"const": "x"}, "minItems": 1}"#,
      takes: ["[1]", "[1,null]", #"[1, null, "x","x"]"#], refuses: ["[]", "[null]", #"[1,"x"]"#])
    try expectSchema(
      #"{"items": {"enum": ["a", "b", "c"]}, "uniqueItems": true, "minItems": 1}"#,
      takes: [#"["b"]"#, #"["c","a"]"#, #"["b","c","a"]"#],
      refuses: ["[]", #"["a","a"]"#, #"["a","b","a"]"#])
    try expectSchema(
      #"{"items": {"type": "boolean"}, "uniqueItems": true}"#,
      takes: ["[]", "[true,false]", "[false]"], refuses: ["[true,true]"])
    let letters = (0..<9).map { "\"l\($0)\"" }.joined(separator: ",")
    try expectSchema(
      #"{"items": {"enum": [\#(letters)]}, "uniqueItems": true, "maxItems": 3}"#,
      takes: [#"["l0","l8"]"#, #"["l1","l2","l3"]"#],
      refuses: [#"["l1","l1"]"#, #"["l0","l1","l2","l3"]"#])
  }

  @Test func alternativesAndReferences() throws {
    try expectSchema(
      #"""
      {"$ref": "#/$defs/pair", "$defs": {"pair": {"type": "array", "minItems": 2, "maxItems": 2,
        "items": {"$ref": "#/$defs/a~1b"}}, "a/b": {"oneOf": [{"type": "integer"}, {"type": "string"}]}}}
      """#, takes: [#"[1,"x"]"#, #"["",""]"#], refuses: ["[1]", "[1,true]"])
    try expectSchema(
      #"{"anyOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"ab": {"const": 2}}, "required": ["ab"]}]}"#,
      takes: [#"{"a":1}"#, #"{"ab":2}"#], refuses: [#"{"ab":1}"#, "{}"])
    try expectSchema(
      "true", takes: ["1", "[{}]", #"{"a":[null]}"#, "[[[[[]]]]]"], refuses: ["", "[1}"])
  }

  /// Alternatives that are told apart by what one property must be stay as they are, however many they are and whatever
  /// else they have.
  @Test func alternativesWithAKindOfTheirOwn() throws {
    let kinds = (0..<12).map { kind in
      let others = (0..<6).map { #""p\#(kind)\#($0)": {"type": "integer"}"# }
      return
        #"{"type": "object", "properties": {"kind": {"enum": ["k\#(kind)"]}, \#(others.joined(separator: ", "))}, "required": ["kind", "p\#(kind)0"]}"#
    }
    try expectSchema(
      #"{"oneOf": [\#(kinds.joined(separator: ", "))]}"#,
      takes: [#"{"kind":"k3","p30":1}"#, #"{"kind":"k11","p110":1,"p111":2}"#],
      refuses: [#"{"kind":"k3","p40":1}"#, #"{"kind":"k12","p120":1}"#, #"{"kind":"k3"}"#])
  }

  /// Schemas made of several that lead back to themselves become rules: their depth has no limit.
  @Test(
    arguments: [
      ##"{"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"c": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/n"}, {"type": "array", "items": {"$ref": "#/$defs/n"}}]}}, "additionalProperties": false}}}"##,
      ##"{"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"c": {"minProperties": 1, "anyOf": [{"type": "string"}, {"$ref": "#/$defs/n"}, {"type": "array", "items": {"$ref": "#/$defs/n"}}]}}, "additionalProperties": false}}}"##,
      ##"{"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"c": {"anyOf": [{"type": "string"}, {"allOf": [{"$ref": "#/$defs/n"}, {"required": ["c"]}]}, {"type": "array", "items": {"$ref": "#/$defs/n"}}]}}, "additionalProperties": false}}}"##,
    ]) func schemasThatLeadBackToThemselves(_ schema: String) throws
  {
    let deep =
      String(repeating: #"{"c":"#, count: 20) + #""x""# + String(repeating: "}", count: 20)
    try expectSchema(
      schema, takes: [deep, #"{"c":[{"c":"x"},{}]}"#],
      refuses: [deep + "}", #"{"c":1}"#, String(deep.dropLast())])
  }

  /// Values are equal as JSON says: numbers by their value, objects whatever the order of their members.
  @Test func equalValues() throws {
    try expectSchema(
      #"{"enum": [1, {"a": 1, "b": [2]}, "x"], "not": {"enum": [1.0, {"b": [2.0], "a": 1}]}}"#,
      takes: [#""x""#], refuses: ["1", #"{"a":1,"b":[2]}"#])
    try expectSchema(
      #"{"allOf": [{"enum": [1, {"a": 1, "b": 2}, 3]}, {"enum": [{"b": 2, "a": 1}, 1.0]}]}"#,
      takes: ["1", #"{"a":1,"b":2}"#], refuses: ["3"])
    try expectSchema(
      #"{"type": "array", "uniqueItems": true, "items": {"enum": [2, 1, 1.0, 2.0]}}"#,
      takes: ["[2,1]", "[1,2]", "[]"], refuses: ["[1,1.0]", "[2,1,2.0]"])
  }

  /// More different values than are offered in every order come in the order of the schema.
  @Test func manyDifferentItemsKeepTheirOrder() throws {
    try expectSchema(
      #"{"type": "array", "uniqueItems": true, "items": {"enum": ["z", "b", "y", "a", "x", "c", "w"]}}"#,
      takes: [#"["z","b","w"]"#, #"["y","a"]"#], refuses: [#"["a","y"]"#, #"["z","z"]"#])
  }

  /// Alternatives without a type hold for values of all others, too.
  @Test func untypedAlternativesExcludeWhatTheyHoldFor() throws {
    try expectSchema(
      #"{"type": ["null", "object"], "oneOf": [{"type": "null"}, {"properties": {"a": {"type": "integer"}}, "required": ["a"]}]}"#,
      takes: [#"{"a":1}"#], refuses: ["null"])
    try expectSchema(
      #"{"type": "integer", "oneOf": [{"minimum": 0}, {"maxLength": 3}]}"#, takes: ["-1"],
      refuses: ["1"])
    try expectSchema(
      #"{"enum": ["x", 1, -1], "oneOf": [{"type": "string"}, {"minimum": 0}]}"#, takes: ["1"],
      refuses: [#""x""#, "-1"])
    try expectSchema(
      #"{"type": ["string", "number"], "if": {"type": "number"}, "then": {"type": "string"}, "else": {"type": ["string", "number"]}}"#,
      takes: [#""a""#], refuses: ["1"])
    #expect(throws: GrammarError.unsupported("oneOf whose alternatives may hold together")) {
      try Grammar(
        schema: Array(
          #"{"oneOf": [{"type": "null"}, {"required": ["a"], "if": {"type": "null"}, "then": {"type": "null"}}]}"#
            .utf8))
    }
    try expectSchema(
      #"{"oneOf": [{"type": "null"}, {"required": ["a"], "dependentSchemas": {"b": {"const": null}}}]}"#,
      takes: [#"{"a":1}"#], refuses: ["null", #"{"a":1,"b":2}"#])
    let none = GrammarError.contradictory("minLength is above maxLength")
    #expect(throws: none) {
      try Grammar(
        schema: Array(
          #"{"type": "string", "maxLength": 2, "oneOf": [{"type": "string"}, {"required": ["a"]}]}"#
            .utf8))
    }
  }

  /// Listed values are held against schemas inside of others, negations and conditions among them.
  @Test func listedValuesAreHeldAgainstInnerSchemas() throws {
    try expectSchema(
      #"{"enum": [[1], [2], ["x"]], "items": {"not": {"const": 1}}}"#, takes: ["[2]", #"["x"]"#],
      refuses: ["[1]"])
    try expectSchema(
      #"{"enum": [[1], [2], [3]], "items": {"if": {"minimum": 2}, "then": {"const": 3}}}"#,
      takes: ["[1]", "[3]"], refuses: ["[2]"])
    try expectSchema(
      #"{"enum": [[1], [2], [3]], "items": {"oneOf": [{"maximum": 2}, {"minimum": 2}]}}"#,
      takes: ["[1]", "[3]"], refuses: ["[2]"])
  }

  /// Items of one schema hold at the places of which another one speaks.
  @Test func itemsHoldAtEveryPlaceOfBoth() throws {
    try expectSchema(
      #"{"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2, "allOf": [{"type": "array", "prefixItems": [{"type": ["null", "integer"]}]}]}"#,
      takes: ["[1]", "[1,2]"], refuses: ["[null]", "[1,null]"])
    try expectSchema(
      #"{"allOf": [{"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}, {"prefixItems": [{"type": ["null", "boolean"]}], "items": {"type": ["null", "boolean"]}}]}"#,
      takes: ["[true,false]"], refuses: ["[null,true]", "[true,null]", "[true]"])
  }

  /// Where a name or a reference could mean another schema to a validator, the schema is refused.
  @Test(
    arguments: [
      (
        ##"{"type": "object", "properties": {"a": {"$id": "http://x/sub", "$defs": {"t": {"type": "boolean"}}, "$ref": "#/$defs/t"}}, "required": ["a"], "$defs": {"t": {"type": "null"}}}"##,
        "a $ref below an $id that is not the whole schema's"
      ),
      (
        ##"{"$defs": {"s": {"$defs": {"t": {"$anchor": "z", "type": "boolean"}}}, "t": {"$anchor": "z", "type": "null"}}, "$ref": "#z"}"##,
        "a $ref to one of several schemas of one name"
      ),
      (
        ##"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "prefixItems": [{"type": "string"}]}"##,
        "prefixItems in a schema of a draft that does not have them"
      ),
      (
        ##"{"enum": ["é", "x"], "not": {"type": "string", "format": "date"}}"##,
        "a format that says which schema holds, and that may be a remark"
      ),
      (
        ##"{"enum": ["é", "a"], "type": "string", "not": {"pattern": "^\\w$"}}"##,
        "a pattern that dialects read differently, and a text where it matters"
      ),
      (
        ##"{"type": "string", "minLength": 1, "maxLength": 1, "pattern": "^[é]$", "not": {"pattern": "^\\w$"}}"##,
        "a 'not' whose opposite cannot be told"
      ),
      (
        ##"{"type": "object", "required": ["a"], "minProperties": 2}"##,
        "an object that needs properties beside those that it names"
      ),
      (
        ##"{"type": "number", "exclusiveMinimum": 0, "maximum": 1e-307}"##,
        "bounds with nothing but numbers between them that are no doubles"
      ),
    ] as [(String, StaticString)]) func whatValidatorsCouldReadOtherwiseIsRefused(
      _ schema: String, _ reason: StaticString
    )
  {
    #expect(throws: GrammarError.unsupported(reason)) { try Grammar(schema: Array(schema.utf8)) }
  }

  /// A name in data is none, and keys are offered only where every dialect matches them.
  @Test func namesAndKeysAreThoseOfEveryReading() throws {
    try expectSchema(
      ##"{"$defs": {"q": {"enum": [{"$anchor": "z", "type": "boolean"}]}, "r": {"$anchor": "z", "type": "null"}}, "$ref": "#z"}"##,
      takes: ["null"], refuses: ["true"])
    try expectSchema(
      #"{"type": "object", "patternProperties": {"^\\w$": {"type": "null"}}, "propertyNames": {"enum": ["b", "-", "c"]}, "additionalProperties": false}"#,
      takes: [#"{"b":null}"#, "{}"], refuses: [#"{"-":null}"#])
  }
}
