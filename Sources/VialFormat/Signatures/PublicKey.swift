// Owns: an Ed25519 public key: who signed.
// Must not: be taken from a file and trusted; keys come from whoever decides what to trust.
// Source: Spec/FORMAT.md, "Signatures", "Key files".

/// An Ed25519 public key (RFC 8032).
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
  /// Length in bytes.
  public static let byteCount = 32
  private let words: Digest

  /// The key's 32 bytes; nil for another length.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == PublicKey.byteCount else { return nil }
    words = Digest(bytes.rawSpan, at: 0)
  }

  /// Sixty-four hexadecimal digits; nil for anything else.
  public init?(hexadecimal text: String) {
    guard let words = Digest(hexadecimal: text) else { return nil }
    self.words = words
  }

  init(_ bytes: RawSpan, at offset: Int) { words = Digest(bytes, at: offset) }

  /// The 32 bytes.
  public var bytes: [UInt8] { words.bytes }
  /// Sixty-four lowercase hexadecimal digits.
  public var description: String { words.description }
  /// Id of the section with this key's signature: the key's first eight bytes.
  public var sectionID: UInt64 { words.words[0] }
}
