// Owns: one text in the making: its tokens and its KV blocks.
// Must not: compute or choose. Tokens live in a SecureBuffer; blocks are wiped when given back.

public import VialModel
public import VialSystem

/// The tokens of a prompt and of what follows it, with the cache of those that were computed.
///
/// Not thread-safe: the runner's thread owns it.
public final class Sequence {
  /// Ids, prompt first.
  public let tokens: SecureBuffer<UInt32>
  /// How many of them are in the KV cache.
  public internal(set) var computedCount = 0
  /// What changes the weights for this text; its cache is of no use under another one.
  public let adapter: AppliedAdapter?
  private let pool: KVBlockPool
  private let blockList: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>
  private let blockCapacity: Int
  private var blockCount = 0

  /// Room for up to `capacity` tokens; nil when memory is short. The adapter is one of the model that computes.
  public init?(capacity: Int, pool: KVBlockPool, adapter: AppliedAdapter? = nil) {
    guard capacity > 0, let tokens = SecureBuffer<UInt32>(capacity: capacity) else { return nil }
    self.tokens = tokens
    self.pool = pool
    self.adapter = adapter
    blockCapacity =
      (capacity + KVCacheLayout.positionsPerBlock - 1) / KVCacheLayout.positionsPerBlock
    blockList = .allocate(capacity: blockCapacity)
  }

  deinit {
    for index in 0..<blockCount { pool.release(blockList[index]) }
    blockList.deallocate()
  }

  /// Tokens that still have to be computed.
  public var pendingCount: Int { tokens.count - computedCount }

  /// Forgets every token after the first `tokenCount`; what was computed of those before stays. Blocks are kept:
  /// positions that are not stored again influence nothing.
  public func rewind(to tokenCount: Int) {
    tokens.truncate(to: max(0, tokenCount))
    computedCount = min(computedCount, tokens.count)
  }

  /// Whether every pending id is below `bound`.
  func pendingTokensAreBelow(_ bound: UInt32) -> Bool {
    let ids = tokens.pointer
    return (computedCount..<tokens.count).allSatisfy { ids[$0] < bound }
  }

  /// Takes blocks until `positionCount` positions fit; false when the pool has none left.
  func reserve(positionCount: Int) -> Bool {
    let needed =
      (positionCount + KVCacheLayout.positionsPerBlock - 1) / KVCacheLayout.positionsPerBlock
    guard needed <= blockCapacity else { return false }
    while blockCount < needed {
      guard let block = pool.take() else { return false }
      blockList[blockCount] = block
      blockCount += 1
    }
    return true
  }

  /// The next `count` pending tokens as part of a step. Borrows from this object.
  func segment(count: Int) -> StepSegment {
    StepSegment(
      tokens: tokens.pointer + computedCount, count: count, firstPosition: computedCount,
      blocks: UnsafePointer(blockList), adapter: adapter)
  }
}
