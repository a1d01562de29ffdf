// Owns: one text in the making: its tokens and its block table.
// Must not: compute or choose. Tokens live in a SecureBuffer; blocks are wiped on release unless
// cached.

import VialFormat
package import VialModel
package import VialSystem

/// The tokens of a prompt and of what follows it, with the cache of those that were computed.
///
/// Not thread-safe: the runner's thread owns it.
package final class TokenSequence {
  /// Ids, prompt first.
  package let tokens: SecureBuffer<UInt32>
  /// How many of them are in the KV cache.
  package internal(set) var computedCount = 0
  /// What changes the weights for this text; its cache is of no use under another one.
  package let adapter: AppliedAdapter?
  /// How long the text is going to be, where that is known before its tokens are here; decides as
  /// its tokens do which rotary frequencies hold.
  package var plannedCount = 0 {
    didSet { settleLength() }
  }
  /// Whether the text is one for which the model has other rotary frequencies.
  private var isLong = false
  /// How many of those were reused from the cache instead of computed.
  package internal(set) var reusedCount = 0
  /// KV blocks that it references.
  private(set) var blockCount = 0
  private let pool: KVBlockPool
  private let blockList: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>
  private let blockCapacity: Int
  private var hasher: PrefixHasher?
  private var commonHasher: PrefixHasher?
  /// Blocks that were offered to the cache.
  private var hashedCount = 0

  /// A sequence of up to `capacity` tokens that shares no block; nil when memory is short. The
  /// adapter is one of the model that computes.
  package convenience init?(capacity: Int, pool: KVBlockPool, adapter: AppliedAdapter? = nil) {
    self.init(capacity: capacity, pool: pool, hasher: nil, commonHasher: nil, adapter: adapter)
  }

  /// - Parameters:
  ///   - hasher: hashes its blocks; nil: it neither reuses nor caches any.
  ///   - commonHasher: hashes blocks that are pinned for all tenants; it caches none of these.
  package init?(
    capacity: Int, pool: KVBlockPool, hasher: PrefixHasher?, commonHasher: PrefixHasher?,
    adapter: AppliedAdapter? = nil
  ) {
    let blockCapacity = Self.blockCount(for: capacity)
    guard capacity > 0, let tokens = SecureBuffer<UInt32>(capacity: capacity),
      let blockList = CheckedMemory.allocate(
        UnsafeMutablePointer<UInt8>.self, count: blockCapacity)
    else { return nil }
    self.tokens = tokens
    self.pool = pool
    self.adapter = adapter
    self.hasher = hasher
    self.commonHasher = commonHasher
    self.blockCapacity = blockCapacity
    self.blockList = blockList
  }

  deinit {
    releaseBlocks()
    CheckedMemory.release(blockList)
  }

  /// Blocks that `positionCount` positions fill, the last one in part.
  static func blockCount(for positionCount: Int) -> Int {
    (positionCount + KVCacheLayout.positionsPerBlock - 1) / KVCacheLayout.positionsPerBlock
  }

  /// Tokens that still have to be computed.
  package var pendingCount: Int { tokens.count - computedCount }

  /// Appends a token; false when it does not fit.
  @discardableResult
  package func append(_ token: UInt32) -> Bool {
    defer { settleLength() }
    return tokens.append(token)
  }

  /// Appends tokens; false when they do not fit.
  @discardableResult
  func append(contentsOf ids: Span<UInt32>) -> Bool {
    defer { settleLength() }
    return tokens.append(contentsOf: ids)
  }

  /// Notices a text that becomes long, or short again, for a model whose rotary frequencies depend
  /// on that. Its keys are then others: all of it is computed again, as transformers does, so that
  /// an answer depends on the text alone.
  private func settleLength() {
    guard let limit = pool.layout.longTextLimit else { return }
    let isLong = max(tokens.count, plannedCount) > limit
    guard isLong != self.isLong else { return }
    self.isLong = isLong
    releaseBlocks()
    hasher?.restart(isLong: isLong)
    commonHasher?.restart(isLong: isLong)
  }

  /// Forgets every token after the first `tokenCount`; what was computed of those before stays.
  /// Its blocks stay: positions that are not stored again influence nothing.
  package func rewind(to tokenCount: Int) {
    tokens.truncate(to: max(0, tokenCount))
    computedCount = min(computedCount, tokens.count)
    let fullCount = tokens.count / KVCacheLayout.positionsPerBlock
    hasher?.truncate(to: fullCount)
    commonHasher?.truncate(to: fullCount)
    hashedCount = min(hashedCount, fullCount)
    settleLength()
  }

  /// Whether every pending id is below `bound`.
  func pendingTokensAreBelow(_ bound: UInt32) -> Bool {
    let ids = tokens.pointer
    return (computedCount..<tokens.count).allSatisfy { ids[$0] < bound }
  }

  /// Allocates blocks until `positionCount` positions fit; false when the pool has none left. A
  /// block that is written next and that others can see is copied first (copy on write).
  func reserve(positionCount: Int) -> Bool {
    let needed = Self.blockCount(for: positionCount)
    guard needed <= blockCapacity else { return false }
    for index in computedCount / KVCacheLayout.positionsPerBlock..<min(needed, blockCount)
    where !pool.isPrivate(blockList[index]) {
      guard let copy = pool.allocate() else { return false }
      copy.update(from: blockList[index], count: pool.layout.blockByteCount)
      pool.release(blockList[index])
      blockList[index] = copy
    }
    while blockCount < needed {
      guard let block = pool.allocate() else { return false }
      blockList[blockCount] = block
      blockCount += 1
    }
    return true
  }

  /// Reuses cached blocks of the same tokens, as far as there are. At least one token stays
  /// pending, for its logits.
  package func reuseBlocks() {
    let size = KVCacheLayout.positionsPerBlock
    while computedCount == blockCount * size, computedCount + size < tokens.count,
      let block = findBlock(blockCount)
    {
      blockList[blockCount] = block
      blockCount += 1
      computedCount += size
      reusedCount += size
      hashedCount = max(hashedCount, blockCount)
    }
  }

  /// The hash of the tokens before block `index`, and of all else that decides a block's bytes; nil
  /// when the sequence shares nothing, or has fewer tokens.
  func hashBefore(_ index: Int) -> KeyedCode? {
    guard index * KVCacheLayout.positionsPerBlock <= tokens.count else { return nil }
    return hasher?.code(before: index, tokens: tokens.pointer)
  }

  /// Overwrites a block, which nobody else has, with another sequence's.
  func take(contentsOf index: Int, of other: TokenSequence) {
    blockList[index].update(from: other.blockList[index], count: pool.layout.blockByteCount)
  }

  private func findBlock(_ index: Int) -> UnsafeMutablePointer<UInt8>? {
    if let hash = hasher?.hash(of: index, tokens: tokens.pointer),
      let block = pool.reuse(hash.code)
    {
      return block
    }
    guard let hash = commonHasher?.hash(of: index, tokens: tokens.pointer) else { return nil }
    return pool.reuse(hash.code)
  }

  /// Caches the blocks that are full, so that others can reuse them.
  package func cacheBlocks() {
    guard hasher != nil else { return }
    while hashedCount < computedCount / KVCacheLayout.positionsPerBlock {
      if let hash = hasher?.hash(of: hashedCount, tokens: tokens.pointer) {
        pool.cache(blockList[hashedCount], as: hash)
      }
      hashedCount += 1
    }
  }

  /// Releases all blocks; the tokens stay, to be computed again. The last block is released first:
  /// it is evicted before those that it builds on.
  func releaseBlocks() {
    for index in (0..<blockCount).reversed() { pool.release(blockList[index]) }
    blockCount = 0
    computedCount = 0
    hashedCount = 0
  }

  /// Releases all blocks, and wipes the tokens: the text is over.
  func wipe() {
    releaseBlocks()
    wipeTokens()
  }

  /// Wipes the tokens of a text that is over, whose blocks stay.
  func wipeTokens() { tokens.truncate(to: 0) }

  /// Releases blocks that were reused for a request that is not admitted after all.
  func releaseReusedBlocks() {
    reusedCount -= computedCount
    releaseBlocks()
  }

  /// Releases the last block when it is not full.
  func releasePartialBlock() {
    let fullCount = computedCount / KVCacheLayout.positionsPerBlock
    while blockCount > fullCount {
      blockCount -= 1
      pool.release(blockList[blockCount])
    }
    computedCount = min(computedCount, blockCount * KVCacheLayout.positionsPerBlock)
  }

  /// The next `count` pending tokens as part of a step, and how many of the last of them need
  /// logits. Borrows from this object.
  func segment(count: Int, logitsCount: Int) -> StepSegment {
    StepSegment(
      tokens: tokens.pointer + computedCount, count: count, logitsCount: logitsCount,
      firstPosition: computedCount, blocks: UnsafePointer(blockList), isLong: isLong,
      adapter: adapter)
  }
}
