// Owns: `vial run --interactive`: turns of a conversation, each with everything said before.
// Must not: keep reasoning: a model reads only what was answered.

import Vial
import VialEngine
import VialSystem

/// A conversation over standard input and output.
final class ChatSession {
  private let engine: Engine
  private let options: GenerationOptions
  private let isTerminal = StandardInput.isTerminal
  private var turns: [(role: StaticString, content: [UInt8])] = []

  init(_ engine: Engine, options: GenerationOptions) {
    self.engine = engine
    self.options = options
  }

  /// Runs until the end of input or /exit.
  func run() throws {
    if isTerminal { StandardError.write("/reset begins anew, /exit or end of input ends") }
    while let line = nextLine() {
      switch line {
      case "": continue
      case "/exit": return
      case "/reset":
        turns = []
        StandardError.write("a new conversation")
      default: try answer(Array(line.utf8))
      }
    }
    if isTerminal { StandardError.write("") }
  }

  /// A line without spaces around it; ctrl-C ends the process while it is waited for.
  private func nextLine() -> String? {
    if isTerminal { StandardError.write(bytes: Array("> ".utf8).span) }
    return readLine()?.trimmingBlanks
  }

  private func answer(_ message: [UInt8]) throws {
    turns.append(("user", message))
    SignalTrap.install()
    defer { SignalTrap.uninstall() }
    do throws(VialError) {
      let request = try engine.submit(prompt: try tokens(), options: options)
      let text = try print(request)
      if let failure = request.ending?.failure { throw .computation(failure) }
      turns.append(("assistant", text))
    } catch {
      // The conversation goes on without what could not be answered.
      turns.removeLast()
      guard case .promptTooLong = error else { throw error }
      StandardError.write("error: \(error); /reset begins anew")
    }
    if let signal = SignalTrap.signalNumber, !SignalTrap.isFromKeyboard {
      throw CommandFailure("stopped by signal \(signal)", code: 128 + signal)
    }
  }

  private func tokens() throws(VialError) -> SecureBuffer<UInt32> {
    let byteCount = turns.reduce(0) { $0 + $1.content.count + 16 }
    guard let conversation = Conversation(byteCount: byteCount) else { throw .outOfMemory }
    for turn in turns {
      conversation.append(role: turn.role, content: turn.content.span, isLiteral: true)
    }
    return try engine.model.chatTokens(conversation)
  }

  /// Streams an answer; ctrl-C ends it, and what there was of it stays part of the conversation.
  private func print(_ request: Request) throws(VialError) -> [UInt8] {
    let printer = AnswerPrinter(isQuiet: false)
    request.waitForAnswer(
      isCancelled: { SignalTrap.signalNumber != nil || printer.hasFailed },
      onEvent: { printer.print($0.part, $0.text.span) })
    printer.finish()
    if request.ending?.reason == .cancelled { StandardError.write("(cancelled)") }
    return Array(request.text(of: .answer).utf8.drop { $0 == 0x0A })
  }
}

extension String {
  /// Without spaces and tabs at either end.
  fileprivate var trimmingBlanks: String {
    var text = self[...]
    while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
    return String(text.drop { $0 == " " || $0 == "\t" })
  }
}
