// Schemas that were made to take hours or gigabytes, or to overflow a number: each is refused or compiled within the
// budget of a call. Without it most of these never return.

import Testing
import VialSystem
import VialText

@Suite struct HostileSchemaTests {
  private func error(_ schema: String) -> GrammarError? {
    #expect(schema.utf8.count <= GrammarLimits.schemaByteCount)
    do throws(GrammarError) {
      _ = try Grammar(schema: Array(schema.utf8))
      return nil
    } catch { return error }
  }

  private func expectTooLarge(_ schema: String) {
    guard case .tooLarge? = error(schema) else {
      Issue.record("was not refused as too large")
      return
    }
  }

  private static func list(_ count: Int, _ element: (Int) -> String) -> String {
    "[" + (0..<count).map(element).joined(separator: ",") + "]"
  }

  private static func references(_ count: Int, _ name: String) -> String {
    list(count) { _ in ##"{"$ref":"#/$defs/\##(name)"}"## }
  }

  /// `{256}` within `{256}` and so on: the number of characters passes 64 bits.
  @Test(arguments: [2, 7, 8, 9, 16, 31]) func repetitionsMultiplyWithoutEnd(_ depth: Int) {
    let open = String(repeating: "(", count: depth)
    let pattern = open + "a" + String(repeating: "){256}", count: depth)
    for bounds in ["", #","minLength":3"#, #","maxLength":9"#, #","minLength":2,"maxLength":5"#] {
      #expect(error(#"{"type":"string","pattern":"^\#(pattern)$"\#(bounds)}"#) != nil)
      // As an alternative it is left out, or too large itself.
      switch error(#"{"type":"string","pattern":"^(b|\#(pattern))$"\#(bounds)}"#) {
      case nil, .tooLarge, .contradictory: break
      case let other: Issue.record("\(String(describing: other))")
      }
    }
  }

  /// What matches the empty text only is that, however often it is repeated.
  @Test(arguments: ["()", "(a{0})", "(|)", "(a{0}|b{0})"]) func nothingIsRepeated(
    _ nothing: String
  ) throws {
    let depth = GrammarLimits.depth - 4
    let pattern =
      String(repeating: "(", count: depth) + nothing + String(repeating: "){256}", count: depth)
    let grammar = try Grammar(schema: Array(#"{"type":"string","pattern":"^\#(pattern)$"}"#.utf8))
    #expect(grammar.matches(Array(#""""#.utf8)))
    #expect(!grammar.matches(Array(#""a""#.utf8)))
  }

  /// Alternatives of alternatives, none of which anything satisfies: each is compiled once, however it is reached.
  @Test(arguments: [(12, 3), (7, 7), (30, 10), (3, 400)]) func contradictionsAreLeftOut(
    _ depth: Int, _ count: Int
  ) throws {
    var definitions = [#""x0":{"type":"string","minLength":2,"maxLength":1}"#]
    for level in 1...depth {
      definitions.append(#""x\#(level)":{"anyOf":\#(Self.references(count, "x\(level - 1)"))}"#)
    }
    let schema = ##"""
      {"$defs":{\##(definitions.joined(separator: ","))},
       "anyOf":[{"$ref":"#/$defs/x\##(depth)"},{"type":"boolean"}]}
      """##
    let grammar = try Grammar(schema: Array(schema.utf8))
    #expect(grammar.matches(Array("true".utf8)) && !grammar.matches(Array(#""""#.utf8)))
  }

  /// A required property leads back to the object, forty ways a level.
  @Test func recursionHasAnEndOrNone() throws {
    let properties = (0..<40).map { ##""c\##($0)":{"$ref":"#/$defs/n"}"## }.joined(separator: ",")
    let node = #""type":"object","properties":{\#(properties)}"#
    #expect(
      error(##"{"$defs":{"n":{"required":["c0"],\##(node)}},"$ref":"#/$defs/n"}"##)
        == .unsupported("a $ref that leads back to itself without an end, or through 255 others"))
    let grammar = try Grammar(
      schema: Array(##"{"$defs":{"n":{\##(node)}},"$ref":"#/$defs/n"}"##.utf8))
    #expect(grammar.matches(Array(#"{"c3":{"c7":{},"c9":{}}}"#.utf8)))
  }

  @Test func alternativesAreComparedForAPrice() {
    expectTooLarge(
      #"{"oneOf":"#
        + Self.list(700) {
          #"{"type":"object","required":["a"],"properties":{"a":{"const":"v\#($0)"}}}"#
        } + "}")
  }

  @Test func listsThatDoubleAreCharged() {
    var definitions = [
      #""r0":{"required":\#(Self.list(2000) { _ in #""a""# }),"properties":{"a":true}}"#
    ]
    for level in 1...10 {
      definitions.append(#""r\#(level)":{"allOf":\#(Self.references(2, "r\(level - 1)"))}"#)
    }
    expectTooLarge(##"{"$defs":{\##(definitions.joined(separator: ","))},"$ref":"#/$defs/r10"}"##)
  }

  @Test func mergedObjectsAreCharged() {
    let properties = (0..<900).map { #""p\#($0)":{"type":"string"}"# }.joined(separator: ",")
    expectTooLarge(
      ##"{"$defs":{"m":{"properties":{\##(properties)}}},"allOf":\##(Self.references(1500, "m"))}"##
    )
  }

  @Test(
    arguments: [
      (#"{"type":"integer","multipleOf":999983}"#, "a multipleOf with too many remainders"),
      (
        #"{"type":"integer","multipleOf":999983,"minimum":-99999999999,"maximum":99999999999}"#,
        "a multipleOf with too many remainders"
      ),
      (
        #"{"type":"number","multipleOf":0.000000001}"#,
        "a multipleOf whose multiples validators do not agree on"
      ),
      (#"{"type":"integer","multipleOf":1e300}"#, "multipleOf of more than nine digits"),
    ] as [(String, StaticString)]) func divisorsWithTooManyRemaindersAreRefused(
      _ schema: String, _ reason: StaticString
    )
  {
    #expect(error(schema) == .unsupported(reason))
  }

  /// Multiples and patterns as often as a schema can hold them.
  @Test func statesAreCharged() {
    expectTooLarge(
      #"{"anyOf":"#
        + Self.list(2000) { #"{"type":"integer","multipleOf":997,"minimum":\#($0)}"# } + "}")
    expectTooLarge(
      #"{"anyOf":"#
        + Self.list(2000) {
          #"{"pattern":"^([ab]?){\#(200 + $0 % 50)}$","minLength":60,"maxLength":62}"#
        } + "}")
  }

  /// Keys are held against patterns, patterns against each other: all of it is charged.
  @Test func patternsOfKeysAreCharged() {
    let patterns = (0..<900).map { #""^(a|b|\#($0)|c){9}(.*)$":{"type":"null"}"# }
    let properties = (0..<400).map { #""key\#($0)":true"# }
    expectTooLarge(
      #"{"patternProperties":{\#(patterns.joined(separator: ","))},"properties":{\#(properties.joined(separator: ","))}}"#
    )
    expectTooLarge(#"{"patternProperties":{\#(patterns.joined(separator: ","))}}"#)
  }

  /// Each condition doubles the cases.
  @Test func casesAreCharged() {
    let conditions = Self.list(60) {
      #"{"if":{"properties":{"k\#($0)":{"const":1}},"required":["k\#($0)"]},"then":{"required":["v\#($0)"]}}"#
    }
    let properties = (0..<60).map { #""k\#($0)":{"enum":[1,2]},"v\#($0)":{"type":"null"}"# }
    expectTooLarge(
      #"{"type":"object","properties":{\#(properties.joined(separator: ","))},"allOf":\#(conditions)}"#
    )
    let dependencies = (0..<40).map { #""k\#($0)":{"required":["v\#($0)"]}"# }
    expectTooLarge(
      #"{"properties":{\#(properties.joined(separator: ","))},"dependencies":{\#(dependencies.joined(separator: ","))}}"#
    )
  }

  @Test func endlessCountsAreCountedOrRefused() throws {
    let many = try Grammar(
      schema: Array(
        #"{"type":"array","items":{"type":"null"},"maxItems":4611686018427387904}"#.utf8))
    #expect(many.matches(Array("[null,null]".utf8)))
    #expect(
      error(#"{"type":"array","items":{"type":"null"},"minItems":99999999999999999999}"#)
        == .tooLarge("a minItems"))
    #expect(
      error(#"{"type":"string","pattern":"^a*$","minLength":9223372036854775807}"#)
        == .tooLarge("a minLength"))
  }

  /// Schemas that lead back to themselves while they are put together or held against each other: through alternatives,
  /// properties and references by turns, none of which goes deep by itself. On the stack that compiling has in a host.
  @Test(arguments: [
    ##"{"oneOf":[{"$ref":"#"},{"type":"string"}]}"##,
    ##"{"properties":{"k":{"$ref":"#/$defs/a"}},"$defs":{"a":{"oneOf":[{"$ref":"#/$defs/b"},{"type":"string"}]},"b":{"oneOf":[{"$ref":"#/$defs/a"},{"type":"null"}]}}}"##,
    ##"{"allOf":[{"$ref":"#/$defs/a"},{"maxLength":3}],"$defs":{"a":{"allOf":[{"oneOf":[{"$ref":"#/$defs/a"},{"type":"string"}]},{"minLength":1}]}}}"##,
    ##"{"oneOf":[{"type":"object","required":["k"],"properties":{"k":{"oneOf":[{"$ref":"#"},{"const":1}]}}},{"type":"object","required":["k"],"properties":{"k":{"$ref":"#"}}}]}"##,
    ##"{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}],"$defs":{"a":{"properties":{"p":{"$ref":"#/$defs/a"},"q":{"type":"null"}}},"b":{"additionalProperties":{"$ref":"#/$defs/b"}}}}"##,
    ##"{"oneOf":[{"$ref":"#/$defs/a"},{"type":"array","items":{"type":"array","items":{"$ref":"#/$defs/a"}}}],"$defs":{"a":{"type":"array","minItems":1,"items":{"oneOf":[{"$ref":"#/$defs/a"},{"type":"array","items":{"$ref":"#/$defs/a"}}]}}}}"##,
  ]) func combinationsThatLeadBackNeedNoStack(_ schema: String) {
    var found: GrammarError?
    #expect(SystemThread.perform { found = error(schema) })
    #expect(found == .tooLarge("combinations of schemas"))
  }

  /// One property needs another, said thousands of times: once is enough, since what is needed is held against each state
  /// of each property. A property that needs itself may come.
  @Test func repeatedDependenciesAreOne() throws {
    let needed = Self.list(20_000) { _ in #""p1""# }
    let properties = (0..<250).map { #""p\#($0)":{"type":"null"}"# }.joined(separator: ",")
    expectTooLarge(
      #"{"minProperties":2,"properties":{\#(properties)},"dependentRequired":{"p0":\#(needed)}}"#)
    let few = #""p0":{"type":"null"},"p1":{"type":"null"}"#
    let grammar = try Grammar(
      schema: Array(
        #"{"properties":{\#(few)},"dependentRequired":{"p0":\#(needed),"p1":["p1"]}}"#.utf8))
    #expect(grammar.matches(Array(#"{"p0":null,"p1":null}"#.utf8)))
    #expect(grammar.matches(Array(#"{"p1":null}"#.utf8)))
    #expect(!grammar.matches(Array(#"{"p0":null}"#.utf8)))
  }

  /// Keys have at most 64 characters: one that must have more would lead an answer to where nothing may follow.
  @Test func keysThatAreTooLongAreNotOffered() throws {
    let names = #""propertyNames":{"minLength":65}"#
    #expect(error(#"{"type":"object",\#(names)}"#) == nil)
    #expect(
      error(#"{"type":"object","minProperties":1,\#(names)}"#)
        == .contradictory("keys have more characters than are offered"))
  }

  /// A thousand texts, each the beginning of the next: a path of their length, but no recursion of it.
  @Test func longCommonBeginningsNeedNoStack() throws {
    let texts = (1..<GrammarLimits.valueCount).map { [UInt8](repeating: 0x61, count: $0) }
    let grammar = try Grammar(choices: texts + [[0x62]])
    #expect(grammar.matches(texts[0]) && grammar.matches(texts[texts.count - 1]))
    #expect(grammar.matches([0x62]) && !grammar.matches([]) && !grammar.matches([0x61, 0x62]))
  }

  @Test func choicesThatAreEqualAreOne() throws {
    let grammar = try Grammar(choices: [[0x61], [0x61, 0x62], [0x61]])
    #expect(grammar.matches([0x61]) && grammar.matches([0x61, 0x62]))
    #expect(!grammar.matches([0x62]))
  }
}
