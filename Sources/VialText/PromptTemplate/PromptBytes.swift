// Owns: what bytes of values are: equal to a text, blank at their ends, a day.
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

  /// Hands the lines that are not blank to `body`, whatever ends them.
  func forEachQuotedLine(in range: Range<Int>, _ body: (Range<Int>) -> Void) {
    var position = range.lowerBound
    while let line = nextLine(&position, in: range) {
      let line = trimmed(line)
      if !line.isEmpty { body(line) }
    }
  }

  /// The line that begins at `position`, which moves behind its end; nil behind the last one. A
  /// line ends at everything that some reader takes for its end: LF, CR LF, CR, VT, FF, FS, GS, RS,
  /// NEL, LS and PS.
  func nextLine(_ position: inout Int, in range: Range<Int>) -> Range<Int>? {
    guard position <= range.upperBound else { return nil }
    let start = position
    while position < range.upperBound {
      let length = lineEndLength(at: position, before: range.upperBound)
      if length > 0 {
        let line = start..<position
        position += length
        return line
      }
      position += 1
    }
    position = range.upperBound + 1
    return start..<range.upperBound
  }

  /// Bytes of the line end at `position`; 0 when there is none.
  private func lineEndLength(at position: Int, before end: Int) -> Int {
    func byte(_ offset: Int) -> UInt8 { position + offset < end ? self[position + offset] : 0 }
    switch byte(0) {
    case 0x0D: return byte(1) == 0x0A ? 2 : 1
    case 0x0A...0x0C, 0x1C...0x1E: return 1
    case 0xC2: return byte(1) == 0x85 ? 2 : 0
    case 0xE2: return byte(1) == 0x80 && (byte(2) == 0xA8 || byte(2) == 0xA9) ? 3 : 0
    default: return 0
    }
  }

  /// Whether the bytes are a day of the Gregorian calendar, YYYY-MM-DD.
  var isDay: Bool { dayLength == 10 && count == 10 }

  /// Bytes of the date that the bytes are, as FHIR writes dates: a year, a month, a day, or a day
  /// with a time behind it, of which the day counts (4, 7 or 10); nil when they are none.
  var dateLength: Int? {
    guard let length = dayLength else { return nil }
    guard count > length else { return length }
    return length == 10 && isTime(from: 10) ? length : nil
  }

  private func number(_ range: Range<Int>) -> Int? {
    guard range.upperBound <= count else { return nil }
    var value = 0
    for index in range {
      guard (0x30...0x39).contains(self[index]) else { return nil }
      value = value * 10 + Int(self[index] - 0x30)
    }
    return value
  }

  /// Bytes of the year, month or day that the bytes begin with; nil when there is none in the
  /// Gregorian calendar.
  private var dayLength: Int? {
    guard let year = number(0..<4), year > 0 else { return nil }
    guard count > 4 else { return 4 }
    guard self[4] == 0x2D, let month = number(5..<7), (1...12).contains(month) else { return nil }
    guard count > 7 else { return 7 }
    guard self[7] == 0x2D, let day = number(8..<10) else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...lengths[month - 1]).contains(day) ? 10 : nil
  }

  /// `Thh:mm` or `Thh:mm:ss`, perhaps a fraction of at most nine digits, and `Z` or an offset.
  private func isTime(from start: Int) -> Bool {
    guard self[start] == 0x54, let hour = number((start + 1)..<(start + 3)), hour < 24,
      start + 3 < count, self[start + 3] == 0x3A,
      let minute = number((start + 4)..<(start + 6)), minute < 60
    else { return false }
    var position = start + 6
    if position < count, self[position] == 0x3A {
      // A leap second has the number 60.
      guard let second = number((position + 1)..<(position + 3)), second <= 60 else { return false }
      position += 3
      if position < count, self[position] == 0x2E {
        let first = position + 1
        position = first
        while position < count, (0x30...0x39).contains(self[position]) { position += 1 }
        guard (1...9).contains(position - first) else { return false }
      }
    }
    guard position < count else { return true }
    if self[position] == 0x5A { return position + 1 == count }
    guard self[position] == 0x2B || self[position] == 0x2D, position + 6 == count,
      self[position + 3] == 0x3A, let hours = number((position + 1)..<(position + 3)), hours <= 14,
      let minutes = number((position + 4)..<(position + 6)), minutes < 60
    else { return false }
    return true
  }

  /// Whether this date lies before another one, as far as both are stated.
  func isBefore(_ length: Int, _ other: Span<UInt8>, _ otherLength: Int) -> Bool {
    for index in 0..<Swift.min(length, otherLength) where self[index] != other[index] {
      return self[index] < other[index]
    }
    return false
  }
}
