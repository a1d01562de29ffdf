// Owns: engines and scorers with arrays in and out, and waiting for them.
// Must not: assert; tests do.

package import Vial
package import VialEngine
import VialFormat
import VialSystem

extension Scorer {
  /// The logits of every position.
  package func logits(_ ids: [UInt32]) throws -> [[Float]] {
    var rows: [[Float]] = []
    try score(ids.span) { _, row in
      rows.append(Array(UnsafeBufferPointer(start: row, count: vocabularySize)))
      return true
    }
    return rows
  }
}

extension Engine {
  /// An engine with room for `capacity` positions.
  package convenience init(
    model: Model, capacity: Int, options: ComputeOptions = ComputeOptions()
  ) throws(VialError) {
    var engineOptions = EngineOptions(compute: options)
    engineOptions.cachePositionCount = capacity
    try self.init(model: model, options: engineOptions)
  }

  /// Submits a prompt.
  package func submit(_ prompt: [UInt32], _ options: GenerationOptions) throws -> Request {
    guard let tokens = SecureBuffer<UInt32>(capacity: prompt.count) else {
      throw VialError.outOfMemory
    }
    tokens.append(contentsOf: prompt.span)
    return try submit(prompt: tokens, options: options)
  }

  /// The ids that follow a prompt.
  package func tokens(_ prompt: [UInt32], _ options: GenerationOptions) throws -> [UInt32] {
    let request = try submit(prompt, options)
    let tokens = request.finishedTokens()
    if case .damagedWeights(let error) = request.ending?.failure { throw VialError.format(error) }
    return tokens
  }
}

extension Request {
  /// Everything that happens to it, in order.
  package func events() -> [RequestEvent] {
    var events: [RequestEvent] = []
    while case .event(let event) = nextEvent() { events.append(event) }
    return events
  }

  /// The ids, once all are there.
  package func finishedTokens() -> [UInt32] {
    _ = events()
    var ids: [UInt32] = []
    forEachToken { ids.append($0) }
    return ids
  }
}

extension Engine {
  /// Waits until nothing is under way and nobody holds a block but pinned prefixes.
  ///
  /// The last event may come a moment before the engine has counted.
  package func waitUntilIdle() throws {
    let deadline = MonotonicClock.seconds + 20
    while true {
      let metrics = metrics
      let ended = metrics.finishedCounts.total
      if counts == (0, 0), ended == metrics.submittedCount,
        metrics.referencedBlockCount == metrics.pinnedBlockCount
      {
        return
      }
      guard MonotonicClock.seconds < deadline else { throw NotIdle() }
    }
  }

  private struct NotIdle: Error {}
}
