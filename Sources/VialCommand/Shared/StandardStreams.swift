// Owns: bytes to stdout and stderr, unbuffered, whole; whether a person is at the other end.
// Must not: format, or let controls of somebody else's text reach a terminal. stdout carries
// answers and JSON only.

import VialSystem

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

  /// One line, whatever it quotes: controls are spelled out, line ends within it, too.
  static func write(_ line: String) {
    let text = line.hasSuffix("\n") ? String(line.dropLast()) : line
    send(TerminalText.line(text) + "\n")
  }

  /// Several lines, such as a usage text; other controls are spelled out.
  static func write(lines: String) {
    let text = lines.hasSuffix("\n") ? lines : lines + "\n"
    send(TerminalText.lines(text))
  }

  /// Bytes as they are: our own, or what `TerminalFilter` let through.
  static func write(bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { _ = writeAll($0, to: 2) }
  }

  private static func send(_ text: String) {
    var text = text
    text.withUTF8 { _ = writeAll(UnsafeRawBufferPointer($0), to: 2) }
  }
}

/// Answers and JSON.
enum StandardOutput {
  /// Whether a person looks at it.
  static var isTerminal: Bool { isatty(1) == 1 }

  /// Text without a line end of its own; controls but line ends and tabs are spelled out. A full
  /// disk or a closed pipe is an error.
  static func write(_ text: String) throws { try send(TerminalText.lines(text)) }

  /// What was asked for, an answer say: as it is, but for a terminal.
  static func write(answer text: String) throws {
    try send(isTerminal ? TerminalText.lines(text) : text)
  }

  /// Bytes as they are; false when they cannot be written.
  static func write(bytes: Span<UInt8>) -> Bool {
    bytes.withUnsafeBytes { writeAll($0, to: 1) }
  }

  private static func send(_ text: String) throws {
    var text = text
    guard text.withUTF8({ writeAll(UnsafeRawBufferPointer($0), to: 1) }) else {
      throw CommandFailure("cannot write to standard output")
    }
  }
}
