// Owns: `vial keygen`.
// Must not: overwrite a key, or print a secret one.

import ArgumentParser
import VialFormat
import VialSystem

/// `vial keygen KEY`.
struct KeygenCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "keygen",
    abstract: "Make a key pair for signing files.",
    discussion: """
      Writes the secret key to KEY, which only you can read, and the public key to KEY.pub; prints the public key's \
      64 digits. Neither file may exist. The secret key is not encrypted: keep it where only the signer can reach it.
      """)

  @Argument(help: "The file to write the secret key to.")
  var key: String

  func check() throws {
    if key.isEmpty { throw ValidationError("KEY must not be empty") }
  }

  func run() throws {
    try CommandFailure.wrap {
      let pair = try SigningKey.generate()
      try KeyFile.write(pair, to: key)
      StandardError.write("wrote the secret key to \(key) and the public key to \(key).pub")
      try StandardOutput.write(try KeyArguments.any(key + ".pub").description + "\n")
    }
  }
}
