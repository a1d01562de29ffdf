// Owns: the cutting of text into words: which matcher stands for which pattern, and the runs of
// characters that matchers share.
// Must not: interpret a regular expression at run time, or look behind the end of its stretch.
// Source: Spec/TOKENIZER.md, "Pre-tokenisation".

/// How text is cut before byte-pair encoding. The raw value is what the file holds.
public enum PreTokenizerPattern: UInt32, Sendable, CaseIterable {
  /// The text is one word.
  case none = 0
  /// GPT-2's pattern, case-sensitive contractions and unlimited runs of numbers.
  case gpt2 = 1
  /// Qwen2's pattern: one `\p{N}` per word.
  case qwen2 = 2
  /// Llama 3's pattern: up to three `\p{N}` per word.
  case llama3 = 3
  /// Spaces become `▁`, one is put in front, nothing is cut.
  case metaspace = 4
  /// As `metaspace`, and each `▁` starts a word.
  case metaspaceSplit = 5
  /// Each number is a word, GPT-2's pattern between them (StarCoder, SmolLM).
  case gpt2Digits = 6
  /// Mistral's Tekken: a word ends where upper follows lower case; one `\p{N}` per word.
  case tekken = 7
  /// OpenAI's o200k: as `tekken`, contractions stay with their words, up to three `\p{N}` per word.
  case o200k = 8
  /// Qwen3.5's pattern: Qwen2's with marks among the letters.
  case qwen35 = 9
  /// DeepSeek-V3's three patterns in sequence: numbers, then Han and kana, then the rest.
  case deepSeekV3 = 10
}

/// A matcher over one stretch of text.
struct PreTokenizer: ~Escapable {
  let text: Span<UInt8>
  let limit: Int
  private let classes: UnicodeClassView
  private let pattern: PreTokenizerPattern

  @_lifetime(copy text, copy classes)
  init(
    _ text: Span<UInt8>, limit: Int, classes: UnicodeClassView, pattern: PreTokenizerPattern
  ) {
    self.text = text
    self.limit = limit
    self.classes = classes
    self.pattern = pattern
  }

  /// A character with its class and the position behind it.
  struct Character {
    let value: UInt32
    let kind: CharacterClass
    let end: Int
  }

  @inline(__always)
  func character(at position: Int) -> Character {
    let scalar = UTF8Text.decode(text, at: position, limit: limit)
    return Character(
      value: scalar.value, kind: classes[scalar.value], end: position + scalar.byteCount)
  }

  /// Where the word that starts at `position` (below the limit) ends; always behind `position`.
  @inline(__always)
  func wordEnd(from position: Int) -> Int {
    switch pattern {
    case .none, .metaspace, .metaspaceSplit: limit
    case .gpt2: gpt2End(from: position)
    case .qwen2: modernEnd(from: position, mostNumbers: 1)
    case .llama3: modernEnd(from: position, mostNumbers: 3)
    case .gpt2Digits: gpt2DigitsEnd(from: position)
    case .tekken: casedEnd(from: position, mostNumbers: 1, takesContractions: false)
    case .o200k: casedEnd(from: position, mostNumbers: 3, takesContractions: true)
    case .qwen35: qwen35End(from: position)
    case .deepSeekV3: deepSeekV3End(from: position)
    }
  }

  // MARK: Runs

  /// `'s 't 're 've 'm 'll 'd`; folding case makes U+017F (long s) an s as well.
  func contraction(after position: Int, foldsCase: Bool) -> Int? {
    guard position < limit else { return nil }
    let first = folded(position, foldsCase)
    switch first {
    case 0x73, 0x74, 0x6D, 0x64: return position + 1
    case 0xC5 where foldsCase && position + 1 < limit && text[position + 1] == 0xBF:
      return position + 2
    default: break
    }
    guard position + 1 < limit else { return nil }
    let second = folded(position + 1, foldsCase)
    let isPair =
      (first == 0x72 || first == 0x76) && second == 0x65 || first == 0x6C && second == 0x6C
    return isPair ? position + 2 : nil
  }

  private func folded(_ position: Int, _ foldsCase: Bool) -> UInt8 {
    let byte = text[position]
    return foldsCase && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
  }

  /// The end of the run of characters that are `isPart`.
  @inline(__always)
  func run(from position: Int, _ isPart: (Character) -> Bool) -> Int {
    var position = position
    while position < limit {
      let next = character(at: position)
      guard isPart(next) else { break }
      position = next.end
    }
    return position
  }

  @inline(__always)
  func letters(from position: Int) -> Int {
    var position = position
    while position < limit {
      let byte = text[position]
      if byte < 0x80 {
        guard (byte | 0x20) &- 0x61 < 26 else { break }
        position += 1
        continue
      }
      let next = character(at: position)
      guard next.kind.isLetter else { break }
      position = next.end
    }
    return position
  }

  func numbers(from position: Int, most: Int) -> Int {
    var position = position
    var left = most
    while position < limit, left > 0 {
      let next = character(at: position)
      guard next.kind.isNumber else { break }
      position = next.end
      left -= 1
    }
    return position
  }

  func others(from position: Int) -> Int { run(from: position) { $0.kind.isOther } }

  /// `[\r\n]*`, or with a slash among them.
  func lineEnds(from position: Int, orSlashes: Bool = false) -> Int {
    var position = position
    while position < limit,
      text[position] == 0x0D || text[position] == 0x0A || (orSlashes && text[position] == 0x2F)
    {
      position += 1
    }
    return position
  }

  /// A run of white space: up to its last line end if there is one and the pattern asks for that;
  /// else all of it at the end of the text; else all but its last character.
  func spaces(from position: Int, endsAtLine: Bool) -> Int {
    var end = position
    var last = position
    var lineEnd: Int?
    while end < limit {
      let next = character(at: end)
      guard next.kind.isSpace else { break }
      last = end
      end = next.end
      if next.value == 0x0A || next.value == 0x0D { lineEnd = end }
    }
    if endsAtLine, let lineEnd { return lineEnd }
    if last == position || isTextEnd(end) { return end }
    return last
  }

  /// Whether the expression that is at work sees the end of its text: that of the stretch, or what
  /// an expression before it in the sequence has taken.
  private func isTextEnd(_ position: Int) -> Bool {
    guard position < limit else { return true }
    switch pattern {
    case .gpt2Digits: return character(at: position).isDigit
    case .deepSeekV3: return character(at: position).isTakenBefore
    default: return false
    }
  }
}
