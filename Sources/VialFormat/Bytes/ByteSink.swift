// Owns: where a writer's bytes go.
// Must not: assume a file; VialFormat opens none.

/// Accepts bytes at offsets. Offsets that were never written are never read back.
package protocol ByteSink {
  /// Stores `bytes` at `offset` bytes from the start.
  mutating func write(_ bytes: RawSpan, at offset: UInt64) throws
}

/// A sink in memory, for small files and tests.
package struct MemorySink: ByteSink, Sendable {
  /// Everything written so far; gaps are zero.
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func write(_ bytes: RawSpan, at offset: UInt64) throws {
    let start = Int(offset)
    self.bytes.pad(to: start + bytes.byteCount)
    for index in 0..<bytes.byteCount { self.bytes[start + index] = bytes.u8(index) }
  }
}
