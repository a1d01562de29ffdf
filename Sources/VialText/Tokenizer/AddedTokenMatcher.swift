// Owns: the search for added tokens in text (the leftmost, the longest of those, never in literal
// stretches), and their flags (single word, strip left and right).
// Must not: look at the vocabulary.
// Source: Spec/TOKENIZER.md, "Added tokens".

internal import VialFormat

/// An added token found in a text.
struct AddedMatch {
  let id: UInt32
  /// What it takes from the text, stripped white space included.
  let range: Range<Int>
  /// Where the search goes on.
  let resume: Int
}

/// The added tokens of one kind (matched before or after normalisation), sorted by their bytes.
struct AddedTokenMatcher: ~Escapable {
  private let entries: Span<UInt32>
  private let bytes: Span<UInt8>
  private let first: Int
  private let end: Int
  /// A space stands for U+2581, which is no white space to the original.
  private let keepsSpaces: Bool

  /// Entries `range` of the table; each has id, flags, offset and length. `keepsSpaces` where the
  /// text is normalised so that a space stands for U+2581: stripping then leaves it.
  @_lifetime(borrow tokenizer)
  init(_ tokenizer: borrowing Tokenizer, _ range: Range<Int>, keepsSpaces: Bool) {
    self.keepsSpaces = keepsSpaces
    entries = tokenizer.addedEntries.span
    bytes = tokenizer.addedBytes.span
    first = range.lowerBound
    end = min(range.upperBound, tokenizer.addedEntries.count / 4)
  }

  var isEmpty: Bool { first >= end }

  /// The first match at or after `position`. `taken` is where the previous match ended, which
  /// stripping to the left does not pass. Nil, too, when the budget is spent.
  func nextMatch(
    in text: Span<UInt8>, _ range: Range<Int>, from position: Int, taken: Int,
    literals: LiteralRanges, classes: UnicodeClassView, _ work: inout WorkBudget
  ) -> AddedMatch? {
    if isEmpty { return nil }
    var position = position
    while position < range.upperBound {
      let zone = literals.freeZone(from: position, limit: range.upperBound)
      if zone.isEmpty { return nil }
      position = zone.lowerBound
      while position < zone.upperBound {
        guard let (entry, length) = longest(text, position, zone.upperBound, &work) else {
          if work.work == 0 { return nil }
          position += 1
          continue
        }
        let found = position..<position + length
        position = found.upperBound
        if let match = accept(entry, found, text, range, taken, classes) { return match }
      }
    }
    return nil
  }

  /// The longest entry that the text spells at `position`, and its length: the sorted entries are
  /// narrowed byte by byte. Behind the first byte a boundary is looked for from the end that it
  /// moves in from, so the cost is the match's length and log n, not their product.
  private func longest(
    _ text: Span<UInt8>, _ position: Int, _ limit: Int, _ work: inout WorkBudget
  ) -> (entry: Int, length: Int)? {
    var low = first
    var high = end
    var depth = 0
    var best: (entry: Int, length: Int)?
    while position + depth < limit {
      let byte = Int(text[position + depth])
      guard work.spend(Self.work(high - low, depth)) else { return nil }
      if depth > 0 {
        let near = lowWindow(low, high, depth, byte)
        low = lowerBound(near.lowerBound, near.upperBound, depth) { $0 < byte }
        let far = highWindow(low, high, depth, byte)
        high = lowerBound(far.lowerBound, far.upperBound, depth) { $0 <= byte }
      } else {
        low = lowerBound(low, high, depth) { $0 < byte }
        high = lowerBound(low, high, depth) { $0 <= byte }
      }
      if low >= high { break }
      depth += 1
      // Shorter keys sort first, so a key that ends here is the first of the range.
      if bytes(of: low).count == depth { best = (low, depth) }
    }
    return best
  }

  /// What two searches among `count` entries cost in steps. The entries that every place of a text
  /// asks for are near; others may be far.
  @inline(__always)
  private static func work(_ count: Int, _ depth: Int) -> Int {
    (Int.bitWidth - count.leadingZeroBitCount) * (depth == 0 ? 1 : 4)
  }

