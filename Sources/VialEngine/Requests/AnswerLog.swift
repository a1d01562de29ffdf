// Owns: everything that a request has answered so far, in pieces that never move, and what was read
// of it.
// Must not: decode or choose. Locked by its request's monitor.

import VialSystem

/// The answer of one request.
struct AnswerLog {
  /// One token. The pointers lead into the logs beside it.
  struct Entry: BitwiseCopyable {
    let token: UInt32
    let logProbability: Float
    let entropy: Float
    let part: AnswerPart
    let text: UnsafeBufferPointer<UInt8>
    let alternatives: UnsafeBufferPointer<TokenAlternative>
  }

  /// How it ended.
  struct Ending {
    let reason: FinishReason
    let failure: RunnerError?
    let part: AnswerPart
    let text: UnsafeBufferPointer<UInt8>
  }

  /// Where the request stands.
  enum Stage {
    case waiting
    case running
    case finished
  }

  // Tens of thousands of requests may be open: the first pieces are small, up to 4,096 bytes, 256
  // and 128 elements.
  let text = SecureLog<UInt8>(firstCapacity: 128, doublings: 5)
  let alternatives = SecureLog<TokenAlternative>(firstCapacity: 32, doublings: 3)
  let entries = SecureLog<Entry>(firstCapacity: 8, doublings: 4)
  /// Scores of the prompt's tokens, when they are wanted.
  var promptScores: PromptScores?
  var stage = Stage.waiting
  var ending: Ending?
  var timings = RequestTimings()
  /// Events that were handed out.
  var readCount = 0
  /// Whether the request stands in a queue of requests with events.
  var isQueued = false
  /// The caller has closed the request: nothing is handed out any more.
  var isDetached = false
  /// A callback has an event of this request in its hands.
  var isDelivering = false

  /// Whether an event waits to be handed out.
  var hasEvent: Bool {
    !isDetached && (readCount < entries.count || (ending != nil && readCount == entries.count))
  }

  /// Whether everything, the end included, was handed out.
  var isExhausted: Bool { ending != nil && readCount > entries.count }

  /// Hands out the next event.
  mutating func next() -> RequestEvent? {
    guard hasEvent else { return nil }
    defer { readCount += 1 }
    if readCount < entries.count {
      let entry = entries.element(at: readCount)
      return RequestEvent(
        kind: .token, token: entry.token, logProbability: entry.logProbability,
        entropy: entry.entropy, part: entry.part, text: entry.text,
        alternatives: entry.alternatives)
    }
    guard let ending else { return nil }
    return RequestEvent(
      kind: .finished(ending.reason), token: 0, logProbability: .nan, entropy: .nan,
      part: ending.part, text: ending.text, alternatives: UnsafeBufferPointer(start: nil, count: 0))
  }

  /// Hands all pieces of text of one part to `body`, in order.
  func forEachText(of part: AnswerPart, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    for index in 0..<entries.count {
      let entry = entries.element(at: index)
      if entry.part == part, !entry.text.isEmpty { body(entry.text) }
    }
    if let ending, ending.part == part, !ending.text.isEmpty { body(ending.text) }
  }
}
