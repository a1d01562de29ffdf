// Owns: the matchers whose words are runs of letters: GPT-2's pattern, alone and between single
// numbers, and those of Qwen2, Llama 3 and Qwen3.5.
// Must not: tell cases apart (`PreTokenizer+Cases` does).
// Source: Spec/TOKENIZER.md, "Pre-tokenisation".

extension PreTokenizer {
  func modernEnd(from position: Int, mostNumbers: Int) -> Int {
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

  func gpt2End(from position: Int) -> Int {
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

  func gpt2DigitsEnd(from position: Int) -> Int {
    let first = character(at: position)
    if first.isDigit { return first.end }
    if first.value == 0x27, let end = contraction(after: first.end, foldsCase: false) { return end }
    var start = first
    if first.value == 0x20, first.end < limit {
      let second = character(at: first.end)
      if !second.kind.isSpace, !second.isDigit { start = second }
    }
    switch start.kind.kind {
    case .letter: return letters(from: start.end)
    case .other: return run(from: start.end) { $0.kind.isOther && !$0.isDigit }
    case .number, .space: return spaces(from: position, endsAtLine: false)
    }
  }

  func qwen35End(from position: Int) -> Int {
    let first = character(at: position)
    if first.value == 0x27, let end = contraction(after: first.end, foldsCase: true) { return end }
    // A mark may be the character in front as well; the match is the same.
    if first.isLetterOrMark { return run(from: first.end) { $0.isLetterOrMark } }
    if first.kind.isNumber { return first.end }
    if first.end < limit, first.value != 0x0D, first.value != 0x0A {
      let second = character(at: first.end)
      if second.isLetterOrMark { return run(from: second.end) { $0.isLetterOrMark } }
      if first.value == 0x20, second.isOtherThanMark {
        return lineEnds(from: run(from: second.end) { $0.isOtherThanMark })
      }
    }
    if first.kind.isOther {
      return lineEnds(from: run(from: first.end) { $0.isOtherThanMark })
    }
    return spaces(from: position, endsAtLine: true)
  }
}

extension PreTokenizer.Character {
  var isLetterOrMark: Bool { kind.isLetter || kind.isMark }
  var isOtherThanMark: Bool { kind.isOther && !kind.isMark }

  /// A number for the pre-tokenizer "Digits", whose tables are those of Unicode 17: `\p{N}` and the
  /// numbers that came after Unicode 16.
  var isDigit: Bool {
    kind.isNumber || (0x11DE0...0x11DE9).contains(value) || (0x16FF4...0x16FF6).contains(value)
  }
}
