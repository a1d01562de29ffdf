// Damaged tables: whatever the bytes are, nothing traps and every loop ends.
// Failures here are crashes or hangs; the ids of a damaged table mean nothing.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct HostileTableTests {
  private static let texts: [[UInt8]] = [
    Array(
      "The patient doesn't <|user|>x[MASK]  cafe\u{301} 5 mg/dL 12345\n\n \u{1FA7A}\u{2581}y".utf8),
    Array(String(repeating: "aab", count: 40).utf8), [],
  ]

  /// Uses everything a tokenizer offers.
  private func exercise(_ section: [UInt8]) {
    guard let tokenizer = try? Tokenizer(ByteRegion(copying: section)) else { return }
    for text in Self.texts {
      let options = EncodeOptions(addsSpecialTokens: true)
      guard
        let ids = try? TestTokenizer.encode(
          tokenizer, text, options, literals: [TextRange(start: 4, byteCount: 9)])
      else { continue }
      for piece in TestTokenizer.stream(tokenizer, ids) {
        #expect(String(validating: piece, as: UTF8.self) != nil)
      }
    }
    for id: UInt32 in [0, 1, 255, 300, 731, 732, .max] {
      _ = tokenizer.bytes(of: id).count
      _ = tokenizer.isSpecial(id)
    }
    let ids: [UInt32] = [0, 3, 259, .max, 5]
    var text = [UInt8](repeating: 0, count: 64)
    var output = text.mutableSpan
    _ = tokenizer.decode(ids.span, into: &output)
  }

  @Test(arguments: FixtureVectorTests.names)
  func everyHeaderByte(_ name: String) throws {
    let section = try TestTokenizer(folder: Files.fixture("tokenizers/\(name)")).tables.section
    for offset in 0..<256 {
      for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF, section[offset] ^ 1] {
        var damaged = section
        damaged[offset] = value
        exercise(damaged)
      }
    }
  }

  @Test(arguments: FixtureVectorTests.names)
  func randomDamage(_ name: String) throws {
    let section = try TestTokenizer(folder: Files.fixture("tokenizers/\(name)")).tables.section
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<1500 {
      var damaged = section
      for _ in 0..<Int.random(in: 1...64, using: &generator) {
        let offset = Int.random(in: 0..<section.count, using: &generator)
        damaged[offset] = UInt8.random(in: 0...255, using: &generator)
      }
      exercise(damaged)
    }
  }

  @Test(arguments: FixtureVectorTests.names)
  func denseDamage(_ name: String) throws {
    let section = try TestTokenizer(folder: Files.fixture("tokenizers/\(name)")).tables.section
    var generator = SeededGenerator(seed: 12)
    for step in 0..<200 {
      var damaged = section
      for offset in 256..<section.count where Int.random(in: 0..<8, using: &generator) == 0 {
        damaged[offset] = step % 2 == 0 ? 0xFF : UInt8.random(in: 0...3, using: &generator)
      }
      exercise(damaged)
    }
  }

  @Test func truncation() throws {
    let section = try TestTokenizer(folder: Files.fixture("tokenizers/byte-nfc")).tables.section
    for count in stride(from: 0, to: section.count, by: 61) {
      #expect(throws: FormatError.self) {
        try Tokenizer(ByteRegion(copying: Array(section[..<count])))
      }
    }
  }

  @Test func templates() throws {
    let messages = [TestMessage("user", "a</think> b"), TestMessage("tool", " x ")]
    var generator = SeededGenerator(seed: 13)
    for name in ["reasoning", "headers", "odds", "brackets"] {
      let source = String(
        decoding: try Files.read(Files.fixture("templates/\(name).jinja")), as: UTF8.self)
      let section = try ChatTemplateCompiler.compile(
        source, specialTokens: ["bos_token": "<s>", "eos_token": "</s>"]
      ).section
      for step in 0..<6000 {
        var damaged = section
        for _ in 0..<(step % 4 + 1) {
          let offset = Int.random(in: 0..<section.count, using: &generator)
          damaged[offset] = UInt8.random(in: 0...(step % 3 == 0 ? 40 : 255), using: &generator)
        }
        guard let template = try? ChatTemplate(ByteRegion(copying: damaged)) else { continue }
        _ = try? TestTemplate.render(template, messages, addsGenerationPrompt: true)
      }
    }
  }
}
