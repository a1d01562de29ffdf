// Joins the format's writer to a file that appears only when it is complete.

import VialFormat
import VialSystem

/// A byte sink over an `AtomicFile`.
struct AtomicSink: ByteSink {
  let file: AtomicFile

  mutating func write(_ bytes: RawSpan, at offset: UInt64) throws {
    try bytes.withUnsafeBytes { try file.write($0, at: offset) }
  }
}
