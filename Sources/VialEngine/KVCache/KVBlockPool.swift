// Owns: the memory of all cached keys and values, reserved once, handed out in blocks of 64 positions; who shares a
// block, and which blocks that nobody holds are kept for whoever begins with the same tokens.
// Must not: know sequences or tokens: a block's name is a keyed hash.

import VialFormat
public import VialModel
public import VialSystem

/// A fixed number of KV blocks with reference counts.
///
/// A block is free (wiped), held by one or more sequences, or kept: named, held by nobody, wiped when its memory is
/// needed, oldest first. Not thread-safe: the runner's thread owns it.
public final class KVBlockPool {
  /// What a block looks like inside.
  public let layout: KVCacheLayout
  /// Blocks in all.
  public let blockCount: Int
  /// Named blocks that were wiped because their memory was needed.
  public private(set) var evictionCount = 0
  private let memory: WorkMemory
  private var free: [Int]
  private var references: [Int32]
  private var kept: BlockQueue
  private var blocks: [KeyedCode: Int] = [:]
  private var names: [BlockName?]
  /// Bytes that the lists take for each block.
  private static let listByteCount = 384

  /// Reserves the memory (untouched pages cost nothing); nil when it is short.
  public init?(layout: KVCacheLayout, blockCount: Int, memory source: MemorySource? = nil) {
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
    names = [BlockName?](repeating: nil, count: blockCount)
    kept = BlockQueue(blockCount: blockCount)
    // Naming and giving back must not need memory.
    blocks.reserveCapacity(blockCount)
  }

  /// Blocks that a sequence can have: free ones and kept ones.
  public var availableCount: Int { free.count + kept.count }

  /// Blocks that nobody holds, kept for whoever begins with the same tokens.
  public var keptCount: Int { kept.count }

  private func address(_ index: Int) -> UnsafeMutablePointer<UInt8> {
    memory.elements(UInt8.self) + index * layout.blockByteCount
  }

  private func index(_ block: UnsafeMutablePointer<UInt8>) -> Int {
    (block - memory.elements(UInt8.self)) / layout.blockByteCount
  }

  /// A wiped block for one sequence, or nil when all are held.
  func take() -> UnsafeMutablePointer<UInt8>? {
    if free.isEmpty, let oldest = kept.popOldest() {
      evictionCount += 1
      forgetName(of: oldest)
      wipe(oldest)
    }
    guard let index = free.popLast() else { return nil }
    references[index] = 1
    return address(index)
  }

  /// The block of a name, held from now on by one more; nil when there is none.
  func take(named code: KeyedCode) -> UnsafeMutablePointer<UInt8>? {
    guard let index = blocks[code] else { return nil }
    if references[index] == 0 { kept.remove(index) }
    references[index] += 1
    return address(index)
  }

  /// Gives a block back. The last one who does leaves it kept when it has a name; otherwise its contents, which a
  /// patient's text determined, are wiped.
  func release(_ block: UnsafeMutablePointer<UInt8>) {
    let index = index(block)
    references[index] -= 1
    guard references[index] == 0 else { return }
    if names[index] == nil { wipe(index) } else { kept.append(index) }
  }

  /// Names a block whose 64 positions are computed, so that others find it. Left unnamed when another block has the
  /// name already.
  func name(_ block: UnsafeMutablePointer<UInt8>, _ name: BlockName) {
    let index = index(block)
    guard names[index] == nil, blocks[name.code] == nil else { return }
    blocks[name.code] = index
    names[index] = name
  }

  /// Whether a sequence that holds the block may write into it: nobody else has it or can find it.
  func isPrivate(_ block: UnsafeMutablePointer<UInt8>) -> Bool {
    let index = index(block)
    return references[index] == 1 && names[index] == nil
  }

  /// Takes the names of a tenant's blocks away: kept ones are wiped at once, others when the last one gives them back.
  /// O(blocks).
  func forget(_ tenant: KeyedCode) {
    for index in 0..<blockCount where names[index]?.tenant == tenant {
      forgetName(of: index)
      guard references[index] == 0 else { continue }
      kept.remove(index)
      wipe(index)
    }
  }

  private func forgetName(of index: Int) {
    if let name = names[index] { blocks[name.code] = nil }
    names[index] = nil
  }

  private func wipe(_ index: Int) {
    address(index).update(repeating: 0, count: layout.blockByteCount)
    free.append(index)
  }
}

/// What a full block is found by, and whose it is.
struct BlockName {
  /// Stands for model, adapter, tenant, cache type and all tokens up to the block's last.
  let code: KeyedCode
  /// Whose text it is.
  let tenant: KeyedCode
}
