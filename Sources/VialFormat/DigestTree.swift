// The two-level digest of a section: SHA-256 over fixed-size chunks, then over the leaves.
// Owns: the tree's two prefixes and its streaming form. Implements: Spec/FORMAT.md, "Section digest".

/// Computes a section digest while the bytes pass by.
struct DigestTree {
  private(set) var leaves: [Digest] = []
  private(set) var byteCount: UInt64 = 0
  private var chunk = DigestTree.newChunk()
  private var chunkFill: UInt64 = 0

  private static func newChunk() -> SHA256 {
    var hash = SHA256()
    hash.update([0x00])
    return hash
  }

  /// Adds stored bytes.
  mutating func update(_ bytes: RawSpan) {
    var position = 0
    while position < bytes.byteCount {
      let room = Int(FormatConstants.chunkByteCount - chunkFill)
      let step = min(room, bytes.byteCount - position)
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

  /// The leaf of one chunk.
  static func leaf(_ chunk: RawSpan) -> Digest {
    var hash = newChunk()
    hash.update(chunk)
    return hash.finalize()
  }

  /// The section digest from the leaves of its chunks.
  static func root(leaves: ArraySlice<Digest>, byteCount: UInt64) -> Digest {
    var hash = SHA256()
    var header: [UInt8] = [0x01]
    header.append(field: byteCount)
    header.append(field: FormatConstants.chunkLog2)
    hash.update(header)
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

  /// The section digest of bytes in memory.
  static func digest(_ bytes: RawSpan) -> Digest {
    var tree = DigestTree()
    tree.update(bytes)
    return tree.finalize()
  }

  /// Number of chunks of a section of `byteCount` bytes.
  static func chunkCount(_ byteCount: UInt64) -> UInt64 {
    byteCount / FormatConstants.chunkByteCount
      + (byteCount % FormatConstants.chunkByteCount == 0 ? 0 : 1)
  }
}
