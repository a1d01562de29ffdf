// Owns: an engine over a model: what a request asks, in the caller's terms, becomes token ids and
// limits.
// Must not: compute. The batching is VialEngine's.

public import VialEngine
import VialFormat
import VialModel
public import VialSystem
import VialText

/// Answers any number of requests over one model, batched. Any thread may submit.
public final class Engine: Sendable {
  /// The model.
  public let model: Model
  private let batch: BatchEngine
  let grammars: GrammarLibrary

  /// Reserves all memory and starts the threads.
  public init(model: Model, options: EngineOptions = EngineOptions()) throws(VialError) {
    self.model = model
    guard let grammars = GrammarLibrary() else { throw .outOfMemory }
    self.grammars = grammars
    let blockCount = options.blockCount(
      for: model.weights.shape, contextLength: model.contextLength)
    guard let blockCount else { throw .outOfMemory }
    guard blockCount > 0 else {
      throw .invalidOption("the KV cache limit is below what 64 positions need")
    }
    let text = AnswerText(
      tokenizer: model.tokenizer, endTokens: model.file.configuration.eosTokens,
      marks: model.reasoningMarks)
    do throws(RunnerError) {
      batch = try BatchEngine(
        weights: model.weights, text: text, modelDigest: model.file.modelDigest.bytes,
        contextLength: model.contextLength, blockCount: blockCount, options: options)
    } catch { throw .computation(error) }
  }

  /// A request for a continuation of `prompt`, not submitted yet.
  /// - Parameters:
  ///   - prompt: token ids, which must not change before the request ends.
  ///   - options: how to answer.
  ///   - onEvent: is called with all events, in order, on the delivery thread; nil when the caller
  ///     polls.
  /// - Throws: `invalidOption`, `emptyPrompt`, `promptTooLong`, unknown tokens.
  public func prepare(
    prompt: SecureBuffer<UInt32>, options: GenerationOptions,
    onEvent: (@Sendable (Request, RequestEvent) -> Void)? = nil
  ) throws(VialError) -> Request {
    if let sentence = options.sampling.firstInvalid { throw .invalidOption(sentence) }
    guard (0...GenerationOptions.alternativeLimit).contains(options.alternativeCount) else {
      throw .invalidOption("at most 20 alternatives")
    }
    let invalidRule = options.rules.firstInvalid(
      vocabularySize: model.file.configuration.vocabularySize,
      maximumTokens: options.maximumTokens)
    if let invalidRule { throw .invalidOption(invalidRule) }
    if options.isPinned, options.scoresPrompt {
      throw .invalidOption("a pinned prompt has no log-probabilities")
    }
    try check(options.prefill, options.grammar)
    try model.check(options.adapter)
    guard options.tenant.count <= GenerationOptions.tenantByteLimit else {
      throw .invalidOption("a tenant's label has at most 256 bytes")
    }
    let plan = RequestPlan(
      prompt: prompt, options: options, startsInReasoning: model.isInsideReasoning(prompt.span))
    return batch.prepare(plan, onEvent: onEvent)
  }

  /// Refuses a prefill that the answer must not begin with.
  private func check(
    _ prefill: SecureBuffer<UInt8>?, _ grammar: AnswerGrammar?
  ) throws(VialError) {
    guard let prefill else { return }
    guard prefill.count <= GenerationOptions.prefillByteLimit else {
      throw .invalidOption("a prefill has at most 16384 bytes")
    }
    guard let grammar else { return }
    guard MemoryReserve.hold(MemoryReserve.template) else { throw .outOfMemory }
    defer { MemoryReserve.release(MemoryReserve.template) }
    // On a thread of its own, as grammars are compiled: they nest, and the caller's stack is the
    // host's.
    var isAllowed = false
    let isDone = SystemThread.perform { isAllowed = grammar.allows(beginning: prefill.span) }
    guard isDone else { throw .outOfMemory }
    if !isAllowed {
      throw .invalidOption("schema or choices allow no answer that begins with the prefill")
    }
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

  /// A descriptor that is readable while `nextEvent` has something; nil when the process has none
  /// left.
  public func eventDescriptor() -> Int32? { batch.eventDescriptor() }

  /// Counters and gauges of the engine. Holds nothing of a prompt, an answer or a tenant.
  public var metrics: EngineMetrics { batch.metrics }

  /// Serves a tenant `weight` times as many tokens as one with weight 1, when they compete.
  /// - Throws: `invalidOption` unless the weight is 0.001 to 1000.
  public func setWeight(_ weight: Double, ofTenant label: [UInt8]) throws(VialError) {
    guard (0.001...1000).contains(weight) else {
      throw .invalidOption("a tenant's weight must be 0.001 to 1000")
    }
    guard label.count <= GenerationOptions.tenantByteLimit else {
      throw .invalidOption("a tenant's label has at most 256 bytes")
    }
    batch.setWeight(weight, ofTenant: label)
  }

  /// Wipes what ended requests of a tenant left in the cache, and forgets the grammars that it used
  /// and what these remember of answers, before it returns; what requests under way have of theirs
  /// goes when they end. Waits for the current step.
  public func forgetTenant(_ label: [UInt8]) {
    grammars.forget(label)
    batch.forgetTenant(label)
  }

  /// What holds at the moment for memory with patients' text and what is computed from it.
  public var memoryPromises: MemoryPromises {
    MemoryPromises(
      text: SecureMemory.usage, work: batch.workAccount, cache: batch.cacheAccount)
  }

  /// Cancels everything, delivers what is left, ends the threads and frees the memory. Not from a
  /// callback.
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
