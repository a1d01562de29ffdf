// Owns: the caller's side of one generation: its events, its text, its end.
// Must not: compute. Any thread may call everything here.

public import Synchronization
import VialFormat
import VialSystem

/// One generation, from submission to its last event.
public final class Request: Sendable {
  /// What the request wants.
  package let plan: RequestPlan
  /// Tokens of the prompt.
  public let promptCount: Int
  /// Stands for the tenant's label.
  let tenant: KeyedCode
  /// Is called with events on the delivery thread; nil when the caller polls for them.
  let onEvent: (@Sendable (Request, RequestEvent) -> Void)?
  /// A number of the caller's that identifies the request; set before it is submitted.
  public let tag = Atomic<UInt>(0)
  let submitted = MonotonicClock.seconds
  private let answer = ConditionLocked(AnswerLog())
  private let cancelled = Atomic<Bool>(false)
  private let engine: EngineMailbox
  /// Whether memory is reserved for its entries in queues and tables.
  private let holdsQueueMemory = Atomic<Bool>(false)
  /// Its index in a queue of requests with events. The queue's owner guards it.
  let queueIndex = Atomic<Int>(-1)

  init(
    plan: RequestPlan, onEvent: (@Sendable (Request, RequestEvent) -> Void)?, engine: EngineMailbox
  ) {
    self.plan = plan
    promptCount = plan.prompt.count
    tenant = engine.prefixes.tenant(plan.options.tenant)
    self.onEvent = onEvent
    self.engine = engine
  }

  deinit {
    if holdsQueueMemory.load(ordering: .relaxed) { MemoryReserve.release(MemoryReserve.request) }
  }

  /// Whether its events go to a callback.
  public var hasCallback: Bool { onEvent != nil }

  /// What became of a wait for an event.
  public enum Next {
    /// The next event.
    case event(RequestEvent)
    /// None came in time.
    case timedOut
    /// The last one was handed out before.
    case finished
    /// The request was closed.
    case closed
  }

  /// Waits for the next event; each is handed out once.
  /// - Parameter timeout: seconds; nil waits until there is one.
  public func nextEvent(timeout: Double? = nil) -> Next {
    let deadline = timeout.map { MonotonicClock.seconds + $0 }
    return answer.wait(until: deadline) { answer -> Next? in
      if answer.isDetached { return .closed }
      if let event = answer.next() { return .event(event) }
      return answer.isExhausted ? .finished : nil
    } ?? .timedOut
  }

  /// Cancels the generation within a step of the engine. The last event still comes.
  public func cancel() {
    cancelled.store(true, ordering: .releasing)
    engine.wake()
  }

  /// Cancels, and hands out nothing more: no callback of this request begins after it returns.
  ///
  /// It waits until one that runs has returned, unless it was called on a delivery thread, of any
  /// engine: callbacks that close each other's requests would wait for ever. On the delivery thread
  /// of the request's own engine nothing else runs anyway; called from a callback of another engine
  /// it may return while a callback of this request still runs.
  public func close() {
    answer.change { $0.isDetached = true }
    cancel()
    engine.events.remove(self)
    guard !BatchEngine.isOnDeliveryThread else { return }
    _ = answer.wait { $0.isDelivering ? nil : true }
  }

  /// Whether the last event is there to be handed out, or was.
  public var isFinished: Bool { answer.withLock { $0.stage == .finished } }

  /// Whether it left the queue.
  public var hasStarted: Bool { answer.withLock { $0.stage != .waiting } }

  /// Why it ended, and what failed when it failed; nil while it runs.
  public var ending: (reason: FinishReason, failure: RunnerError?)? {
    answer.withLock { answer in answer.ending.map { ($0.reason, $0.failure) } }
  }

  /// How long it took so far.
  public var timings: RequestTimings { answer.withLock(\.timings) }

  /// Hands the text of one part so far to `body`, piece by piece. `body` must not call this
  /// request.
  public func forEachText(of part: AnswerPart, _ body: (Span<UInt8>) -> Void) {
    answer.withLock { answer in answer.forEachText(of: part) { body($0.span) } }
  }

