// Owns: which ids a text has used, for the repetition penalty.
// Must not: be kept longer than its text: it is wiped on release.

internal import VialSystem

/// A bit per id.
public struct SeenTokens {
  private let bits: SecureBuffer<UInt64>
  private let idCount: Int

  /// An empty set of ids below `idCount`; nil when memory is short.
  public init?(idCount: Int) {
    let wordCount = (idCount + 63) / 64
    guard let bits = SecureBuffer<UInt64>(capacity: wordCount) else { return nil }
    for _ in 0..<wordCount { bits.append(0) }
    self.bits = bits
    self.idCount = idCount
  }

  /// Notes an id; ids out of range are ignored.
  public func insert(_ id: UInt32) {
    guard id < UInt32(clamping: idCount) else { return }
    bits.update(at: Int(id / 64)) { $0 | 1 << UInt64(id % 64) }
  }

  /// One bit per id: word id / 64, bit id % 64.
  public var pointer: UnsafePointer<UInt64> { bits.pointer }
}
