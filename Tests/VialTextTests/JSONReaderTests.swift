// The JSON reader: its grammar, and that damage is an error or a value.

import TestSupport
import Testing
import VialText

@Suite struct JSONReaderTests {
  private func parse(_ text: String) throws -> JSONValue { try JSONReader.parse(Array(text.utf8)) }

  @Test func values() throws {
    let value = try parse(#" {"a": [1, -2.5e1, true, null, "x\u00e9\ud83e\ude7a\n"], "b": {}} "#)
    #expect(value["a"]?[0]?.integer == 1)
    #expect(value["a"]?[1]?.number == -25)
    #expect(value["a"]?[2]?.bool == true)
    #expect(value["a"]?[3]?.isNull == true)
    #expect(value["a"]?[4]?.text == "x\u{E9}\u{1FA7A}\n")
    #expect(value["b"]?.object?.members.isEmpty == true)
    #expect(value["c"] == nil)
    #expect(try parse("9223372036854775807").integer == .max)
    #expect(try parse("1000000000000000019884624838656").number == 1e30)
    #expect(try parse("32.0").integer == 32)
  }

  @Test func largeObjectsAreIndexedAndOrdered() throws {
    let members = (0..<1000).map { "\"k\($0)\": \($0)" }.joined(separator: ",")
    let object = try #require(parse("{\(members)}").object)
    #expect(object.members.map(\.key.text) == (0..<1000).map { "k\($0)" })
    #expect(object["k777"]?.integer == 777)
  }

  @Test func refusals() {
    let bad: [(text: String, offset: Int)] = [
      ("", 0), ("{", 1), ("[1,]", 3), ("{\"a\":1,}", 7), ("{\"a\" 1}", 5), ("nul", 3),
      ("01", 1), ("1.", 2), ("-", 1), ("\"\\x\"", 1), ("\"\\ud800\"", 1), ("\"\u{1}\"", 1),
      ("[1] 2", 4), ("{\"a\":1,\"a\":2}", 7), ("NaN", 0), ("1e999", 0), ("'a'", 0),
    ]
    for (text, offset) in bad {
      do {
        _ = try parse(text)
        Issue.record("parsed \(text)")
      } catch let error as JSONError {
        #expect(error.offset == offset, "\(text)")
      } catch {
        Issue.record("\(error)")
      }
    }
    #expect(throws: JSONError.self) { try JSONReader.parse([0x22, 0xFF, 0x22]) }
    #expect(throws: JSONError.self) { try JSONReader.parse([0x22, 0xED, 0xA0, 0x80, 0x22]) }
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: JSONError.self) { try parse(deep) }
    let many = (0..<50).map { "\"k\($0 % 49)\":0" }.joined(separator: ",")
    #expect(throws: JSONError.self) { try parse("{\(many)}") }
  }

  /// What a conversation's reader takes of a line's members passes this one, too.
  @Test func limitsOfConversations() throws {
    let read = { (text: String) in
      try JSONReader.parse(Array(text.utf8), limits: .ofConversations)
    }
    for digits in [String(repeating: "9", count: 309), "-" + String(repeating: "8", count: 9000)] {
      let value = try read("{\"a\": \(digits)}")
      #expect(value.compactText == Array("{\"a\":\(digits)}".utf8))
      #expect(value["a"]?.number == nil && value["a"]?.integer == nil)
      #expect(throws: JSONError.self) { try parse(digits) }
    }
    let fraction = "0." + String(repeating: "1", count: ChatValueReader.numberDigitLimit - 2)
    #expect(try read(fraction).number == parse(fraction + "1").number)
    #expect(throws: JSONError.self) { try read(fraction + "1") }
    #expect(throws: JSONError.self) { try read("1e999") }
    let nested = { (count: Int) in
      String(repeating: "[", count: count) + String(repeating: "]", count: count)
    }
    _ = try read("{\"a\": [\(nested(ChatValueReader.depthLimit))]}")
    #expect(throws: JSONError.self) { try read("[[\(nested(ChatValueReader.depthLimit + 1))]]") }
    #expect(throws: JSONError.self) { try parse("[[\(nested(ChatValueReader.depthLimit))]]") }
  }

  @Test func anyDamageIsAnErrorOrAValue() {
    var generator = SeededGenerator(seed: 5)
    let text = Array(#"{"a": [1, -2.5e1, "x\u00e9\ud83e\ude7a"], "b": {"c": null}}"#.utf8)
    for _ in 0..<20_000 {
      var damaged = text
      damaged[Int.random(in: 0..<text.count, using: &generator)] = .random(
        in: 0...255, using: &generator)
      _ = try? JSONReader.parse(damaged)
    }
  }
}
