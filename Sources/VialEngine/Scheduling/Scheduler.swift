// Owns: continuous batching: which requests run, how many tokens of each go into the next step, and
// which request is preempted when KV memory runs out.
// Must not: compute, or change what a request answers.
//
// Source: iteration-level scheduling (Orca, Yu et al., OSDI 2022) with chunked prefill
// (Sarathi-Serve, Agrawal et al., OSDI 2024) and preemption by recomputation (Kwon et al., SOSP
// 2023).
//
// A step is {request: token count}. Requests that decode take one token each; what is left of the
// step's budget goes to prompts. Requests are ranked by priority, then by arrival. A request is
// admitted when there is memory for its tokens. When memory runs out while it grows, requests of
// lower rank are preempted: they lose their blocks and are computed again later. There is no
// deadlock: the first in rank can preempt all others, and no request is larger than the memory.

import VialModel
import VialSystem

/// The engine thread's view of all requests.
struct Scheduler {
  /// A request that ended before it was computed, or while it was preempted.
  typealias Ended = (request: Request, prepared: ActiveRequest?, reason: FinishReason)
  /// A request and how many of its tokens a step computes.
  typealias ScheduledRequest = (active: ActiveRequest, tokenCount: Int, isPrompt: Bool)

  /// What became of an attempt to admit a request.
  enum Admission {
    case admitted
    /// It stays in the queue.
    case mustWait
    /// It needs more memory than pinned prefixes leave, though nobody else has any.
    case impossible
  }

  private(set) var waiting = WaitingQueue()
  /// In order of rank.
  private(set) var active: [ActiveRequest] = []
  /// What tenants were given.
  var ledger = TenantLedger()
  /// Tokens of a step.
  var budget: StepBudget
  /// Preemptions so far.
  private(set) var preemptionCount = 0
  /// Prefixes that stay in the cache.
  var pins = PinnedPrefixes()
  private let pool: KVBlockPool
  private let positionLimit: Int
  private let runningLimit: Int

  /// - Parameters:
  ///   - pool: where sequences get their blocks.
  ///   - positionLimit: most positions of one request.
  ///   - runningLimit: most requests that are computed together.
  init(pool: KVBlockPool, positionLimit: Int, runningLimit: Int, budget: StepBudget) {
    self.pool = pool
    self.positionLimit = positionLimit
    self.runningLimit = min(runningLimit, budget.stepLimit)
    self.budget = budget
  }

  /// Whether a step can be made: one that waits is admitted, or ends, when nothing is active.
  var hasWork: Bool { !active.isEmpty || !waiting.isEmpty }

  /// A request joins the queue.
  mutating func add(_ request: Request, number: UInt64) {
    ledger.arrive(request.tenant)
    waiting.insert(WaitingRequest(request: request, number: number, prepared: nil))
  }

  /// Takes out waiting requests that were cancelled or are past their deadline; all of them when
  /// the engine closes.
  /// - Parameter checksCancelled: whether a request may have been cancelled since the last call.
  mutating func dropWaiting(now: Double, isClosing: Bool, checksCancelled: Bool) -> [Ended] {
    guard isClosing || checksCancelled || now >= waiting.nextDeadline else { return [] }
    let ended = waiting.removeAll { request in
      isClosing ? .cancelled : Self.reasonToEnd(request, now: now)
    }
    for (entry, _) in ended { ledger.leave(entry.request.tenant) }
    return ended.map { ($0.entry.request, $0.entry.prepared, $0.reason) }
  }

  /// Why a request should end now, if it should.
  static func reasonToEnd(_ request: Request, now: Double) -> FinishReason? {
    if request.isCancelled { return .cancelled }
    if let deadline = request.plan.deadline, now >= deadline { return .deadline }
    return nil
  }

  // MARK: Admission

  /// Whether a prefix of `tokenCount` tokens may be pinned beside those that are, or are being
  /// computed.
  func canPin(tokenCount: Int) -> Bool {
    let coming = active.lazy.filter { $0.request.plan.options.isPinned }
      .reduce(0) { $0 + pool.layout.blockCount(positionCount: $1.sequence.tokens.count) }
    let own = pool.layout.blockCount(positionCount: tokenCount)
    return pins.blockCount + coming + own <= pool.blockCount / 2
  }

  /// The request that comes next, and the most tokens that its answer may have.
  func candidate() -> (entry: WaitingRequest, limit: Int)? {
    guard let lane = waiting.nextLane(ledger), let entry = waiting.first(lane) else { return nil }
    if active.count >= runningLimit, (active.last?.priority ?? .max) >= lane.priority { return nil }
    let plan = entry.request.plan
    return (
      entry,
      max(0, min(plan.options.maximumTokens ?? .max, positionLimit - entry.request.promptCount))
    )
  }

  /// Takes the candidate out of the queue, over before it was computed.
  mutating func dropCandidate(_ entry: WaitingRequest) {
    waiting.takeFirst(entry.request.lane)
    ledger.leave(entry.request.tenant)
  }

