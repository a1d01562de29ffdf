// Owns: the end of arrays whose elements tell about a patient's text and that cannot live in a
// SecureBuffer.
// Must not: be used for what has a place in one.

internal import CSodium

extension Array where Element: BitwiseCopyable {
  /// Overwrites all elements and removes them; nobody else must have a copy.
  package mutating func wipe() {
    withUnsafeMutableBytes { sodium_memzero($0.baseAddress, $0.count) }
    removeAll()
  }
}
