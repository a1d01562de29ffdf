// Owns: one text in the making: its tokens and its KV blocks.
// Must not: compute or choose. Tokens live in a SecureBuffer; blocks are wiped when given back, unless they have a name.

import VialFormat
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
  /// How many of those were found in the cache instead of computed.
  package internal(set) var adoptedCount = 0
  /// KV blocks that it holds.
  private(set) var blockCount = 0
  private let pool: KVBlockPool
  private let blockList: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>
  private let blockCapacity: Int
  private var names: PrefixNames?
  private var commonNames: PrefixNames?
  private var namedCount = 0

  /// Room for up to `capacity` tokens that share nothing; nil when memory is short. The adapter is one of the model
  /// that computes.
  public convenience init?(capacity: Int, pool: KVBlockPool, adapter: AppliedAdapter? = nil) {
    self.init(capacity: capacity, pool: pool, names: nil, commonNames: nil, adapter: adapter)
  }

  /// - Parameters:
  ///   - names: what its blocks are found by; nil: it neither finds nor leaves any.
  ///   - commonNames: what blocks that are pinned for all tenants are found by; it leaves none.
  package init?(
    capacity: Int, pool: KVBlockPool, names: PrefixNames?, commonNames: PrefixNames?,
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
    self.names = names
    self.commonNames = commonNames
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
  public var pendingCount: Int { tokens.count - computedCount }

  /// Forgets every token after the first `tokenCount`; what was computed of those before stays. Blocks are kept:
  /// positions that are not stored again influence nothing.
  public func rewind(to tokenCount: Int) {
    tokens.truncate(to: max(0, tokenCount))
    computedCount = min(computedCount, tokens.count)
    let fullCount = tokens.count / KVCacheLayout.positionsPerBlock
    names?.truncate(to: fullCount)
    commonNames?.truncate(to: fullCount)
    namedCount = min(namedCount, fullCount)
  }

  /// Whether every pending id is below `bound`.
  func pendingTokensAreBelow(_ bound: UInt32) -> Bool {
    let ids = tokens.pointer
    return (computedCount..<tokens.count).allSatisfy { ids[$0] < bound }
  }

  /// Takes blocks until `positionCount` positions fit, and a copy of the block that is written next when others can see
  /// it; false when the pool has none left.
  func reserve(positionCount: Int) -> Bool {
    let needed = Self.blockCount(for: positionCount)
    guard needed <= blockCapacity else { return false }
    for index in computedCount / KVCacheLayout.positionsPerBlock..<min(needed, blockCount)
    where !pool.isPrivate(blockList[index]) {
      guard let copy = pool.take() else { return false }
      copy.update(from: blockList[index], count: pool.layout.blockByteCount)
      pool.release(blockList[index])
      blockList[index] = copy
    }
    while blockCount < needed {
      guard let block = pool.take() else { return false }
      blockList[blockCount] = block
      blockCount += 1
    }
    return true
  }

  /// Takes over blocks that somebody computed from the same tokens, as far as there are; at least one token stays
  /// pending, for its logits.
  package func adoptBlocks() {
    let size = KVCacheLayout.positionsPerBlock
    while computedCount == blockCount * size, computedCount + size < tokens.count,
      let block = findBlock(blockCount)
    {
      blockList[blockCount] = block
      blockCount += 1
      computedCount += size
      adoptedCount += size
      namedCount = max(namedCount, blockCount)
    }
  }

  /// What stands for the tokens before block `index`, and for all else that decides a block's bytes; nil when it shares
  /// nothing, or has not so many tokens.
  func nameBefore(_ index: Int) -> KeyedCode? {
    guard index * KVCacheLayout.positionsPerBlock <= tokens.count else { return nil }
    return names?.code(before: index, tokens: tokens.pointer)
  }

  /// Overwrites a block, which nobody else has, with another sequence's.
  func take(contentsOf index: Int, of other: Sequence) {
    blockList[index].update(from: other.blockList[index], count: pool.layout.blockByteCount)
  }

  private func findBlock(_ index: Int) -> UnsafeMutablePointer<UInt8>? {
    if let name = names?.name(of: index, tokens: tokens.pointer),
      let block = pool.take(named: name.code)
    {
      return block
    }
    guard let name = commonNames?.name(of: index, tokens: tokens.pointer) else { return nil }
    return pool.take(named: name.code)
  }

  /// Lets others find the blocks that are full.
  package func publishBlocks() {
    guard names != nil else { return }
    while namedCount < computedCount / KVCacheLayout.positionsPerBlock {
      if let name = names?.name(of: namedCount, tokens: tokens.pointer) {
        pool.name(blockList[namedCount], name)
      }
      namedCount += 1
    }
  }

  /// Gives all blocks back; the tokens stay, to be computed again. The last block goes first: whoever needs memory
  /// takes it before those that it builds on.
  func releaseBlocks() {
    for index in (0..<blockCount).reversed() { pool.release(blockList[index]) }
    blockCount = 0
    computedCount = 0
    namedCount = 0
  }

  /// Gives all blocks back, and wipes the tokens: the text is over.
  func wipe() {
    releaseBlocks()
    wipeTokens()
  }

  /// Wipes the tokens of a text that is over, whose blocks stay.
  func wipeTokens() { tokens.truncate(to: 0) }

  /// Gives back blocks that were adopted, when nothing came of it.
  func abandonBlocks() {
    adoptedCount -= computedCount
    releaseBlocks()
  }

  /// Gives back the last block when it is not full.
  func releasePartialBlock() {
    let fullCount = computedCount / KVCacheLayout.positionsPerBlock
    while blockCount > fullCount {
      blockCount -= 1
      pool.release(blockList[blockCount])
    }
    computedCount = min(computedCount, blockCount * KVCacheLayout.positionsPerBlock)
  }

  /// The next `count` pending tokens as part of a step, and how many of the last of them need logits. Borrows from this
  /// object.
  func segment(count: Int, logitsCount: Int) -> StepSegment {
    StepSegment(
      tokens: tokens.pointer + computedCount, count: count, logitsCount: logitsCount,
      firstPosition: computedCount, blocks: UnsafePointer(blockList), adapter: adapter)
  }
}
