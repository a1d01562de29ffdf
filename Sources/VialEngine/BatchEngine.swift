// Owns: an engine's life: its memory, its threads, its end.
// Must not: schedule or compute (Scheduler, ModelRunner), or know C.

import VialCompute
package import VialModel
package import VialSystem
import VialText

/// Answers any number of requests, batched. Any thread may submit.
public final class BatchEngine: Sendable {
  /// Name of the ISA family that computes.
  package let familyName: String
  /// Threads that compute.
  package let threadCount: Int
  /// Positions of the KV cache, for all requests together.
  package let cachePositionCount: Int
  /// Bytes of the KV cache.
  package let cacheByteCount: Int
  /// Most positions of one request.
  package let positionLimit: Int
  /// What is promised of the memory for ids, activations and logits.
  package let workAccount: MemoryAccount
  /// What is promised of the KV cache's.
  package let cacheAccount: MemoryAccount
  private let vocabularySize: Int
  private let mailbox: EngineMailbox
  private let thread: SystemThread
  private let log: (@Sendable (LogLine) -> Void)?
  /// The delivery thread, once there is something to deliver.
  private let delivery = Locked<SystemThread?>(nil)
  private let isClosed = Locked(false)

  /// Reserves all memory and starts the threads.
  /// - Parameters:
  ///   - modelDigest: the file's model digest, for the hashes of cached blocks.
  ///   - blockCount: blocks of the KV cache: `options.blockCount`.
  package init(
    weights: DecoderWeights, text: AnswerText, modelDigest: [UInt8] = [], contextLength: Int,
    blockCount: Int, options: EngineOptions
  ) throws(RunnerError) {
    var runnerOptions = RunnerOptions(compute: options.compute, blockCount: blockCount)
    runnerOptions.memory = options.memory
    runnerOptions.locksMemory = options.locksMemory
    let runner = try ModelRunner(weights: weights, options: runnerOptions)
    let sampler = try Sampler(
      runner: runner, idCount: text.tokenizer.tokenCount, workerCount: runner.logitWorkerCount,
      isAllowed: text.tokenizer.isPresent)
    guard let hash = KeyedHash(),
      let mailbox = EngineMailbox(
        prefixes: PrefixRoot(
          hash: hash, modelDigest: modelDigest, cacheType: options.compute.cacheType),
        options: options, threadCount: runner.threadCount)
    else { throw .outOfMemory }
    let (layout, blocks) = (runner.blocks.layout, runner.blocks.blockCount)
    let texts = min(max(1, options.runningLimit), EngineOptions.windowedTextCount)
    let positions = layout.positionCount(blockCount: blocks, textCount: texts)
    let limit = min(layout.positionCount(blockCount: blocks), contextLength)
    positionLimit = limit
    let scheduler = Scheduler(
      pool: runner.blocks, positionLimit: limit,
      runningLimit: max(1, options.runningLimit),
      budget: StepBudget(
        stepLimit: runner.chunkSize, stepPromptTokens: options.stepPromptTokens.map { max(1, $0) }))
    mailbox.metrics.withLock { $0.blockCount = runner.blocks.blockCount }
    self.mailbox = mailbox
    log = options.log
    familyName = runner.family.name
    threadCount = runner.threadCount
    cachePositionCount = positions
    cacheByteCount = runner.blocks.blockCount * runner.blocks.layout.blockByteCount
    vocabularySize = runner.vocabularySize
    let loop = EngineLoop(
      mailbox: mailbox, memory: StepMemory(runner: runner, sampler: sampler), text: text,
      scheduler: scheduler, sharesPrefixes: options.sharesPrefixes)
    (workAccount, cacheAccount) = (runner.workAccount, runner.cacheAccount)
    guard let thread = SystemThread({ loop.run() }) else { throw .outOfMemory }
    self.thread = thread
    guard log != nil else { return }
    if !startDelivery() {
      close()
      throw .outOfMemory
    }
    mailbox.log(
      .information,
      "engine: \(familyName), \(threadCount) threads, \(positions) positions of KV cache in "
        + "\(cacheByteCount) bytes")
  }

  deinit { close() }

  /// A request that is not submitted yet.
  /// - Parameter onEvent: is called with all events, in order, on the delivery thread; nil when the
  ///   caller polls.
  package func prepare(
    _ plan: RequestPlan, onEvent: (@Sendable (Request, RequestEvent) -> Void)? = nil
  ) -> Request {
    Request(plan: plan, onEvent: onEvent, engine: mailbox)
  }

