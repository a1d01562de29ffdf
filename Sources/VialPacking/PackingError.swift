// Owns: the one error of the packer: what is wrong with which file or tensor, in a single line.
// Must not: carry a stack, a path that the user did not give, or bytes that could drive a terminal:
// text from a checkpoint goes through `printable` first.

import VialSystem

/// Why a checkpoint could not be packed. `description` is one line fit for a terminal.
public struct PackingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of failure this is; the command derives its exit code from it.
  public enum Kind: Sendable, Equatable {
    /// The source or the output is not usable: exit 1.
    case input
    /// The caller's `shouldStop` asked to stop: exit 130 on a signal.
    case cancelled
  }

  /// The kind of failure.
  public let kind: Kind
  /// One line in plain words.
  public let message: String

  /// Makes an error about the input from one line of text.
  public init(_ message: String) {
    self.kind = .input
    self.message = message
  }

  private init(kind: Kind, message: String) {
    self.kind = kind
    self.message = message
  }

  /// The caller asked to stop.
  public static let cancelled = PackingError(
    kind: .cancelled, message: "stopped; nothing was written")

  /// The same during calibration, whose finished layers are kept.
  static func cancelled(keepsLayers: Bool) -> PackingError {
    guard keepsLayers else { return .cancelled }
    return PackingError(
      kind: .cancelled,
      message: "stopped; the same command goes on after the layers that are finished")
  }

  public var description: String { message }

  /// `text` as one line for a terminal, cut after 160 characters, so that a name from a hostile
  /// header can neither move the cursor nor fill the screen.
  static func printable(_ text: String) -> String { TerminalText.line(text, limit: 160) }

  /// `printable` for bytes that may not be UTF-8.
  static func printable(_ bytes: [UInt8]) -> String {
    printable(String(decoding: bytes.prefix(1000), as: UTF8.self))
  }
}
