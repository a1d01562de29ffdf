// Owns: the character classes of the pre-tokenizer's regular expressions: two-stage look-up in
// pinned tables.
// Must not: ask Swift's own Unicode tables, whose version changes with the toolchain.
// Source: Spec/TOKENIZER.md, "Unicode".

/// The class of one character, packed into six bits.
struct CharacterClass: Equatable {
  let bits: UInt8

  /// Letter, number, white space or none of them.
  enum Kind: UInt8 {
    case other = 0
    case letter = 1
    case number = 2
    case space = 3
  }

  var kind: Kind { Kind(rawValue: bits & 3) ?? .other }
  /// `\p{L}`.
  var isLetter: Bool { bits & 3 == 1 }
  /// `\p{N}`.
  var isNumber: Bool { bits & 3 == 2 }
  /// `\s`.
  var isSpace: Bool { bits & 3 == 3 }
  /// None of `\s`, `\p{L}`, `\p{N}`.
  var isOther: Bool { bits & 3 == 0 }
  /// `\w`, for single-word added tokens.
  var isWord: Bool { bits & 4 != 0 }
  /// NFC may change the character or its neighbourhood.
  var isUnstable: Bool { bits & 8 != 0 }
  // Bit 4: an upper or title case letter, or a mark. Bit 5: a lower case letter, or a sign.
  /// `\p{M}`.
  var isMark: Bool { bits & 0x33 == 0x10 }
  /// `[\p{P}\p{S}]`.
  var isSign: Bool { bits & 0x33 == 0x20 }
  /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`.
  var isUpperPart: Bool { bits & 0x23 == 1 || isMark }
  /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`.
  var isLowerPart: Bool { bits & 0x13 == 1 || isMark }
}

/// The class table, decoded once per process (40 kB).
struct UnicodeClasses: Sendable {
  /// The table of the pinned Unicode version.
  static let pinned = UnicodeClasses()

  private let index: [UInt16]
  private let blocks: [UInt8]

  private init() {
    var digits: [UInt16] = []
    digits.reserveCapacity(UnicodeClasses.indexCount * 3)
    UnicodeClassData.index.withUTF8Buffer { text in
      for position in 0..<text.count {
        let byte = unsafe text[position]
        if byte == 0x0A { continue }
        digits.append(UInt16(byte < 0x3A ? byte &- 0x30 : byte &- 0x57))
      }
    }
    index = (0..<digits.count / 3).map {
      digits[$0 * 3] << 8 | digits[$0 * 3 + 1] << 4 | digits[$0 * 3 + 2]
    }
    var bits: [UInt8] = []
    bits.reserveCapacity(UnicodeClassData.blockCount * 128)
    UnicodeClassData.blocks.withUTF8Buffer { text in
      for position in 0..<text.count {
        let byte = unsafe text[position]
        if byte != 0x0A { bits.append(byte &- 0x23) }
      }
    }
    blocks = bits
  }

  /// Blocks of 128 code points in all of Unicode.
  static let indexCount = 0x110000 / 128

  /// A view for loops.
  var view: UnicodeClassView {
    @_lifetime(borrow self)
    get { UnicodeClassView(index: index.span, blocks: blocks.span) }
  }
}

/// The class table as spans.
struct UnicodeClassView: ~Escapable {
  private let index: Span<UInt16>
  private let blocks: Span<UInt8>

  @_lifetime(copy index, copy blocks)
  init(index: Span<UInt16>, blocks: Span<UInt8>) {
    self.index = index
    self.blocks = blocks
  }

  /// The class of a code point; unassigned and out-of-range ones are "other".
  @inline(__always)
  subscript(scalar: UInt32) -> CharacterClass {
    let high = Int(scalar >> 7)
    guard high < index.count else { return CharacterClass(bits: 0) }
    let position = Int(index[high]) << 7 | Int(scalar & 127)
    guard position < blocks.count else { return CharacterClass(bits: 0) }
    return CharacterClass(bits: blocks[position])
  }
}
