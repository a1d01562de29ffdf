// Owns: the engine's thread: arrivals, steps, ends.
// Must not: know callers: news goes to `Announcements`.

import VialFormat
import VialSystem
import VialText

/// What all parts of one engine share.
final class EngineCore: Sendable {
  /// What callers ask of the engine's thread besides requests.
  enum Command: Sendable {
    case forget(KeyedCode)
    case weigh(KeyedCode, Double)
  }

  private struct Control {
    var arrivals: [(request: Request, number: UInt64)] = []
    var arrivalCount: UInt64 = 0
    /// Requests that arrived and are not computed yet.
    var queuedCount = 0
    /// Those of each tenant that were never computed, when tenants have a limit.
    var queuedCounts: [KeyedCode: Int] = [:]
    var activeCount = 0
    /// Some request was cancelled.
    var isWoken = false
    var isClosing = false
    var hasEnded = false
    var commands: [Command] = []
    var commandCount: UInt64 = 0
    var doneCommandCount: UInt64 = 0
  }

  /// What became of a look at the control.
  private struct News {
    var isClosing = false
    var isWoken = false
  }

  let announcements = Announcements()
  /// What cached blocks are named by.
  let prefixes: PrefixRoot
  let metrics = Guarded(EngineMetrics())
  private let control = Monitor(Control())
  private let queueLimit: Int
  private let tenantQueueLimit: Int?
  private let sharesPrefixes: Bool
  private let logsLines: Bool
  /// For what a step and a delivery take.
  private let memory: HeldMemory
  /// Bytes of these for each thread that computes.
  private static let threadByteCount = 32 << 10

  /// nil when memory is short.
  init?(prefixes: PrefixRoot, options: BatchEngineOptions, threadCount: Int) {
    guard
      let memory = HeldMemory(
        MemoryReserve.step + MemoryReserve.call + Self.threadByteCount * threadCount)
    else { return nil }
    self.memory = memory
    self.prefixes = prefixes
    queueLimit = options.queueLimit
    tenantQueueLimit = options.tenantQueueLimit
    sharesPrefixes = options.sharesPrefixes
    logsLines = options.log != nil
  }

  /// Requests in the queue and requests that are computed.
  var counts: (queued: Int, active: Int) {
    control.withLock { ($0.queuedCount, $0.activeCount) }
  }

  /// Puts a request into the queue.
  func submit(_ request: Request) throws(EngineError) {
    guard request.holdPlaces() else { throw .outOfMemory }
    let refusal = control.change { control -> EngineError? in
      if control.isClosing { return .closed }
      if control.queuedCount >= queueLimit { return .busy }
      if let tenantQueueLimit {
        let count = control.queuedCounts[request.tenant, default: 0]
        if count >= tenantQueueLimit { return .busy }
        control.queuedCounts[request.tenant] = count + 1
      }
      control.arrivals.append((request, control.arrivalCount))
      control.arrivalCount += 1
      control.queuedCount += 1
      return nil
    }
    metrics.withLock {
      if refusal == nil { $0.submittedCount += 1 }
      if case .busy = refusal { $0.refusedCount += 1 }
    }
    if let refusal { throw refusal }
  }

  /// A request is computed for the first time, or ended before: its tenant has a place in the queue again.
  private func leaveQueue(_ request: Request) {
    guard tenantQueueLimit != nil else { return }
    control.withLock { control in
      let count = control.queuedCounts[request.tenant, default: 0]
      control.queuedCounts[request.tenant] = count > 1 ? count - 1 : nil
    }
  }

  /// Lets the engine look at its requests again.
  func wake() { control.change { $0.isWoken = true } }

  /// Lets the engine's thread end all requests, and itself.
  func close() { control.change { $0.isClosing = true } }

  /// Has the engine's thread do something between two steps, and waits until it is done or the engine has ended.
  func perform(_ command: Command) {
    let number = control.change { control -> UInt64 in
      control.commands.append(command)
      control.commandCount += 1
      return control.commandCount
    }
    _ = control.wait { $0.hasEnded || $0.doneCommandCount >= number ? true : nil }
  }

  /// A line for the host's log, when there is one.
  func log(_ level: LogLine.Level, _ sentence: @autoclosure () -> String) {
    if logsLines { announcements.log(LogLine(level: level, sentence: sentence())) }
  }

  /// The engine's thread.
  func run(_ memory: StepMemory, _ text: EngineText, _ scheduler: Scheduler) {
    var scheduler = scheduler
    let runner = memory.runner
    while true {
      let news = takeNews(&scheduler, runner.blocks, text.automata)
      let dropped = scheduler.dropWaiting(
        now: MonotonicClock.seconds, isClosing: news.isClosing, looks: news.isWoken)
      // Before each piece of news: whoever hears of an end or of a first token finds that place in the queue free.
      count(scheduler, runner.blocks)
      for (request, prepared, reason) in dropped { end(request, prepared, reason) }
      endActive(&scheduler, isClosing: news.isClosing)
      if news.isClosing { break }
      if news.isWoken { scheduler.pins.releaseClosed() }
      admit(&scheduler, memory, text)
      count(scheduler, runner.blocks)
      if !scheduler.active.isEmpty { stepOrGiveUp(&scheduler, memory) }
      count(scheduler, runner.blocks)
    }
    control.change { $0.hasEnded = true }
  }

