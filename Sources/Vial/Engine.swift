// Owns: an engine over a model: what a request asks, in the caller's terms, becomes token ids and limits.
// Must not: compute. The batching is VialEngine's.

public import VialEngine
import VialFormat
import VialModel
public import VialSystem
import VialText

/// How an engine computes and what it may use.
public struct EngineOptions: Sendable {
  /// How to compute.
  public var compute: ComputeOptions
  /// Most bytes of KV cache, for all requests together; nil: what `positionCount` needs.
  public var cacheByteLimit: Int?
  /// Positions of the KV cache unless `cacheByteLimit` is given; nil: one text of the whole context, or
  /// `defaultPositionCount` when the context is longer. Untouched memory costs nothing.
  public var positionCount: Int?
  /// Texts of the whole context that `positionCount` may ask room for at most.
  public var textCount = 1
  /// Most requests that wait.
  public var queueLimit = 1024
  /// Hears lines for the log on the delivery thread.
  public var log: (@Sendable (LogLine) -> Void)?
  /// Where large buffers come from; nil: the system.
  public var memory: MemorySource?

  /// Positions of the KV cache unless the caller sets a limit.
  public static let defaultPositionCount = 32768

  /// Defaults with the given way to compute.
  public init(compute: ComputeOptions = ComputeOptions()) { self.compute = compute }
}

/// Answers any number of requests over one model, batched. Any thread may submit.
public final class Engine: Sendable {
  /// The model.
  public let model: Model
  /// Most requests that are computed together.
  private static let activeLimit = 64
  private let batch: BatchEngine
  let grammars = GrammarLibrary()

  /// Reserves all memory and starts the threads.
  public init(model: Model, options: EngineOptions = EngineOptions()) throws(VialError) {
    self.model = model
    var runner = options.compute.runnerOptions(
      positions: try Self.positionCount(model, options))
    runner.memory = options.memory
    var batchOptions = BatchEngineOptions(runner: runner)
    batchOptions.queueLimit = options.queueLimit
    batchOptions.activeLimit = Self.activeLimit
    batchOptions.log = options.log
    let text = EngineText(
      tokenizer: model.tokenizer, endTokens: model.file.configuration.eosTokens,
      marks: model.reasoningMarks)
    do throws(RunnerError) {
      batch = try BatchEngine(
        weights: model.weights, text: text, contextLength: model.contextLength,
        options: batchOptions)
    } catch { throw .computation(error) }
  }

  private static func positionCount(
    _ model: Model, _ options: EngineOptions
  ) throws(VialError) -> Int {
    guard let limit = options.cacheByteLimit else {
      let wanted = options.positionCount ?? EngineOptions.defaultPositionCount
      let texts = max(1, min(activeLimit, options.textCount))
      return max(1, min(model.contextLength * texts, wanted))
    }
    guard let layout = KVCacheLayout(type: options.compute.cacheType, shape: model.weights.shape)
    else { throw .outOfMemory }
    let blockCount = limit / layout.blockByteCount
    guard blockCount > 0 else {
      throw .invalidOption("the KV cache limit is below one block of 64 positions")
    }
    // More than all requests together could ever use is not asked of the system.
    let most = (model.contextLength / KVCacheLayout.positionsPerBlock + 1) * activeLimit
    return min(blockCount, most) * KVCacheLayout.positionsPerBlock
  }

  /// A request for a continuation of `prompt`, not submitted yet.
  /// - Parameter onEvent: hears of all events, in order, on the delivery thread; nil when the caller asks for them.
  /// - Throws: `invalidOption`, `emptyPrompt`, `promptTooLong`, unknown tokens.
  public func prepare(
    prompt: SecureBuffer<UInt32>, options: GenerationOptions,
    onEvent: (@Sendable (Request, RequestEvent) -> Void)? = nil
  ) throws(VialError) -> Request {
    if let sentence = options.sampling.firstInvalid { throw .invalidOption(sentence) }
    guard (0...RequestPlan.alternativeLimit).contains(options.alternativeCount) else {
      throw .invalidOption("at most 20 alternatives")
    }
    var plan = RequestPlan(
      prompt: prompt, sampling: options.sampling, maximumTokens: options.maximumTokens,
      stops: options.stops)
    plan.alternativeCount = options.alternativeCount
    plan.deadline = options.deadline.map { MonotonicClock.seconds + $0 }
    plan.grammar = options.grammar
    plan.maximumReasoningTokens = options.maximumReasoningTokens
    plan.withholdsReasoning = options.withholdsReasoning
    plan.startsInReasoning = model.isInsideReasoning(prompt.span)
    return batch.prepare(plan, onEvent: onEvent)
  }

  /// Puts a prepared request of this engine into the queue. Once.
  public func submit(_ request: Request) throws(VialError) {
    do throws(EngineError) {
      try batch.submit(request)
    } catch {
      switch error {
      case .busy: throw .busy
      case .closed: throw .closed
      case .emptyPrompt: throw .emptyPrompt
      case .outOfMemory: throw .outOfMemory
      case .unknownToken: throw .computation(.unknownToken)
      case .promptTooLong:
        throw .promptTooLong(
          tokenCount: request.plan.prompt.count, contextLength: batch.positionLimit)
      }
    }
  }

  /// Prepares and submits.
  public func submit(
    prompt: SecureBuffer<UInt32>, options: GenerationOptions,
    onEvent: (@Sendable (Request, RequestEvent) -> Void)? = nil
  ) throws(VialError) -> Request {
    let request = try prepare(prompt: prompt, options: options, onEvent: onEvent)
    try submit(request)
    return request
  }

  /// Waits for the next event of any request without a callback; requests take turns.
  public func nextEvent(timeout: Double? = nil) -> BatchEngine.Next {
    batch.nextEvent(timeout: timeout)
  }

  /// A descriptor that is readable while `nextEvent` has something; nil when the process has none left.
  public func eventDescriptor() -> Int32? { batch.eventDescriptor() }

  /// Cancels everything, delivers what is left, ends the threads and frees the memory. Not from a callback.
  public func close() { batch.close() }

  /// Name of the ISA family that computes.
  public var familyName: String { batch.familyName }
  /// Threads that compute.
  public var threadCount: Int { batch.threadCount }
  /// Positions of the KV cache, for all requests together.
  public var cachePositionCount: Int { batch.cachePositionCount }
  /// Bytes of the KV cache.
  public var cacheByteCount: Int { batch.cacheByteCount }
  /// Most positions of one request.
  public var positionLimit: Int { batch.positionLimit }
  /// Requests in the queue and requests that are computed.
  public var counts: (queued: Int, active: Int) { batch.counts }
}
