// Decoding token by token, and stop strings.

import Foundation
import TestSupport
import Testing
import VialPacking
import VialText

@Suite struct StreamingTests {
  @Test(arguments: FixtureVectorTests.names)
  func piecesAreWholeCharacters(_ name: String) throws {
    let folder = Files.fixture("tokenizers/\(name)")
    let tokenizer = try TestTokenizer(folder: folder)
    for json in try Files.lines(folder.appending(path: "vectors.jsonl")) {
      let vector = Vector(json)
      let pieces = TestTokenizer.stream(tokenizer.tokenizer, vector.ids)
      #expect(pieces.flatMap { $0 } == vector.decoded)
      for piece in pieces { #expect(String(validating: piece, as: UTF8.self) != nil) }
    }
  }

  @Test(arguments: FixtureVectorTests.names)
  func anyIdsGiveValidText(_ name: String) throws {
    let folder = Files.fixture("tokenizers/\(name)")
    let tokenizer = try TestTokenizer(folder: folder)
    for json in try Files.lines(folder.appending(path: "decode.jsonl")) {
      let ids = Vector(json).ids
      let text = TestTokenizer.stream(tokenizer.tokenizer, ids).flatMap { $0 }
      #expect(String(validating: text, as: UTF8.self) != nil)
      if name != "pieces-fallback" { #expect(text == json["decoded"]?.string?.bytes) }
    }
  }

  /// A text in two parts is the text in one when the second is said to continue: no space between them is lost.
  @Test(arguments: FixtureVectorTests.names)
  func aContinuationKeepsItsSpace(_ name: String) throws {
    let tokenizer = try TestTokenizer(folder: Files.fixture("tokenizers/\(name)"))
    let ids = try tokenizer.encode(Array("fever and a cough and a rash".utf8))
    let whole = TestTokenizer.stream(tokenizer.tokenizer, ids).flatMap { $0 }
    for cut in 1..<ids.count {
      let first = TestTokenizer.stream(tokenizer.tokenizer, Array(ids[..<cut])).flatMap { $0 }
      let second = TestTokenizer.stream(
        tokenizer.tokenizer, Array(ids[cut...]), continuesText: true
      ).flatMap { $0 }
      #expect(first + second == whole, "\(cut)")
    }
  }

  @Test func bytesWaitForTheirCharacter() throws {
    let tokenizer = try TestTokenizer(folder: Files.fixture("tokenizers/byte-nfc"))
    let text = Array("\u{1FA7A}".utf8)
    let ids = try tokenizer.encode(text)
    #expect(ids.count == 4)
    let pieces = TestTokenizer.stream(tokenizer.tokenizer, ids)
    #expect(pieces == [[], [], [], text, []])
    let cut = TestTokenizer.stream(tokenizer.tokenizer, Array(ids[..<3]))
    #expect(cut == [[], [], [], Array("\u{FFFD}".utf8)])
  }
}

@Suite struct StopStringTests {
  /// Feeds `text` in pieces of `step` bytes.
  private func filter(_ text: String, _ stops: [String], step: Int) -> (String, Bool) {
    var filter = StopStrings()
    for stop in stops {
      let isTaken = add(stop, &filter)
      #expect(isTaken)
    }
    let input = Array(text.utf8)
    var shown: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1024)
    for start in stride(from: 0, to: input.count, by: step) {
      let piece = Array(input[start..<min(start + step, input.count)])
      var output = buffer.mutableSpan
      let count = filter.append(piece.span, into: &output)
      shown += buffer[..<count]
    }
    var output = buffer.mutableSpan
    let count = filter.finish(into: &output)
    shown += buffer[..<count]
    return (String(decoding: shown, as: UTF8.self), filter.isStopped)
  }

  private func add(_ stop: String, _ filter: inout StopStrings) -> Bool {
    let bytes = Array(stop.utf8)
    return filter.add(bytes.span)
  }

  @Test func stopsBeforeTheString() {
    for step in 1...7 {
      #expect(filter("one\n\ntwo", ["\n\n"], step: step) == ("one", true))
      #expect(filter("one\ntwo\n", ["\n\n"], step: step) == ("one\ntwo\n", false))
      #expect(filter("aaab", ["aab"], step: step) == ("a", true))
      #expect(filter("xaby", ["ab", "xabz"], step: step) == ("x", true))
      #expect(filter("abcabd", ["abd"], step: step) == ("abc", true))
      #expect(filter("plain", [], step: step) == ("plain", false))
    }
  }

  /// Of stop strings that end together the longest begins first, whatever their order.
  @Test func theLongerOfTwoWins() {
    for stops in [["c", "abc", "bc"], ["abc", "bc", "c"], ["bc", "c", "abc"]] {
      #expect(filter("xxabcd", stops, step: 2) == ("xx", true))
    }
  }

  /// What a search of the whole text finds, over texts and stop strings of two letters, which repeat themselves.
  @Test func equalsASearchOfTheWholeText() {
    var state: UInt64 = 11
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    func letters(_ count: Int) -> String {
      String((0..<count).map { _ in below(3) == 0 ? "b" : "a" })
    }
    for _ in 0..<3000 {
      let text = letters(1 + below(80))
      let stops = (0...below(4)).map { _ in letters(1 + below(12)) }
      // The first end of any of them, and of those that end there the first beginning.
      let ends = (1...text.count).filter { end in stops.contains { text.prefix(end).hasSuffix($0) }
      }
      let shown = ends.first.map { end in
        text.prefix(end - (stops.filter { text.prefix(end).hasSuffix($0) }.map(\.count).max() ?? 0))
      }
      #expect(
        filter(text, stops, step: 1 + below(9)) == (String(shown ?? text[...]), shown != nil),
        "\(text) \(stops)")
    }
  }

  /// A stop string as long as may be, of which the text always has all but the last byte.
  @Test func holdsBackUpToTheLongest() {
    let stop = String(repeating: "a", count: StopStrings.maxByteCount - 1) + "b"
    let text = String(repeating: "a", count: 3000)
    #expect(filter(text, [stop], step: 256) == (text, false))
    #expect(filter(text + "b", [stop], step: 256).0.utf8.count == 3001 - stop.utf8.count)
  }

  @Test func limits() {
    var filter = StopStrings()
    let isLongTaken = add(String(repeating: "a", count: StopStrings.maxByteCount + 1), &filter)
    let isEmptyTaken = add("", &filter)
    #expect(!isLongTaken && !isEmptyTaken)
    for _ in 0..<StopStrings.maxCount {
      let isTaken = add("a", &filter)
      #expect(isTaken)
    }
    let isExtraTaken = add("a", &filter)
    #expect(!isExtraTaken)
  }
}
