// Owns: prompts that begin alike while they are computed: who waits for whom, and who copies what others have computed
// of a block that is not full yet.
// Must not: compute, or cross what keeps blocks apart: tenant, adapter, model (PrefixNames).

import VialModel
import VialSystem

extension Sequence {
  private static let size = KVCacheLayout.positionsPerBlock

  /// Up to which position this text is the other's, within the block that is computed next; nil when it is not even so
  /// far, or when the two may not share. The last token does not count: its logits are wanted.
  func commonEnd(with other: Sequence) -> Int? {
    let block = computedCount / Self.size
    let start = block * Self.size
    let end = min(tokens.count - 1, other.tokens.count, start + Self.size)
    guard end > computedCount, let own = nameBefore(block), own == other.nameBefore(block) else {
      return nil
    }
    var position = start
    while position < end, tokens.pointer[position] == other.tokens.pointer[position] {
      position += 1
    }
    return position > computedCount ? position : nil
  }

  /// Takes over what the other has computed of the next block, up to `end`; false when there is no memory for it.
  func copyBlock(of other: Sequence, upTo end: Int) -> Bool {
    let end = min(end, other.computedCount)
    let block = computedCount / Self.size
    guard end > computedCount, block < other.blockCount, reserve(positionCount: end) else {
      return false
    }
    // Positions behind `end` hold the other's next tokens, which are stored again before they influence anything.
    take(contentsOf: block, of: other)
    adoptedCount += end - computedCount
    computedCount = end
    return true
  }
}

extension Scheduler {
  /// A share of at least so many tokens is worth a step's wait.
  private static let leastGain = 16

  /// Lets a request that has a prompt to compute profit from those that are in the step already: it copies what one of
  /// them has computed of its next block, and waits for what one of them is about to compute.
  /// - Returns: whether it should wait.
  func shareBeginning(of request: ActiveRequest, with plan: [Share]) -> Bool {
    let sequence = request.sequence
    guard sequence.pendingCount > 1 else { return false }
    for share in plan {
      let other = share.active.sequence
      while let end = sequence.commonEnd(with: other), other.computedCount > sequence.computedCount
      {
        guard sequence.copyBlock(of: other, upTo: end) else { return false }
      }
      let planned = other.computedCount + share.tokenCount
      if planned > sequence.computedCount, let end = sequence.commonEnd(with: other),
        min(end, planned) - sequence.computedCount >= Self.leastGain
      {
        return true
      }
    }
    return false
  }
}
