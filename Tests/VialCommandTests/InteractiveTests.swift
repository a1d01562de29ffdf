// Conversations at a terminal: what ctrl-C ends.

import Foundation
import Testing

#if os(Linux)
  @Suite struct InteractiveTests {
    /// An answer of two thousand tokens, the same on every machine, which takes a second or more.
    private static let arguments = [
      "run", "--interactive", "--max-tokens", "2040", "--temperature", "3", "--top-p", "1",
      "--top-k", "0", "--min-p", "0", "--seed", "3", "--threads", "1",
    ]
    private static let controlC = "\u{3}"

    @Test func controlCEndsTheAnswerAndNotTheConversation() throws {
      let terminal = try #require(TerminalRun(Self.arguments))
      #expect(terminal.wait { $0.hasSuffix("> ") })
      for _ in 0..<2 {
        let start = terminal.screen.count
        terminal.type("what is asthma\n")
        // The echo of the question, and some of the answer.
        #expect(terminal.wait(from: start) { $0.count > 60 })
        terminal.type(Self.controlC)
        #expect(terminal.wait(from: start) { $0.contains("(cancelled)") && $0.hasSuffix("> ") })
      }
      terminal.type("/reset\n")
      #expect(terminal.wait { $0.contains("a new conversation") })
      terminal.type("/exit\n")
      #expect(terminal.wait() == 0)
    }

    @Test func controlCAtThePromptEndsTheCommand() throws {
      let terminal = try #require(TerminalRun(Self.arguments))
      #expect(terminal.wait { $0.hasSuffix("> ") })
      terminal.type(Self.controlC)
      #expect(terminal.wait() == -SIGINT)
    }
  }
#endif