  /// Puts a prepared request of this engine into its queue. Once.
  package func submit(_ request: Request) throws(EngineError) {
    let prompt = request.plan.prompt
    guard prompt.count > 0 else { throw .emptyPrompt }
    guard prompt.count < positionLimit else { throw .promptTooLong }
    for index in 0..<prompt.count where prompt.pointer[index] >= UInt32(vocabularySize) {
      throw .unknownToken
    }
    if request.onEvent != nil, !startDelivery() { throw .outOfMemory }
    try mailbox.submit(request)
  }

  /// What became of a wait for any request's event.
  public enum Next {
    /// The next event, and whose it is.
    case event(RequestEvent, Request)
    /// None came in time.
    case timedOut
    /// The engine is closed and all events were handed out.
    case closed
  }

  /// Waits for the next event of any request without a callback; requests take turns.
  /// - Parameter timeout: seconds; nil waits until there is one.
  package func nextEvent(timeout: Double? = nil) -> Next {
    let deadline = timeout.map { MonotonicClock.seconds + $0 }
    while true {
      switch mailbox.events.poll(until: deadline) {
      case .timedOut: return .timedOut
      case .closed: return .closed
      case .request(let request):
        let (event, more) = request.take(forCallback: false)
        if more { mailbox.events.append(request) }
        if let event { return .event(event, request) }
      }
    }
  }

  /// A descriptor that is readable while `nextEvent` has something; nil when the process has none
  /// left.
  package func eventDescriptor() -> Int32? { mailbox.events.descriptor()?.readable }

  /// Requests in the queue and requests that are computed.
  package var counts: (queued: Int, active: Int) { mailbox.counts }

  /// Counters and gauges of the engine.
  package var metrics: EngineMetrics {
    let counts = mailbox.counts
    var metrics = mailbox.metrics.withLock { $0 }
    (metrics.waitingCount, metrics.activeCount) = counts
    return metrics
  }

  /// Serves a tenant `weight` times as many tokens as one with weight 1, from the next step on.
  package func setWeight(_ weight: Double, ofTenant label: [UInt8]) {
    mailbox.perform(.weigh(mailbox.prefixes.tenant(label), weight))
  }

  /// Wipes what requests of a tenant left in the cache, and what grammars remember of their
  /// answers. Blocks that are in use are wiped when their requests end. Returns when it is done,
  /// within a step.
  package func forgetTenant(_ label: [UInt8]) {
    mailbox.perform(.forget(mailbox.prefixes.tenant(label)))
  }

  /// Whether the calling thread is a delivery thread of any engine: it must not close one, and
  /// waits for no callback.
  package static var isOnDeliveryThread: Bool { ThreadTag.current == deliveryTag }
  private static let deliveryTag: Int32 = 1

  /// Cancels everything, delivers what is left, ends the threads and frees the memory. Requests
  /// keep what they have answered.
  package func close() {
    let isFirst = isClosed.withLock { isClosed -> Bool in
      defer { isClosed = true }
      return !isClosed
    }
    guard isFirst else { return }
    mailbox.close()
    // What a request's callback holds may go with the request, on the engine's own thread.
    if thread.isCurrent { thread.detach() } else { thread.join() }
    mailbox.log(.information, "engine: closed")
    mailbox.events.close()
    guard let delivery = delivery.withLock({ $0 }) else { return }
    // The last reference may go in a callback, of this engine or of another one whose callbacks
    // wait for this one's.
    if Self.isOnDeliveryThread { delivery.detach() } else { delivery.join() }
  }

  /// Starts the delivery thread unless it runs; false when the system refuses.
  private func startDelivery() -> Bool {
    let (events, log) = (mailbox.events, log)
    return delivery.withLock { delivery in
      if delivery == nil {
        delivery = SystemThread(callsHost: true) { Self.deliver(events, log) }
      }
      return delivery != nil
    }
  }

  private static func deliver(_ events: EventQueue, _ log: (@Sendable (LogLine) -> Void)?) {
    ThreadTag.current = deliveryTag
    while true {
      switch events.nextDelivery() {
      case .end: return
      case .line(let line): log?(line)
      case .event(let request):
        let (event, more) = request.take(forCallback: true)
        if let event {
          request.onEvent?(request, event)
          request.endDelivery()
        }
        if more { events.append(request) }
      }
    }
  }
}
