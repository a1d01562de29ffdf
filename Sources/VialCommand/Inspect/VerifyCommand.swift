// Owns: `vial verify`: every digest and every rule of a file, on all processors, with progress.
// Must not: decide rules; VialFormat and VialText do.

import ArgumentParser
import VialFormat
import VialModel
import VialSystem

/// `vial verify FILE [--section KIND[:ID]]... [--key PUBLIC_KEY]... [--json]`.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every byte of a .vial file.",
    discussion: """
      Digests of all sections, both roots, padding, values of all weights, texts, tokenizer, templates and \
      signatures. With --section only the named sections are read. Exit code 0 when all that was checked is intact, 1 \
      when anything is wrong. With --key the file must also have a valid signature by that key, or by one of several; \
      a stale one, made before the file was changed, is not valid. Without --key signatures are shown but prove \
      nothing: anybody can sign.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Option(
    help: ArgumentHelp(
      """
      Check only the sections of this kind, or the one with this id, as vial dump lists it; may be repeated. What \
      vial dump calls tokenizer.json, model card and so on is of the kind text.
      """,
      valueName: "KIND[:ID]"))
  var section: [SectionArgument] = []

  @Option(
    help: ArgumentHelp(
      "A public key, as a file of vial keygen or as its 64 digits; may be repeated.",
      valueName: "public-key"))
  var key: [String] = []

  @Flag(help: "One JSON object on stdout.")
  var json = false

  func run() throws {
    try CommandFailure.wrap {
      let keys = try key.map { try KeyArguments.public($0) }
      let start = MonotonicClock.seconds
      var verdict = VerifyReport(path: file)
      do {
        let descriptor = try ModelFile(path: file).descriptor
        verdict.digests = (descriptor.modelDigest.description, descriptor.fileDigest.description)
        let sections =
          section.isEmpty ? nil : try section.flatMap { try $0.sections(of: descriptor) }
        let report = try FileVerification(descriptor, sections: sections).runWithProgress()
        try verdict.take(report, of: descriptor, isPartial: sections != nil)
        if !keys.isEmpty { verdict.trust = try Trust(descriptor, keys) }
      } catch let error as ModelError {
        guard case .format(let problem) = error, !problem.isOutOfMemory else {
          throw CommandFailure("\(error)")
        }
        verdict.problems = [Problem(problem)]
      }
      verdict.seconds = MonotonicClock.seconds - start
      if json {
        try StandardOutput.write(verdict.json())
      } else if verdict.isGood {
        try StandardOutput.write(verdict.text())
      }
      for problem in verdict.problems { StandardError.write("error: \(file): \(problem)") }
      if let reason = verdict.trust?.reason { StandardError.write("error: \(file): \(reason)") }
      if !verdict.isGood { throw ExitCode(1) }
    }
  }
}

/// One thing that is wrong, in words.
struct Problem: CustomStringConvertible {
  let error: FormatError
  let message: String

  /// - Parameter tailByteCount: bytes after the end of the file, which an error cannot hold.
  init(_ error: FormatError, tailByteCount: UInt64 = 0) {
    self.error = error
    message =
      error.rule == 117
      ? "unfinished append: \(tailByteCount) bytes; run `vial compact`" : "\(error.message)"
  }

  var description: String {
    "R-\(error.rule) at byte \(error.offset) of \(error.context): \(message)"
  }
}
