// Owns: keys on the command line: files of `vial keygen`, or a public key's digits.
// Must not: show a secret.

import VialFormat
import VialSystem

/// Reads keys that arguments name.
enum KeyArguments {
  /// A secret key in a file.
  static func secret(_ path: String) throws -> (key: SigningKey, publicKey: PublicKey) {
    guard case .secret(let key) = try KeyFile(path: path), let publicKey = PublicKey(key.publicKey)
    else { throw CommandFailure("\(path) is a public key; signing needs the secret one") }
    return (key, publicKey)
  }

  /// A public key: its 64 hexadecimal digits or its file.
  static func `public`(_ argument: String) throws -> PublicKey {
    if let key = PublicKey(hexadecimal: argument) { return key }
    guard case .public(let bytes) = try KeyFile(path: argument), let key = PublicKey(bytes) else {
      throw CommandFailure("\(argument) is a secret key; give \(argument).pub")
    }
    return key
  }

  /// The public key of a file of either kind, or of its digits.
  static func any(_ argument: String) throws -> PublicKey {
    if let key = PublicKey(hexadecimal: argument) { return key }
    let bytes: [UInt8]
    switch try KeyFile(path: argument) {
    case .secret(let key): bytes = key.publicKey
    case .public(let key): bytes = key
    }
    guard let key = PublicKey(bytes) else { throw CommandFailure("\(argument) is not a key") }
    return key
  }
}
