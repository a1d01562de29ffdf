// Owns: pointers with lengths on their way in and out: NULL, alignment, limits.
// Must not: trust a length, or copy what it points to.

import CVial
import VialSystem
import VialText

/// Checks of pointers that come with a number.
enum CArguments {
  /// `count` elements that the caller lends, at most `limit`.
  static func elements<Element>(
    _ pointer: UnsafePointer<Element>?, _ count: UInt64, limit: UInt32
  ) throws(Failure) -> UnsafeBufferPointer<Element> {
    guard count <= UInt64(limit) else { throw Failure(VIAL_STATUS_TOO_LONG) }
    guard let pointer else {
      if count == 0 { return UnsafeBufferPointer(start: nil, count: 0) }
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
    try checkAlignment(UnsafeRawPointer(pointer), of: Element.self)
    return UnsafeBufferPointer(start: pointer, count: Int(count))
  }

  /// The bytes of a text, at most `limit`.
  static func bytes(
    of text: vial_text, limit: UInt32 = VIAL_TEXT_BYTE_LIMIT
  ) throws(Failure) -> UnsafeBufferPointer<UInt8> {
    let bytes = try elements(text.data, text.length, limit: limit)
    return UnsafeRawBufferPointer(bytes).assumingMemoryBound(to: UInt8.self)
  }

  /// Throws `INVALID_UTF8` with the offset of the first byte that is none.
  static func checkUTF8(_ bytes: UnsafeBufferPointer<UInt8>) throws(Failure) {
    if let offset = UTF8Text.firstInvalidOffset(bytes.span) {
      throw Failure(TextError.invalidUTF8(offset: offset))
    }
  }

  /// No operating system takes a path of so many bytes.
  static let pathByteLimit = 1 << 16

  /// Whether a zero-terminated text has fewer bytes. Reads no further.
  static func isShorter(_ text: UnsafePointer<CChar>, than limit: Int) -> Bool {
    (0..<limit).contains { text[$0] == 0 }
  }

  /// A tenant's label.
  static func tenant(_ label: vial_text) throws(Failure) -> [UInt8] {
    Array(try bytes(of: label, limit: VIAL_TENANT_BYTE_LIMIT))
  }

  /// A buffer of the caller's, of any capacity: only what is needed is touched.
  static func buffer<Element>(
    _ pointer: UnsafeMutablePointer<Element>?, _ capacity: UInt64
  ) throws(Failure) -> UnsafeMutableBufferPointer<Element> {
    guard let pointer else {
      if capacity == 0 { return UnsafeMutableBufferPointer(start: nil, count: 0) }
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
    try checkAlignment(UnsafeRawPointer(pointer), of: Element.self)
    // No output comes near this many elements.
    let largest = UInt64(1) << 40
    return UnsafeMutableBufferPointer(start: pointer, count: Int(min(capacity, largest)))
  }

  /// Copies as much of a text as fits; its length in bytes.
  static func copy(_ text: String, to buffer: UnsafeMutableBufferPointer<CChar>) -> Int {
    var text = text
    return text.withUTF8 { bytes in
      for index in 0..<min(bytes.count, buffer.count) {
        buffer[index] = CChar(bitPattern: bytes[index])
      }
      return bytes.count
    }
  }

  /// Copies as many token ids as fit; how many there are.
  static func copy(
    _ tokens: SecureBuffer<UInt32>, to buffer: UnsafeMutableBufferPointer<UInt32>
  ) -> Int {
    for index in 0..<min(tokens.count, buffer.count) { buffer[index] = tokens.pointer[index] }
    return tokens.count
  }

  /// Where one value goes; must not be NULL.
  static func destination<Value>(
    _ pointer: UnsafeMutablePointer<Value>?
  ) throws(Failure) -> UnsafeMutablePointer<Value> {
    guard let pointer else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    try checkAlignment(UnsafeRawPointer(pointer), of: Value.self)
    return pointer
  }

  /// Flags of which only `known` may be set.
  static func check(flags: UInt32, known: Int) throws(Failure) {
    guard flags & ~UInt32(known) == 0 else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
  }

  /// Reserved fields that must be 0.
  static func check(reserved: UInt64) throws(Failure) {
    guard reserved == 0 else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
  }

  private static func checkAlignment<Element>(
    _ pointer: UnsafeRawPointer, of type: Element.Type
  ) throws(Failure) {
    guard UInt(bitPattern: pointer) % UInt(MemoryLayout<Element>.alignment) == 0 else {
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
  }
}

extension vial_text {
  /// Whether it is given at all: an empty text with a pointer is.
  var isPresent: Bool { data != nil || length > 0 }
}
