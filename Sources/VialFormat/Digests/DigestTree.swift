// Owns: the two-level digest of a section (SHA-256 over fixed-size chunks, then over the leaves):
// its two prefixes and its streaming form.
// Must not: know sections or files.
// Source: Spec/FORMAT.md, "Digests".

/// Computes a section digest while the bytes pass by.
struct DigestTree {
  private(set) var leaves: [Digest] = []
  private(set) var byteCount: UInt64 = 0
  private var chunk = DigestTree.newChunk()
  private var chunkFill: UInt64 = 0

  private static let leafPrefix: UInt8 = 0x00

  private static func newChunk() -> SHA256 {
    var hash = SHA256()
    hash.update([leafPrefix])
    return hash
  }

  /// Adds stored bytes.
  mutating func update(_ bytes: RawSpan) {
    var position = 0
    while position < bytes.byteCount {
      let remaining = Int(FormatConstants.chunkByteCount - chunkFill)
      let step = min(remaining, bytes.byteCount - position)
      chunk.update(bytes.extracting(position..<position + step))
      position += step
      chunkFill += UInt64(step)
      if chunkFill == FormatConstants.chunkByteCount { closeChunk() }
    }
    byteCount += UInt64(bytes.byteCount)
  }

  private mutating func closeChunk() {
    leaves.append(chunk.finalize())
    chunk = DigestTree.newChunk()
    chunkFill = 0
  }

  /// The section digest of everything added.
  mutating func finalize() -> Digest {
    if chunkFill > 0 { closeChunk() }
    return DigestTree.root(leaves: leaves[...], byteCount: byteCount)
  }

  /// Chunks that are hashed together fastest on this machine.
  static var chunksPerTurn: UInt64 { UInt64(SHA256.laneCount) }

  /// The leaves of some chunks.
  static func leaves(of chunks: [ByteRegion]) -> [Digest] {
    SHA256.hash(chunks, prefix: leafPrefix)
  }

  /// Consecutive chunks, the first of which begins where `bytes` does.
  static func chunks(of bytes: ByteRegion) -> [ByteRegion] {
    let length = FormatConstants.chunkByteCount
    return (0..<chunkCount(UInt64(bytes.byteCount))).compactMap {
      bytes.slice($0 * length, min(length, UInt64(bytes.byteCount) - $0 * length))
    }
  }

  /// The section digest from the leaves of its chunks.
  static func root(leaves: ArraySlice<Digest>, byteCount: UInt64) -> Digest {
    var hash = rootHash(byteCount: byteCount)
    var block: [UInt8] = []
    for leaf in leaves {
      block.append(field: leaf)
      if block.count >= 4096 {
        hash.update(block)
        block.removeAll(keepingCapacity: true)
      }
    }
    hash.update(block)
    return hash.finalize()
  }

  /// The hash that takes the leaves of a section.
  private static func rootHash(byteCount: UInt64) -> SHA256 {
    var hash = SHA256()
    var header: [UInt8] = [0x01]
    header.append(field: byteCount)
    header.append(field: FormatConstants.chunkLog2)
    hash.update(header)
    return hash
  }

  /// Bytes of which the leaves are made before these go into the root: memory does not grow with
  /// the section.
  private static let turnByteCount = 64 * FormatConstants.chunkByteCount

  /// The section digest of bytes in memory.
  static func digest(_ bytes: ByteRegion) -> Digest {
    let length = UInt64(bytes.byteCount)
    var hash = rootHash(byteCount: length)
    for start in stride(from: 0, to: length, by: Int(turnByteCount)) {
      guard let turn = bytes.slice(start, min(turnByteCount, length - start)) else { break }
      for leaf in leaves(of: chunks(of: turn)) { hash.update(leaf.bytes) }
    }
    return hash.finalize()
  }

  /// Number of chunks of a section of `byteCount` bytes.
  static func chunkCount(_ byteCount: UInt64) -> UInt64 {
    byteCount / FormatConstants.chunkByteCount
      + (byteCount % FormatConstants.chunkByteCount == 0 ? 0 : 1)
  }
}
