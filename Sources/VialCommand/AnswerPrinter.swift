// Owns: the streamed text: the answer to stdout, the reasoning before it to stderr (dimmed on a terminal).
// Must not: hold text back.

import Vial
import VialEngine

/// Prints the parts of an answer as they come.
final class AnswerPrinter {
  /// Standard output refused a write.
  private(set) var hasFailed = false
  private let isQuiet: Bool
  private var reasons = false
  private var hasAnswer = false
  private var endsWithNewline = true

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  func print(_ part: AnswerPart, _ text: Span<UInt8>) {
    guard !isQuiet else { return }
    switch part {
    case .reasoning:
      if !reasons, StandardError.isTerminal { StandardError.write(bytes: Self.dim.span) }
      reasons = true
      StandardError.write(bytes: text)
      endsWithNewline = text.count > 0 && text[text.count - 1] == 0x0A
    case .answer: printAnswer(text)
    }
  }

  /// The answer begins at its first character that is not a line end.
  private func printAnswer(_ text: Span<UInt8>) {
    endReasoning()
    var start = 0
    while !hasAnswer, start < text.count, text[start] == 0x0A { start += 1 }
    guard start < text.count else { return }
    hasAnswer = true
    endsWithNewline = text[text.count - 1] == 0x0A
    if !StandardOutput.write(bytes: text.extracting(start..<text.count)) { hasFailed = true }
  }

  /// Ends the last line of each stream.
  func finish() {
    guard !isQuiet else { return }
    endReasoning()
    if hasAnswer, !endsWithNewline, !StandardOutput.write(bytes: Self.newline.span) {
      hasFailed = true
    }
  }

  private func endReasoning() {
    guard reasons else { return }
    reasons = false
    if !endsWithNewline { StandardError.write(bytes: Self.newline.span) }
    if StandardError.isTerminal { StandardError.write(bytes: Self.plain.span) }
    endsWithNewline = true
  }

  private static let dim: [UInt8] = Array("\u{1B}[2m".utf8)
  private static let plain: [UInt8] = Array("\u{1B}[0m".utf8)
  private static let newline: [UInt8] = [0x0A]
}
