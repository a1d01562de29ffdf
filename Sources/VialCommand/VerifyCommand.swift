// Owns: `vial verify`: every digest and every rule of a file, on all processors, with progress.
// Must not: decide rules; VialFormat and VialText do.

import ArgumentParser
import VialFormat
import VialModel
import VialSystem

/// `vial verify FILE [--section KIND[:ID]]... [--json]`.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every byte of a .vial file.",
    discussion: """
      Digests of all sections, both roots, padding, values of all weights, texts, tokenizer and templates. \
      With --section only the named sections are read. \
      Exit code 0 when all that was checked is whole, 1 when anything is wrong.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Option(
    help: ArgumentHelp(
      "Check only the sections of this kind, or the one with this id; may be repeated.",
      valueName: "KIND[:ID]"))
  var section: [SectionArgument] = []

  @Flag(help: "One JSON object on stdout.")
  var json = false

  func run() throws {
    try CommandFailure.wrap {
      let start = MonotonicClock.seconds
      var verdict = Verdict(path: file)
      do {
        let descriptor = try ModelFile(path: file).descriptor
        verdict.digests = (descriptor.modelDigest.description, descriptor.fileDigest.description)
        verdict.take(try check(descriptor), of: section.isEmpty ? descriptor : nil)
      } catch let error as ModelError {
        guard case .format(let problem) = error else { throw CommandFailure("\(error)") }
        verdict.problems = [problem]
      }
      verdict.seconds = MonotonicClock.seconds - start
      if json {
        try StandardOutput.write(verdict.json())
      } else if verdict.problems.isEmpty {
        try StandardOutput.write(verdict.text())
      }
      if !verdict.problems.isEmpty {
        for problem in verdict.problems { StandardError.write("error: \(file): \(problem)") }
        throw ExitCode(1)
      }
    }
  }
}

extension VerifyCommand {
  /// Reads what was asked for on all processors.
  private func check(_ file: FileDescriptor) throws -> VerificationReport {
    let sections =
      section.isEmpty ? nil : try section.flatMap { try $0.sections(of: file) }
    let verification = FileVerification(file, sections: sections)
    let progress = ProgressReporter()
    defer { progress.finish() }
    let report = verification.run { done in
      progress.update("verifying", done: done, total: verification.totalByteCount)
      return true
    }
    guard let report else { throw CommandFailure("verifying was stopped") }
    return report
  }
}

/// The outcome of verifying one file.
struct Verdict {
  let path: String
  var digests: (model: String, file: String)?
  var problems: [FormatError] = []
  var sections: [VerificationReport.SectionOutcome] = []
  var isPartial = false
  /// Of the file, or of the sections that were checked.
  var byteCount: UInt64 = 0
  var seconds = 0.0

  init(path: String) { self.path = path }

  /// `file` is nil when only some of its sections were checked.
  mutating func take(_ report: VerificationReport, of file: FileDescriptor?) {
    problems = report.problems
    sections = report.sections
    isPartial = file == nil
    byteCount =
      file?.root.fileByteCount ?? sections.reduce(0) { $0 + $1.section.storedByteCount }
  }

  /// For a file that is whole.
  func text() -> String {
    var table = TextTable([.left, .left])
    table.add(["model digest", digests?.model ?? ""])
    table.add(["file digest", digests?.file ?? ""])
    let rate = UInt64(Double(byteCount) / max(seconds, 1e-6))
    let count = sections.count
    let what = isPartial ? "\(count) section\(count == 1 ? "" : "s") whole" : "whole"
    return "\(path): \(what)\n" + table.text()
      + "  \(ByteText.text(byteCount)) in \(ByteText.fixed(seconds, 2)) s,"
      + " \(ByteText.text(rate))/s\n"
  }

  /// One object and a line end.
  func json() -> String {
    var json = JSONOutput()
    json.object { json in
      json.member("file", path)
      json.member("whole", problems.isEmpty)
      json.key("model_digest")
      if let digests { json.value(digests.model) } else { json.null() }
      json.key("file_digest")
      if let digests { json.value(digests.file) } else { json.null() }
      json.member("byte_count", byteCount)
      json.member("seconds", seconds)
      json.key("sections")
      json.array { json in
        for outcome in sections {
          json.object { json in
            json.member("kind", outcome.section.kind.rawValue)
            json.member("name", outcome.section.title)
            json.member("id", outcome.section.id)
            json.member("offset", outcome.section.offset)
            json.member("stored_byte_count", outcome.section.storedByteCount)
            json.member("whole", outcome.isWhole)
          }
        }
      }
      json.key("problems")
      json.array { json in
        for problem in problems {
          json.object { json in
            json.member("rule", "R-\(problem.rule)")
            json.member("offset", problem.offset)
            json.member("context", "\(problem.context)")
            json.member("message", "\(problem.message)")
          }
        }
      }
    }
    return json.text + "\n"
  }
}