  private func count(_ scheduler: Scheduler, _ pool: KVBlockPool) {
    control.withLock { control in
      control.queuedCount = control.arrivals.count + scheduler.waiting.count
      control.activeCount = scheduler.active.count
    }
    metrics.withLock { metrics in
      metrics.heldBlockCount = pool.blockCount - pool.availableCount
      metrics.keptBlockCount = pool.keptCount
      metrics.pinnedBlockCount = scheduler.pins.blockCount
      metrics.evictionCount = UInt64(pool.evictionCount)
      metrics.preemptionCount = UInt64(scheduler.preemptionCount)
    }
  }

  /// Waits for something to do, and does what callers asked for.
  private func takeNews(
    _ scheduler: inout Scheduler, _ pool: KVBlockPool, _ automata: GrammarAutomata
  ) -> News {
    let hasWork = scheduler.hasWork
    let taken = control.wait { control -> (Control, News)? in
      guard
        hasWork || control.isWoken || control.isClosing || !control.arrivals.isEmpty
          || !control.commands.isEmpty
      else { return nil }
      defer {
        control.isWoken = false
        control.arrivals = []
        control.commands = []
      }
      return (control, News(isClosing: control.isClosing, isWoken: control.isWoken))
    }
    guard let (taken, news) = taken else { return News() }
    for (request, number) in taken.arrivals { scheduler.add(request, number: number) }
    for command in taken.commands {
      switch command {
      case .forget(let tenant):
        pool.forget(tenant)
        automata.forget(tenant)
      case .weigh(let tenant, let weight): scheduler.ledger.setWeight(weight, of: tenant)
      }
    }
    if !taken.commands.isEmpty {
      control.change { $0.doneCommandCount += UInt64(taken.commands.count) }
    }
    return news
  }

