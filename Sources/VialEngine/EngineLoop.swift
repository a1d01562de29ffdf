// Owns: the loop of an engine's thread: which requests are admitted, when they begin and end.
// Must not: be touched by another thread, or know callers: events go to `EventQueue`.

import VialSystem

/// What an engine's thread runs: drain the mailbox, drop, admit, step.
///
/// It is made on the thread that opens the engine and then used by the engine's own thread alone.
/// That is why it can be unchecked: nothing else keeps a reference.
final class EngineLoop: @unchecked Sendable {
  let mailbox: EngineMailbox
  let memory: StepMemory
  var scheduler: Scheduler
  private let text: AnswerText
  private let sharesPrefixes: Bool

  init(
    mailbox: EngineMailbox, memory: StepMemory, text: AnswerText, scheduler: Scheduler,
    sharesPrefixes: Bool
  ) {
    self.mailbox = mailbox
    self.memory = memory
    self.text = text
    self.scheduler = scheduler
    self.sharesPrefixes = sharesPrefixes
  }

  /// Runs until the engine is closed.
  func run() {
    while true {
      let arrivals = drain()
      let dropped = scheduler.dropWaiting(
        now: MonotonicClock.seconds, isClosing: arrivals.isClosing,
        checksCancelled: arrivals.isWoken)
      // Counted before events: whoever is notified of an end or of a first token finds a slot in
      // the queue.
      count()
      for (request, prepared, reason) in dropped { end(request, prepared, reason) }
      endActive(isClosing: arrivals.isClosing)
      if arrivals.isClosing { break }
      if arrivals.isWoken { scheduler.pins.releaseClosed() }
      admit()
      count()
      if !scheduler.active.isEmpty { stepOrGiveUp() }
      count()
    }
    mailbox.end()
  }

  /// Publishes counts and gauges.
  private func count() {
    let pool = memory.runner.blocks
    mailbox.count(waiting: scheduler.waiting.count, active: scheduler.active.count)
    mailbox.metrics.withLock { metrics in
      metrics.referencedBlockCount = pool.blockCount - pool.availableCount
      metrics.cachedBlockCount = pool.cachedCount
      metrics.pinnedBlockCount = scheduler.pins.blockCount
      metrics.evictionCount = UInt64(pool.evictionCount)
      metrics.preemptionCount = UInt64(scheduler.preemptionCount)
    }
  }

  /// Waits for something to do, queues what arrived, and executes commands.
  private func drain() -> Arrivals {
    let arrivals = mailbox.drain(hasWork: scheduler.hasWork)
    for (request, number) in arrivals.requests { scheduler.add(request, number: number) }
    for command in arrivals.commands {
      switch command {
      case .forget(let tenant):
        memory.runner.blocks.forget(tenant)
        text.automata.forget(tenant)
      case .weigh(let tenant, let weight): scheduler.ledger.setWeight(weight, of: tenant)
      }
    }
    mailbox.finishCommands(arrivals.commands.count)
    return arrivals
  }

  // MARK: Admission

  /// Admits waiting requests until one must wait.
  private func admit() {
    while let (entry, limit) = scheduler.candidate() {
      let request = entry.request
      let isTooLarge =
        request.plan.options.isPinned
        && !scheduler.canPin(tokenCount: request.promptCount)
      guard !isTooLarge, let active = entry.prepared ?? prepare(entry, limit: limit) else {
        scheduler.dropCandidate(entry)
        end(request, nil, .error, failure: isTooLarge ? .cacheFull : .outOfMemory)
        continue
      }
      if active.isIdle, let reason = active.reasonToSayNothing {
        scheduler.dropCandidate(entry)
        begin(active)
        finish(active, reason)
        continue
      }
      switch scheduler.admit(active) {
      case .admitted: if !request.hasStarted { begin(active) }
      case .mustWait: return
      case .impossible:
        scheduler.dropCandidate(entry)
        end(request, active, .error, failure: .cacheFull)
      }
    }
  }

  /// A request leaves the queue for the first time.
  private func begin(_ active: ActiveRequest) {
    mailbox.leaveQueue(active.request)
    _ = active.request.update { active.begin(&$0) }
  }

  /// A request's state, with the hashers of its blocks; nil when memory is short.
  private func prepare(_ entry: WaitingRequest, limit: Int) -> ActiveRequest? {
    let plan = entry.request.plan
    let prefixes = mailbox.prefixes
    // What is reused from the cache has no logits.
    let shares =
      (sharesPrefixes && !plan.options.isPrivate || plan.options.isPinned)
      && !plan.options.scoresPrompt
    let common =
      shares && scheduler.pins.hasCommon
      ? prefixes.hasher(tenant: prefixes.common, adapter: plan.adapterIdentity) : nil
    let tenant =
      plan.options.isPinned && plan.options.tenant.isEmpty ? prefixes.common : entry.request.tenant
    return ActiveRequest(
      entry.request, number: entry.number, stepMemory: memory, text: text,
      limit: plan.options.isPinned ? 0 : limit,
      hasher: shares ? prefixes.hasher(tenant: tenant, adapter: plan.adapterIdentity) : nil,
      commonHasher: common)
  }

  // MARK: Ends

  /// Ends a request that is not being computed; it was when it has state.
  private func end(
    _ request: Request, _ prepared: ActiveRequest?, _ reason: FinishReason,
    failure: RunnerError? = nil
  ) {
    if let prepared, request.hasStarted { return finish(prepared, reason, failure) }
    mailbox.leaveQueue(request)
    prepared?.leaveNothing()
    request.plan.wipeTexts()
    mailbox.metrics.withLock { $0.finishedCounts[reason] += 1 }
    let changed = request.update { answer in
      answer.stage = .finished
      answer.timings.queueSeconds = MonotonicClock.seconds - request.submitted
      answer.ending = AnswerLog.Ending(
        reason: reason, failure: failure, part: .answer,
        text: UnsafeBufferPointer(start: nil, count: 0))
    }
    notify(request, changed)
    mailbox.log(
      failure == nil ? .information : .warning, "a request ended in the queue: \(reason.rawValue)")
  }

  /// Ends requests that were cancelled or are past their deadline; all when the engine closes.
  private func endActive(isClosing: Bool) {
    let now = MonotonicClock.seconds
    scheduler.removeActive { active in
      let reason = isClosing ? .cancelled : Scheduler.reasonToEnd(active.request, now: now)
      guard let reason else { return false }
      finish(active, reason)
      return true
    }
  }

  /// Ends a request that was computed.
  func finish(
    _ active: ActiveRequest, _ reason: FinishReason, _ failure: RunnerError? = nil
  ) {
    active.leaveNothing()
    // Counted first: whoever is notified of the end finds it in the metrics.
    mailbox.metrics.withLock { metrics in
      metrics.finishedCounts[reason] += 1
      metrics.cachedTokenCount += UInt64(active.sequence.reusedCount)
    }
    var timings = RequestTimings()
    let changed = active.request.update { answer in
      active.finish(reason, failure, &answer)
      timings = answer.timings
    }
    notify(active.request, changed)
    mailbox.log(
      failure == nil ? .information : .warning,
      "a request ended: \(reason.rawValue), \(timings.promptTokenCount) prompt tokens, "
        + "\(timings.generatedTokenCount) generated")
  }

  /// Queues a request for whoever takes its events, when it has new ones.
  func notify(_ request: Request, _ changed: Bool) {
    if changed { mailbox.events.append(request) }
  }
}
