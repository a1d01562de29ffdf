// Owns: one signature over a file digest: its section's bytes, and whether it is right.
// Must not: hold or see a secret key, or say that anybody should be trusted.
// Source: Spec/FORMAT.md, "Signatures".
import CSodium

/// What a signature section says, its signature checked.
package struct Signature: Sendable, Equatable {
  /// The file that was signed.
  package let fileDigest: Digest
  /// The model in the file that was signed.
  package let modelDigest: Digest
  /// The key that made it.
  package let publicKey: PublicKey
  /// What the signer remarked; UTF-8 that may hold anything.
  package let comment: String

  static let magic: [UInt8] = [0x53, 0x49, 0x47, 0x4E]
  static let domain = Array("VIAL-SIGNATURE-1".utf8)
  static let signatureOffset = 112
  static let commentOffset = 176

  /// Reads a section and checks the signature.
  /// - Throws: R-651 for anything but a right signature in the section that its key belongs to;
  ///   `outOfMemory`.
  init(_ stored: ByteRegion, id: UInt64, at offset: UInt64) throws(FormatError) {
    let wrong = FormatError(rule: 651, offset: offset, "a signature is wrong")
    let limit = Signature.commentOffset + FormatLimits.commentByteCount
    guard stored.byteCount >= Signature.commentOffset, stored.byteCount <= limit else {
      throw wrong
    }
    let region = try stored.privateCopy()
    let bytes = region.bytes
    guard bytes.matches(Signature.magic, at: 0), bytes.u32(4) == 1, bytes.u32(8) == 1,
      Int(bytes.u32(12)) == bytes.byteCount - Signature.commentOffset,
      region.isUTF8(Signature.commentOffset..<bytes.byteCount)
    else { throw wrong }
    fileDigest = Digest(bytes, at: 16)
    modelDigest = Digest(bytes, at: 48)
    publicKey = PublicKey(bytes, at: 80)
    let all = region.copied()
    comment = String(decoding: all[Signature.commentOffset...], as: UTF8.self)
    guard publicKey.sectionID == id, Signature.isRight(all, by: publicKey) else { throw wrong }
  }

  /// What the signature covers, from a section's bytes.
  private static func message(_ section: [UInt8]) -> [UInt8] {
    domain + section[8..<signatureOffset] + section[commentOffset...]
  }

  private static func isRight(_ section: [UInt8], by key: PublicKey) -> Bool {
    let message = message(section)
    let signature = Array(section[signatureOffset..<commentOffset])
    return unsafe crypto_sign_verify_detached(
      signature, message, UInt64(message.count), key.bytes) == 0
  }

  /// Makes a signature section.
  /// - Parameters:
  ///   - digests: of the file that is signed.
  ///   - comment: at most 4,096 bytes; everybody can read it.
  ///   - sign: the Ed25519 signature (64 bytes) of a message with the secret key of `publicKey`.
  /// - Throws: R-651 when the comment is too long or `sign` used another key.
  package static func section(
    _ digests: FileDigests, by publicKey: PublicKey, comment: String = "",
    sign: ([UInt8]) -> [UInt8]
  ) throws(FormatError) -> [UInt8] {
    guard comment.utf8.count <= FormatLimits.commentByteCount else {
      throw FormatError(rule: 651, offset: 0, context: "signature", "the comment is too long")
    }
    var bytes = magic
    bytes.append(field: UInt32(1))
    bytes.append(field: UInt32(1))
    bytes.append(field: UInt32(comment.utf8.count))
    bytes.append(field: digests.file)
    bytes.append(field: digests.model)
    bytes += publicKey.bytes
    bytes.pad(to: commentOffset)
    bytes += Array(comment.utf8)
    let signature = sign(message(bytes))
    guard signature.count == commentOffset - signatureOffset else {
      throw FormatError(rule: 651, offset: 0, context: "signature", "the signature is not whole")
    }
    bytes.replaceSubrange(signatureOffset..<commentOffset, with: signature)
    _ = try Signature(ByteRegion(copying: bytes), id: publicKey.sectionID, at: 0)
    return bytes
  }
}
