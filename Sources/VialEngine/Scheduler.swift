// Owns: which requests are computed, and how many tokens of each go into the next step.
// Must not: compute, or promise more KV blocks than there are.
//
// A step is {request: token count}: requests that decode take one token each, what is left of the step's
// tokens goes to prompts, first come first served. A request is admitted when the blocks that it may need at
// most are free, so that no admitted request ever has to wait for memory.

import VialModel
import VialSystem

/// The engine thread's view of all requests.
struct Scheduler {
  /// A request that ended before it was computed.
  typealias Ended = (request: Request, reason: FinishReason)

  /// In order of arrival.
  private(set) var waiting: [Request] = []
  private(set) var active: [ActiveRequest] = []
  private var freeBlockCount: Int
  private let positionLimit: Int
  private let activeLimit: Int

  /// - Parameters:
  ///   - blockCount: KV blocks in all.
  ///   - positionLimit: most positions of one request.
  ///   - activeLimit: most requests that are computed together.
  init(blockCount: Int, positionLimit: Int, activeLimit: Int) {
    freeBlockCount = blockCount
    self.positionLimit = positionLimit
    self.activeLimit = activeLimit
  }

  /// Whether a step can be made. One that waits can be admitted when nothing is active: no request may use more
  /// blocks than there are.
  var hasWork: Bool { !active.isEmpty || !waiting.isEmpty }

  /// Requests join the queue.
  mutating func add(_ requests: [Request]) { waiting += requests }

  /// Takes out waiting requests whose caller or time has given up; all of them when the engine closes.
  mutating func dropWaiting(now: Double, isClosing: Bool) -> [Ended] {
    var ended: [Ended] = []
    waiting.removeAll { request in
      guard let reason = isClosing ? .cancelled : Self.reasonToEnd(request, now: now) else {
        return false
      }
      ended.append((request, reason))
      return true
    }
    return ended
  }

  /// Why a request should end now, if it should.
  static func reasonToEnd(_ request: Request, now: Double) -> FinishReason? {
    if request.isCancelled { return .cancelled }
    if let deadline = request.plan.deadline, now >= deadline { return .deadline }
    return nil
  }

  /// The next request that there is room for, with the tokens and blocks that it may use; it leaves the queue.
  mutating func admit() -> (request: Request, limit: Int, blockCount: Int)? {
    guard active.count < activeLimit, let request = waiting.first else { return nil }
    let promptCount = request.plan.prompt.count
    let limit = max(0, min(request.plan.maximumTokens ?? .max, positionLimit - promptCount))
    let positions = KVCacheLayout.positionsPerBlock
    let blockCount = (promptCount + limit + positions - 1) / positions
    guard blockCount <= freeBlockCount else { return nil }
    waiting.removeFirst()
    freeBlockCount -= blockCount
    return (request, limit, blockCount)
  }

  /// An admitted request takes part in steps.
  mutating func activate(_ request: ActiveRequest) { active.append(request) }

  /// An admitted request is over; its blocks are free.
  mutating func release(blockCount: Int) { freeBlockCount += blockCount }

  /// Takes out active requests for which `isOver` is true.
  mutating func removeActive(where isOver: (ActiveRequest) -> Bool) {
    active.removeAll { request in
      guard isOver(request) else { return false }
      freeBlockCount += request.blockCount
      return true
    }
  }

  /// Tokens of each active request in the next step, at most `budget` in all; 0 for those that wait.
  func tokenCounts(budget: Int) -> [Int] {
    var left = budget
    var counts = [Int](repeating: 0, count: active.count)
    for (index, request) in active.enumerated() where request.isDecoding && left > 0 {
      counts[index] = 1
      left -= 1
    }
    for (index, request) in active.enumerated() where !request.isDecoding && left > 0 {
      counts[index] = min(left, request.sequence.pendingCount)
      left -= counts[index]
    }
    return counts
  }
}
