// Owns: the reading of a GGUF file's header front to back, from a window that moves, with limits on
// everything that it states.
// Must not: trust a length; each is compared with the file before memory is taken.
// Source: ggml's docs/gguf.md.

/// A value of GGUF metadata.
enum GGUFValue: Sendable {
  case integer(Int64)
  /// A float, as the shortest decimal number that stands for it: 1e-6 stays 1e-6.
  case number(Double)
  case flag(Bool)
  case string([UInt8])
  case array([GGUFValue])
}

/// A reading position in a GGUF header.
struct GGUFCursor {
  /// Largest header in bytes, and elements in all arrays together.
  static let maximumByteCount: UInt64 = 256 << 20
  static let maximumElementCount = 1 << 24
  private static let windowByteCount = 1 << 20

  private let file: SourceFile
  private let limit: UInt64
  private var window: [UInt8] = []
  private var windowStart: UInt64 = 0
  private var elementCount = 0
  /// Bytes from the start of the file.
  private(set) var position: UInt64 = 0

  init(_ file: SourceFile) {
    self.file = file
    limit = min(file.byteCount, Self.maximumByteCount)
  }

  func error(_ message: String) -> PackingError {
    PackingError("\(PackingError.printable(file.name)): \(message)")
  }

  /// The next `count` bytes.
  mutating func bytes(_ count: UInt64) throws(PackingError) -> ArraySlice<UInt8> {
    guard count <= limit - position else {
      throw error(
        "the header ends after \(limit) bytes, inside what it announces at byte \(position)")
    }
    let windowEnd = windowStart + UInt64(window.count)
    if position < windowStart || position + count > windowEnd {
      let length = min(max(count, UInt64(Self.windowByteCount)), limit - position)
      window = try file.bytes(at: position, count: Int(length))
      windowStart = position
    }
    let first = Int(position - windowStart)
    position += count
    return window[first..<first + Int(count)]
  }

  private mutating func unsigned(_ byteCount: UInt64) throws(PackingError) -> UInt64 {
    try bytes(byteCount).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func u32() throws(PackingError) -> UInt32 { UInt32(try unsigned(4)) }

  mutating func u64() throws(PackingError) -> UInt64 { try unsigned(8) }

  mutating func string() throws(PackingError) -> [UInt8] { Array(try bytes(u64())) }

  /// A value of the type that comes before it.
  mutating func value() throws(PackingError) -> GGUFValue {
    let type = try u32()
    guard type == 9 else { return try scalar(type) }
    let elementType = try u32()
    let count = try u64()
    guard elementType != 9 else { throw error("an array of arrays at byte \(position)") }
    // Each element has a byte at least.
    guard count <= limit - position, count <= UInt64(Self.maximumElementCount - elementCount)
    else { throw error("an array of \(count) elements at byte \(position)") }
    elementCount += Int(count)
    var elements: [GGUFValue] = []
    elements.reserveCapacity(Int(count))
    for _ in 0..<Int(count) { elements.append(try scalar(elementType)) }
    return .array(elements)
  }

  private mutating func scalar(_ type: UInt32) throws(PackingError) -> GGUFValue {
    switch type {
    case 0: return .integer(Int64(try unsigned(1)))
    case 1: return .integer(Int64(Int8(truncatingIfNeeded: try unsigned(1))))
    case 2: return .integer(Int64(try unsigned(2)))
    case 3: return .integer(Int64(Int16(truncatingIfNeeded: try unsigned(2))))
    case 4: return .integer(Int64(try unsigned(4)))
    case 5: return .integer(Int64(Int32(truncatingIfNeeded: try unsigned(4))))
    case 6:
      let value = Float(bitPattern: try u32())
      return .number(Double(value.description) ?? Double(value))
    case 7: return .flag(try unsigned(1) != 0)
    case 8: return .string(try string())
    case 10:
      guard let value = Int64(exactly: try u64()) else {
        throw error("a number above 2^63 before byte \(position)")
      }
      return .integer(value)
    case 11: return .integer(Int64(bitPattern: try u64()))
    case 12: return .number(Double(bitPattern: try u64()))
    default: throw error("unknown value type \(type) before byte \(position)")
    }
  }
}