  private func admit(_ scheduler: inout Scheduler, _ memory: StepMemory, _ text: EngineText) {
    while let (entry, limit) = scheduler.candidate() {
      let request = entry.request
      let isTooLarge =
        request.plan.isPinned
        && !scheduler.canPin(tokenCount: request.promptCount)
      guard !isTooLarge,
        let active = entry.prepared ?? prepare(entry, limit: limit, scheduler, memory, text)
      else {
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
    leaveQueue(active.request)
    _ = active.request.update { active.begin(&$0) }
  }

  /// A request's state, with what its blocks are found by.
  private func prepare(
    _ entry: WaitingRequest, limit: Int, _ scheduler: Scheduler, _ memory: StepMemory,
    _ text: EngineText
  ) -> ActiveRequest? {
    let plan = entry.request.plan
    // What is found in the cache has no logits.
    let shares = (sharesPrefixes && plan.sharesPrefix || plan.isPinned) && !plan.scoresPrompt
    let common =
      shares && scheduler.pins.hasCommon
      ? prefixes.names(tenant: prefixes.common, adapter: plan.adapterIdentity) : nil
    let tenant = plan.isPinned && plan.tenant.isEmpty ? prefixes.common : entry.request.tenant
    return ActiveRequest(
      entry.request, number: entry.number, stepMemory: memory, text: text,
      limit: plan.isPinned ? 0 : limit,
      names: shares ? prefixes.names(tenant: tenant, adapter: plan.adapterIdentity) : nil,
      commonNames: common)
  }

  /// Ends a request that is not being computed; it was when it has state.
  private func end(
    _ request: Request, _ prepared: ActiveRequest?, _ reason: FinishReason,
    failure: RunnerError? = nil
  ) {
    if let prepared, request.hasStarted { return finish(prepared, reason, failure) }
    leaveQueue(request)
    prepared?.leaveNothing()
    request.plan.wipeTexts()
    metrics.withLock { $0.finishedCounts[reason] += 1 }
    let isNews = request.update { answer in
      answer.stage = .finished
      answer.timings.queueSeconds = MonotonicClock.seconds - request.submitted
      answer.ending = AnswerLog.Ending(
        reason: reason, failure: failure, part: .answer,
        text: UnsafeBufferPointer(start: nil, count: 0))
    }
    announce(request, isNews)
    log(
      failure == nil ? .information : .warning, "a request ended in the queue: \(reason.rawValue)")
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

  /// Makes a step; while there is no memory for what a step takes, the request that ranks last ends instead.
  private func stepOrGiveUp(
    _ scheduler: inout Scheduler, _ memory: StepMemory
  ) {
    guard !MemoryReserve.isWhole, let last = scheduler.active.last else {
      return step(&scheduler, memory)
    }
    finish(last, .error, .outOfMemory)
    scheduler.removeActive { $0 === last }
  }

  private func step(_ scheduler: inout Scheduler, _ memory: StepMemory) {
    let planned = scheduler.planStep()
    guard !planned.isEmpty else {
      // Pinned prefixes have what the last one needs.
      for active in scheduler.active { finish(active, .error, .cacheFull) }
      return scheduler.removeActive { _ in true }
    }
    let plan = prepareChoices(planned, &scheduler)
    guard !plan.isEmpty else { return }
    let start = MonotonicClock.seconds
    let over = compute(plan, &scheduler, memory)
    let seconds = MonotonicClock.seconds - start
    scheduler.note(plan, seconds: seconds)
    if !over.isEmpty {
      scheduler.removeActive { active in over.contains { $0 === active } }
    }
    metrics.withLock { metrics in
      metrics.stepCount += 1
      metrics.stepSeconds += seconds
      metrics.promptTokenCount += plan.reduce(0) { $0 + ($1.isPrompt ? UInt64($1.tokenCount) : 0) }
    }
  }

  /// Finds out what the tokens that a step chooses must keep to. Grammars may be hostile: once their masks have taken the
  /// work that a step may spend on them, those that are left wait for the next step, where they come first. Those that
  /// memory is short for end.
  private func prepareChoices(
    _ plan: [Scheduler.Share], _ scheduler: inout Scheduler
  ) -> [Scheduler.Share] {
    let order = plan.filter(\.active.waitsForMask) + plan.filter { !$0.active.waitsForMask }
    var left = GrammarLimits.stepWork
    for share in order {
      let waits = left <= 0 && share.active.needsMask(after: share.tokenCount)
      share.active.waitsForMask = waits
      if waits { continue }
      if let work = share.active.prepareChoice(after: share.tokenCount) {
        left -= work
      } else {
        finish(share.active, .error, .outOfMemory)
        scheduler.removeActive { $0 === share.active }
      }
    }
    return plan.filter { !$0.active.waitsForMask && !$0.active.request.isFinished }
  }

  /// Computes a step: tokens are chosen on the workers, and handed out here in the order of the plan. The requests that
  /// ended with it, whose end is told when nothing of the step is needed any more, and so nothing left.
  private func compute(
    _ plan: [Scheduler.Share], _ scheduler: inout Scheduler, _ memory: StepMemory
  ) -> [ActiveRequest] {
    let (runner, sampler) = (memory.runner, memory.sampler)
    let items = plan.map { share in
      var item = StepItem(sequence: share.active.sequence, tokenCount: share.tokenCount)
      item.scoredPositions = share.active.scoredPositions(in: share.tokenCount)
      return item
    }
    var ends: [(active: ActiveRequest, ending: Ending)] = []
    func choose(_ worker: Int, _ item: Int, _ logits: UnsafeMutablePointer<Float>) {
      plan[item].active.choose(logits, sampler, worker: worker)
    }
    func score(
      _ worker: Int, _ item: Int, _ position: Int, _ logits: UnsafeMutablePointer<Float>
    ) {
      plan[item].active.score(logits, behind: position, sampler, worker: worker)
    }
    runner.step(items, onScored: score, onLogits: choose) { index, result in
      let active = plan[index].active
      switch result {
      case .pending:
        active.sequence.publishBlocks()
        _ = active.request.update { active.noteProgress(&$0) }
      case .failed(let failure): ends.append((active, (.error, failure)))
      case .logits:
        active.sequence.publishBlocks()
        if active.request.plan.isPinned {
          scheduler.pins.hold(active)
          ends.append((active, (.length, nil)))
        } else if let reason = active.reasonToSayNothing {
          ends.append((active, (reason, nil)))
        } else if let ending = acceptChoice(of: active) {
          ends.append((active, ending))
        }
      }
    }
    for (active, ending) in ends { finish(active, ending.reason, ending.failure) }
    return ends.map(\.active)
  }

  /// Why a request is over.
  private typealias Ending = (reason: FinishReason, failure: RunnerError?)

  /// Gives a request the token that was chosen for it; why that ends it, if it does.
  private func acceptChoice(of active: ActiveRequest) -> Ending? {
    guard let chosen = active.choice else { return (.error, active.choiceFailure) }
    var reason: FinishReason?
    let before = active.lastTokenTime
    let isNews = active.request.update { answer in
      active.noteProgress(&answer)
      reason = active.accept(chosen, &answer)
    }
    noteToken(active, since: before)
    announce(active.request, isNews)
    return reason.map { ($0, $0 == .error ? .outOfMemory : nil) }
  }

  /// Counts a token that was chosen.
  private func noteToken(_ active: ActiveRequest, since before: Double?) {
    guard let now = active.lastTokenTime else { return }
    metrics.withLock { metrics in
      metrics.generatedTokenCount += 1
      if let before {
        metrics.tokenSeconds.add(now - before)
      } else {
        metrics.firstTokenSeconds.add(now - active.request.submitted)
      }
    }
  }

  private func finish(
    _ active: ActiveRequest, _ reason: FinishReason, _ failure: RunnerError? = nil
  ) {
    active.leaveNothing()
    // Counted first: whoever hears of the end finds it in the metrics.
    metrics.withLock { metrics in
      metrics.finishedCounts[reason] += 1
      metrics.cachedTokenCount += UInt64(active.sequence.adoptedCount)
    }
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
  /// The queue is full, or its tenant's part of it.
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
