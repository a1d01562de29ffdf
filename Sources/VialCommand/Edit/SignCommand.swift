// Owns: `vial sign`: adds or removes a signature in place.
// Must not: sign what was not verified.

import ArgumentParser
import VialFormat
import VialModel
import VialSystem

/// `vial sign FILE --key KEY [--comment TEXT] [--remove]`.
struct SignCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign",
    abstract: "Sign a .vial file, or remove a signature.",
    discussion: """
      The whole file is verified first. The signature is appended in place: a kill at any moment leaves the file \
      as it was or signed. Several signers may sign one file; signing again replaces one's own signature. Changing \
      anything but signatures makes signatures stale.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Option(
    help: "The secret key's file, of vial keygen. With --remove the public key will do.")
  var key: String?

  @Option(
    help:
      "A remark that is signed, too; everybody can read it (at most \(FormatLimits.commentByteCount) bytes)."
  )
  var comment: String?

  @Flag(help: "Remove this key's signature; without --key, all signatures.")
  var remove = false

  func check() throws {
    if key == nil && !remove { throw ValidationError("give --key") }
    if comment != nil && remove { throw ValidationError("--comment has no use with --remove") }
    if let comment, comment.utf8.count > FormatLimits.commentByteCount {
      throw ValidationError("--comment must have at most \(FormatLimits.commentByteCount) bytes")
    }
  }

  func run() throws {
    do {
      if remove {
        try removeSignatures()
      } else if let key {
        try sign(try KeyArguments.secret(key))
      }
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure(FileInspection.line(error, path: file))
    }
  }

  private func sign(_ signer: (key: SigningKey, publicKey: PublicKey)) throws {
    let editor = try FileEditor(path: file)
    let descriptor = editor.descriptor
    var appender = try FileAppender(descriptor)
    // Damage of the roots and the tail of an unfinished append are what appending repairs.
    let report = try FileVerification(descriptor).runWithProgress()
    if let problem = report.problems.first(where: { !(110...117).contains($0.rule) }) {
      throw CommandFailure("\(file): \(problem); not signed")
    }
    let section = try Signature.section(
      descriptor.digests, by: signer.publicKey, comment: comment ?? "",
      sign: { signer.key.sign($0) })
    let id = signer.publicKey.sectionID
    if descriptor.section(.signature, id: id)?.copied() == section {
      return StandardError.write("\(file) is signed by \(signer.publicKey) already")
    }
    try appender.remove(.signature, id: id)
    try appender.add(.signature, id: id, ByteRegion(copying: section))
    try editor.apply(try appender.plan())
    StandardError.write("signed \(file) by \(signer.publicKey)")
  }

  private func removeSignatures() throws {
    let signer = try key.map { try KeyArguments.any($0) }
    let editor = try FileEditor(path: file)
    var appender = try FileAppender(editor.descriptor)
    for section in editor.descriptor.sections
    where section.kind == .signature && (signer == nil || section.id == signer?.sectionID) {
      try appender.remove(.signature, id: section.id)
    }
    guard !appender.isEmpty else {
      throw CommandFailure("\(file): no signature\(signer == nil ? "" : " by this key")")
    }
    try editor.apply(try appender.plan())
    StandardError.write("removed the signature\(signer == nil ? "s" : "") of \(file)")
  }
}
