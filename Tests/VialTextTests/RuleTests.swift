// One damaged section for each rule of Spec/TOKENIZER.md and Spec/TEMPLATES.md.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct TokenizerRuleTests {
  /// A change of the header (u32 at an offset) and the rule that it breaks there.
  static let cases: [(rule: Int, offset: Int, value: UInt32)] = [
    (401, 0, 2), (402, 252, 1), (403, 4, 3), (403, 8, 3), (403, 12, 11), (403, 16, 0),
    (404, 20, 1 << 10), (405, 24, 0), (405, 24, 1 << 25), (405, 28, 1 << 26), (405, 32, 1 << 17),
    (405, 156, 1 << 17), (406, 40, 732), (406, 44, 0xFFFF_FFFE), (406, 52, 5000), (407, 56, 9),
    (407, 64, 732), (407, 96, 1), (408, 128, 0), (408, 128, 29), (408, 132, 4097),
    (409, 152, 0x1500_0900), (410, 160, 257), (410, 176, 8), (411, 168, 0x7FFF_FFFF),
    (411, 184, 0xFFFF_FFF8), (411, 204, 1), (411, 136, 28),
  ]

  @Test(arguments: cases)
  func rule(_ rule: Int, _ offset: Int, _ value: UInt32) throws {
    var section = try TestTokenizer(folder: Files.fixture("tokenizers/byte-nfc")).tables.section
    for index in 0..<4 { section[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
    do {
      _ = try Tokenizer(ByteRegion(copying: section))
      Issue.record("opened")
    } catch {
      #expect(error.rule == rule)
      #expect(error.description.contains("tokenizer"))
    }
  }

  @Test func shortSection() {
    #expect(throws: FormatError(rule: 400, offset: 0, "")) {
      try Tokenizer(ByteRegion(copying: [UInt8](repeating: 0, count: 255)))
    }
  }
}

@Suite struct TemplateRuleTests {
  private func section() throws -> [UInt8] {
    let source = "{% for m in messages %}{{ m.content.split('x')[0] }}{% endfor %}"
    return try ChatTemplateCompiler.compile(source, specialTokens: [:]).section
  }

  private func expect(_ rule: Int, _ section: [UInt8]) {
    do {
      _ = try ChatTemplate(ByteRegion(copying: section))
      Issue.record("opened although R-\(rule) is broken")
    } catch {
      #expect(error.rule == rule)
    }
  }

  @Test func headerRules() throws {
    expect(500, [UInt8](repeating: 0, count: 63))
    for (rule, offset, value): (Int, Int, UInt8) in [
      (501, 0, 2), (502, 20, 1), (502, 60, 1), (503, 5, 255), (503, 4, 0), (503, 17, 1),
      (504, 24, 65), (504, 33, 255), (504, 12, 200), (505, 12, 0),
    ] {
      var damaged = try section()
      damaged[offset] = value
      expect(rule, damaged)
    }
  }

  @Test func programRules() throws {
    // Every instruction with an operation that does not exist, and with operands out of range.
    let section = try section()
    let count = Int(section[4])
    var rules: [Int] = []
    for index in 0..<count {
      var damaged = section
      damaged[64 + index * 8] = 200
      expect(506, damaged)
      damaged = section
      for byte in 4..<8 { damaged[64 + index * 8 + byte] = 0xFE }
      do {
        _ = try ChatTemplate(ByteRegion(copying: damaged))
      } catch {
        rules.append(error.rule)
      }
    }
    // loop next and loop back break R-508; load, field and split R-507.
    #expect(rules.filter { $0 == 508 }.count == 2)
    #expect(rules.filter { $0 == 507 }.count == 3)
  }
}
