// Owns: characters put together from bytes that arrive one at a time, and the replacement of what
// is not UTF-8.
// Must not: let half a character out.

/// Holds the start of a character until it is whole or known to be broken.
struct UTF8Assembler {
  /// What one broken sequence becomes.
  enum Replacement {
    /// One U+FFFD for each longest prefix of a character (as Rust's and WHATWG's lossy decoding).
    case perSequence
    /// One U+FFFD for each byte (as the byte-fallback decoder).
    case perByte
  }

  private var held = InlineArray<4, UInt8>(repeating: 0)
  private var heldCount = 0
  private var neededCount = 0

  /// Whether a character is incomplete.
  var isHolding: Bool { heldCount > 0 }

  /// Takes one byte and writes what is now certain.
  mutating func append(
    _ byte: UInt8, _ replacement: Replacement, _ output: inout MutableSpan<UInt8>,
    _ count: inout Int
  ) {
    if heldCount > 0 {
      if accepts(byte) {
        held[heldCount] = byte
        heldCount += 1
        if heldCount == neededCount { release(&output, &count) }
        return
      }
      flush(replacement, &output, &count)
    }
    switch byte {
    case 0..<0x80: Self.write(byte, &output, &count)
    case 0xC2...0xDF: hold(byte, 2)
    case 0xE0...0xEF: hold(byte, 3)
    case 0xF0...0xF4: hold(byte, 4)
    default: Self.replace(&output, &count)
    }
  }

  /// Gives up on an incomplete character.
  mutating func flush(
    _ replacement: Replacement, _ output: inout MutableSpan<UInt8>, _ count: inout Int
  ) {
    guard heldCount > 0 else { return }
    for _ in 0..<(replacement == .perByte ? heldCount : 1) { Self.replace(&output, &count) }
    heldCount = 0
  }

  /// Writes U+FFFD.
  static func replace(_ output: inout MutableSpan<UInt8>, _ count: inout Int) {
    write(0xEF, &output, &count)
    write(0xBF, &output, &count)
    write(0xBD, &output, &count)
  }

  private mutating func hold(_ byte: UInt8, _ needed: Int) {
    held[0] = byte
    heldCount = 1
    neededCount = needed
  }

  private mutating func release(_ output: inout MutableSpan<UInt8>, _ count: inout Int) {
    for index in 0..<heldCount { Self.write(held[index], &output, &count) }
    heldCount = 0
  }

  /// Whether `byte` continues the held start (Unicode, table 3-7).
  private func accepts(_ byte: UInt8) -> Bool {
    guard heldCount == 1 else { return byte & 0xC0 == 0x80 }
    switch held[0] {
    case 0xE0: return (0xA0...0xBF).contains(byte)
    case 0xED: return (0x80...0x9F).contains(byte)
    case 0xF0: return (0x90...0xBF).contains(byte)
    case 0xF4: return (0x80...0x8F).contains(byte)
    default: return byte & 0xC0 == 0x80
    }
  }

  private static func write(
    _ byte: UInt8, _ output: inout MutableSpan<UInt8>, _ count: inout Int
  ) {
    if count < output.count { output[count] = byte }
    count += 1
  }
}
