// Owns: steps: which tokens of a sequence go through the forward pass together, and what comes out.
// Must not: decide what to generate or know texts. One thread drives a runner at a time.

public import VialCompute
public import VialFormat
public import VialModel
import VialSystem

/// How a runner computes. None of it changes a bit of an answer but `cacheType`.
public struct RunnerOptions: Sendable {
  /// Number type of the KV cache.
  public var cacheType: KVCacheType
  /// Positions in the KV cache, for all sequences together; rounded up to blocks.
  public var cachePositions: Int
  /// Tokens computed together at most; more is faster for long prompts and needs more memory.
  public var chunkSize: Int
  /// Threads; nil: as many as affinity and quota allow.
  public var threadCount: Int?
  /// ISA family; nil: the fastest one.
  public var family: KernelFamily?

  /// Defaults for one text at a time.
  public init(
    cacheType: KVCacheType = .f16, cachePositions: Int, chunkSize: Int = 256,
    threadCount: Int? = nil, family: KernelFamily? = nil
  ) {
    self.cacheType = cacheType
    self.cachePositions = cachePositions
    self.chunkSize = chunkSize
    self.threadCount = threadCount
    self.family = family
  }
}

/// Why a step could not be done.
public enum RunnerError: Error, Sendable, CustomStringConvertible {
  /// The system gave no memory for the KV cache or the activations.
  case outOfMemory
  /// The KV cache has no free block.
  case cacheFull
  /// A value became infinite or not a number: the weights are damaged or do not fit the input.
  case numericError
  /// A token id is not in the model's vocabulary.
  case unknownToken
  /// The file is verified lazily, and weights do not match their digest.
  case damagedWeights(FormatError)

  /// One plain sentence.
  public var description: String {
    switch self {
    case .outOfMemory: return "not enough memory for the KV cache and the activations"
    case .cacheFull: return "the KV cache is full"
    case .numericError: return "the computation met a value that is infinite or not a number"
    case .unknownToken: return "a token id is not in the model's vocabulary"
    case .damagedWeights(let error): return error.description
    }
  }
}

/// Drives the forward pass of one model.
public final class Runner {
  /// The ISA family in use.
  public let family: KernelFamily
  /// Threads that compute.
  public var threadCount: Int { threads.workerCount }
  /// Where sequences get their blocks.
  public let blocks: KVBlockPool
  /// Rows of logits: the model's vocabulary, ids without a token included.
  public let vocabularySize: Int
  private let chunkSize: Int
  private let threads: ThreadPool
  private let forward: DecoderForward
  private let logits: WorkMemory
  /// Rows of logits that fit at once.
  private static let logitRows = 16

  /// Reserves all memory that steps need.
  public init(weights: DecoderWeights, options: RunnerOptions) throws(RunnerError) {
    guard let family = options.family ?? KernelFamily.available.first else {
      throw .outOfMemory
    }
    let positions = KVCacheLayout.positionsPerBlock
    let threads = ThreadPool(workerCount: options.threadCount ?? Processors.availableCount)
    let chunk = max(1, min(options.chunkSize, options.cachePositions))
    let rowByteCount = weights.shape.vocabularySize * MemoryLayout<Float>.stride
    guard let layout = KVCacheLayout(type: options.cacheType, shape: weights.shape),
      let blocks = KVBlockPool(
        layout: layout, blockCount: (options.cachePositions + positions - 1) / positions),
      let forward = DecoderForward(
        weights: weights, cache: layout, family: family, pool: threads,
        maximumRows: max(chunk, Self.logitRows), contextLength: options.cachePositions),
      let logits = WorkMemory(byteCount: rowByteCount * Self.logitRows)
    else { throw .outOfMemory }
    self.family = family
    self.threads = threads
    self.blocks = blocks
    self.forward = forward
    self.logits = logits
    vocabularySize = weights.shape.vocabularySize
    chunkSize = chunk
  }

  /// Computes all pending tokens of a sequence; `body` then gets the logits that follow its last one.
  ///
  /// - Parameter shouldStop: asked between chunks; true gives up and returns nil.
  public func advance<Result>(
    _ sequence: Sequence, shouldStop: () -> Bool = { false },
    body: (UnsafeMutablePointer<Float>) throws(RunnerError) -> Result
  ) throws(RunnerError) -> Result? {
    while sequence.pendingCount > 0 {
      if shouldStop() { return nil }
      let count = min(chunkSize, sequence.pendingCount)
      try compute(sequence, count: count)
      if sequence.pendingCount > 0 {
        try check(rows: 0..<count)
        continue
      }
      forward.logits(ofRows: [count - 1], into: logits.elements(Float.self))
      try check(rows: 0..<count)
    }
    return try body(logits.elements(Float.self))
  }

  /// Computes all pending tokens; `body` gets every position and the logits that follow it, in order.
  /// It returns whether to go on.
  public func advanceEvery(
    _ sequence: Sequence,
    body: (_ position: Int, _ logits: UnsafeMutablePointer<Float>) -> Bool
  ) throws(RunnerError) {
    let out = logits.elements(Float.self)
    while sequence.pendingCount > 0 {
      let first = sequence.computedCount
      let count = min(chunkSize, sequence.pendingCount)
      try compute(sequence, count: count)
      for begin in stride(from: 0, to: count, by: Self.logitRows) {
        let rows = Array(begin..<min(count, begin + Self.logitRows))
        forward.logits(ofRows: rows, into: out)
        try check(rows: begin..<begin + rows.count)
        for (index, row) in rows.enumerated() {
          guard body(first + row, out + index * vocabularySize) else { return }
        }
      }
    }
  }

  private func compute(_ sequence: Sequence, count: Int) throws(RunnerError) {
    guard sequence.pendingTokensAreBelow(UInt32(vocabularySize)) else { throw .unknownToken }
    guard sequence.reserve(positionCount: sequence.computedCount + count) else {
      throw .cacheFull
    }
    do throws(FormatError) {
      try forward.run([sequence.segment(count: count)])
    } catch { throw .damagedWeights(error) }
    sequence.computedCount += count
  }

  private func check(rows: Range<Int>) throws(RunnerError) {
    for row in rows where forward.isMarked(row: row) { throw .numericError }
  }
}
