// Owns: strings and numbers in the JSON texts of a conversation: escapes, UTF-8, and how Python
// writes a number.
// Must not: round an integer.

extension ChatValueReader {
  // MARK: Strings

  /// Writes what the string at the cursor spells.
  @_lifetime(self: copy self)
  mutating func quoted() throws(TextError) {
    position += 1
    while current != 0x22 {
      guard current >= 0x20 else { throw error }
      let scalar = try character()
      guard let bytes = UTF8.encode(scalar) else { throw error }
      for byte in bytes { write(byte) }
    }
    position += 1
  }

  /// A number for the string that begins at `start`, which was read: the same for the same
  /// characters.
  @_lifetime(self: copy self)
  mutating func hash(from start: Int) -> Int {
    let end = position
    var hasher = Hasher()
    position = start + 1
    while position < end - 1, let scalar = try? character() { hasher.combine(scalar.value) }
    position = end
    return hasher.finalize()
  }

  /// The character at the cursor, which is stepped over.
  @_lifetime(self: copy self)
  private mutating func character() throws(TextError) -> Unicode.Scalar {
    let start = position
    let byte = current
    if byte == 0x5C { return try escape() }
    if byte < 0x80 {
      position += 1
      return Unicode.Scalar(byte)
    }
    let count = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
    guard byte >= 0xC2, byte < 0xF5, start + count <= json.count else {
      throw .invalidUTF8(offset: start)
    }
    var value = UInt32(byte) & (0x7F >> UInt32(count))
    for index in 1..<count {
      let next = json[start + index]
      guard next & 0xC0 == 0x80 else { throw .invalidUTF8(offset: start) }
      value = value << 6 | UInt32(next & 0x3F)
    }
    let least: UInt32 = count == 2 ? 0x80 : count == 3 ? 0x800 : 0x10000
    guard value >= least, let scalar = Unicode.Scalar(value) else {
      throw .invalidUTF8(offset: start)
    }
    position += count
    return scalar
  }

  @_lifetime(self: copy self)
  private mutating func escape() throws(TextError) -> Unicode.Scalar {
    let start = position
    position += 1
    let byte = current
    position += 1
    switch byte {
    case 0x22, 0x5C, 0x2F: return Unicode.Scalar(byte)
    case 0x62: return "\u{8}"
    case 0x66: return "\u{C}"
    case 0x6E: return "\n"
    case 0x72: return "\r"
    case 0x74: return "\t"
    case 0x75:
      var value = try hexadecimal()
      if (0xD800..<0xDC00).contains(value), current == 0x5C {
        position += 1
        guard current == 0x75 else { throw .invalidJSON(offset: start) }
        position += 1
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second) else { throw .invalidJSON(offset: start) }
        value = 0x10000 + (value & 0x3FF) << 10 + (second & 0x3FF)
      }
      guard let scalar = Unicode.Scalar(value) else { throw .invalidJSON(offset: start) }
      return scalar
    default: throw .invalidJSON(offset: start)
    }
  }

  @_lifetime(self: copy self)
  private mutating func hexadecimal() throws(TextError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      switch current {
      case 0x30...0x39: value = value << 4 | UInt32(current & 0x0F)
      case 0x61...0x66, 0x41...0x46: value = value << 4 | (UInt32(current & 0x0F) + 9)
      default: throw error
      }
      position += 1
    }
    return value
  }

  // MARK: Numbers

  /// Writes the number at the cursor as Python does.
  @_lifetime(self: copy self)
  mutating func number() throws(TextError) {
    let start = position
    if current == 0x2D { position += 1 }
    let firstDigit = position
    if current == 0x30 { position += 1 } else { try digits() }
    let isWhole = current != 0x2E && current | 0x20 != 0x65
    if current == 0x2E {
      position += 1
      try digits()
    }
    if current | 0x20 == 0x65 {
      position += 1
      if current == 0x2B || current == 0x2D { position += 1 }
      try digits()
    }
    guard position - (isWhole ? firstDigit : start) <= Self.numberDigitLimit else {
      throw .numberOutOfRange(offset: start)
    }
    var text: [UInt8] = []
    for index in start..<position { text.append(json[index]) }
    guard !isWhole else {
      if text == [0x2D, 0x30] { text = [0x30] }
      return write(text)
    }
    guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite else {
      throw .numberOutOfRange(offset: start)
    }
    write(Self.pythonText(value))
  }

  @_lifetime(self: copy self)
  private mutating func write(_ text: [UInt8]) {
    for byte in text { write(byte) }
  }

  @_lifetime(self: copy self)
  private mutating func digits() throws(TextError) {
    guard (0x30...0x39).contains(current) else { throw error }
    while (0x30...0x39).contains(current) { position += 1 }
  }

  /// `repr` of a float: the fewest digits that read as it, with an exponent below 10^-4 and from
  /// 10^16 on.
  static func pythonText(_ value: Double) -> [UInt8] {
    var digits: [UInt8] = []
    var (exponent, point, isNegativeExponent) = (0, Int?.none, false)
    var isExponent = false
    for byte in value.magnitude.description.utf8 {
      switch byte {
      case 0x2E: point = digits.count
      case 0x65: isExponent = true
      case 0x2D: isNegativeExponent = true
      case 0x2B: break
      default:
        if isExponent { exponent = exponent * 10 + Int(byte & 0x0F) } else { digits.append(byte) }
      }
    }
    var pointPosition = (point ?? digits.count) + (isNegativeExponent ? -exponent : exponent)
    // The first digit counts, unless the number is zero.
    while digits.count > 1, digits[0] == 0x30 {
      digits.removeFirst()
      pointPosition -= 1
    }
    while digits.count > 1, digits[digits.count - 1] == 0x30 { digits.removeLast() }
    if digits == [0x30] { pointPosition = 1 }
    let sign: [UInt8] = value.sign == .minus ? [0x2D] : []
    let zeros = { (count: Int) in [UInt8](repeating: 0x30, count: count) }
    if pointPosition > 16 || pointPosition < -3 {
      let power = Array(String((pointPosition - 1).magnitude).utf8)
      let fraction = digits.count > 1 ? [0x2E] + digits[1...] : []
      return sign + digits[..<1] + fraction + [0x65, pointPosition > 0 ? 0x2B : 0x2D]
        + zeros(max(0, 2 - power.count)) + power
    }
    if pointPosition <= 0 { return sign + [0x30, 0x2E] + zeros(-pointPosition) + digits }
    if pointPosition >= digits.count {
      return sign + digits + zeros(pointPosition - digits.count) + [0x2E, 0x30]
    }
    return sign + digits[..<pointPosition] + [0x2E] + digits[pointPosition...]
  }
}
