// Owns: prefix sharing among requests that are computed together: who waits for whom, and who
// copies the computed part of a block that is not full yet.
// Must not: compute, or cross what keeps blocks apart: tenant, adapter, model (PrefixHasher).

import VialModel
import VialSystem

extension TokenSequence {
  private static let size = KVCacheLayout.positionsPerBlock

  /// Up to which position this text is the other's, within the block that is computed next; nil
  /// when it is not even so far, or when the two may not share. The last token does not count: its
  /// logits are wanted.
  func commonEnd(with other: TokenSequence) -> Int? {
    let block = computedCount / Self.size
    let start = block * Self.size
    let end = min(tokens.count - 1, other.tokens.count, start + Self.size)
    guard end > computedCount, let own = hashBefore(block), own == other.hashBefore(block) else {
      return nil
    }
    var position = start
    while position < end, tokens.pointer[position] == other.tokens.pointer[position] {
      position += 1
    }
    return position > computedCount ? position : nil
  }

  /// Copies what the other has computed of the next block, up to `end`; false when there is no
  /// memory for it.
  func copyBlock(of other: TokenSequence, upTo end: Int) -> Bool {
    let end = min(end, other.computedCount)
    let block = computedCount / Self.size
    guard end > computedCount, other.holds(row: block), reserve(positionCount: end) else {
      return false
    }
    // Positions behind `end` hold the other's next tokens, which are stored again before they
    // influence anything.
    take(contentsOf: block, of: other)
    reusedCount += end - computedCount
    computedCount = end
    return true
  }
}

extension Scheduler {
  /// Sharing at least so many tokens is worth waiting for one step.
  private static let leastGain = 16

  /// Shares the prefix of a request with those that are scheduled already. It copies what one of
  /// them has computed of its next block, and waits for what one of them is about to compute.
  /// - Returns: whether it should wait.
  func sharePrefix(of request: ActiveRequest, with plan: [ScheduledRequest]) -> Bool {
    let sequence = request.sequence
    guard sequence.pendingCount > 1 else { return false }
    for scheduled in plan {
      let other = scheduled.active.sequence
      while let end = sequence.commonEnd(with: other), other.computedCount > sequence.computedCount
      {
        guard sequence.copyBlock(of: other, upTo: end) else { return false }
      }
      let planned = other.computedCount + scheduled.tokenCount
      if planned > sequence.computedCount, let end = sequence.commonEnd(with: other),
        min(end, planned) - sequence.computedCount >= Self.leastGain
      {
        return true
      }
    }
    return false
  }
}
