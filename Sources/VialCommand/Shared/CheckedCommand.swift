// Owns: the check of a command's arguments between parsing and running.
// Must not: parse. The parser's own `validate()` comes before it looks for options that it does not
// know: whoever misspelled one would read that another is missing.

import ArgumentParser

/// A command whose arguments limit or need each other.
protocol CheckedCommand: ParsableCommand {
  /// Refuses arguments that do not go together or are out of range, those of its groups included.
  /// - Throws: `ValidationError`.
  func check() throws
}

extension CheckedCommand {
  /// `check()`; what it finds is bad usage of this command.
  func checkUsage() throws {
    do { try check() } catch let error as ValidationError {
      let name = Self.configuration.commandName ?? ""
      throw UsageFailure(
        text: """
          Error: \(error.message)
          Usage: \(VialCommand.usageString(for: Self.self))
            See 'vial \(name) --help' for more information.
          """)
    }
  }
}

/// Bad usage of a command, with the line that says how it is used.
struct UsageFailure: Error {
  let text: String
}
