// Owns: the root command, and what an outcome becomes: exit 0 success, 1 a bad file or a failed check, 2 bad
// usage. Must not: hold logic of a command.

import ArgumentParser

/// `vial`: arguments → library call → exit code.
@main
struct VialCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vial",
    abstract: "Medical language models in one file.",
    discussion: """
      Exit codes: 0 success, 1 a bad file or a failed check, 2 bad usage. Answers and --json go to stdout, \
      messages and progress to stderr.
      """,
    version: Version.text,
    subcommands: [
      PackCommand.self, DumpCommand.self, VerifyCommand.self, RunCommand.self, BatchCommand.self,
      TokenizeCommand.self, ScoreCommand.self, CompareCommand.self, EvalCommand.self,
      BenchCommand.self,
      KeygenCommand.self, SignCommand.self, CompactCommand.self, AdapterCommand.self,
      TemplateCommand.self,
    ])

  /// Like the default, but bad usage exits with 2.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      let code = exitCode(for: error)
      if code == .validationFailure {
        StandardError.write(fullMessage(for: error))
        exit(withError: ExitCode(2))
      }
      if let failure = error as? CommandFailure {
        StandardError.write("error: \(failure.message)")
        exit(withError: ExitCode(failure.code))
      }
      exit(withError: error)
    }
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
