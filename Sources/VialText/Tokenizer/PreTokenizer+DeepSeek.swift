// Owns: the matcher of DeepSeek-V3's three expressions in sequence.
// Must not: let an expression look beyond the piece that those before it have left.
// Source: Spec/TOKENIZER.md, "Pre-tokenisation".

extension PreTokenizer {
  func deepSeekV3End(from position: Int) -> Int {
    let first = character(at: position)
    if first.kind.isNumber { return numbers(from: first.end, most: 2) }
    // The piece of the last expression is a run of Han and kana, or one without them and numbers.
    let isKana = first.isHanOrKana
    if first.value < 0x80, first.kind.isSign {
      let end = asciiLetters(from: first.end)
      if end > first.end { return end }
    }
    // A mark may be the character in front as well; the match is the same.
    if first.isLetterOrMark { return wordPartsEnd(from: first.end, isKana) }
    if first.end < limit, !first.kind.isSign {
      let second = character(at: first.end)
      if second.isWordPart(isKana), first.value != 0x0D, first.value != 0x0A {
        return wordPartsEnd(from: second.end, isKana)
      }
      if first.value == 0x20, second.isSignPart(isKana) {
        return signsEnd(from: second.end, isKana)
      }
    }
    if first.kind.isSign { return signsEnd(from: first.end, isKana) }
    if first.kind.isSpace { return spaces(from: position, endsAtLine: true) }
    return unmatchedEnd(from: first.end, isKana)
  }

  private func asciiLetters(from position: Int) -> Int {
    var position = position
    while position < limit, (text[position] | 0x20) &- 0x61 < 26 { position += 1 }
    return position
  }

  private func wordPartsEnd(from position: Int, _ isKana: Bool) -> Int {
    run(from: position) { $0.isWordPart(isKana) }
  }

  private func signsEnd(from position: Int, _ isKana: Bool) -> Int {
    let end = run(from: position) { $0.isSignPart(isKana) }
    // A line end is not of a piece of kana.
    return isKana ? end : lineEnds(from: end)
  }

  /// Controls, private and unassigned characters match nothing, but in front of a word: what lies
  /// between two matches is one word.
  private func unmatchedEnd(from position: Int, _ isKana: Bool) -> Int {
    var position = position
    while position < limit {
      let next = character(at: position)
      if !next.kind.isOther || next.kind.isMark || next.kind.isSign { break }
      if next.isHanOrKana != isKana { break }
      if next.end < limit, character(at: next.end).isWordPart(isKana) { break }
      position = next.end
    }
    return position
  }
}

extension PreTokenizer.Character {
  /// `[一-龥぀-ゟ゠-ヿ]`.
  var isHanOrKana: Bool {
    (0x4E00...0x9FA5).contains(value) || (0x3040...0x30FF).contains(value)
  }
  /// What the first two expressions take.
  var isTakenBefore: Bool { kind.isNumber || isHanOrKana }
  /// `[\p{L}\p{M}]` in a piece of Han and kana or outside.
  func isWordPart(_ isKana: Bool) -> Bool { isLetterOrMark && isHanOrKana == isKana }
  /// `[\p{P}\p{S}]` in a piece of Han and kana or outside.
  func isSignPart(_ isKana: Bool) -> Bool { kind.isSign && isHanOrKana == isKana }
}
