// Owns: secret Ed25519 keys: made, used and wiped in memory that does not reach swap where that can
// be had.
// Must not: show a secret to anybody but the file that keeps it, or know what is signed.

internal import CSodium

/// A secret Ed25519 key (RFC 8032). Threads may share it.
package final class SigningKey: @unchecked Sendable {
  /// Bytes of the seed that a key is made from.
  static let seedByteCount = 32
  private static let signatureByteCount = 64
  /// Seed and public key, as libsodium wants them; never changed after init.
  private let secret: SecureBuffer<UInt8>
  /// The public key, 32 bytes.
  package let publicKey: [UInt8]

  /// The key of a seed, which must have 32 bytes; nil when memory is short.
  init?(seed: SecureBuffer<UInt8>) {
    guard seed.count == SigningKey.seedByteCount,
      let secret = SecureBuffer<UInt8>(capacity: 64)
    else { return nil }
    var publicKey = [UInt8](repeating: 0, count: 32)
    secret.appendInPlace { buffer in
      guard let start = buffer.baseAddress,
        crypto_sign_seed_keypair(&publicKey, start, seed.pointer) == 0
      else { return 0 }
      return 64
    }
    guard secret.count == 64 else { return nil }
    self.secret = secret
    self.publicKey = publicKey
  }

  /// A new key from the system's random numbers.
  package static func generate() throws(SystemError) -> SigningKey {
    guard sodium_init() >= 0, let seed = SecureBuffer<UInt8>(capacity: seedByteCount) else {
      throw SystemError("make a key", path: "", reason: "not enough memory")
    }
    seed.appendInPlace { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      randombytes_buf(start, seedByteCount)
      return seedByteCount
    }
    guard let key = SigningKey(seed: seed) else {
      throw SystemError("make a key", path: "", reason: "not enough memory")
    }
    return key
  }

  /// The signature of a message, 64 bytes; the same message gives the same signature.
  package func sign(_ message: [UInt8]) -> [UInt8] {
    var signature = [UInt8](repeating: 0, count: SigningKey.signatureByteCount)
    crypto_sign_detached(&signature, nil, message, UInt64(message.count), secret.pointer)
    return signature
  }

  /// Lends the seed.
  func withSeed<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    let secret = secret
    return body(secret.span.extracting(0..<SigningKey.seedByteCount))
  }
}
