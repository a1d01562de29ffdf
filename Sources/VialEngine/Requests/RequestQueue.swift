// Owns: requests in the order in which they got events, from which any can be taken out at once.
// Must not: lock: its owner does.

import Synchronization

/// First in, first out. Every operation is O(1), amortised.
package struct RequestQueue {
  /// nil: taken, or taken out.
  private var entries: [Request?] = []
  /// The first that may be there.
  private var head = 0
  /// Requests in the queue.
  package private(set) var count = 0

  /// An empty queue.
  package init() {}

  package var isEmpty: Bool { count == 0 }

  /// Puts a request that is in no queue at the end.
  package mutating func append(_ request: Request) {
    request.queueIndex.store(entries.count, ordering: .relaxed)
    entries.append(request)
    count += 1
  }

  /// Takes the first one.
  package mutating func popFirst() -> Request? {
    while head < entries.count {
      let request = entries[head]
      entries[head] = nil
      head += 1
      guard let request else { continue }
      noteTaken()
      return request
    }
    return nil
  }

  /// Takes a request out, if it is there.
  package mutating func remove(_ request: Request) {
    let index = request.queueIndex.load(ordering: .relaxed)
    guard index >= head, index < entries.count, entries[index] === request else { return }
    entries[index] = nil
    noteTaken()
  }

  /// Closes the gaps when most of the queue is gaps.
  private mutating func noteTaken() {
    count -= 1
    guard entries.count >= 64, count < entries.count / 4 else { return }
    entries = entries[head...].filter { $0 != nil }
    head = 0
    for (index, request) in entries.enumerated() {
      request?.queueIndex.store(index, ordering: .relaxed)
    }
  }
}
