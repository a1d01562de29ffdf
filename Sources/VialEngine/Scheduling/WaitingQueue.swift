// Owns: requests that wait, in lanes of one priority and one tenant each, in order of arrival.
// Must not: decide whether there is memory.

import VialSystem

/// A request that waits.
struct WaitingRequest {
  let request: Request
  /// Order of arrival in the engine.
  let number: UInt64
  /// Its state when it was preempted, or when it was considered for admission before.
  var prepared: ActiveRequest?
}

/// The queue. Taking the next one is O(lanes).
struct WaitingQueue {
  /// Where requests of one priority and tenant wait.
  struct LaneKey: Hashable {
    let priority: Int32
    let tenant: KeyedCode
  }

  private struct Lane {
    /// nil: taken, so that nothing of a prompt is held on to.
    private var entries: [WaitingRequest?] = []
    /// The first that was not taken.
    private var head = 0

    init(_ entries: [WaitingRequest] = []) { self.entries = entries }

    var first: WaitingRequest? { head < entries.count ? entries[head] : nil }

    var all: [WaitingRequest] { entries[head...].compactMap { $0 } }

    mutating func takeFirst() {
      guard head < entries.count else { return }
      entries[head] = nil
      head += 1
      if head * 2 > entries.count {
        entries.removeFirst(head)
        head = 0
      }
    }

    mutating func insert(_ entry: WaitingRequest) {
      var index = entries.count
      while index > head, let before = entries[index - 1], before.number > entry.number {
        index -= 1
      }
      entries.insert(entry, at: index)
    }

    mutating func store(_ prepared: ActiveRequest) {
      if head < entries.count { entries[head]?.prepared = prepared }
    }
  }

  private var lanes: [LaneKey: Lane] = [:]
  /// Requests that wait.
  private(set) var count = 0
  /// The first deadline of those that wait; infinite without one.
  private(set) var nextDeadline = Double.infinity

  var isEmpty: Bool { count == 0 }

  /// Puts a request into its lane, by its number: new ones at the end, preempted ones before them.
  mutating func insert(_ entry: WaitingRequest) {
    let key = entry.request.lane
    lanes[key, default: Lane()].insert(entry)
    count += 1
    nextDeadline = min(nextDeadline, entry.request.plan.deadline ?? .infinity)
  }

  /// The lane whose first request comes next: highest priority, then the tenant that was given
  /// least, then the earliest arrival.
  func nextLane(_ ledger: TenantLedger) -> LaneKey? {
    var best: (key: LaneKey, served: Double, number: UInt64)?
    for (key, lane) in lanes {
      guard let number = lane.first?.number else { continue }
      if let best, key.priority < best.key.priority { continue }
      let served = ledger.served(key.tenant)
      if let best, key.priority == best.key.priority, (served, number) >= (best.served, best.number)
      {
        continue
      }
      best = (key, served, number)
    }
    return best?.key
  }

  /// The first request of a lane that has one.
  func first(_ key: LaneKey) -> WaitingRequest? { lanes[key]?.first }

  /// Stores the state of a lane's first request, which stays there.
  mutating func store(_ prepared: ActiveRequest, forFirstOf key: LaneKey) {
    lanes[key]?.store(prepared)
  }

  /// Takes the first request out of a lane.
  mutating func takeFirst(_ key: LaneKey) {
    guard lanes[key]?.first != nil else { return }
    lanes[key]?.takeFirst()
    count -= 1
    if lanes[key]?.first == nil { lanes[key] = nil }
  }

  /// Takes out requests that have a reason to end.
  mutating func removeAll(
    _ reason: (Request) -> FinishReason?
  ) -> [(entry: WaitingRequest, reason: FinishReason)] {
    var ended: [(entry: WaitingRequest, reason: FinishReason)] = []
    nextDeadline = .infinity
    for key in Array(lanes.keys) {
      guard let lane = lanes[key] else { continue }
      var remaining: [WaitingRequest] = []
      for entry in lane.all {
        if let reason = reason(entry.request) {
          ended.append((entry, reason))
        } else {
          remaining.append(entry)
          nextDeadline = min(nextDeadline, entry.request.plan.deadline ?? .infinity)
        }
      }
      lanes[key] = remaining.isEmpty ? nil : Lane(remaining)
    }
    count -= ended.count
    return ended.sorted { $0.entry.number < $1.entry.number }
  }
}

extension Request {
  /// Where it waits.
  var lane: WaitingQueue.LaneKey {
    WaitingQueue.LaneKey(priority: plan.options.priority, tenant: tenant)
  }
}
