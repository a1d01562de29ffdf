// Owns: what an engine counts: requests, tokens, KV memory, latencies.
// Must not: hold anything of a prompt, an answer or a tenant, or a reference: a copy that is taken
// under the lock must share no memory with what the engine goes on counting in.

/// How often something took how long.
public struct LatencyHistogram: Sendable {
  /// Upper bounds of the buckets in seconds; the last bucket has none.
  public static let bounds: [Double] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
  ]

  /// Values in each bucket, one more than there are bounds.
  public private(set) var counts = InlineArray<16, UInt64>(repeating: 0)
  /// Seconds of all values.
  public private(set) var sum = 0.0

  /// Values in all.
  public var count: UInt64 { counts.indices.reduce(0) { $0 &+ counts[$1] } }

  mutating func add(_ seconds: Double) {
    let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
    counts[bucket] &+= 1
    sum += seconds
  }
}

/// How many requests ended for which reason.
public struct FinishCounts: Sendable {
  private var counts = InlineArray<7, UInt64>(repeating: 0)

  /// Requests that ended for `reason`.
  public internal(set) subscript(reason: FinishReason) -> UInt64 {
    get { counts[Self.index(reason)] }
    set { counts[Self.index(reason)] = newValue }
  }

  /// Requests that ended.
  public var total: UInt64 { counts.indices.reduce(0) { $0 &+ counts[$1] } }

  private static func index(_ reason: FinishReason) -> Int {
    switch reason {
    case .stop: 0
    case .length: 1
    case .stopString: 2
    case .cancelled: 3
    case .deadline: 4
    case .budget: 5
    case .error: 6
    }
  }
}

/// Counters and gauges of an engine; counters count from when it was opened.
public struct EngineMetrics: Sendable {
  /// Requests that were accepted.
  public internal(set) var submittedCount: UInt64 = 0
  /// Requests that were refused because the queue was full.
  public internal(set) var refusedCount: UInt64 = 0
  /// Requests that ended, by reason.
  public internal(set) var finishedCounts = FinishCounts()
  /// Requests that wait, preempted ones included.
  public internal(set) var waitingCount = 0
  /// Requests that are computed.
  public internal(set) var activeCount = 0
  /// KV blocks in all: of 64 positions and one group of layers, which are all layers where none has
  /// a window.
  public internal(set) var blockCount = 0
  /// Blocks that requests and pinned prefixes reference.
  public internal(set) var referencedBlockCount = 0
  /// Blocks without a reference, cached for prompts with the same prefix.
  public internal(set) var cachedBlockCount = 0
  /// Blocks that pinned prefixes reference.
  public internal(set) var pinnedBlockCount = 0
  /// Cached blocks that were evicted.
  public internal(set) var evictionCount: UInt64 = 0
  /// Preemptions: requests lost their blocks to others and were computed again.
  public internal(set) var preemptionCount: UInt64 = 0
  /// Tokens of prompts that were computed, those computed again included.
  public internal(set) var promptTokenCount: UInt64 = 0
  /// Tokens that were found in the cache instead.
  public internal(set) var cachedTokenCount: UInt64 = 0
  /// Tokens that were generated.
  public internal(set) var generatedTokenCount: UInt64 = 0
  /// Steps.
  public internal(set) var stepCount: UInt64 = 0
  /// Seconds of all steps.
  public internal(set) var stepSeconds = 0.0
  /// From submission to the first token.
  public internal(set) var firstTokenSeconds = LatencyHistogram()
  /// From one token of a request to its next.
  public internal(set) var tokenSeconds = LatencyHistogram()
}