  /// Admits the candidate when there is memory for its tokens, preempting lower priorities if need
  /// be.
  mutating func admit(_ candidate: ActiveRequest) -> Admission {
    candidate.sequence.reuseBlocks()
    let lower = active.filter { $0.priority < candidate.priority }
    let obtainable = lower.reduce(0) { $0 + $1.sequence.heldBlockCount }
    let isPossible =
      fits(candidate, besides: active.dropLast(lower.count), obtainable: obtainable)
    guard isPossible else {
      candidate.sequence.releaseReusedBlocks()
      waiting.store(candidate, forFirstOf: candidate.request.lane)
      return active.isEmpty ? .impossible : .mustWait
    }
    while let last = active.last, last.priority < candidate.priority,
      active.count >= runningLimit || !fits(candidate, besides: active[...], obtainable: 0)
    {
      preempt(last)
    }
    waiting.takeFirst(candidate.request.lane)
    let index = active.firstIndex { candidate.ranksBefore($0) } ?? active.count
    active.insert(candidate, at: index)
    return .admitted
  }

  /// Whether there is memory for a request's tokens and one more, for those of others that are
  /// promised theirs, and for a row that each of those will soon need.
  private func fits(
    _ candidate: ActiveRequest, besides others: ArraySlice<ActiveRequest>, obtainable: Int
  ) -> Bool {
    let row = pool.layout.groupCount
    let promised = others.reduce(0) { $0 + $1.missingBlockCount + ($1.willGrow ? row : 0) }
    return candidate.missingBlockCount + promised <= pool.availableCount + obtainable
  }

  /// Preempts a request: it loses its blocks and waits at the head of its lane, to be computed
  /// again.
  private mutating func preempt(_ request: ActiveRequest) {
    request.preempt()
    preemptionCount += 1
    active.removeAll { $0 === request }
    waiting.insert(
      WaitingRequest(request: request.request, number: request.number, prepared: request))
  }

  // MARK: Steps

  /// Takes out active requests for which `isOver` is true.
  mutating func removeActive(where isOver: (ActiveRequest) -> Bool) {
    var over: [KeyedCode] = []
    active.removeAll { request in
      guard isOver(request) else { return false }
      over.append(request.request.tenant)
      return true
    }
    for tenant in over { ledger.leave(tenant) }
  }

  /// The next step, with blocks for all that it stores. Empty only when nothing is active, or when
  /// the one active request cannot get a block because pinned prefixes have the others.
  mutating func planStep() -> [ScheduledRequest] {
    var plan: [ScheduledRequest] = []
    var index = 0
    while index < active.count {
      let request = active[index]
      index += 1
      guard request.isDecoding, reserveBlock(for: request, &plan) else { continue }
      plan.append((request, 1, isPrompt: false))
    }
    addPrompts(to: &plan)
    return plan
  }

  /// Learns from a step that was made.
  mutating func note(_ plan: [ScheduledRequest], seconds: Double) {
    var (promptCount, decodingCount) = (0, 0)
    for (request, tokenCount, isPrompt) in plan {
      promptCount += isPrompt ? tokenCount : 0
      decodingCount += isPrompt ? 0 : 1
      ledger.charge(
        request.request.tenant, promptTokens: isPrompt ? tokenCount : 0,
        generatedTokens: isPrompt ? 0 : 1)
    }
    budget.note(seconds: seconds, decodingTokens: decodingCount, promptTokens: promptCount)
  }

  /// Reserves a block for the next token of a request that decodes, preempting lower ranks if need
  /// be. false: it pauses.
  private mutating func reserveBlock(
    for request: ActiveRequest, _ plan: inout [ScheduledRequest]
  ) -> Bool {
    while !request.sequence.reserve(positionCount: request.sequence.computedCount + 1) {
      guard let victim = active.last, victim !== request else { return false }
      preempt(victim)
      plan.removeAll { $0.active === victim }
    }
    return true
  }

  private mutating func addPrompts(to plan: inout [ScheduledRequest]) {
    let prompts = promptsInOrder()
    guard !prompts.isEmpty else { return }
    let shortPromptCount = prompts.count { $0.sequence.pendingCount <= budget.stepLimit }
    var left = budget.promptTokens(
      decodingTokens: plan.count, decodingCount: plan.count { $0.active.isSettled },
      shortPromptCount: shortPromptCount)
    for request in prompts where left > 0 {
      request.sequence.reuseBlocks()
      if sharePrefix(of: request, with: plan) { continue }
      var count = affordableCount(request, wanted: left)
      while count == 0, request === active.first, let victim = active.last, victim !== request {
        preempt(victim)
        plan.removeAll { $0.active === victim }
        count = affordableCount(request, wanted: left)
      }
      let sequence = request.sequence
      guard count > 0, sequence.reserve(positionCount: sequence.computedCount + count) else {
        continue
      }
      plan.append((request, count, isPrompt: true))
      left -= count
    }
  }

  /// Requests with a prompt to compute: by priority, then the tenant that was given least, then
  /// arrival.
  private func promptsInOrder() -> [ActiveRequest] {
    let prompts = active.filter { !$0.isDecoding }
    guard prompts.count > 1 else { return prompts }
    return prompts.map { ($0, ledger.served($0.request.tenant)) }
      .sorted { one, other in
        if one.0.priority != other.0.priority { return one.0.priority > other.0.priority }
        return (one.1, one.0.number) < (other.1, other.0.number)
      }
      .map(\.0)
  }

  /// How many of a request's next tokens there is memory for.
  private func affordableCount(_ request: ActiveRequest, wanted: Int) -> Int {
    let sequence = request.sequence
    sequence.releasePassedBlocks()
    let rows = sequence.rowCount + pool.availableCount / pool.layout.groupCount
    let capacity = rows * KVCacheLayout.positionsPerBlock
    return max(0, min(wanted, sequence.pendingCount, capacity - sequence.computedCount))
  }
}
