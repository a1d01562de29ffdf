// Owns: bytes to stdout and stderr, unbuffered, whole; whether a person is at the other end.
// Must not: format. stdout carries answers and JSON only.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes bytes to a file descriptor until all are written or it fails.
private func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
  var done = 0
  while done < bytes.count, let start = bytes.baseAddress {
    let count = write(descriptor, start + done, bytes.count - done)
    if count > 0 {
      done += count
    } else if count == 0 || errno != EINTR {
      return false
    }
  }
  return true
}

/// What somebody types.
enum StandardInput {
  /// Whether a person types it.
  static var isTerminal: Bool { isatty(0) == 1 }
}

/// Messages and progress.
enum StandardError {
  /// Whether a person looks at it.
  static var isTerminal: Bool { isatty(2) == 1 }

  /// One line.
  static func write(_ line: String) {
    var line = line.hasSuffix("\n") ? line : line + "\n"
    line.withUTF8 { _ = writeAll(UnsafeRawBufferPointer($0), to: 2) }
  }

  /// Bytes as they are.
  static func write(bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { _ = writeAll($0, to: 2) }
  }
}

/// Answers and JSON.
enum StandardOutput {
  /// Text without a line end of its own. A full disk or a closed pipe is an error.
  static func write(_ text: String) throws {
    var text = text
    guard text.withUTF8({ writeAll(UnsafeRawBufferPointer($0), to: 1) }) else {
      throw CommandFailure("cannot write to standard output")
    }
  }

  /// Bytes as they are; false when they cannot be written.
  static func write(bytes: Span<UInt8>) -> Bool {
    bytes.withUnsafeBytes { writeAll($0, to: 1) }
  }
}
