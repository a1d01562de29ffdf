// Owns: the root command, and what an outcome becomes: exit 0 success, 1 a bad file or a failed
// check, 2 bad usage.
// Must not: hold logic of a command.

import ArgumentParser
import VialSystem

/// `vial`: arguments → library call → exit code.
@main
struct VialCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vial",
    abstract: "Medical language models in one file.",
    discussion: """
      Exit codes: 0 success, 1 a bad file, a failed check or output that cannot be written, 2 bad usage; 129, 130 and \
      143 when SIGHUP, SIGINT or SIGTERM stopped it, 141 when the reader of its output has gone. Answers and --json go to stdout, messages and progress to stderr. \
      What is quoted of a file or an argument is shown with its control characters spelled out. --version --json says what \
      the command was built from.
      """,
    version: Version.text,
    subcommands: [
      PackCommand.self, DumpCommand.self, VerifyCommand.self, RunCommand.self, BatchCommand.self,
      TokenizeCommand.self, ScoreCommand.self, CompareCommand.self, EvalCommand.self,
      BenchCommand.self,
      KeygenCommand.self, SignCommand.self, CompactCommand.self, AdapterCommand.self,
      TemplateCommand.self,
    ])

  /// Like the default, but bad usage exits with 2, and nothing that is quoted reaches a terminal as
  /// it is.
  static func main() {
    guard StandardDescriptors.openMissing() else { exit(withError: ExitCode(1)) }
    do {
      try checkArguments()
      if Version.isAskedAsJSON(CommandLine.arguments.dropFirst()) {
        return try StandardOutput.write(Version.json + "\n")
      }
      try HelpTopic.check(CommandLine.arguments.dropFirst())
      var command = try parseAsRoot()
      try (command as? any CheckedCommand)?.checkUsage()
      try command.run()
    } catch { exit(withError: ExitCode(say(error))) }
  }

  /// Refuses arguments that are not UTF-8: as text they would be repaired, and name other files or
  /// say other things than they do.
  private static func checkArguments() throws {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[index] else { return }
      if String(validatingCString: argument) == nil {
        throw CommandFailure("argument \(index) is not UTF-8", code: 2)
      }
    }
  }

  /// Says what an error has to say, help included, and returns the exit code.
  private static func say(_ error: any Error) -> Int32 {
    if let failure = error as? CommandFailure {
      StandardError.write("error: \(failure.message)")
      return failure.code
    }
    if let failure = error as? UsageFailure {
      StandardError.write(lines: failure.text)
      return 2
    }
    let code = exitCode(for: error)
    let text = fullMessage(for: error)
    guard code == .success else {
      if !text.isEmpty { StandardError.write(lines: text) }
      return code == .validationFailure ? 2 : code.rawValue
    }
    guard !text.isEmpty else { return 0 }
    do { try StandardOutput.write(text + "\n") } catch { return say(error) }
    return 0
  }
}

/// The command that `vial help` or `--help` is asked about.
enum HelpTopic {
  /// Refuses a name that no command has: the parser would show the help of the command above it.
  static func check(_ arguments: ArraySlice<String>) throws {
    let isHelp = arguments.first == "help"
    guard isHelp || arguments.contains(where: { ["--help", "-help", "-h"].contains($0) }) else {
      return
    }
    var command: any ParsableCommand.Type = VialCommand.self
    for name in arguments where name != "help" {
      let commands = command.configuration.subcommands
      // Behind a command stand its arguments, and options go before the help that is asked for.
      if name.hasPrefix("-") || commands.isEmpty && !isHelp { return }
      guard let next = commands.first(where: { $0.configuration.commandName == name }) else {
        throw ValidationError(unknown(name, below: command))
      }
      command = next
    }
  }

  private static func unknown(_ name: String, below command: any ParsableCommand.Type) -> String {
    let known = command.configuration.subcommands.compactMap { $0.configuration.commandName }
    return known.isEmpty
      ? "'\(command.configuration.commandName ?? "vial")' has no subcommands"
      : "no command is called '\(name)': there are \(known.joined(separator: ", "))"
  }
}

/// A command that cannot do what it was asked: one line for stderr and an exit code.
struct CommandFailure: Error {
  /// One clear line.
  let message: String
  /// 1 unless told otherwise.
  let code: Int32

  init(_ message: String, code: Int32 = 1) {
    self.message = message
    self.code = code
  }

  /// Runs `body`; any error becomes one line and exit code 1.
  static func wrap<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let failure as CommandFailure { throw failure } catch let code
      as ExitCode
    { throw code } catch { throw CommandFailure("\(error)") }
  }
}
