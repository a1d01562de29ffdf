// Owns: what the classes of regular expressions hold, as ECMA-262 reads them and as Python's `re`
// does.
// Must not: depend on the Unicode version of a toolchain.
// An answer must match in both readings, since validators take one or the other.

/// A set of characters in both readings.
struct DialectSet {
  var ecma: [ClosedRange<UInt32>]
  var python: [ClosedRange<UInt32>]

  /// The same in both.
  init(_ ranges: [ClosedRange<UInt32>]) { (ecma, python) = (ranges, ranges) }

  init(ecma: [ClosedRange<UInt32>], python: [ClosedRange<UInt32>]) {
    (self.ecma, self.python) = (ecma, python)
  }

  var complement: DialectSet {
    DialectSet(ecma: CharacterSet.complement(ecma), python: CharacterSet.complement(python))
  }

  /// Characters that are in it however it is read, as far as JSON strings are offered with them.
  var common: [ClosedRange<UInt32>] {
    CharacterSet.intersection(
      CharacterSet.intersection(CharacterSet.union(ecma), CharacterSet.union(python)),
      Self.offered)
  }

  /// Characters that are in it to one reading at least, as far as JSON strings are offered with
  /// them.
  var either: [ClosedRange<UInt32>] {
    CharacterSet.intersection(CharacterSet.union(ecma + python), Self.offered)
  }

  /// All characters but surrogates, and those control characters that have short escapes.
  private static let offered: [ClosedRange<UInt32>] = [
    0x08...0x0A, 0x0C...0x0D, 0x20...0xD7FF, 0xE000...0x10FFFF,
  ]

  // MARK: Classes

  /// `\d`.
  static let digit = DialectSet(
    ecma: [0x30...0x39], python: decimalZeros.map { $0...$0 + 9 })

  /// `\w`.
  static let word = DialectSet(
    ecma: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A], python: pythonWord)

  /// `\s`.
  static let space = DialectSet(
    ecma: [
      0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
      0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ],
    python: [
      0x09...0x0D, 0x1C...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A,
      0x2028...0x2029, 0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
    ])

  /// `.`.
  static let dot = DialectSet(
    ecma: CharacterSet.complement([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029]),
    python: CharacterSet.complement([0x0A...0x0A]))

  /// Letters, numbers and the low line.
  private static let pythonWord: [ClosedRange<UInt32>] = {
    let classes = UnicodeClasses.pinned
    let view = classes.view
    var ranges: [ClosedRange<UInt32>] = [0x5F...0x5F]
    var start: UInt32?
    for scalar in 0...0x110000 as ClosedRange<UInt32> {
      let isIn = scalar < 0x110000 && (view[scalar].isLetter || view[scalar].isNumber)
      if isIn, start == nil { start = scalar }
      if !isIn, let first = start {
        ranges.append(first...scalar - 1)
        start = nil
      }
    }
    return CharacterSet.union(ranges)
  }()

  /// The zeros of all decimal digits (general category Nd of Unicode 16), which come in tens.
  private static let decimalZeros: [UInt32] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66,
    0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946,
    0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0,
    0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136,
    0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0,
    0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11DE0, 0x11F50, 0x16130, 0x16A60, 0x16AC0,
    0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0,
    0x1E4F0,
    0x1E5F1, 0x1E950, 0x1FBF0,
  ]
}