  /// Hands the ids so far to `body`, in order. `body` must not call this request.
  public func forEachToken(_ body: (UInt32) -> Void) {
    answer.withLock { answer in
      for index in 0..<answer.entries.count { body(answer.entries.element(at: index).token) }
    }
  }

  /// Hands the ids of one part so far to `body`, in order; the marks of the reasoning belong to it.
  /// `body` must not call this request.
  public func forEachToken(of part: AnswerPart, _ body: (UInt32) -> Void) {
    answer.withLock { answer in
      for index in 0..<answer.entries.count {
        let entry = answer.entries.element(at: index)
        if entry.part == part { body(entry.token) }
      }
    }
  }

  /// Hands the natural log-probabilities of the tokens of one part so far to `body`, in order.
  /// `body` must not call this request.
  public func forEachLogProbability(of part: AnswerPart, _ body: (Float) -> Void) {
    answer.withLock { answer in
      for index in 0..<answer.entries.count {
        let entry = answer.entries.element(at: index)
        if entry.part == part { body(entry.logProbability) }
      }
    }
  }

  /// Hands the figures of each token so far to `body`, in order. `body` must not call this request.
  public func forEachFigure(_ body: (TokenFigures) -> Void) {
    answer.withLock { answer in
      for index in 0..<answer.entries.count {
        let entry = answer.entries.element(at: index)
        body(
          TokenFigures(
            token: entry.token, part: entry.part, logProbability: entry.logProbability,
            entropy: entry.entropy))
      }
    }
  }

  /// Hands the likeliest ids at the position of each token so far to `body`, in order. `body` must
  /// not call this request.
  public func forEachAlternatives(_ body: (UnsafeBufferPointer<TokenAlternative>) -> Void) {
    answer.withLock { answer in
      for index in 0..<answer.entries.count {
        body(answer.entries.element(at: index).alternatives)
      }
    }
  }

  /// Hands the scores of the prompt's tokens so far to `body`, in order, from the second token on;
  /// none unless the request wants them. `body` must not call this request.
  public func forEachPromptFigure(_ body: (PromptFigures) -> Void) {
    answer.withLock { $0.promptScores?.forEach(body) }
  }

  /// Hands the score of the prompt's token `index` to `body`, nil while it has none, as the first
  /// token always. `body` must not call this request.
  package func withPromptFigure(ofToken index: Int, _ body: (PromptFigures?) -> Void) {
    answer.withLock { body($0.promptScores?.figures(ofToken: index)) }
  }

  // MARK: The engine's side

  /// Reserves memory for its entries in queues and tables until it is released; false when memory
  /// is short.
  func holdQueueMemory() -> Bool {
    guard !holdsQueueMemory.load(ordering: .relaxed) else { return true }
    guard MemoryReserve.hold(MemoryReserve.request) else { return false }
    holdsQueueMemory.store(true, ordering: .relaxed)
    return true
  }

  var isDetached: Bool { answer.withLock(\.isDetached) }

  var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

  /// Lets the engine's thread change the answer.
  /// - Returns: whether the request has new events and stands in no queue, so that it must be
  ///   queued.
  func update(_ body: (inout AnswerLog) -> Void) -> Bool {
    answer.change { answer in
      body(&answer)
      guard answer.hasEvent, !answer.isQueued else { return false }
      answer.isQueued = true
      return true
    }
  }

  /// Takes one event for whoever reads the queue of requests with events; `more` tells whether the
  /// request stays in it.
  func take(forCallback: Bool) -> (event: RequestEvent?, more: Bool) {
    answer.withLock { answer in
      let event = answer.next()
      answer.isQueued = answer.hasEvent
      answer.isDelivering = forCallback && event != nil
      return (event, answer.isQueued)
    }
  }

  /// The callback has returned.
  func endDelivery() { answer.change { $0.isDelivering = false } }
}