  /// The first entry of low..<high whose byte at `depth` (-1 behind its end) is not before.
  @inline(__always)
  private func lowerBound(
    _ low: Int, _ high: Int, _ depth: Int, _ isBefore: (Int) -> Bool
  ) -> Int {
    var low = low
    var high = high
    while low < high {
      let middle = (low + high) / 2
      if isBefore(byte(middle, depth)) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Where the first entry of low..<high stands whose byte at `depth` is not before `byte`: entries
  /// are asked at distances from `low` that double.
  private func lowWindow(_ low: Int, _ high: Int, _ depth: Int, _ byte: Int) -> Range<Int> {
    var start = low
    var distance = 1
    while high - start >= distance {
      let asked = start + distance - 1
      guard self.byte(asked, depth) < byte else { return start..<asked }
      start = asked + 1
      distance += distance
    }
    return start..<high
  }

  /// The same for the first entry whose byte is behind `byte`, from `high` down.
  private func highWindow(_ low: Int, _ high: Int, _ depth: Int, _ byte: Int) -> Range<Int> {
    var end = high
    var distance = 1
    while end - low >= distance {
      let asked = end - distance
      guard self.byte(asked, depth) > byte else { return asked + 1..<end }
      end = asked
      distance += distance
    }
    return low..<end
  }

  private func byte(_ entry: Int, _ depth: Int) -> Int {
    let range = bytes(of: entry)
    return depth < range.count ? Int(bytes[range.lowerBound + depth]) : -1
  }

  /// Where an entry's bytes lie; nowhere, which never matches, when they are outside the table or
  /// more than any added token may have, which bounds what each place of a text costs. Another
  /// process may change the table, so offset and length are read once, and whoever needs both asks
  /// once.
  private func bytes(of entry: Int) -> Range<Int> {
    let offset = Int(entries[entry * 4 + 2])
    let length = Int(entries[entry * 4 + 3])
    guard offset + length <= bytes.count, length <= TokenizerLayout.maxAddedTokenByteCount else {
      return 0..<0
    }
    return offset..<offset + length
  }

  private func isStripped(_ scalar: DecodedScalar, _ classes: UnicodeClassView) -> Bool {
    classes[scalar.value].isSpace && !(keepsSpaces && scalar.value == 0x20)
  }

  /// Applies the entry's flags; nil when a single-word token touches a word.
  private func accept(
    _ entry: Int, _ found: Range<Int>, _ text: Span<UInt8>, _ range: Range<Int>, _ taken: Int,
    _ classes: UnicodeClassView
  ) -> AddedMatch? {
    let flags = entries[entry * 4 + 1]
    var start = found.lowerBound
    var stop = found.upperBound
    if flags & TokenizerLayout.AddedFlag.singleWord != 0 {
      let isBehindWord =
        start > range.lowerBound
        && classes[UTF8Text.decodeBackward(text, before: start, start: range.lowerBound).value]
          .isWord
      let isBeforeWord =
        stop < range.upperBound
        && classes[UTF8Text.decode(text, at: stop, limit: range.upperBound).value].isWord
      if isBehindWord || isBeforeWord { return nil }
    }
    if flags & TokenizerLayout.AddedFlag.stripsLeft != 0 {
      // Not past the previous match: tokens of white space would each walk over all before them.
      while start > max(range.lowerBound, taken) {
        let scalar = UTF8Text.decodeBackward(text, before: start, start: range.lowerBound)
        guard isStripped(scalar, classes) else { break }
        start -= scalar.byteCount
      }
      start = min(max(start, taken), found.lowerBound)
    }
    if flags & TokenizerLayout.AddedFlag.stripsRight != 0 {
      // What the previous match took behind itself is white space to its end.
      stop = max(stop, taken)
      while stop < range.upperBound {
        let scalar = UTF8Text.decode(text, at: stop, limit: range.upperBound)
        guard isStripped(scalar, classes) else { break }
        stop += scalar.byteCount
      }
    }
    return AddedMatch(
      id: entries[entry * 4], range: start..<stop, resume: found.upperBound)
  }
}
