// Owns: the search for one string of a running template in another.
// Must not: copy either, which would leave a patient's text behind.
// So a search that is hostile takes long, and every byte that it compares is charged.

extension TemplateRunner {
  /// A byte of a string.
  struct TextCursor {
    /// The slice that holds it.
    var index: Int
    /// Where in that slice.
    var offset: Int

    /// The first byte of a string.
    init(of value: TemplateValue) { (index, offset) = (value.first, 0) }

    /// The byte behind, in the next slice where one ends. Slices are never empty.
    mutating func advance(_ arena: [TemplateSlice]) {
      offset += 1
      if offset == arena[index].count { (index, offset) = (index + 1, 0) }
    }

    /// The byte before, which there must be.
    mutating func retreat(_ arena: [TemplateSlice]) {
      if offset == 0 {
        index -= 1
        offset = arena[index].count
      }
      offset -= 1
    }
  }

  /// The byte at `offset`, at most the string's length. O(slices), charged.
  @_lifetime(self: copy self)
  private mutating func cursor(
    _ offset: Int, in value: TemplateValue
  ) throws(TextError) -> TextCursor {
    try charge(value.second)
    var cursor = TextCursor(of: value)
    cursor.offset = offset
    while cursor.index < value.first + value.second, cursor.offset >= arena[cursor.index].count {
      cursor.offset -= arena[cursor.index].count
      cursor.index += 1
    }
    return cursor
  }

  /// How many bytes from `cursor` on are those that `other` begins with; as many bytes follow as
  /// `other` has. Charged.
  @_lifetime(self: copy self)
  mutating func matchCount(_ cursor: TextCursor, _ other: TemplateValue) throws(TextError) -> Int {
    var (left, right) = (cursor, TextCursor(of: other))
    var count = 0
    while count < other.byteCount {
      let (first, second) = (arena[left.index], arena[right.index])
      guard
        first.form.applied(to: source(first)[first.start + left.offset])
          == second.form.applied(to: source(second)[second.start + right.offset])
      else { break }
      left.advance(arena)
      right.advance(arena)
      count += 1
    }
    try charge(count + 1, times: 2)
    return count
  }

  /// Whether a string starts or ends with another.
  @_lifetime(self: copy self)
  mutating func hasAffix(
    _ value: TemplateValue, _ affix: TemplateValue, atEnd: Bool
  ) throws(TextError) -> Bool {
    guard affix.byteCount <= value.byteCount else { return false }
    guard affix.byteCount > 0 else { return true }
    let cursor = try cursor(atEnd ? value.byteCount - affix.byteCount : 0, in: value)
    return try matchCount(cursor, affix) == affix.byteCount
  }

  /// Steps on within the slice of `cursor`, as long as its byte is not the one that is wanted, at
  /// most `most` times. Tells how often. Charged.
  @_lifetime(self: copy self)
  private mutating func skip(
    _ cursor: inout TextCursor, to wanted: UInt8, most: Int, backwards: Bool
  ) throws(TextError) -> Int {
    let slice = arena[cursor.index]
    let text = source(slice)
    let most = min(most, backwards ? cursor.offset : slice.count - 1 - cursor.offset)
    var count = 0
    let start = slice.start + cursor.offset
    if backwards {
      while count < most, slice.form.applied(to: text[start - count]) != wanted { count += 1 }
      cursor.offset -= count
    } else {
      while count < most, slice.form.applied(to: text[start + count]) != wanted { count += 1 }
      cursor.offset += count
    }
    try charge(count)
    return count
  }

  /// The first byte of a string, which is not empty.
  private func firstByte(_ value: TemplateValue) -> UInt8 {
    let slice = arena[value.first]
    return slice.form.applied(to: source(slice)[slice.start])
  }

  /// Where a string begins in another: the first place, or the last; nil when it does not.
  @_lifetime(self: copy self)
  mutating func find(
    _ needle: TemplateValue, in haystack: TemplateValue, fromEnd: Bool
  ) throws(TextError) -> Int? {
    let last = haystack.byteCount - needle.byteCount
    guard last >= 0 else { return nil }
    guard needle.byteCount > 0 else { return fromEnd ? last : 0 }
    let first = firstByte(needle)
    var cursor = try cursor(fromEnd ? last : 0, in: haystack)
    var step = 0
    while true {
      step += try skip(&cursor, to: first, most: last - step, backwards: fromEnd)
      if try matchCount(cursor, needle) == needle.byteCount { return fromEnd ? last - step : step }
      guard step < last else { return nil }
      if fromEnd { cursor.retreat(arena) } else { cursor.advance(arena) }
      step += 1
    }
  }

  /// Where one string, which must not be empty, begins in another, from left to right, never
  /// overlapping.
  @_lifetime(self: copy self)
  mutating func positions(
    of part: TemplateValue, in value: TemplateValue, most: Int = .max
  ) throws(TextError) -> [Int] {
    guard part.byteCount > 0 else { throw .templateType }
    let first = firstByte(part)
    let last = value.byteCount - part.byteCount
    var positions: [Int] = []
    var (position, cursor) = (0, TextCursor(of: value))
    while position <= last, positions.count < most {
      position += try skip(&cursor, to: first, most: last - position, backwards: false)
      let isFound = try matchCount(cursor, part) == part.byteCount
      if isFound {
        guard positions.count < TemplateLayout.maxSliceCount else { throw .templateLimit }
        positions.append(position)
      }
      for _ in 0..<(isFound ? part.byteCount : 1) {
        cursor.advance(arena)
        position += 1
      }
    }
    return positions
  }
}
