// Owns: the engine's thread: arrivals, steps, ends.
// Must not: know callers: news goes to `Announcements`.

import Synchronization
import VialSystem

/// What all parts of one engine share.
final class EngineCore: Sendable {
  private struct Control {
    var arrivals: [Request] = []
    /// Requests that arrived and are not computed yet.
    var queuedCount = 0
    var activeCount = 0
    var isWoken = false
    var isClosing = false
  }

  let announcements = Announcements()
  private let control = Monitor(Control())
  private let queueLimit: Int
  private let logsLines: Bool
  /// Marks the delivery thread of this engine; the numbers of all engines differ.
  let mark: Int32
  private static let lastMark = Atomic<Int32>(0)

  init(queueLimit: Int, logsLines: Bool) {
    self.queueLimit = queueLimit
    self.logsLines = logsLines
    mark = Self.lastMark.wrappingAdd(1, ordering: .relaxed).newValue
  }

  /// Whether the caller runs on this engine's delivery thread.
  var isDeliveryThread: Bool { ThreadMark.current == mark }

  /// Requests in the queue and requests that are computed.
  var counts: (queued: Int, active: Int) {
    control.withLock { ($0.queuedCount, $0.activeCount) }
  }

  /// Puts a request into the queue.
  func submit(_ request: Request) throws(EngineError) {
    let refusal = control.change { control -> EngineError? in
      if control.isClosing { return .closed }
      if control.queuedCount >= queueLimit { return .busy }
      control.arrivals.append(request)
      control.queuedCount += 1
      return nil
    }
    if let refusal { throw refusal }
  }

  /// Lets the engine look at its requests again.
  func wake() { control.change { $0.isWoken = true } }

  /// Lets the engine's thread end all requests, and itself.
  func close() { control.change { $0.isClosing = true } }

  /// A line for the host's log, when there is one.
  func log(_ level: LogLine.Level, _ sentence: @autoclosure () -> String) {
    if logsLines { announcements.log(LogLine(level: level, sentence: sentence())) }
  }

  /// The engine's thread.
  func run(_ runner: Runner, _ sampler: Sampler, _ text: EngineText, _ scheduler: Scheduler) {
    var scheduler = scheduler
    while true {
      let isClosing = takeArrivals(&scheduler)
      let dropped = scheduler.dropWaiting(now: MonotonicClock.seconds, isClosing: isClosing)
      // Before each piece of news: whoever hears of an end or of a first token finds that place in the queue free.
      count(scheduler)
      end(dropped)
      endActive(&scheduler, isClosing: isClosing)
      if isClosing { return }
      admit(&scheduler, runner, text)
      count(scheduler)
      if scheduler.hasWork { step(&scheduler, runner, sampler) }
      count(scheduler)
    }
  }

  private func count(_ scheduler: Scheduler) {
    control.withLock { control in
      control.queuedCount = control.arrivals.count + scheduler.waiting.count
      control.activeCount = scheduler.active.count
    }
  }

  /// Waits for something to do. Returns whether the engine closes.
  private func takeArrivals(_ scheduler: inout Scheduler) -> Bool {
    let hasWork = scheduler.hasWork
    let news = control.wait { control -> (arrivals: [Request], isClosing: Bool)? in
      guard hasWork || control.isWoken || control.isClosing || !control.arrivals.isEmpty else {
        return nil
      }
      control.isWoken = false
      defer { control.arrivals = [] }
      return (control.arrivals, control.isClosing)
    }
    guard let news else { return false }
    scheduler.add(news.arrivals)
    return news.isClosing
  }

  private func admit(_ scheduler: inout Scheduler, _ runner: Runner, _ text: EngineText) {
    while let (request, limit, blockCount) = scheduler.admit() {
      guard
        let active = ActiveRequest(
          request, runner: runner, text: text, limit: limit, blockCount: blockCount)
      else {
        scheduler.release(blockCount: blockCount)
        end([(request, .error)], failure: .outOfMemory)
        continue
      }
      _ = request.update { active.begin(&$0) }
      if limit == 0 {
        scheduler.release(blockCount: blockCount)
        finish(active, .length)
      } else {
        scheduler.activate(active)
      }
    }
  }

