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
  /// How many of its last tokens may be taken back with nothing computed again: windows keep so
  /// many positions more.
  package var rewindMargin = 0
  /// Whether the text is one for which the model has other rotary frequencies.
  private var isLong = false
  /// How many of those were reused from the cache instead of computed.
  package internal(set) var reusedCount = 0
  /// Rows of 64 positions for which it has had blocks.
  private(set) var rowCount = 0
  /// The first row of which each group of layers still has its block.
  private var firstRows: [Int]
  private let pool: KVBlockPool
  /// `[group][row]`.
  private let blockList: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>
  private let rowCapacity: Int
  private var hasher: PrefixHasher?
  private var commonHasher: PrefixHasher?
  /// Rows whose blocks were offered to the cache.
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
    let rowCapacity = KVCacheLayout.rowCount(capacity)
    let groupCount = pool.layout.groupCount
    guard capacity > 0, let tokens = SecureBuffer<UInt32>(capacity: capacity),
      let blockList = CheckedMemory.allocate(
        UnsafeMutablePointer<UInt8>.self, count: rowCapacity * groupCount)
    else { return nil }
    self.tokens = tokens
    self.pool = pool
    self.adapter = adapter
    self.hasher = hasher
    self.commonHasher = commonHasher
    self.rowCapacity = rowCapacity
    firstRows = [Int](repeating: 0, count: groupCount)
    self.blockList = blockList
  }

  deinit {
    releaseBlocks()
    CheckedMemory.release(blockList)
  }

  private var groups: Range<Int> { 0..<firstRows.count }

  /// KV blocks that it references.
  var heldBlockCount: Int { firstRows.reduce(0) { $0 + rowCount - $1 } }

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
    // What a window sees before these tokens may be gone: it is computed again.
    let needed = { [pool, computedCount] in
      pool.layout.firstRow(ofGroup: $0, computedCount: computedCount)
    }
    if groups.contains(where: { firstRows[$0] > needed($0) }) { releaseBlocks() }
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
    releasePassedBlocks()
    let needed = KVCacheLayout.rowCount(positionCount)
    guard needed <= rowCapacity else { return false }
    for row in computedCount / KVCacheLayout.positionsPerBlock..<min(needed, rowCount) {
      for group in groups where !pool.isPrivate(block(group, row)) {
        guard let copy = pool.allocate() else { return false }
        copy.update(from: block(group, row), count: pool.layout.blockByteCount)
        pool.release(block(group, row))
        setBlock(group, row, copy)
      }
    }
    while rowCount < needed {
      guard appendRow() else { return false }
    }
    return true
  }

  /// Allocates the blocks of one more row; all or none.
  private func appendRow() -> Bool {
    for group in groups {
      guard let block = pool.allocate() else {
        for other in 0..<group { pool.release(self.block(other, rowCount)) }
        return false
      }
      setBlock(group, rowCount, block)
    }
    rowCount += 1
    return true
  }

  private func block(_ group: Int, _ row: Int) -> UnsafeMutablePointer<UInt8> {
    blockList[group * rowCapacity + row]
  }

  private func setBlock(_ group: Int, _ row: Int, _ block: UnsafeMutablePointer<UInt8>) {
    blockList[group * rowCapacity + row] = block
  }

  /// The first row that a group still needs.
  private func firstRow(ofGroup group: Int) -> Int {
    let count = max(0, computedCount - rewindMargin)
    return pool.layout.firstRow(ofGroup: group, computedCount: count)
  }

  /// Gives back the blocks that no later position sees, those of layers with a window. The last row
  /// that was begun counts as one that is computed again: a prefix that is pinned ends there.
  func releasePassedBlocks() {
    for group in groups {
      let first = min(firstRow(ofGroup: group), rowCount)
      while firstRows[group] < first {
        pool.release(block(group, firstRows[group]))
        firstRows[group] += 1
      }
    }
  }

  /// Whether it has all blocks of a row.
  func holds(row: Int) -> Bool { row < rowCount && firstRows.allSatisfy { $0 <= row } }

  /// Blocks that it needs for so many of its positions and does not have.
  func missingBlockCount(positionCount: Int) -> Int {
    max(0, pool.layout.blockCount(positionCount: positionCount) - heldBlockCount)
  }

  // MARK: Prefix caching

  /// Reuses cached blocks of the same tokens, as far as there are. At least one token stays
  /// pending, for its logits.
  package func reuseBlocks() {
    let size = KVCacheLayout.positionsPerBlock
    guard computedCount == rowCount * size else { return }
    let end = reusableEnd()
    guard end > rowCount else { return }
    let begin = rowCount
    (computedCount, reusedCount) = (end * size, reusedCount + (end - begin) * size)
    releasePassedBlocks()
    for group in groups {
      firstRows[group] = max(firstRows[group], firstRow(ofGroup: group))
      for row in max(begin, firstRows[group])..<end {
        guard let key = cachedKey(group, row), let block = pool.reuse(key) else { continue }
        setBlock(group, row, block)
      }
    }
    rowCount = end
    hashedCount = max(hashedCount, end)
  }

  /// Up to which row all blocks that later positions see are cached; `rowCount` when no more are.
  private func reusableEnd() -> Int {
    let most = (tokens.count - 1) / KVCacheLayout.positionsPerBlock
    let (full, windowed) = (
      groups.filter { pool.layout.windows[$0] == 0 }, groups.filter { pool.layout.windows[$0] > 0 }
    )
    var end = full.isEmpty ? max(rowCount, most) : rowCount
    while end < most, full.allSatisfy({ cachedKey($0, end) != nil }) { end += 1 }
    // A row that is missing rules out all ends whose windows see it.
    while end > rowCount {
      let missing = windowed.compactMap { lastMissingRow($0, before: end) }.max()
      guard let missing else { return end }
      end = missing
    }
    return rowCount
  }

  /// The last row that a group has not cached of those that are seen from row `end` on; nil when it
  /// has all. Rows before `rowCount` are the sequence's own.
  private func lastMissingRow(_ group: Int, before end: Int) -> Int? {
    let first = pool.layout.firstRow(
      ofGroup: group, computedCount: end * KVCacheLayout.positionsPerBlock)
    return (max(first, rowCount)..<end).last { cachedKey(group, $0) == nil }
  }

  /// The key under which a row's block of a group is cached for this text; nil when it is not.
  private func cachedKey(_ group: Int, _ row: Int) -> BlockKey? {
    if let code = hasher?.code(before: row + 1, tokens: tokens.pointer) {
      let key = BlockKey(code: code, group: group)
      if pool.contains(key) { return key }
    }
    guard let code = commonHasher?.code(before: row + 1, tokens: tokens.pointer) else { return nil }
    let key = BlockKey(code: code, group: group)
    return pool.contains(key) ? key : nil
  }

  /// The hash of the tokens before block `index`, and of all else that decides a block's bytes; nil
  /// when the sequence shares nothing, or has fewer tokens.
  func hashBefore(_ index: Int) -> KeyedCode? {
    guard index * KVCacheLayout.positionsPerBlock <= tokens.count else { return nil }
    return hasher?.code(before: index, tokens: tokens.pointer)
  }

  /// Overwrites the blocks of a row, which nobody else has, with another sequence's.
  func take(contentsOf row: Int, of other: TokenSequence) {
    for group in groups {
      block(group, row).update(from: other.block(group, row), count: pool.layout.blockByteCount)
    }
  }

  /// Caches the blocks that are full, so that others can reuse them, and gives back those that no
  /// later position sees.
  package func cacheBlocks() {
    defer { releasePassedBlocks() }
    guard let tenant = hasher?.tenant else { return }
    while hashedCount < computedCount / KVCacheLayout.positionsPerBlock {
      if let code = hasher?.code(before: hashedCount + 1, tokens: tokens.pointer) {
        for group in groups where firstRows[group] <= hashedCount {
          pool.cache(
            block(group, hashedCount),
            as: BlockHash(key: BlockKey(code: code, group: group), tenant: tenant))
        }
      }
      hashedCount += 1
    }
  }

  /// Releases all blocks; the tokens stay, to be computed again. The last block is released first:
  /// it is evicted before those that it builds on.
  func releaseBlocks() {
    while rowCount > 0 { removeRow() }
    for group in groups { firstRows[group] = 0 }
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

  /// Releases the blocks of the last row when it is not full.
  func releasePartialRow() {
    let fullCount = computedCount / KVCacheLayout.positionsPerBlock
    while rowCount > fullCount { removeRow() }
    computedCount = min(computedCount, rowCount * KVCacheLayout.positionsPerBlock)
  }

  private func removeRow() {
    rowCount -= 1
    for group in groups where firstRows[group] <= rowCount { pool.release(block(group, rowCount)) }
  }

  /// The next `count` pending tokens as part of a step, and how many of the last of them need
  /// logits. Borrows from this object.
  func segment(count: Int, logitsCount: Int) -> StepSegment {
    StepSegment(
      tokens: tokens.pointer + computedCount, count: count, logitsCount: logitsCount,
      firstPosition: computedCount, blocks: UnsafePointer(blockList), blockStride: rowCapacity,
      isLong: isLong, adapter: adapter)
  }
}
