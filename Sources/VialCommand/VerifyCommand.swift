// Owns: `vial verify`: every digest and every rule of a file, on all processors, with progress.
// Must not: decide rules; VialFormat and VialText do.

import ArgumentParser
import VialFormat
import VialModel
import VialSystem

/// `vial verify FILE [--json]`.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every byte of a .vial file.",
    discussion: """
      Digests of all sections, both roots, padding, values of all weights, texts, tokenizer and templates. \
      Exit code 0 when the file is whole, 1 when anything is wrong.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Flag(help: "One JSON object on stdout.")
  var json = false

  func run() throws {
    try CommandFailure.wrap {
      let start = MonotonicClock.seconds
      var verdict = Verdict(path: file)
      do throws(ModelError) {
        let descriptor = try ModelFile(path: file).descriptor
        verdict.digests = (descriptor.modelDigest.description, descriptor.fileDigest.description)
        let job = VerifyJob(descriptor)
        verdict.problems = job.run()
        verdict.byteCount = descriptor.root.fileByteCount
      } catch {
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

/// The outcome of verifying one file.
struct Verdict {
  let path: String
  var digests: (model: String, file: String)?
  var problems: [FormatError] = []
  var byteCount: UInt64 = 0
  var seconds = 0.0

  init(path: String) { self.path = path }

  /// For a file that is whole.
  func text() -> String {
    var table = TextTable([.left, .left])
    table.add(["model digest", digests?.model ?? ""])
    table.add(["file digest", digests?.file ?? ""])
    let rate = UInt64(Double(byteCount) / max(seconds, 1e-6))
    return "\(path): whole\n" + table.text()
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
