// Owns: a step of an engine: plan, masks of grammars, forward pass, chosen tokens.
// Must not: decide which requests run (Scheduler), or compute (ModelRunner).

import VialFormat
import VialSystem
import VialText

extension EngineLoop {
  /// Makes a step. While there is no memory for what a step takes, the request that ranks last ends
  /// instead.
  func stepOrGiveUp() {
    guard !MemoryReserve.isWhole, let last = scheduler.active.last else { return step() }
    finish(last, .error, .outOfMemory)
    scheduler.removeActive { $0 === last }
  }

  private func step() {
    let planned = scheduler.planStep()
    guard !planned.isEmpty else {
      // Pinned prefixes have what the last one needs.
      for active in scheduler.active { finish(active, .error, .cacheFull) }
      return scheduler.removeActive { _ in true }
    }
    let plan = prepareChoices(planned)
    guard !plan.isEmpty else { return }
    let start = MonotonicClock.seconds
    let ended = compute(plan)
    let seconds = MonotonicClock.seconds - start
    scheduler.note(plan, seconds: seconds)
    if !ended.isEmpty {
      scheduler.removeActive { active in ended.contains { $0 === active } }
    }
    mailbox.metrics.withLock { metrics in
      metrics.stepCount += 1
      metrics.stepSeconds += seconds
      metrics.promptTokenCount += plan.reduce(0) { $0 + ($1.isPrompt ? UInt64($1.tokenCount) : 0) }
    }
  }

  /// Finds out what the tokens that a step chooses must keep to.
  ///
  /// Grammars may be hostile. Once their masks have taken the work that a step may spend on them,
  /// the requests that are left wait for the next step, where they come first. Requests end that
  /// memory is short for.
  private func prepareChoices(
    _ plan: [Scheduler.ScheduledRequest]
  ) -> [Scheduler.ScheduledRequest] {
    let order = plan.filter(\.active.waitsForMask) + plan.filter { !$0.active.waitsForMask }
    var left = GrammarLimits.stepWork
    for scheduled in order {
      let active = scheduled.active
      let waits = left <= 0 && active.needsMask(after: scheduled.tokenCount)
      active.waitsForMask = waits
      if waits { continue }
      if let work = active.prepareChoice(after: scheduled.tokenCount) {
        left -= work
      } else {
        finish(active, .error, .outOfMemory)
        scheduler.removeActive { $0 === active }
      }
    }
    return plan.filter { !$0.active.waitsForMask && !$0.active.request.isFinished }
  }

  /// Computes a step: tokens are chosen on the workers, and accepted here in the order of the plan.
  /// - Returns: the requests that ended with it. They are notified when nothing of the step is
  ///   needed any more, and so nothing is left of it.
  private func compute(_ plan: [Scheduler.ScheduledRequest]) -> [ActiveRequest] {
    let sampler = memory.sampler
    let items = plan.map { scheduled in
      var item = StepItem(sequence: scheduled.active.sequence, tokenCount: scheduled.tokenCount)
      item.scoredPositions = scheduled.active.scoredPositions(in: scheduled.tokenCount)
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
    memory.runner.step(items, onScored: score, onLogits: choose) { index, result in
      let active = plan[index].active
      if let ending = accept(result, of: active) { ends.append((active, ending)) }
    }
    for (active, ending) in ends { finish(active, ending.reason, ending.failure) }
    return ends.map(\.active)
  }

  /// Why a request is over.
  private typealias Ending = (reason: FinishReason, failure: RunnerError?)

  /// Takes what a step computed for a request; why that ends it, if it does.
  private func accept(_ result: StepResult, of active: ActiveRequest) -> Ending? {
    switch result {
    case .pending:
      active.sequence.cacheBlocks()
      _ = active.request.update { active.noteProgress(&$0) }
      return nil
    case .failed(let failure): return (.error, failure)
    case .logits:
      active.sequence.cacheBlocks()
      if active.request.plan.options.isPinned {
        scheduler.pins.pin(active)
        return (.length, nil)
      }
      if let reason = active.reasonToSayNothing { return (reason, nil) }
      return acceptChoice(of: active)
    }
  }

  /// Gives a request the token that was chosen for it; why that ends it, if it does.
  private func acceptChoice(of active: ActiveRequest) -> Ending? {
    guard let chosen = active.choice else { return (.error, active.choiceFailure) }
    var reason: FinishReason?
    let before = active.lastTokenTime
    let changed = active.request.update { answer in
      active.noteProgress(&answer)
      reason = active.accept(chosen, &answer)
    }
    countToken(active, since: before)
    notify(active.request, changed)
    return reason.map { ($0, $0 == .error ? .outOfMemory : nil) }
  }

  /// Counts a token that was chosen.
  private func countToken(_ active: ActiveRequest, since before: Double?) {
    guard let now = active.lastTokenTime else { return }
    mailbox.metrics.withLock { metrics in
      metrics.generatedTokenCount += 1
      if let before {
        metrics.tokenSeconds.add(now - before)
      } else {
        metrics.firstTokenSeconds.add(now - active.request.submitted)
      }
    }
  }
}
