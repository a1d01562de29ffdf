// Owns: the streamed text: the answer to stdout, the reasoning before it to stderr (dimmed on a
// terminal).
// Must not: hold text back, but for half a character before a terminal, which controls of an answer
// must not reach.
// A pipe or a file gets the answer's bytes as they are.

import Vial
import VialEngine
import VialSystem

/// Prints the parts of an answer as they come.
final class AnswerPrinter {
  /// Standard output refused a write.
  private(set) var hasFailed = false
  private let isQuiet: Bool
  private var reasons = false
  private var hasAnswer = false
  private var endsWithNewline = true
  private var answerFilter = StandardOutput.isTerminal ? TerminalFilter() : nil
  private var reasoningFilter = StandardError.isTerminal ? TerminalFilter() : nil

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  func print(_ part: AnswerPart, _ text: Span<UInt8>) {
    guard !isQuiet else { return }
    switch part {
    case .reasoning:
      if !reasons, StandardError.isTerminal { StandardError.write(bytes: Self.dim.span) }
      reasons = true
      if let shown = reasoningFilter?.show(text) {
        StandardError.write(bytes: shown.span)
      } else {
        StandardError.write(bytes: text)
      }
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
    let rest = text.extracting(start..<text.count)
    if let shown = answerFilter?.show(rest) {
      write(shown.span)
    } else {
      write(rest)
    }
  }

  private func write(_ bytes: Span<UInt8>) {
    if !StandardOutput.write(bytes: bytes) { hasFailed = true }
  }

  /// Ends the last line of each stream.
  func finish() {
    guard !isQuiet else { return }
    endReasoning()
    guard hasAnswer else { return }
    if let rest = answerFilter?.finish() { write(rest.span) }
    if !endsWithNewline { write(Self.newline.span) }
  }

  private func endReasoning() {
    guard reasons else { return }
    reasons = false
    if let rest = reasoningFilter?.finish() { StandardError.write(bytes: rest.span) }
    if !endsWithNewline { StandardError.write(bytes: Self.newline.span) }
    if StandardError.isTerminal { StandardError.write(bytes: Self.plain.span) }
    endsWithNewline = true
  }

  private static let dim: [UInt8] = Array("\u{1B}[2m".utf8)
  private static let plain: [UInt8] = Array("\u{1B}[0m".utf8)
  private static let newline: [UInt8] = [0x0A]
}
