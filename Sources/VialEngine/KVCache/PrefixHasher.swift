// Owns: the hashes of a sequence's full blocks: a chain of keyed hashes over all that decides their
// bytes.
// Must not: look anything up, or hold tokens.

package import VialCompute
import VialModel
package import VialSystem

/// Hashes the blocks of one sequence. Equal hashes mean equal bytes; without the engine's key they
/// mean nothing.
package struct PrefixHasher {
  private let keyedHash: KeyedHash
  /// Whose blocks they are.
  let tenant: KeyedCode
  private let root: KeyedCode
  private var codes: [KeyedCode]

  /// - Parameters:
  ///   - root: stands for what is no token: `PrefixRoot.code`.
  ///   - tenant: whose blocks they are.
  init(hash: KeyedHash, root: KeyedCode, tenant: KeyedCode) {
    keyedHash = hash
    self.tenant = tenant
    self.root = root
    codes = [root]
  }

  /// The hash of everything before row `index`, all of whose positions have tokens. O(rows that
  /// were not hashed before).
  mutating func code(before index: Int, tokens: UnsafePointer<UInt32>) -> KeyedCode {
    let size = KVCacheLayout.positionsPerBlock
    while codes.count <= index {
      let block = UnsafeRawBufferPointer(
        start: tokens + (codes.count - 1) * size, count: size * MemoryLayout<UInt32>.stride)
      codes.append(keyedHash.code(block, after: codes[codes.count - 1]))
    }
    return codes[index]
  }

  /// Forgets all hashes. Blocks of long texts have others, where their keys are rotated otherwise.
  mutating func restart(isLong: Bool) {
    codes = [isLong ? keyedHash.code(Self.longDomain, after: root) : root]
  }

  private static let longDomain = Array("long".utf8)

  /// Forgets the hashes of blocks from `count` on, whose tokens change.
  mutating func truncate(to count: Int) {
    if codes.count > count + 1 { codes.removeLast(codes.count - count - 1) }
  }
}

/// What block hashes begin with, one for each engine.
package struct PrefixRoot {
  /// Its key is random and goes with the engine.
  let hash: KeyedHash
  /// Whose the prefixes are that are pinned for all.
  package let common: KeyedCode
  private let model: [UInt8]

  /// - Parameters:
  ///   - modelDigest: the file's model digest.
  ///   - cacheType: number type of the KV cache.
  package init(hash: KeyedHash, modelDigest: [UInt8], cacheType: KVCacheType) {
    self.hash = hash
    common = hash.code(Self.commonDomain)
    model = modelDigest + Array(cacheType.rawValue.utf8)
  }

  /// What a tenant's label becomes; the empty one is what all requests without a label have.
  func tenant(_ label: [UInt8]) -> KeyedCode {
    hash.code(label, after: hash.code(Self.tenantDomain))
  }

  /// A hasher for a sequence of one tenant.
  /// - Parameter adapter: bytes that identify the adapter and its scale; empty without one.
  package func hasher(tenant: KeyedCode, adapter: [UInt8]) -> PrefixHasher {
    let root = hash.code(adapter, after: hash.code(model, after: tenant))
    return PrefixHasher(hash: hash, root: root, tenant: tenant)
  }

  private static let tenantDomain = Array("tenant".utf8)
  private static let commonDomain = Array("common".utf8)
}
