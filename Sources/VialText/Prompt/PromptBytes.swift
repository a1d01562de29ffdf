// What bytes of values are: equal to a text, blank at their ends, a day.
// Must not: make a `String` of a value: it may be a patient's.

extension Span<UInt8> {
  /// Whether the bytes are those of `text`.
  func isEqual(to text: String) -> Bool {
    let other = text.utf8Span.span
    guard other.count == count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }

  /// A range without spaces, tabs and line ends at both ends.
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    while start < end, isSpace(self[start]) { start += 1 }
    while end > start, isSpace(self[end - 1]) { end -= 1 }
    return start..<end
  }

  /// Hands the lines that are not blank to `body`.
  func forEachLine(in range: Range<Int>, _ body: (Range<Int>) -> Void) {
    var start = range.lowerBound
    while start < range.upperBound {
      var end = start
      while end < range.upperBound, self[end] != 0x0A { end += 1 }
      let line = trimmed(start..<end)
      if !line.isEmpty { body(line) }
      start = end + 1
    }
  }

  /// Whether the bytes are a day of the Gregorian calendar, YYYY-MM-DD.
  var isDay: Bool {
    guard count == 10, self[4] == 0x2D, self[7] == 0x2D else { return false }
    func number(_ range: Range<Int>) -> Int? {
      var value = 0
      for index in range {
        guard (0x30...0x39).contains(self[index]) else { return nil }
        value = value * 10 + Int(self[index] - 0x30)
      }
      return value
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), year > 0,
      (1...12).contains(month)
    else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...lengths[month - 1]).contains(day)
  }
}
