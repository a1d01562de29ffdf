// Owns: the cutting of text into words: hand-written matchers that mean what the regular
// expressions of known models mean.
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
}

/// A matcher over one stretch of text.
struct PreTokenizer: ~Escapable {
  private let text: Span<UInt8>
  private let limit: Int
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
  private struct Character {
    let value: UInt32
    let kind: CharacterClass
    let end: Int
  }

  @inline(__always)
  private func character(at position: Int) -> Character {
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
    }
  }

  private func modernEnd(from position: Int, mostNumbers: Int) -> Int {
    let first = character(at: position)
    if first.value == 0x27, let end = contraction(after: first.end, foldsCase: true) { return end }
    if first.kind.isLetter { return letters(from: first.end) }
    if first.kind.isNumber { return numbers(from: first.end, most: mostNumbers - 1) }
    if first.end < limit, first.value != 0x0D, first.value != 0x0A {
      let second = character(at: first.end)
      if second.kind.isLetter { return letters(from: second.end) }
      if first.value == 0x20, second.kind.isOther {
        return lineEnds(from: others(from: second.end))
      }
    }
    if first.kind.isOther { return lineEnds(from: others(from: first.end)) }
    return spaces(from: position, endsAtLine: true)
  }

  private func gpt2End(from position: Int) -> Int {
    let first = character(at: position)
    if first.value == 0x27, let end = contraction(after: first.end, foldsCase: false) { return end }
    var start = first
    if first.value == 0x20, first.end < limit {
      let second = character(at: first.end)
      if !second.kind.isSpace { start = second }
    }
    switch start.kind.kind {
    case .letter: return letters(from: start.end)
    case .number: return numbers(from: start.end, most: Int.max)
    case .other: return others(from: start.end)
    case .space: return spaces(from: position, endsAtLine: false)
    }
  }

  /// `'s 't 're 've 'm 'll 'd`; folding case makes U+017F (long s) an s as well.
  private func contraction(after position: Int, foldsCase: Bool) -> Int? {
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

  @inline(__always)
  private func letters(from position: Int) -> Int {
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

  private func numbers(from position: Int, most: Int) -> Int {
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

  private func others(from position: Int) -> Int {
    var position = position
    while position < limit {
      let next = character(at: position)
      guard next.kind.isOther else { break }
      position = next.end
    }
    return position
  }

  /// `[\r\n]*`.
  private func lineEnds(from position: Int) -> Int {
    var position = position
    while position < limit, text[position] == 0x0D || text[position] == 0x0A { position += 1 }
    return position
  }

  /// A run of white space: up to its last line end if there is one and the pattern asks for that;
  /// else all of it at the end of the text; else all but its last character.
  private func spaces(from position: Int, endsAtLine: Bool) -> Int {
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
    if end == limit || last == position { return end }
    return last
  }
}