  /// Ends requests that were never computed.
  private func end(_ ended: [Scheduler.Ended], failure: RunnerError? = nil) {
    for (request, reason) in ended {
      let isNews = request.update { answer in
        answer.stage = .finished
        answer.timings.queueSeconds = MonotonicClock.seconds - request.submitted
        answer.ending = AnswerLog.Ending(
          reason: reason, failure: failure, part: .answer,
          text: UnsafeBufferPointer(start: nil, count: 0))
      }
      announce(request, isNews)
      log(
        failure == nil ? .information : .warning, "a request ended in the queue: \(reason.rawValue)"
      )
    }
  }

  private func endActive(_ scheduler: inout Scheduler, isClosing: Bool) {
    let now = MonotonicClock.seconds
    scheduler.removeActive { active in
      let reason = isClosing ? .cancelled : Scheduler.reasonToEnd(active.request, now: now)
      guard let reason else { return false }
      finish(active, reason)
      return true
    }
  }

  private func step(_ scheduler: inout Scheduler, _ runner: Runner, _ sampler: Sampler) {
    let counts = scheduler.tokenCounts(budget: runner.chunkSize)
    let taking = zip(scheduler.active, counts).filter { $0.1 > 0 }
    let items = taking.map { StepItem(sequence: $0.0.sequence, tokenCount: $0.1) }
    var over: [ObjectIdentifier] = []
    var alternatives: [TokenAlternative] = []
    runner.step(items) { index, result in
      let active = taking[index].0
      switch result {
      case .pending: _ = active.request.update { active.noteProgress(&$0) }
      case .failed(let failure):
        over.append(ObjectIdentifier(active))
        finish(active, .error, failure)
      case .logits(let logits):
        if !accept(active, logits, sampler, &alternatives) { over.append(ObjectIdentifier(active)) }
      }
    }
    if !over.isEmpty { scheduler.removeActive { over.contains(ObjectIdentifier($0)) } }
  }

  /// Chooses a token for a request; false when that ended it.
  private func accept(
    _ active: ActiveRequest, _ logits: UnsafeMutablePointer<Float>, _ sampler: Sampler,
    _ alternatives: inout [TokenAlternative]
  ) -> Bool {
    let plan = active.request.plan
    let chosen = sampler.choose(
      logits: logits, parameters: plan.sampling, position: active.sequence.tokens.count,
      seen: active.seenBits, alternativeCount: plan.alternativeCount, alternatives: &alternatives,
      constraint: active.constraint)
    guard let chosen else {
      finish(active, .error, .numericError)
      return false
    }
    var reason: FinishReason?
    let isNews = active.request.update { answer in
      active.noteProgress(&answer)
      reason = active.accept(chosen, alternatives: alternatives, &answer)
    }
    announce(active.request, isNews)
    guard let reason else { return true }
    finish(active, reason, reason == .error ? .outOfMemory : nil)
    return false
  }

  private func finish(
    _ active: ActiveRequest, _ reason: FinishReason, _ failure: RunnerError? = nil
  ) {
    var timings = RequestTimings()
    let isNews = active.request.update { answer in
      active.finish(reason, failure, &answer)
      timings = answer.timings
    }
    announce(active.request, isNews)
    log(
      failure == nil ? .information : .warning,
      "a request ended: \(reason.rawValue), \(timings.promptTokenCount) prompt tokens, "
        + "\(timings.generatedTokenCount) generated")
  }

  private func announce(_ request: Request, _ isNews: Bool) {
    if isNews { announcements.announce(request) }
  }
}

/// Why the engine does not take a request.
public enum EngineError: Error, Sendable {
  /// The queue is full.
  case busy
  /// The engine is closing or closed.
  case closed
  /// The prompt does not fit context and KV cache, with one token of an answer.
  case promptTooLong
  /// There is nothing to continue.
  case emptyPrompt
  /// A token id is not in the model's vocabulary.
  case unknownToken
  /// The system gave no memory or thread.
  case outOfMemory
}
