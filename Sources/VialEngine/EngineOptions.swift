// Owns: what a host may set of an engine, the one struct from the C ABI to the scheduler.
// Must not: decide anything but how many KV blocks the options mean.

public import VialCompute
package import VialModel
public import VialSystem

/// How to compute. None of it changes a bit of an answer but `cacheType`.
public struct ComputeOptions: Sendable {
  /// Number type of the KV cache.
  public var cacheType: KVCacheType
  /// Threads; nil: as many as affinity and quota allow this process.
  public var threadCount: Int?
  /// ISA family; nil: the fastest that this CPU runs.
  public var family: KernelFamily?
  /// Tokens computed together at most; more is faster for long prompts and needs more memory.
  public var chunkSize: Int

  /// The defaults.
  public init(
    cacheType: KVCacheType = .f16, threadCount: Int? = nil, family: KernelFamily? = nil,
    chunkSize: Int = 256
  ) {
    self.cacheType = cacheType
    self.threadCount = threadCount
    self.family = family
    self.chunkSize = chunkSize
  }
}

/// How an engine computes and what it may use.
public struct EngineOptions: Sendable {
  /// How to compute.
  public var compute: ComputeOptions
  /// Most bytes of KV cache, for all requests together; nil: what `cachePositionCount` needs.
  public var cacheByteLimit: Int?
  /// Positions of the KV cache unless `cacheByteLimit` is set; nil: `defaultPositionCount`. Layers
  /// with a window have memory for the windows of up to eight texts. Untouched memory costs
  /// nothing.
  public var cachePositionCount: Int?
  /// Most requests that wait.
  public var queueLimit = 1024
  /// Most requests of one tenant that wait to be computed for the first time, so that none fills
  /// the queue alone; nil: `queueLimit`. Requests without a tenant count as one.
  public var tenantQueueLimit: Int?
  /// Most requests that run together, 1 or more.
  public var runningLimit = 64
  /// Whether prompts of one tenant share the KV blocks of common prefixes (prefix caching), also
  /// after the earlier request has ended, until the blocks are evicted.
  public var sharesPrefixes = true
  /// Prompt tokens per step while other requests decode (chunked prefill), 1 or more; nil:
  /// adaptive.
  ///
  /// Adaptive, such a step takes at most 2.5 times a step that only decodes, as measured. It takes
  /// longer while more requests with short prompts start than have three tokens of their answer, in
  /// that proportion.
  public var stepPromptTokens: Int?
  /// Is called with lines for the log on the delivery thread.
  public var log: (@Sendable (LogLine) -> Void)?
  /// Where large buffers come from; nil: the system.
  public var memory: MemorySource?
  /// Whether the KV cache, and all other buffers, are to be kept out of swap as far as the system
  /// allows. Otherwise the KV cache is not, and the others are while they fit into half of what the
  /// process may lock. `Engine.memoryPromises` reports what became of it.
  public var locksMemory = false

  /// Positions of the KV cache unless the caller sets a limit.
  public static let defaultPositionCount = 32768

  /// Defaults with the given way to compute.
  public init(compute: ComputeOptions = ComputeOptions()) { self.compute = compute }
}

extension EngineOptions {
  /// Texts for which layers with a window have memory, unless `cacheByteLimit` is set.
  package static let windowedTextCount = 8

  /// KV blocks for a model of `contextLength` positions: never more than all running requests
  /// together could use. 0: `cacheByteLimit` is below what the first position needs; nil: a block's
  /// size does not fit an Int.
  package func blockCount(for shape: DecoderShape, contextLength: Int) -> Int? {
    guard let layout = KVCacheLayout(type: compute.cacheType, shape: shape) else { return nil }
    let texts = max(1, runningLimit)
    let (most, overflow) = layout.blockCount(positionCount: contextLength + 1)
      .multipliedReportingOverflow(by: texts)
    let wanted =
      cacheByteLimit.map { $0 / layout.blockByteCount }
      ?? layout.blockCount(
        positionCount: max(1, cachePositionCount ?? Self.defaultPositionCount),
        textCount: min(texts, Self.windowedTextCount))
    let count = overflow ? wanted : min(wanted, most)
    return count < layout.groupCount ? 0 : count
  }
}
