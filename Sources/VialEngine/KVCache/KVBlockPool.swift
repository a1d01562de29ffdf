// Owns: the memory of all keys and values, reserved once and allocated in blocks of 64 positions;
// their reference counts, and the cache of full blocks by hash, evicted in LRU order.
// Must not: know sequences or tokens: a block's hash is keyed.
// Source: paged attention and its prefix caching (Kwon et al., SOSP 2023).

import VialFormat
package import VialModel
package import VialSystem

/// A fixed number of KV blocks with reference counts.
///
/// A block is free (wiped), referenced by one or more sequences, or cached: it has a hash and no
/// reference. Cached blocks are evicted, and wiped, when memory is needed, the least recently used
/// first. Not thread-safe: the runner's thread owns it.
package final class KVBlockPool {
  /// What a block looks like inside.
  package let layout: KVCacheLayout
  /// Blocks in all.
  package let blockCount: Int
  /// Cached blocks that were evicted.
  package private(set) var evictionCount = 0
  private let memory: WorkMemory
  private var free: [Int]
  private var references: [Int32]
  private var cached: BlockQueue
  /// Blocks that can be found.
  private var indices: [BlockKey: Int] = [:]
  private var hashes: [BlockHash?]
  /// Bytes that the lists take for each block.
  private static let listByteCount = 384

  /// Reserves the memory (untouched pages cost nothing); nil when it is short.
  package init?(layout: KVCacheLayout, blockCount: Int, memory source: MemorySource? = nil) {
    let (total, overflow) = layout.blockByteCount.multipliedReportingOverflow(by: blockCount)
    guard blockCount > 0, blockCount < Int(Int32.max), !overflow,
      let memory = WorkMemory(byteCount: total, source: source),
      MemoryReserve.hold(Self.listByteCount * blockCount)
    else { return nil }
    defer { MemoryReserve.release(Self.listByteCount * blockCount) }
    self.layout = layout
    self.blockCount = blockCount
    self.memory = memory
    // The last one is taken first: handing out in address order keeps first touches sequential.
    free = (0..<blockCount).reversed()
    references = [Int32](repeating: 0, count: blockCount)
    hashes = [BlockHash?](repeating: nil, count: blockCount)
    cached = BlockQueue(blockCount: blockCount)
    // Caching and releasing must not need memory.
    indices.reserveCapacity(blockCount)
  }

  /// Blocks that a sequence can have: free ones and cached ones.
  package var availableCount: Int { free.count + cached.count }

  /// Blocks without a reference that prompts with the same prefix can reuse.
  package var cachedCount: Int { cached.count }

  private func address(_ index: Int) -> UnsafeMutablePointer<UInt8> {
    memory.elements(UInt8.self) + index * layout.blockByteCount
  }

  private func index(_ block: UnsafeMutablePointer<UInt8>) -> Int {
    (block - memory.elements(UInt8.self)) / layout.blockByteCount
  }

  /// Allocates a wiped block to one sequence; nil when all are referenced.
  func allocate() -> UnsafeMutablePointer<UInt8>? {
    if free.isEmpty, let oldest = cached.popOldest() {
      evictionCount += 1
      forgetHash(of: oldest)
      wipe(oldest)
    }
    guard let index = free.popLast() else { return nil }
    references[index] = 1
    return address(index)
  }

  /// Whether there is a block for a key.
  func contains(_ key: BlockKey) -> Bool { indices[key] != nil }

  /// Adds a reference to the block of a key; nil when there is none.
  func reuse(_ key: BlockKey) -> UnsafeMutablePointer<UInt8>? {
    guard let index = indices[key] else { return nil }
    if references[index] == 0 { cached.remove(index) }
    references[index] += 1
    return address(index)
  }

  /// Drops a reference. Without any left a block with a hash stays cached. Others are wiped,
  /// because a patient's text determined their contents.
  func release(_ block: UnsafeMutablePointer<UInt8>) {
    let index = index(block)
    references[index] -= 1
    guard references[index] == 0 else { return }
    if hashes[index] == nil { wipe(index) } else { cached.append(index) }
  }

  /// Caches a block whose 64 positions are computed, so that others find it by its hash. Does
  /// nothing when another block has the same one.
  func cache(_ block: UnsafeMutablePointer<UInt8>, as hash: BlockHash) {
    let index = index(block)
    guard hashes[index] == nil, indices[hash.key] == nil else { return }
    indices[hash.key] = index
    hashes[index] = hash
  }

  /// Whether the sequence that references the block may write into it: no other one has it or can
  /// find it.
  func isPrivate(_ block: UnsafeMutablePointer<UInt8>) -> Bool {
    let index = index(block)
    return references[index] == 1 && hashes[index] == nil
  }

  /// Takes a tenant's blocks out of the cache. Those without a reference are wiped at once, others
  /// when their last reference is dropped. O(blocks).
  func forget(_ tenant: KeyedCode) {
    for index in 0..<blockCount where hashes[index]?.tenant == tenant {
      forgetHash(of: index)
      guard references[index] == 0 else { continue }
      cached.remove(index)
      wipe(index)
    }
  }

  private func forgetHash(of index: Int) {
    if let hash = hashes[index] { indices[hash.key] = nil }
    hashes[index] = nil
  }

  private func wipe(_ index: Int) {
    address(index).update(repeating: 0, count: layout.blockByteCount)
    free.append(index)
  }
}

/// What a full block is found by.
struct BlockKey: Hashable {
  /// Hash of model, adapter, tenant, cache type and all tokens up to the block's last.
  let code: KeyedCode
  /// Whose layers' it is.
  let group: Int
}

/// What a full block is found by, and whose it is.
struct BlockHash {
  let key: BlockKey
  /// Whose text it is.
  let tenant: KeyedCode
}
