// What is shown of somebody else's text, and what is spelled out.
import Testing
import VialSystem

@Suite struct TerminalTextTests {
  /// Every character that is spelled out; all others of the plane are shown.
  private static let spelledOut: Set<UInt32> = {
    var set = Set(UInt32(0)...0x1F)
    set.formUnion(0x7F...0x9F)
    set.formUnion([0x61C, 0x200E, 0x200F, 0x2028, 0x2029])
    set.formUnion(0x202A...0x202E)
    set.formUnion(0x2066...0x2069)
    return set
  }()

  @Test func everyCharacterOfTheFirstPlane() {
    for value in UInt32(0)...0xFFFF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let isSpelledOut = Self.spelledOut.contains(value)
      #expect(TerminalText.isSpelledOut(scalar) == isSpelledOut, "\(value)")
      let line = TerminalText.line("a" + String(Character(scalar)) + "b")
      let expected =
        switch value {
        case 0x0A: "a\\nb"
        case 0x09: "a\\tb"
        case _ where isSpelledOut: "a\\u{" + String(value, radix: 16) + "}b"
        default: "a" + String(Character(scalar)) + "b"
        }
      #expect(line.unicodeScalars.elementsEqual(expected.unicodeScalars), "\(value)")
    }
  }

  @Test func linesKeepTheirEnds() {
    #expect(TerminalText.lines("a\n\tb\r\nc") == "a\n\tb\\u{d}\nc")
    #expect(TerminalText.line("a\n\tb\r\nc") == "a\\n\\tb\\u{d}\\nc")
    #expect(TerminalText.lines("\u{1B}]0;x\u{7}") == "\\u{1b}]0;x\\u{7}")
    #expect(TerminalText.lines("naïve 漢字 👩‍⚕️") == "naïve 漢字 👩‍⚕️")
    // What is safe stays as it is, so nothing is spelled twice.
    for text in ["a\u{202E}b\u{9B}", "x\ny", "\u{0}"] {
      #expect(TerminalText.line(TerminalText.line(text)) == TerminalText.line(text))
    }
  }

  @Test func limitsCountCharacters() {
    #expect(TerminalText.line("abcdef", limit: 3) == "abc...")
    #expect(TerminalText.line("abc", limit: 3) == "abc")
    #expect(TerminalText.line("\u{1B}\u{1B}", limit: 1) == "\\u{1b}...")
    #expect(TerminalText.line(String(repeating: "a", count: 1 << 20), limit: 160).utf8.count == 163)
  }

  private func filtered(_ pieces: [[UInt8]]) -> [UInt8] {
    var filter = TerminalFilter()
    var shown: [UInt8] = []
    for piece in pieces { shown += filter.show(piece.span) }
    return shown + filter.finish()
  }

  @Test func piecesAreFilteredAsTheWhole() {
    #expect(
      filtered([Array("a\u{1B}[31m\n\tb\u{9B}c".utf8)]) == Array("a\\u{1b}[31m\n\tb\\u{9b}c".utf8))
    // A C1 control by itself is no UTF-8, and 8-bit terminals take it.
    #expect(filtered([[0x9B, 0x41]]) == Array("\\x9bA".utf8))
    #expect(filtered([[0xC2], [0x9B]]) == Array("\\u{9b}".utf8))
    #expect(filtered([[0xE2, 0x80], [0xAE]]) == Array("\\u{202e}".utf8))
    #expect(filtered([[0xE2, 0x80]]) == Array("\\xe2\\x80".utf8))
    #expect(filtered([[0xE2], [0x41]]) == Array("\\xe2A".utf8))
    #expect(filtered([[0xED, 0xA0, 0x80]]) == Array("\\xed\\xa0\\x80".utf8))
    #expect(filtered([[0xF0, 0x9F, 0xA9], [0xBA]]) == Array("🩺".utf8))
  }

  /// Random bytes in random pieces: the same as in one, nothing dangerous, and nothing held back
  /// for long.
  @Test func randomBytesInRandomPieces() {
    var numbers = SystemRandomNumberGenerator()
    let bits: [[UInt8]] = [
      [0x1B], [0x9B], [0xC2, 0x9B], [0xE2, 0x80, 0xAE], Array("é".utf8), Array("漢".utf8),
      Array("🩺".utf8), [0x0A], [0x41], [0xFF], [0xE2], [0xF0, 0x9F], [0x80], [0x0D],
    ]
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0...12, using: &numbers)).flatMap { _ in
        bits.randomElement(using: &numbers) ?? []
      }
      var pieces: [[UInt8]] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...rest.count, using: &numbers)
        pieces.append(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
      }
      let whole = filtered([bytes])
      #expect(filtered(pieces) == whole, "\(bytes)")
      guard let text = String(validating: whole, as: UTF8.self) else {
        Issue.record("not UTF-8: \(bytes)")
        continue
      }
      #expect(
        text.unicodeScalars.allSatisfy {
          $0 == "\n" || $0 == "\t" || !TerminalText.isSpelledOut($0)
        },
        "\(bytes)")
    }
  }
}
