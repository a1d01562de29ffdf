// Owns: key files: two short lines of text each.
// Must not: overwrite a file, keep a secret in memory that is not wiped, or repeat a file's text in
// an error.
// Source: Spec/FORMAT.md, "Key files".

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// What a key file holds.
package enum KeyFile {
  /// A secret key: signs.
  case secret(SigningKey)
  /// A public key's 32 bytes: checks.
  case `public`([UInt8])

  private static let secretLabel: StaticString = "vial-secret-key-1\n"
  private static let publicLabel: StaticString = "vial-public-key-1\n"
  /// Label, 64 digits and a line end.
  private static let byteCount = 18 + 64 + 1

  /// Reads a key file of either kind.
  package init(path: String) throws(SystemError) {
    let other = SystemError("read", path: path, reason: "not a key of vial keygen")
    let file = try FileReader(path: path)
    guard file.byteCount == UInt64(Self.byteCount) || file.byteCount == UInt64(Self.byteCount - 1),
      let text = SecureBuffer<UInt8>(capacity: Self.byteCount)
    else { throw other }
    try text.appendInPlace { buffer throws(SystemError) in
      let buffer = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<Int(file.byteCount)])
      try file.read(into: buffer, at: 0)
      return buffer.count
    }
    guard let bytes = Self.digits(text) else { throw other }
    if Self.begins(text, with: Self.secretLabel) {
      guard let key = SigningKey(seed: bytes) else { throw other }
      self = .secret(key)
    } else if Self.begins(text, with: Self.publicLabel) {
      self = .public((0..<bytes.count).map { bytes.pointer[$0] })
    } else {
      throw other
    }
  }

  private static func begins(_ text: SecureBuffer<UInt8>, with label: StaticString) -> Bool {
    for index in 0..<label.utf8CodeUnitCount where text.pointer[index] != label.utf8Start[index] {
      return false
    }
    return true
  }

  /// The 32 bytes that 64 hexadecimal digits behind the label spell; nil when there is anything
  /// else.
  private static func digits(_ text: SecureBuffer<UInt8>) -> SecureBuffer<UInt8>? {
    guard text.count == byteCount - 1 || text.pointer[byteCount - 1] == UInt8(ascii: "\n"),
      let bytes = SecureBuffer<UInt8>(capacity: 32)
    else { return nil }
    for index in 0..<32 {
      let at = secretLabel.utf8CodeUnitCount + 2 * index
      guard let high = digit(text.pointer[at]), let low = digit(text.pointer[at + 1]) else {
        return nil
      }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  /// Writes a secret key, which only its owner may read, to `path`, and its public key to
  /// `path.pub`.
  ///
  /// A kill leaves neither, both, or the secret key alone, whole in each case.
  /// - Throws: `SystemError` when either exists or cannot be written; neither is left behind then.
  package static func write(_ key: SigningKey, to path: String) throws(SystemError) {
    let text = key.withSeed { Self.text(secretLabel, $0) }
    let publicKey = key.publicKey
    guard let text, let publicText = Self.text(publicLabel, publicKey.span) else {
      throw SystemError("create", path: path, reason: "not enough memory")
    }
    // In this order a run that finds the secret key there already still clears away what a killed
    // one left.
    let publicFile = try AtomicFile(newPath: path + ".pub", mode: 0o644)
    let secretFile = try AtomicFile(newPath: path, mode: 0o600)
    try write(text, to: secretFile)
    try write(publicText, to: publicFile)
    try secretFile.commit()
    do throws(SystemError) {
      try publicFile.commit()
    } catch {
      unlink(path)
      throw error
    }
  }

  private static func write(
    _ text: SecureBuffer<UInt8>, to file: AtomicFile
  ) throws(SystemError) {
    try file.write(UnsafeRawBufferPointer(start: text.pointer, count: text.count), at: 0)
  }

  private static func text(_ label: StaticString, _ bytes: Span<UInt8>) -> SecureBuffer<UInt8>? {
    guard let text = SecureBuffer<UInt8>(capacity: byteCount) else { return nil }
    text.append(contentsOf: Span(_unsafeStart: label.utf8Start, count: label.utf8CodeUnitCount))
    let digits: StaticString = "0123456789abcdef"
    for index in bytes.indices {
      text.append(digits.utf8Start[Int(bytes[index] >> 4)])
      text.append(digits.utf8Start[Int(bytes[index] & 15)])
    }
    text.append(UInt8(ascii: "\n"))
    return text
  }
}
