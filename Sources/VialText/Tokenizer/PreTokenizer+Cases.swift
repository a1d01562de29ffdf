// Owns: the matchers whose words end where upper follows lower case: Tekken and o200k.
// Must not: be quadratic: an expression that tries again from the left is answered in one pass.
// Source: Spec/TOKENIZER.md, "Words with cases".

extension PreTokenizer {
  func casedEnd(from position: Int, mostNumbers: Int, takesContractions: Bool) -> Int {
    let first = character(at: position)
    if let end = casedWordEnd(from: position, first) {
      guard takesContractions, end < limit, text[end] == 0x27 else { return end }
      return contraction(after: end + 1, foldsCase: true) ?? end
    }
    if first.kind.isNumber { return numbers(from: first.end, most: mostNumbers - 1) }
    if first.value == 0x20, first.end < limit {
      let second = character(at: first.end)
      if second.kind.isOther { return lineEnds(from: others(from: second.end), orSlashes: true) }
    }
    if first.kind.isOther { return lineEnds(from: others(from: first.end), orSlashes: true) }
    return spaces(from: position, endsAtLine: true)
  }

  /// `P?U*W+|P?U+W*`, where U is upper case, W lower case, both have letters without case and
  /// marks, and P is no letter, number or line end; nil without a match.
  private func casedWordEnd(from position: Int, _ first: Character) -> Int? {
    if first.kind.isNumber || first.value == 0x0D || first.value == 0x0A { return nil }
    let start = first.kind.isLetter ? position : first.end
    // Behind the last character of the run that is in W as well: where U* goes back to.
    var end = start
    var lastShared: Int?
    while end < limit {
      let next = character(at: end)
      guard next.kind.isUpperPart else {
        if next.kind.isLowerPart { return run(from: next.end) { $0.kind.isLowerPart } }
        break
      }
      end = next.end
      if next.kind.isLowerPart { lastShared = end }
    }
    if let lastShared { return lastShared }
    // A mark in front of nothing in W is a word of its own, before upper case alone is tried.
    if first.kind.isMark { return first.end }
    return end > start ? end : nil
  }
}
