// Owns: a keyed hash whose key nobody else has: names for secrets that tell nothing about them.
// Must not: keep what was hashed, or let the key out.

internal import CSodium

/// 32 bytes that stand for something, and mean nothing to whoever lacks the key.
package struct KeyedCode: Hashable, Sendable {
  private let words: SIMD4<UInt64>

  fileprivate init(_ words: SIMD4<UInt64>) { self.words = words }

  /// The code is random already.
  package func hash(into hasher: inout Hasher) { hasher.combine(words.x) }
}

/// BLAKE2b (RFC 7693) with a random key. Threads may share it.
package final class KeyedHash: Sendable {
  private static let byteCount = 32
  /// More than BLAKE2b has on the stack in any of libsodium's forms.
  private static let stackByteCount = 4096
  private let key: SecureBuffer<UInt8>

  /// A hash with a new key; nil when memory is short.
  package init?() {
    guard sodium_init() >= 0, let key = SecureBuffer<UInt8>(capacity: Self.byteCount) else {
      return nil
    }
    key.appendInPlace { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      randombytes_buf(start, Self.byteCount)
      return Self.byteCount
    }
    guard key.count == Self.byteCount else { return nil }
    self.key = key
  }

  /// The code of `bytes`, of what `previous` stands for followed by them when it is given. O(n);
  /// leaves no copy.
  package func code(
    _ bytes: UnsafeRawBufferPointer, after previous: KeyedCode? = nil
  ) -> KeyedCode {
    let prefix = previous == nil ? 0 : Self.byteCount
    let length = prefix + bytes.count
    var words = SIMD4<UInt64>()
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: length) { buffer in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      if let previous {
        withUnsafeBytes(of: previous) { raw.copyMemory(from: $0) }
      }
      UnsafeMutableRawBufferPointer(rebasing: raw[prefix...]).copyMemory(from: bytes)
      withUnsafeMutablePointer(to: &words) { words in
        words.withMemoryRebound(to: UInt8.self, capacity: Self.byteCount) { output in
          _ = crypto_generichash(
            output, Self.byteCount, buffer.baseAddress, UInt64(length), key.pointer, Self.byteCount)
        }
      }
      sodium_memzero(buffer.baseAddress, length)
    }
    // The compression keeps blocks of its input, 24 and more ids each, where it was called.
    sodium_stackzero(Self.stackByteCount)
    return KeyedCode(words)
  }

  /// The code of an array's bytes.
  package func code(_ bytes: [UInt8], after previous: KeyedCode? = nil) -> KeyedCode {
    bytes.withUnsafeBytes { code($0, after: previous) }
  }
}
