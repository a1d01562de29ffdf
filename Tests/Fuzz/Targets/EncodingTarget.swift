// A target that looks for costly pairs of tokenizer tables and text: small inputs make large ones.
// Owns: how an input is read. The bound on what a pair may cost is the harness's.
import VialFormat
import VialText

/// Input: a byte for the text's length, one for the tables to begin with, one for what is done to them (`Fill`), one
/// for the length of the part that is repeated, that part; then changes of a byte of the tables, three bytes each.
enum EncodingTarget {
  private typealias Field = TokenizerLayout.Field

  /// What is done to tables: bits of the third byte.
  private enum Fill {
    /// Searches in the merges meet no empty slot.
    static let merges: UInt8 = 1
    /// Searches in the vocabulary meet no empty slot.
    static let vocabulary: UInt8 = 2
    /// Every other byte of the text is literal.
    static let literals: UInt8 = 4
    /// Searches may take the most slots.
    static let probes: UInt8 = 8
  }

  static func run(_ input: [UInt8]) {
    var reader = InputReader(input)
    let byteCount = 256 << Int(reader.byte() % 11)
    let tables = Seeds.tokenizers
    var section = tables[Int(reader.byte()) % tables.count]
    let fill = reader.byte()
    let part = Array(reader.bytes(Int(reader.byte())))
    change(&section, fill)
    let changes = reader.rest()
    for index in stride(from: 0, to: changes.count - 2, by: 3) {
      let place = Int(changes[index]) | Int(changes[index + 1]) << 8
      section[place % section.count] = changes[index + 2]
    }
    guard let tokenizer = try? Tokenizer(ByteRegion(copying: section)) else { return }
    use(tokenizer, text(part, byteCount), hasLiterals: fill & Fill.literals != 0)
  }

  /// `part` again and again, as valid UTF-8.
  private static func text(_ part: [UInt8], _ byteCount: Int) -> [UInt8] {
    let valid = Array(String(decoding: part.isEmpty ? [0x61] : part, as: UTF8.self).utf8)
    var text: [UInt8] = []
    text.reserveCapacity(byteCount + valid.count)
    while text.count < byteCount { text += valid }
    return text
  }

  private static func use(_ tokenizer: Tokenizer, _ text: [UInt8], hasLiterals: Bool) {
    var workspace = TokenizerWorkspace()
    var ids = [UInt32](repeating: 0, count: tokenizer.tokenCapacity(forByteCount: text.count))
    let literals = (0..<(hasLiterals ? text.count / 2 : 0)).map {
      TextRange(start: $0 * 2, byteCount: 1)
    }
    var output = ids.mutableSpan
    let options = EncodeOptions(addsSpecialTokens: true)
    guard
      let count = try? tokenizer.encode(
        text.span, options, literals: literals.span, workspace: &workspace, into: &output)
    else { return }
    var bytes = [UInt8](repeating: 0, count: text.count)
    var decoded = bytes.mutableSpan
    _ = tokenizer.decode(ids.span.extracting(first: min(count, ids.count)), into: &decoded)
  }

  private static func change(_ section: inout [UInt8], _ fill: UInt8) {
    if fill & Fill.merges != 0 {
      let (start, slots) = (word(section, Field.mergeSlots), word(section, Field.mergeSlotBits))
      for slot in 0..<1 << slots {
        let value = start + slot * 16 + 8
        guard section[value..<value + 8].allSatisfy({ $0 == 0xFF }) else { continue }
        section.replaceSubrange(value..<value + 8, with: repeatElement(0, count: 8))
      }
    }
    if fill & Fill.vocabulary != 0 {
      let start = word(section, Field.vocabularySlots)
      for slot in 0..<1 << word(section, Field.vocabularySlotBits) {
        let entry = start + slot * 4
        if section[entry..<entry + 4].allSatisfy({ $0 == 0 }) { section[entry] = 1 }
      }
    }
    if fill & Fill.probes != 0 {
      for field in [Field.mergeProbeCount, Field.vocabularyProbeCount] {
        let most = FileSeal.littleEndian(TokenizerLayout.maxProbeCount)
        section.replaceSubrange(field..<field + 4, with: most)
      }
    }
  }

  private static func word(_ section: [UInt8], _ place: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(section[place + $1]) << ($1 * 8) }
  }
}
