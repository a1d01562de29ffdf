// Owns: what `vial verify` found out, for people and as JSON.
// Must not: look at the file, or rename a JSON key: keys are an interface, and more may be added.

import VialFormat
import VialSystem

/// Whether one of the given keys signed the file as it is.
struct Trust {
  /// Why not; nil when one did.
  let reason: String?

  init(_ file: VialFile, _ keys: [PublicKey]) throws {
    let states = try keys.compactMap { try file.signatureState(by: $0) }
    if states.contains(.valid) {
      reason = nil
    } else if states.contains(where: { $0 == .stale(isModelUnchanged: true) }) {
      reason =
        "the signature by this key is stale: the file was changed after signing, the model was not"
    } else if states.contains(where: { $0 == .stale(isModelUnchanged: false) }) {
      reason = "the signature by this key is stale: another model was signed"
    } else {
      reason = "no valid signature by \(keys.count == 1 ? "this key" : "one of these keys")"
    }
  }
}

extension SignatureState {
  /// `valid`, `stale`, `wrong`.
  var name: String {
    switch self {
    case .valid: "valid"
    case .stale: "stale"
    case .wrong: "wrong"
    }
  }
}

/// The outcome of verifying one file.
struct VerifyReport {
  let path: String
  var digests: (model: String, file: String)?
  var problems: [Problem] = []
  var sections: [VerificationReport.SectionOutcome] = []
  /// Whether only some sections were checked.
  var isPartial = false
  /// Of the file, or of the sections that were checked.
  var byteCount: UInt64 = 0
  var seconds = 0.0
  var signatures: [VialFile.SignatureReport] = []
  /// nil when no key was given.
  var trust: Trust?

  /// Whole, and signed by a given key if any was given.
  var isGood: Bool { problems.isEmpty && trust?.reason == nil }

  init(path: String) { self.path = path }

  /// What verifying `file`, or a part of it, found.
  mutating func take(
    _ report: VerificationReport, of file: VialFile, isPartial: Bool
  ) throws {
    problems = report.problems.map { Problem($0, tailByteCount: file.tailByteCount) }
    sections = report.sections
    signatures = try file.signatures
    self.isPartial = isPartial
    byteCount =
      isPartial
      ? sections.reduce(0) { $0 + $1.section.storedByteCount } : file.root.fileByteCount
  }

  /// For a file that is intact.
  func text() -> String {
    var table = TextTable([.left, .left])
    table.add(["model digest", digests?.model ?? ""])
    table.add(["file digest", digests?.file ?? ""])
    for report in signatures {
      guard let signature = report.signature else { continue }
      let comment = signature.comment
      table.add([
        "signature",
        "\(report.state.name), by \(signature.publicKey)" + (comment.isEmpty ? "" : ": \(comment)"),
      ])
    }
    let rate = UInt64(Double(byteCount) / max(seconds, 1e-6))
    let count = sections.count
    let what = isPartial ? "\(count) section\(count == 1 ? "" : "s") whole" : "whole"
    return "\(TerminalText.line(path)): \(what)\n" + table.text()
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
      json.key("trusted")
      if let trust { json.value(trust.reason == nil) } else { json.null() }
      signatures(&json)
      sections(&json)
      json.key("problems")
      json.array { json in
        for problem in problems {
          json.object { json in
            json.member("rule", "R-\(problem.error.rule)")
            json.member("offset", problem.error.offset)
            json.member("context", "\(problem.error.context)")
            json.member("message", problem.message)
          }
        }
      }
    }
    return json.text + "\n"
  }

  private func sections(_ json: inout JSONOutput) {
    json.key("sections")
    json.array { json in
      for outcome in sections {
        json.object { json in
          json.member("kind", outcome.section.kind.rawValue)
          json.member("name", outcome.section.title)
          json.member("id", outcome.section.id)
          json.member("offset", outcome.section.offset)
          json.member("stored_byte_count", outcome.section.storedByteCount)
          json.member("whole", outcome.isIntact)
        }
      }
    }
  }

  private func signatures(_ json: inout JSONOutput) {
    json.key("signatures")
    json.array { json in
      for report in signatures {
        json.object { json in
          json.member("state", report.state.name)
          json.key("key")
          guard let signature = report.signature else { return json.null() }
          json.value("\(signature.publicKey)")
          json.member("comment", signature.comment)
          json.member("file_digest", "\(signature.fileDigest)")
          json.member("model_digest", "\(signature.modelDigest)")
        }
      }
    }
  }
}
