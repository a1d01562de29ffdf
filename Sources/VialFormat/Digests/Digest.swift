// Owns: SHA-256 values and the streaming hash that makes them; every use of SHA-256 in the project,
// so that a faster implementation has one door.
// Must not: know what is hashed.
// Source: Spec/FORMAT.md, "Digests".
import CVialDigest

/// 32 bytes of SHA-256.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
  private let w0: UInt64
  private let w1: UInt64
  private let w2: UInt64
  private let w3: UInt64

  /// Four words, each the little-endian reading of eight bytes.
  init(_ w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
    (self.w0, self.w1, self.w2, self.w3) = (w0, w1, w2, w3)
  }

  /// The digest stored at `offset`, which must leave 32 bytes.
  init(_ bytes: RawSpan, at offset: Int) {
    self.init(
      bytes.u64(offset), bytes.u64(offset + 8), bytes.u64(offset + 16), bytes.u64(offset + 24))
  }

  /// Sixty-four hexadecimal digits; nil for anything else.
  public init?(hexadecimal text: String) {
    var words: [UInt64] = [0, 0, 0, 0]
    var count = 0
    for unit in text.utf8 {
      guard count < 64, let digit = Character(UnicodeScalar(unit)).hexDigitValue else { return nil }
      let shift = UInt64(count / 2 % 8 * 8 + (count % 2 == 0 ? 4 : 0))
      words[count / 16] |= UInt64(digit) << shift
      count += 1
    }
    guard count == 64 else { return nil }
    self.init(words[0], words[1], words[2], words[3])
  }

  /// All bytes zero: no digest.
  package static let zero = Digest(0, 0, 0, 0)

  /// The 32 bytes.
  public var bytes: [UInt8] {
    var result: [UInt8] = []
    result.append(field: self)
    return result
  }

  var words: [UInt64] { [w0, w1, w2, w3] }

  /// Sixty-four lowercase hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// Streaming SHA-256 (FIPS 180-4).
@safe
package struct SHA256: Sendable {
  private var state: vial_sha256

  /// A hash of nothing so far.
  package init() {
    state = vial_sha256()
    unsafe vial_sha256_init(&state)
  }

  /// Adds bytes. O(n).
  package mutating func update(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      let start = unsafe base.assumingMemoryBound(to: UInt8.self)
      unsafe vial_sha256_update(&state, start, buffer.count, Self.family)
    }
  }

  /// Adds the bytes of an array.
  package mutating func update(_ bytes: [UInt8]) { update(bytes.rawSpan) }

  /// The digest of everything added; the hash must not be used afterwards.
  package mutating func finalize() -> Digest {
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    unsafe withUnsafeMutableBytes(of: &words) { buffer in
      guard let base = buffer.baseAddress else { return }
      unsafe vial_sha256_final(&state, base.assumingMemoryBound(to: UInt8.self), Self.family)
    }
    return Digest(
      UInt64(littleEndian: words.0), UInt64(littleEndian: words.1),
      UInt64(littleEndian: words.2), UInt64(littleEndian: words.3))
  }

  /// The digest of some bytes. O(n).
  package static func hash(_ bytes: RawSpan) -> Digest {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finalize()
  }
}

extension SHA256 {
  /// The fastest code that this CPU runs; the last family runs everywhere, so there always is one.
  private nonisolated(unsafe) static let family = unsafe vial_sha256_list(0).unsafelyUnwrapped

  /// Messages that are hashed together fastest; 1 when there is nothing to gain.
  static let laneCount = Int(unsafe family.pointee.lane_count)

  /// Name of the code in use.
  package static let implementationName = unsafe String(cString: family.pointee.name)

  /// For each region the digest of `prefix` and its bytes. O(n); several regions at a time where
  /// the CPU gains from it, most when neighbours are equally long.
  static func hash(_ regions: [ByteRegion], prefix: UInt8) -> [Digest] {
    let count = regions.count
    guard count > 0 else { return [] }
    let stored = unsafe [UInt8](unsafeUninitializedCapacity: count * 32) { storage, used in
      let starts = unsafe regions.map {
        unsafe Optional($0.baseAddress.assumingMemoryBound(to: UInt8.self))
      }
      unsafe vial_sha256_many(
        prefix, starts, regions.map(\.byteCount), count, storage.baseAddress, Self.family)
      used = count * 32
    }
    return withExtendedLifetime(regions) {
      (0..<count).map { Digest(stored.rawSpan, at: $0 * 32) }
    }
  }
}
