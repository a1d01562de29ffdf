// Owns: `vial compact`: arguments to one call, its progress to stderr, its outcome to an exit code.
// Must not: know what is dropped.

import ArgumentParser
import VialFormat
import VialModel
import VialSystem

/// `vial compact FILE [-o OUT]`.
struct CompactCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact",
    abstract: "Drop the dead space of a .vial file.",
    discussion: """
      Removed sections, old section tables and what an unfinished append left behind. The file is written aside \
      and renamed when it is complete; programs that have it open keep the old one, a link is followed, and permissions \
      stay. Another writer of the same file is refused. Both digests stay, so signatures stay valid. Digests of all sections are checked on the way.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Option(
    name: [.customShort("o"), .long],
    help: "The file to write; an existing one is replaced (default: FILE).")
  var output: String?

  func check() throws {
    if output?.isEmpty == true { throw ValidationError("--output must not be empty") }
  }

  func run() throws {
    let progress = ProgressReporter()
    SignalTrap.install()
    do {
      let summary = try FileCompactor.compact(path: file, output: output) { done, total in
        progress.update("compacting", done: done, total: total)
        return SignalTrap.signalNumber == nil
      }
      progress.finish()
      progress.say(
        "compacted \(output ?? file): \(ByteText.grouped(summary.before)) bytes before,"
          + " \(ByteText.grouped(summary.after)) after")
    } catch {
      progress.finish()
      if error is FileCompactor.Stopped {
        throw CommandFailure(
          "stopped; nothing was written", code: 128 + (SignalTrap.signalNumber ?? 2))
      }
      throw CommandFailure(FileInspection.line(error, path: file))
    }
  }
}
