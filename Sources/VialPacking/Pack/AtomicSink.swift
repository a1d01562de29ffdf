// Owns: the joining of the format's writer to a file that appears only when it is complete.
// Must not: finish or discard the file; its owner does.

import VialFormat
import VialSystem

/// A byte sink over an `AtomicFile`.
struct AtomicSink: ByteSink {
  private let file: AtomicFile
  /// End of the bytes written so far.
  private(set) var byteCount: UInt64 = 0

  init(file: AtomicFile) { self.file = file }

  mutating func write(_ bytes: RawSpan, at offset: UInt64) throws {
    try bytes.withUnsafeBytes { try file.write($0, at: offset) }
    byteCount = max(byteCount, offset + UInt64(bytes.byteCount))
  }
}
